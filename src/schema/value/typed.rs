//! Values of formats that have types of their own, as values of a column type: exactly, or not at all.

use std::borrow::Cow;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::time::TimeParse;
use super::{Cell, Reading, Violation, binary, clock, fit_text, number, scalar};
use crate::model::{Rule, Value};
use crate::schema::ColumnType;

/// A typed `value` as a value of `column_type`; whole numbers are read as times as `parse` says.
pub(super) fn coerce<'a>(
    value: Value<'a>,
    column_type: ColumnType,
    parse: &TimeParse,
    reading: &Reading,
) -> Result<Cell<'a>, Violation> {
    match (value, column_type) {
        (Value::Float(value), ColumnType::Double) if value.is_finite() => Ok(Cell::Float(value)),
        (Value::Float(value), ColumnType::Real | ColumnType::Double) if !value.is_finite() && reading.non_finite => {
            Ok(Cell::Float(value))
        }
        (Value::Date(days), ColumnType::Date) => Ok(Cell::Date(days)),
        (Value::Date(days), ColumnType::Timestamp | ColumnType::TimestampTz) => {
            Ok(Cell::Micros(i64::from(days) * 86_400_000_000))
        }
        (Value::Micros(micros), ColumnType::Timestamp | ColumnType::TimestampTz) => Ok(Cell::Micros(micros)),
        (Value::TimeOfDay(micros), ColumnType::Time | ColumnType::TimeTz) => clock::of_day(micros, column_type),
        (Value::Bytes(bytes), ColumnType::Varbyte(length)) => binary::of_bytes(&bytes, length),
        (Value::Nanos(nanos), _) if nanos % 1_000 == 0 => {
            coerce(Value::Micros(nanos / 1_000), column_type, parse, reading)
        }
        (Value::Nanos(nanos), _) => Err(Violation::new(
            Rule::Range,
            format!("{nanos} ns since 1970 is finer than the microseconds that a timestamp keeps"),
        )),
        (Value::Bytes(bytes), _) => match String::from_utf8(bytes.into_owned()) {
            Ok(text) => super::coerce_as(Value::Text(Cow::Owned(text)), column_type, parse, reading),
            Err(_) => Err(Violation::new(Rule::Encoding, "the bytes are no UTF-8 text")),
        },
        (value, ColumnType::Char(_) | ColumnType::Varchar(_)) => fit_text(Cow::Owned(text(&value)?), column_type),
        (value, ColumnType::Super) => match value {
            Value::Int(_) | Value::Decimal { .. } => Ok(Cell::Text(Cow::Owned(text(&value)?))),
            Value::Float(float) if float.is_finite() => Ok(Cell::Text(Cow::Owned(text(&value)?))),
            value => super::coerce_as(Value::Text(Cow::Owned(text(&value)?)), column_type, parse, reading),
        },
        (Value::Date(_) | Value::Micros(_) | Value::TimeOfDay(_), _) => {
            Err(Violation::new(Rule::Type, format!("a time is no {column_type}")))
        }
        (value, _) => scalar(&text(&value)?, column_type, parse, reading),
    }
}

/// The value as text: digits for numbers, ISO 8601 for times.
fn text(value: &Value<'_>) -> Result<String, Violation> {
    let outside = || Violation::new(Rule::Range, "the time is outside the years that can be written");
    Ok(match value {
        Value::Int(value) => value.to_string(),
        // The shortest digits that read back as the same number.
        Value::Float(value) => value.to_string(),
        Value::Decimal { units, scale } => number::unscaled(*units, *scale),
        Value::Date(days) => {
            let day = Date::constant(1970, 1, 1).checked_add(i64::from(*days).days()).map_err(|_| outside())?;
            day.to_string()
        }
        Value::TimeOfDay(micros) => {
            let time = Time::midnight().checked_add(SignedDuration::from_micros(*micros)).map_err(|_| outside())?;
            time.to_string()
        }
        Value::Micros(micros) => {
            let moment = Timestamp::from_microsecond(*micros).map_err(|_| outside())?;
            moment.to_string()
        }
        other => return Err(Violation::new(Rule::Type, format!("a value of type {} is no text", other.type_name()))),
    })
}
