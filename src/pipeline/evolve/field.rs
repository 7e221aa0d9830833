//! A field that becomes a column: its name, its type, and what the registry says of it. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Value;
use crate::schema::ColumnType;

/// The least length of a column of texts, in bytes.
const LEAST_VARCHAR: usize = 256;

/// How often longer than the first value a column is, at least.
const SPARE: usize = 4;

/// Names of Redshift's own columns, which no table may have, and those that an scd2 fills where nothing else is said.
const RESERVED: [&str; 11] = [
    "cmax",
    "cmin",
    "ctid",
    "deletexid",
    "effective_from",
    "effective_to",
    "insertxid",
    "is_current",
    "oid",
    "xmax",
    "xmin",
];

/// A field that was met for the first time, and the column that it could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct NewField {
    /// The field's name.
    pub(in crate::pipeline) field: String,
    /// The column's name.
    pub(in crate::pipeline) column: String,
    /// The column's type, by the first value.
    pub(in crate::pipeline) column_type: ColumnType,
}

/// What all processes have agreed on about a field: the content of its object in the registry, which never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agreed {
    /// The version of this form: 1.
    pub(super) version: u32,
    /// The field's name.
    pub(super) field: String,
    /// The column's name.
    pub(super) column: String,
    /// The column's type, as the configuration writes it.
    #[serde(rename = "type")]
    pub(super) sql_type: String,
    /// The object that brought the field first.
    pub(super) object: String,
    /// When it was agreed on.
    pub(super) at: Timestamp,
}

impl Agreed {
    /// The version of the form that this build writes and reads.
    pub(super) const VERSION: u32 = 1;

    /// What `bytes` say of a column; what is wrong with them if they say nothing.
    pub(super) fn read(bytes: &[u8], column: &str) -> Result<(Agreed, ColumnType), String> {
        let agreed: Agreed = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if agreed.version != Self::VERSION {
            return Err(format!("it is of version {}, and this build reads {}", agreed.version, Self::VERSION));
        }
        if agreed.column != column {
            return Err(format!("it speaks of the column {:?}", agreed.column));
        }
        let column_type = agreed.sql_type.parse()?;
        Ok((agreed, column_type))
    }
}

/// The column's name of a field: lower case, everything but ASCII letters and digits as `_`; none of a name without letters and
/// digits, of one that is too long, and of one that is taken by Redshift or by us.
pub(in crate::pipeline) fn column_name(field: &str) -> Option<String> {
    let inside = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '_' };
    let mut name: String = field.chars().map(inside).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    let says_something = name.bytes().any(|byte| byte != b'_');
    let free = !RESERVED.contains(&name.as_str()) && !name.starts_with("_tidegate_");
    (says_something && free && name.len() <= 127).then_some(name)
}

/// The type of a column that takes the value, with room for others like it; none where the value says nothing of a type.
///
/// Times in texts stay texts: that the first one looks like a date says nothing of the next.
pub(in crate::pipeline) fn column_type(value: &Value<'_>) -> Option<ColumnType> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => ColumnType::Boolean,
        Value::Int(_) => ColumnType::BigInt,
        Value::Number(digits) => number(digits)?,
        Value::Float(value) => return value.is_finite().then_some(ColumnType::Double),
        Value::Decimal { scale, .. } if *scale <= 37 => ColumnType::Decimal { precision: 38, scale: *scale },
        Value::Decimal { .. } => return None,
        Value::Text(text) => varchar(text.len()),
        Value::Json(_) => ColumnType::Super,
        Value::Date(_) => ColumnType::Date,
        Value::TimeOfDay(_) => ColumnType::Time,
        Value::Micros(_) | Value::Nanos(_) => ColumnType::Timestamp,
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => varchar(text.len()),
            Err(_) => ColumnType::Varbyte(roomy(bytes.len(), ColumnType::VARBYTE_BYTES) as u32),
        },
    })
}

