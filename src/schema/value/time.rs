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
    /// ISO 8601, with `T` or a blank between day and time; without an offset it is of the column's time zone, or else UTC.
    #[default]
    Iso,
    /// Seconds since 1970, whole or with a fraction.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Microseconds since 1970.
    EpochMicros,
    /// The first that fits of these strftime formats; without an offset it is of the column's time zone, or else UTC.
    Formats(Vec<String>),
}

/// What a text says: a moment, or a day and time somewhere.
enum When {
    Moment(Timestamp),
    Local(DateTime),
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

/// The day that the text says; of a moment, the day that it is in `zone`, or else in UTC.
pub(super) fn date(text: &str, parse: &TimeParse, zone: Option<&TimeZone>) -> Result<Cell<'static>, Violation> {
    let day = match parse {
        TimeParse::Iso if looks_like_date(text) => text.parse::<Date>().map_err(|_| not_a_time(text, "date"))?,
        TimeParse::Iso => return Err(not_a_time(text, "date")),
        _ => match when(text, parse)? {
            When::Moment(moment) => moment.to_zoned(zone.cloned().unwrap_or(TimeZone::UTC)).date(),
            When::Local(time) => time.date(),
        },
    };
    let days = Date::constant(1970, 1, 1).until(day).map_err(|_| not_a_time(text, "date"))?.get_days();
    Ok(Cell::Date(days))
}

pub(super) fn timestamp(text: &str, parse: &TimeParse, zone: Option<&TimeZone>) -> Result<Cell<'static>, Violation> {
    let moment = match when(text, parse)? {
        When::Moment(moment) => moment,
        When::Local(time) => local_moment(text, time, zone)?,
    };
    if moment.subsec_nanosecond() % 1_000 != 0 {
        let message = format!("{} is finer than the microseconds that a timestamp keeps", quoted(text));
        return Err(Violation::new(Rule::Range, message));
    }
    Ok(Cell::Micros(moment.as_microsecond()))
}

/// The moment of a local time; one that clocks showed twice, or never, is refused: nothing tells which was meant.
fn local_moment(text: &str, time: DateTime, zone: Option<&TimeZone>) -> Result<Timestamp, Violation> {
    let Some(zone) = zone else { return utc(time).ok_or_else(|| not_a_time(text, "time")) };
    zone.to_ambiguous_timestamp(time).unambiguous().map_err(|_| {
        let name = zone.iana_name().unwrap_or("the column's time zone");
        let message = format!(
            "{} is a time that clocks in {name} showed twice or never; only an offset could tell which",
            quoted(text)
        );
        Violation::new(Rule::Range, message)
    })
}

fn when(text: &str, parse: &TimeParse) -> Result<When, Violation> {
    match parse {
        TimeParse::Iso => iso(text).ok_or_else(|| not_a_time(text, "ISO 8601 time")),
        TimeParse::EpochSeconds => epoch(text, 6).map(When::Moment),
        TimeParse::EpochMillis => epoch(text, 3).map(When::Moment),
        TimeParse::EpochMicros => epoch(text, 0).map(When::Moment),
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

fn iso(text: &str) -> Option<When> {
    // `YYYY-MM-DD` is 10 bytes: whatever of `Z`, `+` or `-` comes behind them is an offset.
    let time = text.get(10..).unwrap_or("");
    if text.len() < 10 || !looks_like_date(text.get(..10)?) {
        return None;
    }
    if time.contains(['Z', 'z', '+', '-']) {
        return text.parse().ok().map(When::Moment);
    }
    text.parse().ok().map(When::Local)
}

fn by_format(format: &str, text: &str) -> Option<When> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    if parsed.offset().is_some() || parsed.timestamp().is_some() {
        return parsed.to_timestamp().ok().map(When::Moment);
    }
    match parsed.to_datetime() {
        Ok(time) => Some(When::Local(time)),
        Err(_) => Some(When::Local(parsed.to_date().ok()?.to_datetime(jiff::civil::Time::midnight()))),
    }
}

fn utc(time: DateTime) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn not_a_time(text: &str, expected: &str) -> Violation {
    Violation::new(Rule::Type, format!("{} is no {expected}", quoted(text)))
}
