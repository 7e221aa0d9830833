//! The file with one row for each object of a batch: keys and other texts from outside reach the ledger through it, never as SQL.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{Field, Schema};

use super::parquet::whole;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{BatchId, ObjectEntry, Removal};
use crate::schema::ColumnType;

/// The columns of the file, in its order, and of the ledger's table of objects.
pub const LEDGER_COLUMNS: &[(&str, ColumnType)] = &[
    ("object_id", ColumnType::Varchar(32)),
    ("batch_id", ColumnType::Varchar(36)),
    ("bucket", ColumnType::Varchar(63)),
    ("object_key", ColumnType::Varchar(1_024)),
    ("version_id", ColumnType::Varchar(1_024)),
    ("etag", ColumnType::Varchar(256)),
    ("size", ColumnType::BigInt),
    ("sequencer", ColumnType::Varchar(64)),
    ("event_time", ColumnType::Timestamp),
    ("rows_read", ColumnType::BigInt),
    ("rows_rejected", ColumnType::BigInt),
    ("rows_staged", ColumnType::BigInt),
    ("removal", ColumnType::Varchar(8)),
];

/// The file's bytes.
///
/// # Errors
/// When the objects cannot be encoded as Parquet.
pub fn objects_file(batch: BatchId, objects: &[ObjectEntry]) -> Result<Vec<u8>> {
    let fields: Vec<Field> =
        LEDGER_COLUMNS.iter().map(|(name, column_type)| Field::new(*name, column_type.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch_id = batch.to_string();
    let number = |get: fn(&ObjectEntry) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            objects.iter().map(|object| i64::try_from(get(object)).unwrap_or(i64::MAX)),
        ))
    };
    let columns: Vec<ArrayRef> = vec![
        text(objects, |object| Some(&object.id)),
        Arc::new(StringArray::from_iter_values(objects.iter().map(|_| &batch_id))),
        text(objects, |object| Some(&object.bucket)),
        text(objects, |object| Some(&object.key)),
        text(objects, |object| object.version.as_deref()),
        text(objects, |object| object.etag.as_deref()),
        number(|object| object.size),
        // Never null: in the order between versions, an absent sequencer is the least.
        text(objects, |object| Some(object.sequencer.as_ref().map_or("", |sequencer| sequencer.as_str()))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(
            objects.iter().map(|object| object.event_time.as_microsecond()),
        )),
        number(|object| object.read),
        number(|object| object.rejected),
        number(|object| object.staged),
        text(objects, |object| object.removal.map(Removal::as_str)),
    ];
    let rows = RecordBatch::try_new(schema, columns)
        .map_err(|error| Error::caused(ErrorKind::Io, "the objects of a batch do not fit their columns", error))?;
    whole(&rows)
}

fn text(objects: &[ObjectEntry], get: impl Fn(&ObjectEntry) -> Option<&str>) -> ArrayRef {
    Arc::new(StringArray::from_iter(objects.iter().map(get)))
}
