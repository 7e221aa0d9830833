//! Texts, numbers and booleans as values of a column type: exactly, or not at all.
//!
//! Decimals never pass through a float, times are microseconds, lengths are bytes, and what a column cannot hold as it is
//! is a [`Violation`] with its rule. Nothing is rounded, cut or guessed.

mod binary;
mod clock;
mod interval;
mod json;
mod number;
mod read;
mod time;
mod typed;

use std::borrow::Cow;
use std::cmp::Ordering;

use super::ColumnType;
use crate::model::{Rule, Value};

pub use clock::clock_format_problem;
pub use read::{BinaryText, Reading};
pub use time::{TimeParse, format_problem};

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// SMALLINT, INTEGER, BIGINT.
    Int(i64),
    /// DECIMAL, as an integer of units of its scale.
    Decimal(i128),
    /// REAL, DOUBLE PRECISION.
    Float(f64),
    /// BOOLEAN.
    Bool(bool),
    /// CHAR, VARCHAR, SUPER as JSON text, and the types that are staged as text, in the one form in which they are.
    Text(Cow<'a, str>),
    /// DATE, in days since 1970.
    Date(i32),
    /// TIMESTAMP and TIMESTAMPTZ, in microseconds since 1970, UTC.
    Micros(i64),
}

impl Cell<'_> {
    /// The order of two values of one column; `None` where either is null or they are of different kinds.
    pub fn order(&self, other: &Cell<'_>) -> Option<Ordering> {
        match (self, other) {
            (Cell::Int(left), Cell::Int(right)) => Some(left.cmp(right)),
            (Cell::Decimal(left), Cell::Decimal(right)) => Some(left.cmp(right)),
            (Cell::Float(left), Cell::Float(right)) => left.partial_cmp(right),
            (Cell::Bool(left), Cell::Bool(right)) => Some(left.cmp(right)),
            (Cell::Text(left), Cell::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
            (Cell::Date(left), Cell::Date(right)) => Some(left.cmp(right)),
            (Cell::Micros(left), Cell::Micros(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }

    /// The value with no borrow of its source.
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Cell::Null => Cell::Null,
            Cell::Int(value) => Cell::Int(value),
            Cell::Decimal(value) => Cell::Decimal(value),
            Cell::Float(value) => Cell::Float(value),
            Cell::Bool(value) => Cell::Bool(value),
            Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Cell::Date(days) => Cell::Date(days),
            Cell::Micros(micros) => Cell::Micros(micros),
        }
    }
}

/// Why a value does not fit its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What was found and what was expected, without the column's name.
    pub message: String,
}

impl Violation {
    /// A violation of `rule`.
    pub fn new(rule: Rule, message: impl Into<String>) -> Self {
        Violation { rule, message: message.into() }
    }
}

/// `value` as a value of `column_type`, times read as `parse` says.
///
/// # Errors
/// The rule that keeps the value out of the column.
pub fn coerce<'a>(value: Value<'a>, column_type: ColumnType, parse: &TimeParse) -> Result<Cell<'a>, Violation> {
    coerce_as(value, column_type, parse, Reading::DEFAULT)
}

