//! A field's value as its format wrote it, before any typing.

use std::borrow::Cow;

/// A value between decoding and normalisation.
///
/// Formats of text give texts, and numbers by their digits, so nothing is lost on the way; formats with types of their own
/// give those. Nested values are JSON text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// An explicit null.
    Null,
    /// True or false.
    Bool(bool),
    /// A number by its digits, as written; it may be one that JSON has no word for, such as `NaN`, where its format allows that.
    Number(&'a str),
    /// A text, its escapes resolved.
    Text(Cow<'a, str>),
    /// An array or object, as JSON text.
    Json(Cow<'a, str>),
    /// A whole number of a typed format.
    Int(i64),
    /// A binary floating-point number of a typed format.
    Float(f64),
    /// An exact number: `units` × 10^-`scale`.
    Decimal {
        /// The digits as an integer.
        units: i128,
        /// The digits behind the point.
        scale: u8,
    },
    /// A calendar day, in days since 1970-01-01.
    Date(i32),
    /// A time of day in microseconds since midnight.
    TimeOfDay(i64),
    /// A moment in microseconds since 1970 UTC, or a local time counted as if it were UTC.
    Micros(i64),
    /// A moment in nanoseconds since 1970 UTC, of formats that are finer than Redshift.
    Nanos(i64),
    /// Bytes that are no text.
    Bytes(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The name of the value's type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) | Value::Int(_) | Value::Float(_) | Value::Decimal { .. } => "number",
            Value::Text(_) => "text",
            Value::Json(text) if text.starts_with('[') => "array",
            Value::Json(_) => "object",
            Value::Date(_) => "date",
            Value::TimeOfDay(_) => "time",
            Value::Micros(_) | Value::Nanos(_) => "timestamp",
            Value::Bytes(_) => "binary",
        }
    }
}

/// A field of a record that no column takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra<'a> {
    /// The field's name.
    pub name: Cow<'a, str>,
    /// What it holds.
    pub value: Value<'a>,
}

/// Where a record is in its object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The record's number, from 1, in the order of the object; a record that cannot be decoded counts.
    pub record: u64,
    /// The line on which the record begins, from 1, in formats of text.
    pub line: Option<u64>,
    /// Where the record begins in the decompressed object, in bytes, in formats where that is known.
    pub offset: Option<u64>,
}
