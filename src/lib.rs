//! Tidegate loads files from S3 into Amazon Redshift, continuously and exactly once.
//!
//! `docs/ARCHITECTURE.md` maps each step of the data's way to its file.

pub mod config;
pub mod error;
pub mod model;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schema;
