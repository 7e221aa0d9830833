//! Tidegate loads files from S3 into Amazon Redshift, continuously and exactly once.
//!
//! `docs/ARCHITECTURE.md` maps each step of the data's way to its file.

pub mod aws;
pub mod backoff;
pub mod batch;
pub mod command;
pub mod config;
pub mod decode;
pub mod decompress;
pub mod error;
pub mod failpoint;
pub mod firehose;
pub mod land;
pub mod load;
pub mod memory;
pub mod model;
pub mod normalize;
pub mod notify;
pub mod object;
pub mod pipeline;
pub mod queue;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schema;
pub mod stage;
pub mod telemetry;
#[cfg(test)]
mod testing;
