//! Tidegate loads files from S3 into Amazon Redshift, continuously and exactly once.
//!
//! `docs/ARCHITECTURE.md` maps each step of the data's way to its file.

pub mod error;
#[cfg(feature = "sandbox")]
pub mod sandbox;
