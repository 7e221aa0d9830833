//! Intervals, from ISO 8601 durations and the forms of SQL, staged as SQL's text of whole units.

use super::number::scaled;
use super::{Cell, Violation, quoted};
use crate::model::Rule;

const SECOND: i128 = 1_000_000;
const DAY: i128 = 86_400 * SECOND;

/// An INTERVAL YEAR TO MONTH: `P1Y2M`, `P14M`, or `1-2` as SQL writes it.
pub(super) fn months(text: &str) -> Result<Cell<'static>, Violation> {
    let (sign, unsigned) = signed(text);
    let months = match unsigned.strip_prefix('P') {
        Some(designated) => units(designated, &[('Y', 12), ('M', 1)], 0),
        None => unsigned.split_once('-').and_then(|(years, months)| {
            let (years, months) = (whole(years)?, whole(months)?);
            if months < 12 { Some(years * 12 + months) } else { None }
        }),
    };
    let months = months.ok_or_else(|| no_interval(text, "P1Y2M or 1-2"))?;
    match i32::try_from(sign * months) {
        Ok(months) => Ok(Cell::Text(format!("{months} months").into())),
        Err(_) => Err(too_long(text)),
    }
}

/// An INTERVAL DAY TO SECOND: `P1DT2H3M4.5S`, or `1 02:03:04.5` and `02:03:04` as SQL writes them.
pub(super) fn seconds(text: &str) -> Result<Cell<'static>, Violation> {
    let (sign, unsigned) = signed(text);
    let micros = match unsigned.strip_prefix('P') {
        Some(designated) => {
            let (days, rest) = designated.split_once('T').unwrap_or((designated, ""));
            let days = if days.is_empty() { Some(0) } else { units(days, &[('W', 7 * DAY), ('D', DAY)], 0) };
            let ends_in_t = designated.ends_with('T') || designated.is_empty();
            let hours = [('H', 3_600 * SECOND), ('M', 60 * SECOND), ('S', 1)];
            let rest = if rest.is_empty() { Some(0) } else { units(rest, &hours, 6) };
            days.zip(rest).filter(|_| !ends_in_t).map(|(days, rest)| days + rest)
        }
        None => sql_seconds(unsigned),
    };
    let micros = micros.ok_or_else(|| no_interval(text, "P1DT2H3M4.5S or 1 02:03:04.5"))?;
    if micros > i128::from(i64::MAX) {
        return Err(too_long(text));
    }
    let sign = if sign < 0 && micros != 0 { "-" } else { "" };
    let (days, rest) = (micros / DAY, micros % DAY);
    let (hours, minutes) = (rest / (3_600 * SECOND), rest / (60 * SECOND) % 60);
    let (seconds, fraction) = (rest / SECOND % 60, rest % SECOND);
    let text =
        format!("{sign}{days} days {sign}{hours} hours {sign}{minutes} minutes {sign}{seconds}.{fraction:06} seconds");
    Ok(Cell::Text(text.into()))
}

fn signed(text: &str) -> (i128, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    }
}

/// Numbers with their designators in the order of `known`, each at most once and at least one; the last may have a fraction of `scale`
/// digits, and its factor is that of its smallest fraction.
fn units(text: &str, known: &[(char, i128)], scale: u8) -> Option<i128> {
    let mut sum: i128 = 0;
    let mut rest = text;
    let mut known = known.iter();
    while !rest.is_empty() {
        let at = rest.find(|character: char| character.is_ascii_alphabetic())?;
        let designator = rest[at..].chars().next()?;
        let (_, factor) = known.find(|(name, _)| *name == designator)?;
        let number = if *factor == 1 && scale > 0 { fraction(&rest[..at], scale)? } else { whole(&rest[..at])? };
        sum = sum.checked_add(number.checked_mul(*factor)?)?;
        rest = &rest[at + 1..];
    }
    (!text.is_empty()).then_some(sum)
}

fn sql_seconds(text: &str) -> Option<i128> {
    let (days, clock) = match text.split_once(' ') {
        Some((days, clock)) => (whole(days)?, clock),
        None => (0, text),
    };
    let mut parts = clock.split(':');
    let (hours, minutes, seconds) = (whole(parts.next()?)?, whole(parts.next()?)?, fraction(parts.next()?, 6)?);
    if parts.next().is_some() || minutes > 59 || seconds >= 60 * SECOND {
        return None;
    }
    Some(days * DAY + hours * 3_600 * SECOND + minutes * 60 * SECOND + seconds)
}

/// A whole number of at most 15 digits: no sum of units can overflow.
fn whole(text: &str) -> Option<i128> {
    let valid = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { text.parse().ok() } else { None }
}

fn fraction(text: &str, scale: u8) -> Option<i128> {
    let valid = (1..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !valid {
        return None;
    }
    scaled(text, scale).ok()
}

fn no_interval(text: &str, form: &str) -> Violation {
    Violation::new(Rule::Type, format!("{} is no interval of the form {form}", quoted(text)))
}

fn too_long(text: &str) -> Violation {
    Violation::new(Rule::Range, format!("{} is longer than an interval can be", quoted(text)))
}
