//! A pipeline, ready to run.

use std::sync::OnceLock;

use arrow_schema::SchemaRef;

use super::drift::UnknownFields;
use super::pace::Pace;
use super::tee::Tee;
use crate::config::{ColumnSource, Mode, Pipeline};
use crate::error::{Error, ErrorKind, Result};
use crate::load::staged_columns;
use crate::model::{ManifestColumn, ObjectId, ObjectRef, Partition, PartitionValue, Value};
use crate::normalize::{Plan, Rows};
use crate::schema::ColumnType;
use crate::schema::value::{Cell, coerce};
use crate::stage::{Area, DataFiles, DataFolder, Store};

/// The longest value of a partition: with it and its siblings, a data file's key stays below S3's 1,024 bytes.
const PARTITION_BYTES: usize = 60;

/// A pipeline with all that is derived from it once.
pub(super) struct Runtime {
    /// Its place in the configuration.
    pub(super) index: usize,
    pub(super) pipeline: Pipeline,
    pub(super) plan: Plan,
    /// The columns of its data files.
    pub(super) schema: SchemaRef,
    /// The fields without a column that this process has seen.
    pub(super) unknown_fields: UnknownFields,
    /// How many files a batch should have, or a multiple of it.
    slices: usize,
    /// What is observed of its loads.
    pub(super) pace: Pace,
    /// Its copy for Firehose, while the process runs.
    pub(super) tee: OnceLock<Tee>,
}

impl Runtime {
    pub(super) fn new(index: usize, pipeline: Pipeline, slices: usize) -> Self {
        let plan = Plan::new(&pipeline);
        let schema = Rows::schema(&pipeline.columns);
        Runtime {
            index,
            pipeline,
            plan,
            schema,
            unknown_fields: UnknownFields::default(),
            slices,
            pace: Pace::default(),
            tee: OnceLock::new(),
        }
    }

    /// The name, for labels and logs.
    pub(super) fn name(&self) -> &str {
        &self.pipeline.name
    }

    /// The values of the partition of an object whose key has these captures; none where data files are not partitioned.
    ///
    /// A capture that fills a date column of its own name has the date's form, however the key writes it.
    ///
    /// # Errors
    /// `Malformed` if a value is too long to be the name of a folder.
    pub(super) fn partition(&self, captures: &[String]) -> Result<Vec<PartitionValue>> {
        let names = self.pipeline.source.key.captures();
        let value = |place: &usize| {
            let (name, text) = (names.get(*place)?, captures.get(*place)?);
            let column = self.pipeline.columns.iter().find(|column| {
                column.name == *name
                    && column.column_type == ColumnType::Date
                    && column.from == ColumnSource::Capture(*place)
            });
            let day = column.and_then(|column| {
                match coerce(Value::Text(text.as_str().into()), ColumnType::Date, &column.parse) {
                    Ok(Cell::Date(days)) => {
                        let span = jiff::Span::new().try_days(days).ok()?;
                        Some(jiff::civil::Date::constant(1970, 1, 1).checked_add(span).ok()?.to_string())
                    }
                    _ => None,
                }
            });
            Some(PartitionValue { name: name.clone(), value: day.unwrap_or_else(|| text.clone()) })
        };
        let values: Vec<PartitionValue> = self.pipeline.stage.partition_by.iter().filter_map(value).collect();
        match values.iter().find(|value| value.value.len() > PARTITION_BYTES) {
            Some(PartitionValue { name, value }) => {
                let message = format!(
                    "the key's {name}, by which data files are partitioned, has {} bytes; at most {PARTITION_BYTES} make a folder",
                    value.len()
                );
                Err(Error::new(ErrorKind::Malformed, message))
            }
            None => Ok(values),
        }
    }

    /// Data files of a partition, with no rows yet.
    pub(super) fn data_files(&self, store: &Store, area: &Area, partition: &[PartitionValue]) -> DataFiles {
        DataFiles::new(DataFolder {
            store: store.clone(),
            area: area.clone(),
            folder: area.data_folder(self.name(), partition, jiff::Timestamp::now()),
            schema: self.schema.clone(),
            nested: self.nested(),
            format: self.pipeline.stage.format,
            slices: self.slices,
        })
    }

    /// Which of the columns hold JSON.
    pub(super) fn nested(&self) -> Vec<bool> {
        self.pipeline.columns.iter().map(|column| column.column_type == ColumnType::Super).collect()
    }

    /// A partition as a manifest says it.
    pub(super) fn manifest_partition(&self, area: &Area, values: Vec<PartitionValue>) -> Partition {
        let folder = area.data_folder(self.name(), &values, jiff::Timestamp::UNIX_EPOCH);
        Partition { location: area.url(&folder), values }
    }

    /// The identity of a version that was created.
    pub(super) fn identity(&self, object: &ObjectRef) -> ObjectId {
        match self.pipeline.target.mode {
            Mode::ReplaceObject => ObjectId::of_put(self.name(), object),
            _ => ObjectId::of(self.name(), object),
        }
    }

    /// The columns as a manifest says them.
    pub(super) fn manifest_columns(&self) -> Vec<ManifestColumn> {
        staged_columns(&self.pipeline)
    }
}
