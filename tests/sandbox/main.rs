//! The sandbox, asked by clients that nobody here wrote.
#![cfg(feature = "sandbox")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod s3;
