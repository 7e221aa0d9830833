//! What typed formats share: values that cannot be given, moments, and intervals.

use std::fmt::Write;

use crate::model::{Rule, Value};

/// Why a value cannot be given: the rule it breaks, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) rule: Rule,
    pub(super) message: String,
}

impl Unfit {
    pub(super) fn new(rule: Rule, message: impl Into<String>) -> Self {
        Unfit { rule, message: message.into() }
    }
}

/// A moment by its nanoseconds: in microseconds where those are whole.
pub(super) fn moment(nanos: i128) -> Result<Value<'static>, Unfit> {
    let outside = |_| Unfit::new(Rule::Range, format!("{nanos} ns since 1970 is outside what 64 bits hold"));
    if nanos % 1_000 == 0 {
        i64::try_from(nanos / 1_000).map(Value::Micros).map_err(outside)
    } else {
        i64::try_from(nanos).map(Value::Nanos).map_err(outside)
    }
}

/// An interval of calendar months, days and a rest, as ISO 8601 writes it.
pub(super) fn interval(months: i64, days: i64, nanos: i128) -> String {
    let (sign, nanos_left) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let (seconds, fraction) = (nanos_left / 1_000_000_000, nanos_left % 1_000_000_000);
    let mut text = String::from("P");
    // Writing to a String cannot fail.
    let _ = match (months, days) {
        (0, 0) => Ok(()),
        (0, days) => write!(text, "{days}D"),
        (months, 0) => write!(text, "{months}M"),
        (months, days) => write!(text, "{months}M{days}D"),
    };
    if nanos != 0 || text == "P" {
        let fraction = format!(".{fraction:09}");
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        let _ = write!(text, "T{sign}{seconds}{fraction}S");
    }
    text
}
