//! Rows in Arrow columns, with their lineage.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::config::Column;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ColumnType;
use crate::schema::value::Cell;

/// The lineage column that names a row's object, by its identity.
pub const OBJECT_COLUMN: &str = "_tidegate_object";

/// The lineage column that numbers a row's record within its object.
pub const ROW_COLUMN: &str = "_tidegate_row";

/// Collects the rows of one object.
pub struct Rows {
    schema: SchemaRef,
    columns: Vec<Builder>,
    records: Int64Builder,
    object: String,
    bytes: usize,
}

enum Builder {
    SmallInt(Int16Builder),
    Integer(Int32Builder),
    BigInt(Int64Builder),
    Decimal(Decimal128Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
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

    /// No rows yet of the object with this identity; `schema` is that of the same columns.
    pub fn new<'a>(schema: SchemaRef, columns: impl IntoIterator<Item = &'a Column>, object: String) -> Self {
        let columns = columns.into_iter().map(|column| Builder::new(column.column_type)).collect();
        Rows { schema, columns, records: Int64Builder::new(), object, bytes: 0 }
    }

    /// Adds a row, in the order of the columns, that record `record` became.
    pub fn push(&mut self, row: &[Cell<'_>], record: u64) {
        for (builder, cell) in self.columns.iter_mut().zip(row) {
            self.bytes += builder.push(cell);
        }
        // Counting records up to i64::MAX would take longer than any bound on reading allows.
        self.records.append_value(i64::try_from(record).unwrap_or(i64::MAX));
        self.bytes += 8;
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
            .map(|(builder, field)| builder.finish(field.data_type()))
            .collect::<Result<_>>()?;
        arrays.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&self.object, rows))));
        arrays.push(Arc::new(self.records.finish()));
        self.bytes = 0;
        RecordBatch::try_new(self.schema.clone(), arrays).map_err(mismatch)
    }
}

impl Builder {
    fn new(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::SmallInt => Builder::SmallInt(Int16Builder::new()),
            ColumnType::Integer => Builder::Integer(Int32Builder::new()),
            ColumnType::BigInt => Builder::BigInt(Int64Builder::new()),
            ColumnType::Decimal { .. } => Builder::Decimal(Decimal128Builder::new()),
            ColumnType::Real => Builder::Real(Float32Builder::new()),
            ColumnType::Double => Builder::Double(Float64Builder::new()),
            ColumnType::Boolean => Builder::Boolean(BooleanBuilder::new()),
            ColumnType::Char(_)
            | ColumnType::Varchar(_)
            | ColumnType::Super
            | ColumnType::Time
            | ColumnType::TimeTz
            | ColumnType::Varbyte(_)
            | ColumnType::IntervalMonths
            | ColumnType::IntervalSeconds => Builder::Text(StringBuilder::new()),
            ColumnType::Date => Builder::Date(Date32Builder::new()),
            ColumnType::Timestamp | ColumnType::TimestampTz => Builder::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    /// Adds a cell, and says how many bytes it takes. A cell of another kind than the column's cannot come from the plan that
    /// made both; it would be stored as null.
    fn push(&mut self, cell: &Cell<'_>) -> usize {
        match (self, cell) {
            // Both were checked against the type's range.
            (Builder::SmallInt(builder), cell) => {
                builder.append_option(int(cell).and_then(|value| i16::try_from(value).ok()));
                2
            }
            (Builder::Integer(builder), cell) => {
                builder.append_option(int(cell).and_then(|value| i32::try_from(value).ok()));
                4
            }
            (Builder::BigInt(builder), cell) => {
                builder.append_option(int(cell));
                8
            }
            (Builder::Decimal(builder), cell) => {
                builder.append_option(if let Cell::Decimal(units) = cell { Some(*units) } else { None });
                16
            }
            (Builder::Real(builder), cell) => {
                builder.append_option(if let Cell::Float(value) = cell { Some(*value as f32) } else { None });
                4
            }
            (Builder::Double(builder), cell) => {
                builder.append_option(if let Cell::Float(value) = cell { Some(*value) } else { None });
                8
            }
            (Builder::Boolean(builder), cell) => {
                builder.append_option(if let Cell::Bool(value) = cell { Some(*value) } else { None });
                1
            }
            (Builder::Text(builder), Cell::Text(text)) => {
                builder.append_value(text);
                text.len() + 4
            }
            (Builder::Text(builder), _) => {
                builder.append_null();
                4
            }
            (Builder::Date(builder), cell) => {
                builder.append_option(if let Cell::Date(days) = cell { Some(*days) } else { None });
                4
            }
            (Builder::Timestamp(builder), cell) => {
                builder.append_option(if let Cell::Micros(micros) = cell { Some(*micros) } else { None });
                8
            }
        }
    }

    fn finish(&mut self, data_type: &DataType) -> Result<ArrayRef> {
        Ok(match self {
            Builder::SmallInt(builder) => Arc::new(builder.finish()),
            Builder::Integer(builder) => Arc::new(builder.finish()),
            Builder::BigInt(builder) => Arc::new(builder.finish()),
            Builder::Decimal(builder) => Arc::new(builder.finish().with_data_type(data_type.clone())),
            Builder::Real(builder) => Arc::new(builder.finish()),
            Builder::Double(builder) => Arc::new(builder.finish()),
            Builder::Boolean(builder) => Arc::new(builder.finish()),
            Builder::Text(builder) => Arc::new(builder.finish()),
            Builder::Date(builder) => Arc::new(builder.finish()),
            Builder::Timestamp(builder) => {
                let zone = if let DataType::Timestamp(_, zone) = data_type { zone.clone() } else { None };
                Arc::new(builder.finish().with_timezone_opt(zone))
            }
        })
    }
}

fn int(cell: &Cell<'_>) -> Option<i64> {
    if let Cell::Int(value) = cell { Some(*value) } else { None }
}

fn mismatch(error: arrow_schema::ArrowError) -> Error {
    Error::caused(ErrorKind::Configuration, "the columns do not fit their schema", error)
}
