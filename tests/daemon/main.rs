//! The daemon, from object to row: the real binary against a sandbox of its own.
#![cfg(feature = "sandbox")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod backfill;
mod chaos;
mod columns;
mod demo;
mod down;
mod evolve;
mod exactly_once;
mod fault_proxy;
mod firehose;
mod kill;
mod land;
mod lifecycle;
mod memory;
mod modes;
mod native_postgres;
mod new_fields;
mod peers;
mod pipelines;
mod poison;
mod real_data;
mod redrive;
mod refused;
mod replay;
mod scale_out;
mod sources;
mod staging;
mod steps;
mod two_loaders;
mod warehouse;
