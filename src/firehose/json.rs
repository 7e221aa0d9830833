//! Rows as lines of JSON. Pure.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::{Error, ErrorKind, Result};

/// What a column's text or time stands for, where its Arrow type does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// What it is.
    Plain,
    /// JSON, as a SUPER is staged.
    Json,
    /// A time of UTC.
    Utc,
}

/// Gives `each` one line for each row, without its line break: an object with the columns in their order, nulls included. Decimals
/// are numbers with all their digits; times are ISO 8601. Columns beyond `shapes` are plain.
///
/// # Errors
/// `Io` for a type that no staged file has.
pub fn rows(batch: &RecordBatch, shapes: &[Shape], mut each: impl FnMut(&[u8])) -> Result<()> {
    let schema = batch.schema();
    let names: Vec<String> =
        schema.fields().iter().map(|field| serde_json::Value::from(field.name().as_str()).to_string()).collect();
    let mut line = Vec::new();
    for row in 0..batch.num_rows() {
        line.clear();
        line.push(b'{');
        for (at, column) in batch.columns().iter().enumerate() {
            if at > 0 {
                line.push(b',');
            }
            line.extend_from_slice(names[at].as_bytes());
            line.push(b':');
            value(column.as_ref(), row, shapes.get(at).copied().unwrap_or(Shape::Plain), &mut line)?;
        }
        line.push(b'}');
        each(&line);
    }
    Ok(())
}

fn value(column: &dyn Array, row: usize, shape: Shape, line: &mut Vec<u8>) -> Result<()> {
    if column.is_null(row) {
        line.extend_from_slice(b"null");
        return Ok(());
    }
    match column.data_type() {
        DataType::Int16 => write!(line, "{}", column.as_primitive::<Int16Type>().value(row))?,
        DataType::Int32 => write!(line, "{}", column.as_primitive::<Int32Type>().value(row))?,
        DataType::Int64 => write!(line, "{}", column.as_primitive::<Int64Type>().value(row))?,
        // Infinity and NaN, which JSON does not have, become null.
        DataType::Float32 => json(&column.as_primitive::<Float32Type>().value(row), line)?,
        DataType::Float64 => json(&column.as_primitive::<Float64Type>().value(row), line)?,
        DataType::Decimal128(..) => {
            line.extend_from_slice(column.as_primitive::<Decimal128Type>().value_as_string(row).as_bytes());
        }
        DataType::Boolean => write!(line, "{}", column.as_boolean().value(row))?,
        DataType::Utf8 if shape == Shape::Json => {
            let text = column.as_string::<i32>().value(row);
            match serde_json::from_str::<&serde_json::value::RawValue>(text) {
                // A line break within it would end the line.
                Ok(json) if !json.get().contains(['\n', '\r']) => line.extend_from_slice(json.get().as_bytes()),
                Ok(json) => line.extend_from_slice(json.get().replace(['\n', '\r'], " ").as_bytes()),
                Err(_) => json_text(text, line)?,
            }
        }
        DataType::Utf8 => json_text(column.as_string::<i32>().value(row), line)?,
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            let date = Date::constant(1970, 1, 1).checked_add(i64::from(days).days());
            json_text(&date.map_err(outside)?.to_string(), line)?;
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            let at = Timestamp::from_microsecond(micros).map_err(outside)?;
            let text = match shape {
                Shape::Utc => at.to_string(),
                _ => at.to_zoned(TimeZone::UTC).datetime().to_string(),
            };
            json_text(&text, line)?;
        }
        other => {
            let message = format!("a staged file has a column of {other:?}, which has no form in JSON");
            return Err(Error::new(ErrorKind::Io, message));
        }
    }
    Ok(())
}

fn json(value: &impl serde::Serialize, line: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(line, value).map_err(|error| std::io::Error::from(error).into())
}

fn json_text(text: &str, line: &mut Vec<u8>) -> Result<()> {
    json(&text, line)
}

fn outside(error: jiff::Error) -> Error {
    Error::caused(ErrorKind::Io, "a staged time is outside of what can be written", error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };

    use super::*;

    #[test]
    fn each_type_has_its_form_in_json() {
        let decimal = Decimal128Array::from(vec![Some(-50), None]).with_precision_and_scale(5, 2).expect("fits");
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(vec![9_007_199_254_740_993, 2]))),
            ("price", Arc::new(decimal)),
            ("share", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))),
            ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("note", Arc::new(StringArray::from(vec![Some("a\"b\n\u{1F600}"), None]))),
            ("tags", Arc::new(StringArray::from(vec![Some("{\"a\":\n[1.10]}"), Some("no json")]))),
            ("day", Arc::new(Date32Array::from(vec![Some(20_413), Some(-1)]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None]))),
            ("tz", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let mut shapes = vec![Shape::Plain; 9];
        (shapes[5], shapes[8]) = (Shape::Json, Shape::Utc);
        let mut lines = Vec::new();
        rows(&batch, &shapes, |line| lines.push(String::from_utf8(line.to_vec()).expect("UTF-8"))).expect("all known");
        assert_eq!(
            lines,
            [
                concat!(
                    r#"{"id":9007199254740993,"price":-0.50,"share":0.5,"ok":true,"note":"a\"b\n😀","tags":{"a": [1.10]},"#,
                    r#""day":"2025-11-21","at":"1970-01-01T00:00:01.5","tz":"1970-01-01T00:00:00Z"}"#
                ),
                concat!(
                    r#"{"id":2,"price":null,"share":null,"ok":null,"note":null,"tags":"no json","#,
                    r#""day":"1969-12-31","at":null,"tz":null}"#
                ),
            ]
        );
        for line in &lines {
            serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON");
        }
    }
}
