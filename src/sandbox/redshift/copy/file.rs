//! One Parquet file: its schema against the table's, and its rows in PostgreSQL's binary form.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, TimeUnit};
use bytes::{BufMut, Bytes, BytesMut};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::schema::types::SchemaDescriptor;
use tokio_postgres::types::Type;

use super::Copy;
use super::cell::{Cells, Misfit};
use super::history::{Detail, Problem};
use super::manifest::File;
use super::target::Column;
use crate::sandbox::redshift::failure::Failure;

/// How a binary COPY starts: signature, flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// How it ends.
pub(super) const TRAILER: &[u8] = b"\xff\xff";

/// Rows a chunk.
const BATCH_ROWS: usize = 4096;

/// Encodes a file, chunk by chunk, until `send` says no; gives the number of rows.
pub(super) fn encode(
    file: File,
    columns: &[Column],
    copy: &Copy,
    query: i64,
    mut send: impl FnMut(Bytes) -> bool,
) -> Result<u64, Problem> {
    let scan = |context: String| Problem::from(Failure::scan(15001, context, query));
    let File { url, body } = file;
    let invalid =
        |error: &dyn std::fmt::Display| scan(format!("File '{}' is no valid Parquet file: {error}", https(&url)));
    // The types of the Parquet schema itself: Redshift knows nothing of an Arrow schema beside it.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(body), options)
        .map_err(|error| invalid(&error))?;
    check(&url, builder.schema().fields(), builder.parquet_schema(), columns, copy, query)?;
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| invalid(&error))?;
    let mut rows = 0;
    for batch in reader {
        let batch = batch.map_err(|error| invalid(&error))?;
        let chunk = chunk(&batch, columns, copy)
            .map_err(|(row, column, misfit)| refused(&url, rows + row as u64 + 1, &columns[column], misfit, copy))?;
        rows += batch.num_rows() as u64;
        if !send(chunk) {
            break;
        }
    }
    Ok(rows)
}

/// The rows in PostgreSQL's form, or the row and column of the first value that does not fit.
fn chunk(batch: &RecordBatch, columns: &[Column], copy: &Copy) -> Result<Bytes, (usize, usize, Misfit)> {
    let mut cells = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        cells.push(match batch.columns().get(index) {
            Some(array) => {
                Cells::new(array, column, copy.replacement.as_deref()).map_err(|misfit| (0, index, misfit))?
            }
            None => Cells::Missing,
        });
    }
    let fields = i16::try_from(columns.len()).unwrap_or(i16::MAX);
    let mut out = BytesMut::with_capacity(batch.get_array_memory_size());
    for row in 0..batch.num_rows() {
        out.put_i16(fields);
        for (index, (cells, column)) in cells.iter().zip(columns).enumerate() {
            cells.put(row, column, &mut out).map_err(|misfit| (row, index, misfit))?;
        }
    }
    Ok(out.freeze())
}

/// Refuses a file whose columns are not those of the table, by position.
fn check(
    url: &str,
    fields: &arrow_schema::Fields,
    schema: &SchemaDescriptor,
    columns: &[Column],
    copy: &Copy,
    query: i64,
) -> Result<(), Problem> {
    let short = fields.len() < columns.len() && copy.fill_record;
    if fields.len() != columns.len() && !short {
        let context = format!(
            "Unmatched number of columns between table and file. Table columns: {}, Data columns: {}, File name: {}",
            columns.len(),
            fields.len(),
            https(url)
        );
        return Err(Failure::scan(15007, context, query).into());
    }
    for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
        if column.kind == Type::JSONB && !copy.serialize_to_json {
            let context = format!(
                "File '{}' has a column '{}' for the SUPER column '{}': COPY needs SERIALIZETOJSON",
                https(url),
                field.name(),
                column.name
            );
            return Err(Failure::scan(15007, context, query).into());
        }
        if !fits(field.data_type(), column) {
            let physical =
                schema.root_schema().get_fields().get(index).map_or_else(String::new, |field| describe(field));
            let context = format!(
                "File '{}' has an incompatible Parquet schema for column '{url}.{}'. Column type: {}, Parquet schema:\n{physical}",
                https(url),
                column.name,
                column.type_name(),
            );
            return Err(Failure::scan(15007, context, query).into());
        }
    }
    Ok(())
}

/// A field as Redshift's message shows it, such as `optional int64 rating`.
fn describe(field: &parquet::schema::types::Type) -> String {
    let info = field.get_basic_info();
    let repetition = if info.has_repetition() { info.repetition().to_string().to_lowercase() } else { String::new() };
    let physical =
        if field.is_primitive() { field.get_physical_type().to_string().to_lowercase() } else { "group".to_owned() };
    format!("{repetition} {physical} {}", field.name())
}

/// True if Redshift loads the Parquet type into the column.
fn fits(data: &DataType, column: &Column) -> bool {
    match (&column.kind, data) {
        (&Type::NUMERIC, DataType::Decimal128(precision, scale)) => {
            i32::from(*precision) == column.length() && i32::from(*scale) == column.scale()
        }
        (kind, data) => matches!(
            (kind, data),
            (&Type::BOOL, DataType::Boolean)
                | (&Type::INT2, DataType::Int16)
                | (&Type::INT4, DataType::Int32)
                | (&Type::INT8, DataType::Int64)
                | (&Type::FLOAT4, DataType::Float32)
                | (&Type::FLOAT8, DataType::Float64)
                | (&Type::DATE, DataType::Date32)
                | (&Type::TIME, DataType::Time64(TimeUnit::Microsecond))
                | (&Type::TIMESTAMP | &Type::TIMESTAMPTZ, DataType::Timestamp(TimeUnit::Microsecond, _))
                | (&Type::VARCHAR | &Type::BPCHAR | &Type::TEXT | &Type::JSONB, DataType::Utf8)
                | (&Type::BYTEA, DataType::Binary)
        ),
    }
}

pub(super) fn refused(url: &str, line: u64, column: &Column, misfit: Misfit, copy: &Copy) -> Problem {
    let kind = column.type_name();
    let detail = Detail {
        file: url.to_owned(),
        line,
        column: column.name.clone(),
        column_type: kind.split('(').next().unwrap_or_default().to_lowercase(),
        column_length: if kind.contains('(') { column.length().to_string() } else { String::new() },
        position: 0,
        code: misfit.code,
        message: misfit.message,
    };
    let failure = Failure::new(format_args!(
        "Load into table '{}' failed. Check 'sys_load_error_detail' system table for details.",
        copy.table
    ));
    Problem { failure, detail: Some(Box::new(detail)) }
}

/// An object's address as the scan layer writes it.
pub(super) fn https(url: &str) -> String {
    format!("https://s3.us-east-1.amazonaws.com/{}", url.strip_prefix("s3://").unwrap_or(url))
}
