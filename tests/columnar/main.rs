//! Parquet, Avro and ORC: real files against what others read of them, every type there and back, and damage of every kind.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod avro;
mod hostile;
mod orc;
mod parquet;
mod peer;
mod rows;
#[path = "../support/mod.rs"]
mod support;
mod types;
