//! Rows in Arrow columns, with their lineage.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::growing::Growing;
use crate::config::Column;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::value::Cell;

/// The lineage column that names a row's object, by its identity.
pub const OBJECT_COLUMN: &str = "_tidegate_object";

/// The lineage column that numbers a row's record within its object.
pub const ROW_COLUMN: &str = "_tidegate_row";

/// Collects the rows of one object.
pub struct Rows {
    schema: SchemaRef,
    pub(super) columns: Vec<Growing>,
    records: Vec<i64>,
    object: String,
    bytes: usize,
}

impl Rows {
    /// The Arrow schema of a pipeline's data files: its columns, then the two of lineage.
    pub fn schema<'a>(columns: impl IntoIterator<Item = &'a Column>) -> SchemaRef {
        let mut fields: Vec<Field> = columns
            .into_iter()
            .map(|column| Field::new(&column.name, column.column_type.arrow(), !column.required))
            .collect();
        fields.push(Field::new(OBJECT_COLUMN, DataType::Utf8, false));
        fields.push(Field::new(ROW_COLUMN, DataType::Int64, false));
        Arc::new(Schema::new(fields))
    }

    /// No rows yet of the object with this identity; `schema` is one that [`schema`](Self::schema) gave.
    pub fn new(schema: SchemaRef, object: String) -> Self {
        let own = schema.fields().len().saturating_sub(2);
        let columns = schema.fields().iter().take(own).map(|field| Growing::new(field.data_type())).collect();
        Rows { schema, columns, records: Vec::new(), object, bytes: 0 }
    }

    /// Adds a row, in the order of the columns, that record `record` became.
    pub fn push(&mut self, row: &[Cell<'_>], record: u64) {
        let mut bytes = 0;
        for (column, cell) in self.columns.iter_mut().zip(row) {
            bytes += column.push(cell);
        }
        self.complete(record, bytes);
    }

    /// Counts the row for which every column has got its value.
    #[inline]
    pub(super) fn complete(&mut self, record: u64, bytes: usize) {
        // Counting records up to i64::MAX would take longer than any bound on reading allows.
        self.records.push(i64::try_from(record).unwrap_or(i64::MAX));
        self.bytes += bytes + 8;
    }

    /// Takes back what was written of a row that was not completed.
    pub fn roll_back(&mut self) {
        let rows = self.len();
        for column in &mut self.columns {
            column.truncate(rows);
        }
    }

    /// The number of rows collected.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that the rows take in memory, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows collected, leaving none.
    ///
    /// # Errors
    /// `Configuration` if the columns do not fit their schema, which a compiled plan rules out.
    pub fn take(&mut self) -> Result<RecordBatch> {
        let rows = self.len();
        let mut arrays: Vec<ArrayRef> = self
            .columns
            .iter_mut()
            .zip(self.schema.fields())
            .map(|(column, field)| column.take(field.data_type()))
            .collect::<std::result::Result<_, _>>()
            .map_err(mismatch)?;
        arrays.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&self.object, rows))));
        arrays.push(Arc::new(Int64Array::from(std::mem::replace(&mut self.records, Vec::with_capacity(rows)))));
        self.bytes = 0;
        RecordBatch::try_new(self.schema.clone(), arrays).map_err(mismatch)
    }
}

fn mismatch(error: arrow_schema::ArrowError) -> Error {
    Error::caused(ErrorKind::Configuration, "the columns do not fit their schema", error)
}
