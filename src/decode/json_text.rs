//! Typed values as JSON text: of what is nested in a record of a typed format, and of records in the quarantine.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::typed::Unfit;
use crate::model::{Rule, Value};

/// What is done with bytes that are no text, for which JSON has no word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotText {
    /// They are refused: a column would get something else than its source holds.
    Refused,
    /// They are written in base64, for people to read.
    Base64,
}

/// Writes `text` as a JSON string.
pub(super) fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes a scalar as JSON: numbers with all their digits, times in ISO 8601, `zoned` ones with their Z.
///
/// # Errors
/// Bytes that are no text where those are refused, and times outside the years -9999 to 9999.
pub(super) fn scalar(value: &Value<'_>, zoned: bool, not_text: NotText, out: &mut String) -> Result<(), Unfit> {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Null => write!(out, "null"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Number(digits) => write!(out, "{digits}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Float(value) => match serde_json::Number::from_f64(*value) {
            Some(number) => write!(out, "{number}"),
            None if value.is_nan() => write!(out, "\"NaN\""),
            None => write!(out, "\"{}Infinity\"", if *value < 0.0 { "-" } else { "" }),
        },
        Value::Decimal { units, scale } => write!(out, "{}", digits(*units, *scale)),
        Value::Text(text) => {
            string(text, out);
            Ok(())
        }
        Value::Json(text) => write!(out, "{text}"),
        Value::Date(days) => write!(out, "\"{}\"", date(*days)?),
        Value::TimeOfDay(micros) => write!(out, "\"{}\"", time_of_day(*micros)?),
        Value::Micros(micros) => {
            write!(out, "\"{}\"", moment(Timestamp::from_microsecond(*micros).map_err(outside)?, zoned))
        }
        Value::Nanos(nanos) => {
            let nanos = i128::from(*nanos);
            write!(out, "\"{}\"", moment(Timestamp::from_nanosecond(nanos).map_err(outside)?, zoned))
        }
        Value::Bytes(bytes) => match (std::str::from_utf8(bytes), not_text) {
            (Ok(text), _) => {
                string(text, out);
                Ok(())
            }
            (Err(_), NotText::Base64) => write!(out, "\"{}\"", STANDARD.encode(bytes)),
            (Err(_), NotText::Refused) => {
                return Err(Unfit::new(Rule::Encoding, "a nested value holds bytes that are no UTF-8 text"));
            }
        },
    };
    Ok(())
}

/// The digits of `units` × 10^-`scale`.
pub(super) fn digits(units: i128, scale: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let padded = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn date(days: i32) -> Result<Date, Unfit> {
    let span = Span::new().try_days(days).map_err(outside)?;
    Date::constant(1970, 1, 1).checked_add(span).map_err(outside)
}

fn time_of_day(micros: i64) -> Result<Time, Unfit> {
    Time::midnight().checked_add(SignedDuration::from_micros(micros)).map_err(outside)
}

fn moment(moment: Timestamp, zoned: bool) -> String {
    if zoned { moment.to_string() } else { moment.to_zoned(TimeZone::UTC).datetime().to_string() }
}

fn outside(_: jiff::Error) -> Unfit {
    Unfit::new(Rule::Range, "a nested time is outside the years that can be written")
}
