//! The configuration: `tidegate.toml` and the pipelines beside it.
//!
//! Takes paths and the environment; gives values that are valid, or every problem at once with file, line and remedy.

mod columns_file;
mod document;
mod key_pattern;
mod load;
mod pipeline;
mod pipeline_file;
mod problem;
mod quantity;
mod service;
mod service_file;
mod spelling;
mod target_file;
mod value;
mod variables;

pub use key_pattern::{Captures, KeyPattern};
pub use load::{Config, load};
pub use pipeline::{
    BatchLimits, Column, ColumnSource, Firehose, Format, Mask, Mode, OnFull, OnUnknownField, Pipeline, Rejects, Source,
    Target, TeeOf,
};
pub use problem::{Place, Problem, Problems};
pub use service::{
    Authentication, Encryption, Http, Limits, OnUnrouted, Queue, Queues, S3Uri, Service, Staging, Warehouse,
    WarehouseName,
};

#[cfg(test)]
mod tests;
