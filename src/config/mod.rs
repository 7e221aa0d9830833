//! The configuration: `tidegate.toml` and the pipelines beside it.
//!
//! Takes paths and the environment; gives values that are valid, or every problem at once with file, line and remedy.

mod column;
mod columns_file;
mod document;
mod format;
mod format_file;
mod keeping;
mod key_pattern;
mod load;
mod mode_file;
mod pipeline;
mod pipeline_file;
mod problem;
mod quantity;
mod rescue_file;
mod rules_file;
mod service;
mod service_file;
mod source_file;
mod spelling;
mod stage_file;
mod steps_file;
mod target_file;
mod value;
mod values_file;
mod variables;

pub use column::{Case, Column, ColumnSource, Mask, ObjectField, Secret, Texts};
pub use format::{Characters, CsvOptions, InvalidUtf8, JsonOptions, LinePattern, Ragged, TextOptions};
pub use keeping::{After, Check, DeleteWhen, Encode, Expiry, ModeOptions, Physical, Scd2, Script, Step};
pub use key_pattern::{Captures, KeyPattern};
pub use load::{Config, load, load_pipeline};
pub use pipeline::{
    BatchLimits, Firehose, Format, Mode, OnFull, OnUnknownField, Pipeline, Rejects, RowRule, Source, Stage, Target,
    TeeOf,
};
pub use problem::{Place, Problem, Problems};
pub use quantity::{bytes, duration};
pub use service::{
    Authentication, Encryption, Http, Limits, OnUnrouted, Queue, Queues, S3Uri, Service, Staging, Warehouse,
    WarehouseName,
};

#[cfg(test)]
mod tests;