/// `value` as a value of `column_type`, times read as `parse` says and all as `reading` says.
///
/// # Errors
/// The rule that keeps the value out of the column.
pub fn coerce_as<'a>(
    value: Value<'a>,
    column_type: ColumnType,
    parse: &TimeParse,
    reading: &Reading,
) -> Result<Cell<'a>, Violation> {
    if reading.strict {
        read::strictly(&value, column_type, parse)?;
    }
    match (value, column_type) {
        (Value::Null, _) => Ok(Cell::Null),
        (
            value @ (Value::Int(_)
            | Value::Float(_)
            | Value::Decimal { .. }
            | Value::Date(_)
            | Value::TimeOfDay(_)
            | Value::Micros(_)
            | Value::Nanos(_)
            | Value::Bytes(_)),
            column_type,
        ) => typed::coerce(value, column_type, parse, reading),
        (value, ColumnType::Super) => json::text(value).map(Cell::Text),
        (Value::Json(text), _) => {
            let kind = Value::Json(text).type_name();
            Err(Violation::new(Rule::Type, format!("an {kind} is no {column_type}; use a super column to keep it")))
        }
        (Value::Text(text), ColumnType::Char(_) | ColumnType::Varchar(_)) => fit_text(text, column_type),
        (Value::Number(digits), ColumnType::Char(_) | ColumnType::Varchar(_)) => {
            fit_text(Cow::Borrowed(digits), column_type)
        }
        (Value::Bool(value), ColumnType::Char(_) | ColumnType::Varchar(_)) => {
            fit_text(Cow::Borrowed(if value { "true" } else { "false" }), column_type)
        }
        (Value::Bool(value), ColumnType::Boolean) => Ok(Cell::Bool(value)),
        (Value::Bool(value), _) => Err(Violation::new(Rule::Type, format!("the boolean {value} is no {column_type}"))),
        (Value::Number(digits), _) => scalar(digits, column_type, parse, reading),
        (Value::Text(text), _) => scalar(text.trim(), column_type, parse, reading),
    }
}

/// The text or digits of a value that is neither text nor SUPER.
fn scalar(
    text: &str,
    column_type: ColumnType,
    parse: &TimeParse,
    reading: &Reading,
) -> Result<Cell<'static>, Violation> {
    let zone = reading.time_zone.as_ref();
    match column_type {
        ColumnType::SmallInt => number::integer(text, i16::MIN.into(), i16::MAX.into(), column_type),
        ColumnType::Integer => number::integer(text, i32::MIN.into(), i32::MAX.into(), column_type),
        ColumnType::BigInt => number::integer(text, i64::MIN, i64::MAX, column_type),
        ColumnType::Decimal { precision, scale } => number::decimal(text, precision, scale),
        ColumnType::Real => number::float(text, f64::from(f32::MAX), column_type, reading.non_finite),
        ColumnType::Double => number::float(text, f64::MAX, column_type, reading.non_finite),
        ColumnType::Boolean => boolean(text),
        ColumnType::Date => time::date(text, parse, zone),
        ColumnType::Timestamp | ColumnType::TimestampTz => time::timestamp(text, parse, zone),
        ColumnType::Time => clock::time(text, parse),
        ColumnType::TimeTz => clock::timetz(text, parse),
        ColumnType::Varbyte(length) => binary::of_text(text, length, reading.binary),
        ColumnType::IntervalMonths => interval::months(text),
        ColumnType::IntervalSeconds => interval::seconds(text),
        ColumnType::Char(_) | ColumnType::Varchar(_) | ColumnType::Super => {
            fit_text(Cow::Owned(text.to_owned()), column_type)
        }
    }
}

/// A text that a CHAR or VARCHAR column can hold, by bytes.
fn fit_text(text: Cow<'_, str>, column_type: ColumnType) -> Result<Cell<'_>, Violation> {
    let most = match column_type {
        ColumnType::Char(length) => {
            if !text.is_ascii() {
                return Err(Violation::new(Rule::Character, format!("{column_type} holds ASCII only; use varchar")));
            }
            length
        }
        ColumnType::Varchar(length) => length,
        _ => u16::MAX,
    };
    if text.len() > usize::from(most) {
        return Err(Violation::new(Rule::Length, format!("{} bytes do not fit {column_type}", text.len())));
    }
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(Violation::new(Rule::Character, "the text holds a NUL, which Redshift cannot store"));
    }
    Ok(Cell::Text(text))
}

fn boolean(text: &str) -> Result<Cell<'static>, Violation> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Ok(Cell::Bool(true)),
        "false" | "f" | "no" | "n" | "0" => Ok(Cell::Bool(false)),
        _ => Err(Violation::new(Rule::Type, format!("{} is no boolean", quoted(text)))),
    }
}

/// A text for a message: escaped, and cut where it is long.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests;
