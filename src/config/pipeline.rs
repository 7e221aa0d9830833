//! A pipeline: which objects become which rows of which table.

use std::time::Duration;

use super::format::{Characters, CsvOptions, JsonOptions, TextOptions};
use super::keeping::{After, ModeOptions, Physical, Step};
use super::{Column, KeyPattern};
use crate::model::{Codec, StagedFormat};
use crate::schema::condition::Condition;
use crate::schema::identifier::TableName;

/// A pipeline, as its file under `pipelines/` says it.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its name: a lower-case letter, then lower-case letters, digits and `_`, at most 40 in all. Part of the ledger's table names.
    pub name: String,
    /// How long after an object's creation its rows are to be in the table, 1 s to 6 h.
    pub freshness: Duration,
    /// Where the objects come from.
    pub source: Source,
    /// The columns, in the order of the table.
    pub columns: Vec<Column>,
    /// What must hold of every row.
    pub rules: Vec<RowRule>,
    /// Where the rows go.
    pub target: Target,
    /// How batches are staged.
    pub stage: Stage,
    /// When a batch is closed before freshness demands it.
    pub batch: BatchLimits,
    /// How many rejected records are tolerated.
    pub rejects: Rejects,
    /// What runs in the transaction after the rows are in the table, in the order of the file.
    pub steps: Vec<Step>,
    /// What runs once a load is committed.
    pub after: Option<After>,
    /// What is copied to Firehose, if anything.
    pub firehose: Option<Firehose>,
}

/// A copy for Firehose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firehose {
    /// The delivery stream's name.
    pub stream: String,
    /// What is copied.
    pub what: TeeOf,
    /// What happens to a batch for which there is no room. Default `drop`.
    pub on_full: OnFull,
    /// How many batches may wait to be sent. Default 100.
    pub buffer: usize,
}

/// What is copied to Firehose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeeOf {
    /// The normalised rows of each staged batch.
    Rows,
    /// The rejected records of each staged batch.
    Rejects,
    /// A line for each batch that is staged, and for each that is loaded.
    Batches,
}

/// What happens to a batch for which Firehose's buffer has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFull {
    /// It is not copied, and counted.
    Drop,
    /// The next batch of the pipeline waits to be closed, for up to 10 s; then as `drop`.
    Block,
}

/// Which objects a pipeline takes, and how they are read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The bucket's name.
    pub bucket: String,
    /// The pattern that keys must match.
    pub key: KeyPattern,
    /// The format of the decompressed object.
    pub format: Format,
    /// Whether the names of fields are told apart without regard to case. Default false.
    pub ignore_case: bool,
    /// How the objects are compressed where their first bytes do not tell; the bytes win.
    pub compression: Option<Codec>,
    /// How its characters are read, in formats of text.
    pub characters: Characters,
    /// What happens to a record with a field that no column takes.
    pub on_unknown_field: OnUnknownField,
    /// The longest record, in bytes; a longer one is rejected. Default 4 MiB.
    pub max_record_bytes: usize,
    /// The largest object after decompression, in bytes; a larger one is parked. Default 1 TiB.
    pub max_object_bytes: u64,
    /// How often larger than stored an object may become; beyond it, it is parked. Default 1,000.
    pub max_expansion: u64,
    /// How long reading one object may take. Default one hour.
    pub max_read_time: Duration,
    /// The largest window or dictionary that a zstd or xz stream may ask for, in bytes. Default 64 MiB.
    pub max_window: u64,
}

/// The format of a decompressed object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// JSON objects, one behind the other, on lines of their own or not.
    JsonLines,
    /// A JSON document with an array of objects.
    Json(JsonOptions),
    /// Delimited fields.
    Csv(CsvOptions),
    /// Apache Parquet.
    Parquet,
    /// Avro object container files.
    Avro,
    /// Apache ORC.
    Orc,
    /// Dicts as Python writes them, one a line.
    PythonLiteral,
    /// Lines that a regular expression describes.
    Text(TextOptions),
}

/// What happens to a record with a field that no column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknownField {
    /// The field is left out; the default.
    Ignore,
    /// The record is rejected.
    Reject,
    /// The fields of a record that no column takes are kept as one JSON object, in the column of [`ColumnSource::Rescued`](super::ColumnSource::Rescued).
    Rescue,
    /// Each field becomes a column, of a type that its first value says.
    Evolve,
}

/// A rule over several columns of a row, which rejects the row where it is false; where it is unknown, the row passes, as by CHECK.
#[derive(Debug, Clone)]
pub struct RowRule {
    /// What rejects call it.
    pub name: String,
    /// The condition, over the pipeline's columns in their order.
    pub condition: Condition,
}

/// The table and how it is kept.
#[derive(Debug, Clone)]
pub struct Target {
    /// The table.
    pub table: TableName,
    /// How rows meet those already there.
    pub mode: Mode,
    /// The columns that identify a row; all are required columns.
    pub key: Vec<String>,
    /// The columns by which the newer of two rows is told, the most significant first.
    pub newest_by: Vec<String>,
    /// The distribution key, for `create`.
    pub distkey: Option<String>,
    /// The sort key, for `create`.
    pub sortkey: Vec<String>,
    /// Whether the table and its schema are created if missing.
    pub create: bool,
    /// Whether rows keep `_tidegate_object` and `_tidegate_row`. Default true.
    pub lineage: bool,
    /// What only some modes have.
    pub options: ModeOptions,
    /// What only DDL has.
    pub physical: Physical,
}

/// How rows meet those already in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every row is inserted.
    Append,
    /// A row is inserted if its key is not there; the first wins.
    InsertNew,
    /// The newest row of each key stays (SCD type 1).
    Upsert,
    /// Every version of a key is kept, with the time for which it held (SCD type 2).
    Scd2,
    /// The newest object with rows of a partition replaces all rows of the partition.
    ReplacePartition,
    /// The newest version of an object replaces the rows of the older ones.
    ReplaceObject,
    /// Only the pipeline's steps see the rows.
    None,
}

impl Mode {
    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Append => "append",
            Mode::InsertNew => "insert-new",
            Mode::Upsert => "upsert",
            Mode::Scd2 => "scd2",
            Mode::ReplacePartition => "replace-partition",
            Mode::ReplaceObject => "replace-object",
            Mode::None => "none",
        }
    }
}

/// How a pipeline's batches are staged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// The form of the data files. Default Parquet with zstd.
    pub format: StagedFormat,
    /// The captures by whose values data files lie in folders of their own, by their place among [`KeyPattern::captures`].
    pub partition_by: Vec<usize>,
    /// The external table that gets each of these folders as a partition.
    pub external_table: Option<TableName>,
}

/// When a batch is closed before freshness demands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Rows. Default 5,000,000.
    pub max_rows: u64,
    /// Bytes of the columns in memory, before encoding. Default 1 GiB.
    pub max_bytes: u64,
    /// Objects. Default 10,000.
    pub max_objects: usize,
}

/// How many rejected records an object may have before it is parked whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rejects {
    /// The share of an object's records, 0 to 1. Default 1: any number.
    pub max_share: f64,
    /// The number of an object's records, which also bounds what is held in memory. Default 10,000.
    pub max_rows: u64,
}
