//! The common forms of values, read without detours.
//!
//! Each function takes only what it is sure of; for all else it gives `None`, and the exact way of [`coerce`](crate::schema::value::coerce) decides.
//! What they take, they read as the exact way does; tests hold the two against each other.

use crate::schema::ColumnType;
use crate::schema::value::Cell;

/// The whole number that `digits` are, of at most 18 digits.
#[inline(always)]
pub(super) fn integer(digits: &[u8]) -> Option<i64> {
    let (negative, digits) = match digits {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// The number in units of 10^-`scale`, of at most 18 digits in all; `None` too if it has more digits behind the point than the scale.
#[inline(always)]
pub(super) fn decimal(digits: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = match digits {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 || scale > 18 {
        return None;
    }
    let mut units = 0_i64;
    let mut places = None;
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            units = units * 10 + i64::from(digit);
        } else if *byte == b'.' && places.is_none() && at > 0 && at + 1 < digits.len() {
            places = Some(digits.len() - at - 1);
        } else {
            return None;
        }
    }
    let missing = usize::from(scale).checked_sub(places.unwrap_or(0))?;
    let units = i128::from(units) * i128::from(TENS[missing]);
    // What has no more than 18 digits fits 19 and more.
    let fits = TENS.get(usize::from(precision)).is_none_or(|most| units < i128::from(*most));
    fits.then_some(if negative { -units } else { units })
}

/// The powers of ten that an i64 holds.
const TENS: [i64; 19] = {
    let mut tens = [1; 19];
    let mut at = 1;
    while at < 19 {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};

/// The day of `YYYY-MM-DD`, in days since 1970.
#[inline(always)]
pub(super) fn date(text: &[u8]) -> Option<i32> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.first_chunk::<10>()? else { return None };
    if text.len() != 10 {
        return None;
    }
    let year = i32::from(two_digits(y1, y2)?) * 100 + i32::from(two_digits(y3, y4)?);
    let (month, day) = (two_digits(m1, m2)?, two_digits(d1, d2)?);
    // Days that every month has; the last ones of a month are the exact way's.
    if year == 0 || !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return last_days(year, month, day);
    }
    Some(days_since_1970(year, month, day))
}

fn last_days(year: i32, month: u8, day: u8) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (year > 0 && (1..=length).contains(&day)).then(|| days_since_1970(year, month, day))
}

/// The days from 1970-01-01 to a valid day of the proleptic Gregorian calendar, years from 1 on.
///
/// After H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
#[inline(always)]
fn days_since_1970(year: i32, month: u8, day: u8) -> i32 {
    let month = i32::from(month);
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i32::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The moment of `YYYY-MM-DDThh:mm:ss`, with up to 6 digits of a fraction and with or without `Z`, in microseconds since 1970 UTC.
#[inline(always)]
pub(super) fn iso_moment(text: &[u8]) -> Option<i64> {
    let (day, rest) = text.split_at_checked(10)?;
    let days = date(day)?;
    let (&[b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2], mut rest) = rest.split_first_chunk::<9>()? else {
        return None;
    };
    let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0;
    if let [b'.', behind @ ..] = rest {
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&digits) {
            return None;
        }
        micros = integer(&behind[..digits])? * 10_i64.pow(6 - digits as u32);
        rest = &behind[digits..];
    }
    if !matches!(rest, [] | [b'Z']) {
        return None;
    }
    let seconds = i64::from(days) * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some(seconds * 1_000_000 + micros)
}

/// The moment of an epoch number of at most 15 digits, `factor` microseconds each unit.
#[inline(always)]
pub(super) fn epoch_moment(digits: &[u8], factor: i64) -> Option<i64> {
    // The years that a timestamp holds are the exact way's to check: these are well within them.
    const MOST: i64 = 4_000_000_000_000_000;
    let value = integer(digits)?.checked_mul(factor)?;
    (0..=MOST).contains(&value).then_some(value)
}

/// The float of `digits`, where the type holds it.
#[inline(always)]
pub(super) fn float(digits: &[u8], column_type: ColumnType) -> Option<Cell<'static>> {
    let most = if column_type == ColumnType::Real { f64::from(f32::MAX) } else { f64::MAX };
    let numeric = digits.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    let value: f64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (numeric && value.abs() <= most).then_some(Cell::Float(value))
}

#[inline(always)]
fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| tens * 10 + ones)
}
