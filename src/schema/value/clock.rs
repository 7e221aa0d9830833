//! Times of day, staged as text in one form, whose order as text is theirs.

use jiff::civil::Time;
use jiff::fmt::strtime::{self, BrokenDownTime};

use super::time::TimeParse;
use super::{Cell, Violation, quoted};
use crate::model::Rule;
use crate::schema::ColumnType;

const DAY_MICROS: i64 = 86_400_000_000;

/// What is wrong with a strftime format for times of day; `None` if they can be read by it.
pub fn clock_format_problem(format: &str) -> Option<String> {
    let sample = match strtime::format(format, Time::midnight().on(1970, 1, 1)) {
        Ok(text) => text,
        Err(error) => return Some(error.to_string()),
    };
    match by_format(format, &sample) {
        Some(_) => None,
        None => Some(format!("{format:?} does not say a time of day")),
    }
}

/// A TIME, which has no offset.
pub(super) fn time(text: &str, parse: &TimeParse) -> Result<Cell<'static>, Violation> {
    let time = match parse {
        TimeParse::Formats(formats) => formats.iter().find_map(|format| by_format(format, text)),
        _ => digits(text).then(|| text.parse().ok()).flatten(),
    };
    let micros = micros(time.ok_or_else(|| not_a_time(text, parse))?, text)?;
    Ok(Cell::Text(format!("{}", Clock(micros)).into()))
}

/// A TIMETZ, as the time in UTC; a text without an offset is UTC.
pub(super) fn timetz(text: &str, parse: &TimeParse) -> Result<Cell<'static>, Violation> {
    if let TimeParse::Formats(_) = parse {
        return time(text, parse).map(|cell| match cell {
            Cell::Text(text) => Cell::Text(format!("{text}+00").into()),
            other => other,
        });
    }
    let at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, offset) = text.split_at(at);
    let refused = || not_a_time(text, parse);
    let seconds = offset_seconds(offset).ok_or_else(refused)?;
    let time: Time = digits(clock).then(|| clock.parse().ok()).flatten().ok_or_else(refused)?;
    of_day((micros(time, text)? - seconds * 1_000_000).rem_euclid(DAY_MICROS), ColumnType::TimeTz)
}

/// A time of day of a typed format.
pub(super) fn of_day(micros: i64, column_type: ColumnType) -> Result<Cell<'static>, Violation> {
    if !(0..DAY_MICROS).contains(&micros) {
        return Err(Violation::new(Rule::Range, format!("{micros} µs since midnight is no time of a day")));
    }
    let zone = if column_type == ColumnType::TimeTz { "+00" } else { "" };
    Ok(Cell::Text(format!("{}{zone}", Clock(micros)).into()))
}

/// Hours and minutes, and seconds with a fraction where there are any; jiff would take a date before them too.
fn digits(text: &str) -> bool {
    text.len() >= 5
        && text.as_bytes()[2] == b':'
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
}

fn offset_seconds(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first() {
        None | Some(b'Z' | b'z') => return (text.len() <= 1).then_some(0),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let digits = text.get(1..)?.replace(':', "");
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn by_format(format: &str, text: &str) -> Option<Time> {
    BrokenDownTime::parse(format, text).ok()?.to_time().ok()
}

fn micros(time: Time, text: &str) -> Result<i64, Violation> {
    let nanos = time.duration_since(Time::midnight()).as_nanos();
    if nanos % 1_000 != 0 {
        let message = format!("{} is finer than the microseconds that a time keeps", quoted(text));
        return Err(Violation::new(Rule::Range, message));
    }
    Ok(i64::try_from(nanos / 1_000).unwrap_or(0))
}

fn not_a_time(text: &str, parse: &TimeParse) -> Violation {
    let form = match parse {
        TimeParse::Formats(formats) => formats.join(" or "),
        _ => "HH:MM:SS".to_owned(),
    };
    Violation::new(Rule::Type, format!("{} is no time of day of the form {form}", quoted(text)))
}

/// Microseconds since midnight as `HH:MM:SS.ffffff`.
struct Clock(i64);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0 / 1_000_000;
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}.{:06}", seconds % 60, self.0 % 1_000_000)
    }
}
