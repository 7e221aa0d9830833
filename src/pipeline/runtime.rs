//! A pipeline, ready to run.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use arrow_schema::SchemaRef;
use jiff::civil::Date;

use super::drift::UnknownFields;
use super::evolve::{Evolved, Versions};
use super::pace::Pace;
use super::tee::Tee;
use crate::config::{Column, ColumnSource, Mode, Pipeline};
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
    pub(super) unknown_fields: Arc<UnknownFields>,
    /// The columns that it has beyond the configuration.
    pub(super) evolved: usize,
    /// The names that no further column can have.
    unusable: BTreeSet<String>,
    /// Its versions with more columns; of the configured one alone.
    pub(super) versions: Versions,
    /// How many files a batch should have, or a multiple of it.
    slices: usize,
    /// What is observed of its loads.
    pub(super) pace: Arc<Pace>,
    /// Its copy for Firehose, while the process runs.
    pub(super) tee: Arc<OnceLock<Tee>>,
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
            unknown_fields: Arc::default(),
            evolved: 0,
            unusable: BTreeSet::new(),
            versions: Versions::default(),
            slices,
            pace: Arc::default(),
            tee: Arc::default(),
        }
    }

    /// A version of this pipeline with more columns; what is observed of the pipeline is shared.
    pub(super) fn with(&self, evolved: Evolved) -> Self {
        let Evolved { columns, unusable } = evolved;
        let added = columns.len();
        let mut pipeline = self.pipeline.clone();
        pipeline.columns.extend(columns);
        Runtime {
            unknown_fields: self.unknown_fields.clone(),
            evolved: added,
            unusable,
            pace: self.pace.clone(),
            tee: self.tee.clone(),
            ..Runtime::new(self.index, pipeline, self.slices)
        }
    }

    /// Whether no further column can have this name.
    pub(super) fn takes(&self, column: &str) -> bool {
        let target = &self.pipeline.target.options;
        let filled = target.scd2.as_ref().is_some_and(|scd2| {
            [&scd2.effective_from, &scd2.effective_to, &scd2.is_current].into_iter().any(|name| name == column)
        });
        let mark = target.delete_when.as_ref().and_then(|delete| delete.mark.as_deref()) == Some(column);
        filled
            || mark
            || self.unusable.contains(column)
            || self.pipeline.columns.iter().any(|known| known.name == column)
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
            let day = column.and_then(|column| day(column, text)).map(|day| day.to_string());
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

    /// The day that a capture of the key says: as a date column reads it that is filled from it, or else as ISO 8601 writes it.
    pub(super) fn captured_day(&self, name: &str, captures: &[String]) -> Option<Date> {
        let place = self.pipeline.source.key.captures().iter().position(|known| known == name)?;
        let text = captures.get(place)?;
        let mut columns = self.pipeline.columns.iter();
        match columns.find(|it| it.column_type == ColumnType::Date && it.from == ColumnSource::Capture(place)) {
            Some(column) => day(column, text),
            None => text.parse().ok(),
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

    /// The identity of a version that was created. Where the newest replaces what is there, the same bytes put again are newer than what came between.
    pub(super) fn identity(&self, object: &ObjectRef) -> ObjectId {
        match self.pipeline.target.mode {
            Mode::ReplaceObject | Mode::ReplacePartition => ObjectId::of_put(self.name(), object),
            _ => ObjectId::of(self.name(), object),
        }
    }

    /// The columns as a manifest says them.
    pub(super) fn manifest_columns(&self) -> Vec<ManifestColumn> {
        staged_columns(&self.pipeline)
    }
}

/// The day that a date column makes of a text.
fn day(column: &Column, text: &str) -> Option<Date> {
    match coerce(Value::Text(text.into()), ColumnType::Date, &column.parse) {
        Ok(Cell::Date(days)) => {
            let span = jiff::Span::new().try_days(days).ok()?;
            Date::constant(1970, 1, 1).checked_add(span).ok()
        }
        _ => None,
    }
}
