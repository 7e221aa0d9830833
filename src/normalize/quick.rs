//! The common forms of values, read without detours.
//!
//! Each function takes only what it is sure of; for all else it gives `None`, and the exact way of [`coerce`](crate::schema::value::coerce) decides.
//! What they take, they read as the exact way does; tests hold the two against each other.

use crate::model::Piece;
use crate::schema::ColumnType;
use crate::schema::value::Cell;

/// The whole number that `digits` are, of at most 18 digits.
#[inline(always)]
pub(super) fn integer(digits: Piece<'_>) -> Option<i64> {
    let negative = digits.bytes().first() == Some(&b'-');
    let digits = if negative { digits.behind_first() } else { digits };
    let length = digits.len();
    let value = match (digits.block::<8>(), digits.block::<16>()) {
        (Some(word), _) if (1..=8).contains(&length) => up_to_eight_digits(*word, length)?,
        (Some(word), Some([_, _, _, _, _, _, _, _, behind @ ..])) if (9..=16).contains(&length) => {
            let (high, low) = (up_to_eight_digits(*word, 8)?, up_to_eight_digits(*behind, length - 8)?);
            high * TENS[length - 8] + low
        }
        _ => one_by_one(digits.bytes())?,
    };
    Some(if negative { -value } else { value })
}

/// The whole number that the first `length` bytes are, 1 to 8 of them.
///
/// All digits at once, by multiplications that add neighbours: after D. Lemire, "Quickly parsing eight digits" (2018).
#[inline(always)]
fn up_to_eight_digits(bytes: [u8; 8], length: usize) -> Option<i64> {
    const THREES: u64 = 0x3030_3030_3030_3030;
    const SIXES: u64 = 0x0606_0606_0606_0606;
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const LOW: u64 = 0x0f0f_0f0f_0f0f_0f0f;
    // The first digit at the right place; before it zeros.
    let word = u64::from_le_bytes(bytes) << (64 - 8 * length);
    let zeros = THREES.unbounded_shr(8 * length as u32);
    let digits = word | zeros;
    // A digit's high half is 3, and stays it if 6 is added.
    if digits & HIGH != THREES || digits.wrapping_add(SIXES) & HIGH != THREES {
        return None;
    }
    let ones = digits & LOW;
    let pairs = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff) as i64)
}

/// The whole number that `digits` are, one after the other.
fn one_by_one(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + i64::from(digit))
    })
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
        micros = integer(Piece::new(behind, digits))? * 10_i64.pow(6 - digits as u32);
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
pub(super) fn epoch_moment(digits: Piece<'_>, factor: i64) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_whatever_stands_behind(value in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, shift in 0_u32..18, behind in prop::collection::vec(any::<u8>(), 0..20)) {
            let value = value / 10_i64.pow(shift);
            let digits = value.to_string();
            let text = [digits.as_bytes(), &behind].concat();
            prop_assert_eq!(integer(Piece::new(&text, digits.len())), Some(value));
        }

        #[test]
        fn and_nothing_that_is_no_number(text in prop::collection::vec(prop::sample::select(b"0123456789-/:+ \xb0\x00\xff".to_vec()), 0..24), length in 0_usize..24) {
            let piece = Piece::new(&text, length);
            let (negative, digits) = match piece.bytes() {
                [b'-', digits @ ..] => (true, digits),
                digits => (false, digits),
            };
            let expected = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
            let parsed = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i64>().ok());
            let expected = parsed.filter(|_| expected).map(|value| if negative { -value } else { value });
            prop_assert_eq!(integer(piece), expected);
        }
    }
}
