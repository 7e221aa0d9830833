//! The daemon, from object to row: the real binary against a sandbox of its own.
#![cfg(feature = "sandbox")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod chaos;
mod exactly_once;
mod fault_proxy;
mod kill;
mod lifecycle;
mod native_postgres;
mod peers;
mod pipelines;
mod poison;
mod real_data;
mod sources;
mod two_loaders;
mod warehouse;
