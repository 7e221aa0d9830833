//! How values are read, beyond what the column's type says.

use jiff::tz::TimeZone;

use super::{TimeParse, Violation};
use crate::model::{Rule, Value};
use crate::schema::ColumnType;

/// How values are read, beyond the column's type and the form of its times.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Where local times are local: those of texts without an offset. Without it they are UTC.
    pub time_zone: Option<TimeZone>,
    /// Whether a value must be of the kind that its column holds: no numbers from texts, no texts from numbers.
    pub strict: bool,
    /// Whether REAL and DOUBLE PRECISION take NaN and the infinities.
    pub non_finite: bool,
    /// How texts are read as bytes.
    pub binary: BinaryText,
}

/// How a text says bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryText {
    /// Two hexadecimal digits for each byte; the default.
    Hex,
    /// Base64 by its standard alphabet, padded or not.
    Base64,
}

impl Reading {
    /// As nothing else is said: UTC, coerced, finite.
    pub const DEFAULT: &'static Reading =
        &Reading { time_zone: None, strict: false, non_finite: false, binary: BinaryText::Hex };
}

impl Default for Reading {
    fn default() -> Self {
        Reading::DEFAULT.clone()
    }
}

/// Refuses a value that is not of the kind that its column holds.
///
/// JSON has no times and no bytes, so texts are of their kind; and numbers where times are epoch numbers. SUPER takes anything.
pub(super) fn strictly(value: &Value<'_>, column_type: ColumnType, parse: &TimeParse) -> Result<(), Violation> {
    let epoch = matches!(parse, TimeParse::EpochSeconds | TimeParse::EpochMillis | TimeParse::EpochMicros);
    let same = match value {
        Value::Text(_) if column_type.is_time() => !epoch,
        Value::Text(_) => column_type != ColumnType::Boolean && !column_type.is_number(),
        Value::Number(_) | Value::Int(_) | Value::Float(_) | Value::Decimal { .. } => {
            column_type.is_number() || column_type == ColumnType::Super || (column_type.is_time() && epoch)
        }
        Value::Bool(_) => matches!(column_type, ColumnType::Boolean | ColumnType::Super),
        Value::Date(_) | Value::TimeOfDay(_) | Value::Micros(_) | Value::Nanos(_) => !column_type.is_text(),
        Value::Null | Value::Json(_) | Value::Bytes(_) => true,
    };
    if same {
        return Ok(());
    }
    let message = format!("a value of type {} is no {column_type}, and the column is strict", value.type_name());
    Err(Violation::new(Rule::Type, message))
}
