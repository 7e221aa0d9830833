//! Rows as CSV or as JSON lines, in the words that COPY reads back exactly.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::error::{Error, ErrorKind, Result};
use crate::model::CSV_NULL;

/// Which of the texts stand in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// Texts, as CSV quotes them.
    Csv,
    /// Texts, times and decimals, as JSON quotes them: a number of JSON may pass through a float on its way.
    Json,
}

/// Appends rows as CSV.
pub(super) fn csv(rows: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    for row in 0..rows.num_rows() {
        for (index, column) in rows.columns().iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if column.is_null(row) {
                out.extend_from_slice(CSV_NULL.as_bytes());
            } else {
                value(column.as_ref(), row, Quotes::Csv, out)?;
            }
        }
        out.push(b'\n');
    }
    Ok(())
}

/// Appends rows as JSON objects, one a line, without the fields that are null; the columns in `nested` hold JSON, which is put in as it is.
pub(super) fn json(rows: &RecordBatch, nested: &[bool], out: &mut Vec<u8>) -> Result<()> {
    let schema = rows.schema();
    // COPY matches keys exactly, and a column's name is in lower case.
    let keys: Vec<String> =
        schema.fields().iter().map(|field| serde_json::Value::from(field.name().to_lowercase()).to_string()).collect();
    for row in 0..rows.num_rows() {
        out.push(b'{');
        let mut first = true;
        for (index, column) in rows.columns().iter().enumerate() {
            if column.is_null(row) {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(keys[index].as_bytes());
            out.push(b':');
            if nested.get(index) == Some(&true) {
                // Between JSON's tokens a line's end is a blank; within them it cannot stand.
                let text = column.as_string::<i32>().value(row).bytes();
                out.extend(text.map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
            } else {
                value(column.as_ref(), row, Quotes::Json, out)?;
            }
        }
        out.extend_from_slice(b"}\n");
    }
    Ok(())
}

fn value(array: &dyn Array, row: usize, quotes: Quotes, out: &mut Vec<u8>) -> Result<()> {
    let bare = |out: &mut Vec<u8>, text: std::fmt::Arguments<'_>| write!(out, "{text}").map_err(Error::from);
    let in_json = |out: &mut Vec<u8>, text: std::fmt::Arguments<'_>| match quotes {
        Quotes::Csv => write!(out, "{text}").map_err(Error::from),
        Quotes::Json => write!(out, "\"{text}\"").map_err(Error::from),
    };
    match array.data_type() {
        DataType::Boolean => bare(out, format_args!("{}", array.as_boolean().value(row))),
        DataType::Int16 => bare(out, format_args!("{}", array.as_primitive::<Int16Type>().value(row))),
        DataType::Int32 => bare(out, format_args!("{}", array.as_primitive::<Int32Type>().value(row))),
        DataType::Int64 => bare(out, format_args!("{}", array.as_primitive::<Int64Type>().value(row))),
        // The shortest digits that read back as the same number.
        DataType::Float32 => in_json(out, format_args!("{:?}", array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => in_json(out, format_args!("{:?}", array.as_primitive::<Float64Type>().value(row))),
        DataType::Decimal128(..) => {
            in_json(out, format_args!("{}", array.as_primitive::<Decimal128Type>().value_as_string(row)))
        }
        DataType::Date32 => in_json(out, format_args!("{}", date(array.as_primitive::<Date32Type>().value(row))?)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            in_json(out, format_args!("{}", timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))?))
        }
        DataType::Utf8 => {
            let text = array.as_string::<i32>().value(row);
            match quotes {
                Quotes::Csv => quoted(text, out),
                Quotes::Json => {
                    serde_json::to_writer(out, text).map_err(|error| Error::from(std::io::Error::from(error)))?
                }
            }
            Ok(())
        }
        other => Err(Error::new(ErrorKind::Configuration, format!("a column of {other} has no form as text"))),
    }
}

/// Always in quotes, so that an empty text is not taken for a missing one.
fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn date(days: i32) -> Result<Date> {
    Span::new().try_days(days).and_then(|span| Date::constant(1970, 1, 1).checked_add(span)).map_err(out_of_range)
}

fn timestamp(micros: i64) -> Result<impl std::fmt::Display> {
    let at = Timestamp::from_microsecond(micros).map_err(out_of_range)?.to_zoned(TimeZone::UTC);
    Ok(at.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string())
}

fn out_of_range(error: jiff::Error) -> Error {
    Error::caused(ErrorKind::Configuration, "a time that was accepted cannot be written", error)
}
