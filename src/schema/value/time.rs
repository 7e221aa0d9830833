//! Dates and times from texts and epoch numbers, in days and microseconds.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use super::number::{ScaleError, scaled};
use super::{Cell, Violation, quoted};
use crate::model::Rule;

/// How texts and numbers are read as times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TimeParse {
    /// ISO 8601, with `T` or a blank between day and time; without an offset it is UTC.
    #[default]
    Iso,
    /// Seconds since 1970, whole or with a fraction.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Microseconds since 1970.
    EpochMicros,
    /// The first that fits of these strftime formats; without an offset it is UTC.
    Formats(Vec<String>),
}

/// What is wrong with a strftime format; `None` if times can be read by it.
pub fn format_problem(format: &str) -> Option<String> {
    let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    let text = match strtime::format(format, &sample) {
        Ok(text) => text,
        Err(error) => return Some(error.to_string()),
    };
    match by_format(format, &text) {
        Some(_) => None,
        None => Some(format!("{format:?} does not say a whole date")),
    }
}

pub(super) fn date(text: &str, parse: &TimeParse) -> Result<Cell<'static>, Violation> {
    let day = match parse {
        TimeParse::Iso if looks_like_date(text) => text.parse::<Date>().map_err(|_| not_a_time(text, "date"))?,
        TimeParse::Iso => return Err(not_a_time(text, "date")),
        TimeParse::Formats(_) => moment(text, parse)?.to_zoned(TimeZone::UTC).date(),
        TimeParse::EpochSeconds | TimeParse::EpochMillis | TimeParse::EpochMicros => {
            moment(text, parse)?.to_zoned(TimeZone::UTC).date()
        }
    };
    let days = Date::constant(1970, 1, 1).until(day).map_err(|_| not_a_time(text, "date"))?.get_days();
    Ok(Cell::Date(days))
}

pub(super) fn timestamp(text: &str, parse: &TimeParse) -> Result<Cell<'static>, Violation> {
    let moment = moment(text, parse)?;
    if moment.subsec_nanosecond() % 1_000 != 0 {
        let message = format!("{} is finer than the microseconds that a timestamp keeps", quoted(text));
        return Err(Violation::new(Rule::Range, message));
    }
    Ok(Cell::Micros(moment.as_microsecond()))
}

fn moment(text: &str, parse: &TimeParse) -> Result<Timestamp, Violation> {
    match parse {
        TimeParse::Iso => iso(text).ok_or_else(|| not_a_time(text, "ISO 8601 time")),
        TimeParse::EpochSeconds => epoch(text, 6),
        TimeParse::EpochMillis => epoch(text, 3),
        TimeParse::EpochMicros => epoch(text, 0),
        TimeParse::Formats(formats) => formats.iter().find_map(|format| by_format(format, text)).ok_or_else(|| {
            Violation::new(Rule::Type, format!("{} is no time of the form {}", quoted(text), formats.join(" or ")))
        }),
    }
}

/// `scale` is the number of digits from the unit of the text to microseconds.
fn epoch(text: &str, scale: u8) -> Result<Timestamp, Violation> {
    match scaled(text, scale) {
        Ok(micros) => {
            i64::try_from(micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok()).ok_or_else(|| {
                Violation::new(Rule::Range, format!("{} is outside the years that a timestamp holds", quoted(text)))
            })
        }
        Err(ScaleError::Inexact) => Err(Violation::new(
            Rule::Range,
            format!("{} is finer than the microseconds that a timestamp keeps", quoted(text)),
        )),
        Err(ScaleError::TooLarge) => {
            Err(Violation::new(Rule::Range, format!("{} is outside the years that a timestamp holds", quoted(text))))
        }
        Err(ScaleError::NotANumber) => Err(not_a_time(text, "epoch number")),
    }
}

fn looks_like_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn iso(text: &str) -> Option<Timestamp> {
    // `YYYY-MM-DD` is 10 bytes: whatever of `Z`, `+` or `-` comes behind them is an offset.
    let time = text.get(10..).unwrap_or("");
    if text.len() < 10 || !looks_like_date(text.get(..10)?) {
        return None;
    }
    if time.contains(['Z', 'z', '+', '-']) {
        return text.parse().ok();
    }
    utc(text.parse().ok()?)
}

fn by_format(format: &str, text: &str) -> Option<Timestamp> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    if parsed.offset().is_some() || parsed.timestamp().is_some() {
        return parsed.to_timestamp().ok();
    }
    match parsed.to_datetime() {
        Ok(time) => utc(time),
        Err(_) => utc(parsed.to_date().ok()?.to_datetime(jiff::civil::Time::midnight())),
    }
}

fn utc(time: DateTime) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn not_a_time(text: &str, expected: &str) -> Violation {
    Violation::new(Rule::Type, format!("{} is no {expected}", quoted(text)))
}