/// A whole number that 64 bits hold is a BIGINT, a longer one keeps its digits as text; all else is a float, if it is a number at all.
fn number(digits: &str) -> Option<ColumnType> {
    if digits.parse::<i64>().is_ok() {
        return Some(ColumnType::BigInt);
    }
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(varchar(digits.len()));
    }
    digits.parse::<f64>().ok().filter(|value| value.is_finite()).map(|_| ColumnType::Double)
}

fn varchar(bytes: usize) -> ColumnType {
    ColumnType::Varchar(roomy(bytes, usize::from(u16::MAX)) as u16)
}

/// The next power of two from four times as much on, from the least to `most`.
fn roomy(bytes: usize, most: usize) -> usize {
    bytes.saturating_mul(SPARE).max(LEAST_VARCHAR).checked_next_power_of_two().unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_name_is_a_safe_one_in_lower_case_or_none() {
        for (field, expected) in [
            ("color", Some("color")),
            ("userId", Some("userid")),
            ("user-id", Some("user_id")),
            ("user id", Some("user_id")),
            ("a\"; DROP TABLE b; --", Some("a___drop_table_b____")),
            ("Größe", Some("gr__e")),
            ("2nd", Some("_2nd")),
            ("_x", Some("_x")),
            ("", None),
            ("---", None),
            ("日本", None),
            ("ctid", None),
            ("OID", None),
            ("is_current", None),
            ("_tidegate_row", None),
        ] {
            assert_eq!(column_name(field).as_deref(), expected, "{field}");
        }
        assert_eq!(column_name(&"n".repeat(127)), Some("n".repeat(127)));
        assert_eq!(column_name(&"n".repeat(128)), None);
    }

    #[test]
    fn a_type_has_room_for_more_than_the_first_value() {
        let text = |bytes: usize| Value::Text("x".repeat(bytes).into());
        for (value, expected) in [
            (Value::Null, None),
            (Value::Bool(false), Some("boolean")),
            (Value::Number("-5"), Some("bigint")),
            (Value::Number("9223372036854775807"), Some("bigint")),
            (Value::Number("9223372036854775808"), Some("varchar(256)")),
            (Value::Number("5.0"), Some("double precision")),
            (Value::Number("1e3"), Some("double precision")),
            (Value::Number("1e999"), None),
            (Value::Number("NaN"), None),
            (Value::Float(f64::INFINITY), None),
            (Value::Decimal { units: 5, scale: 2 }, Some("decimal(38,2)")),
            (text(0), Some("varchar(256)")),
            (text(64), Some("varchar(256)")),
            (text(65), Some("varchar(512)")),
            (text(8_192), Some("varchar(32768)")),
            (text(16_384), Some("varchar(65535)")),
            (text(1 << 20), Some("varchar(65535)")),
            (Value::Text("2026-11-25".into()), Some("varchar(256)")),
            (Value::Json("[1]".into()), Some("super")),
            (Value::Date(1), Some("date")),
            (Value::Micros(1), Some("timestamp")),
            (Value::Bytes(b"text"[..].into()), Some("varchar(256)")),
            (Value::Bytes(b"\xff"[..].into()), Some("varbyte(256)")),
        ] {
            let found = column_type(&value).map(|column_type| column_type.to_string());
            assert_eq!(found.as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn an_object_of_the_registry_that_says_something_else_is_told() {
        let agreed = Agreed {
            version: Agreed::VERSION,
            field: "Color".into(),
            column: "color".into(),
            sql_type: "varchar(256)".into(),
            object: "s3://landing/a".into(),
            at: Timestamp::UNIX_EPOCH,
        };
        let bytes = serde_json::to_vec(&agreed).expect("plain");
        assert_eq!(Agreed::read(&bytes, "color"), Ok((agreed.clone(), ColumnType::Varchar(256))));
        assert!(Agreed::read(&bytes, "colour").is_err());
        assert!(Agreed::read(b"{", "color").is_err());
        let later = serde_json::to_vec(&Agreed { version: 2, ..agreed.clone() }).expect("plain");
        assert!(Agreed::read(&later, "color").is_err());
        let untyped = serde_json::to_vec(&Agreed { sql_type: "text(1".into(), ..agreed }).expect("plain");
        assert!(Agreed::read(&untyped, "color").is_err());
    }
}
