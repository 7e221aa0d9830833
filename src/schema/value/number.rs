//! Numbers from their digits, without a float on the way to an exact type.

use super::{Cell, Violation, quoted};
use crate::model::Rule;
use crate::schema::ColumnType;

/// Why digits are no integer of units of a scale.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ScaleError {
    /// It is not a number.
    NotANumber,
    /// It has digits behind the last place that the scale keeps.
    Inexact,
    /// It has more digits than 128 bits hold.
    TooLarge,
}

/// The number as an integer of units of 10^-scale: sign, digits, point and exponent, nothing else.
pub(super) fn scaled(text: &str, scale: u8) -> Result<i128, ScaleError> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        None => (unsigned, 0),
        Some(at) => {
            let digits = &unsigned[at + 1..];
            if digits.trim_start_matches(['+', '-']).is_empty() || digits.len() > 6 {
                return Err(ScaleError::NotANumber);
            }
            (&unsigned[..at], digits.parse::<i32>().map_err(|_| ScaleError::NotANumber)?)
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(ScaleError::NotANumber);
    }
    // The value is digits × 10^power units; walk the digits once and keep those before the last unit.
    let places = whole.len() as i64 + i64::from(exponent) + i64::from(scale);
    let mut units: i128 = 0;
    let mut inexact = false;
    let mut seen = 0_i64;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return Err(ScaleError::NotANumber);
        }
        if seen < places {
            units = units
                .checked_mul(10)
                .and_then(|units| units.checked_add(i128::from(byte - b'0')))
                .ok_or(ScaleError::TooLarge)?;
        } else if byte != b'0' {
            inexact = true;
        }
        seen += 1;
    }
    if inexact {
        return Err(ScaleError::Inexact);
    }
    if units != 0 {
        for _ in seen..places {
            units = units.checked_mul(10).ok_or(ScaleError::TooLarge)?;
        }
    }
    Ok(if negative { -units } else { units })
}

/// The text of a number of units of 10^-scale.
pub(super) fn unscaled(units: i128, scale: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = units.unsigned_abs().to_string();
    let scale = usize::from(scale);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

pub(super) fn integer(text: &str, least: i64, most: i64, column_type: ColumnType) -> Result<Cell<'static>, Violation> {
    match scaled(text, 0) {
        Ok(value) => match i64::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => Ok(Cell::Int(value)),
            _ => Err(out_of_range(text, column_type)),
        },
        Err(ScaleError::TooLarge) => Err(out_of_range(text, column_type)),
        Err(ScaleError::Inexact) => {
            Err(Violation::new(Rule::Type, format!("{} has a fraction, which {column_type} cannot hold", quoted(text))))
        }
        Err(ScaleError::NotANumber) => Err(not_a_number(text, column_type)),
    }
}

pub(super) fn decimal(text: &str, precision: u8, scale: u8) -> Result<Cell<'static>, Violation> {
    let column_type = ColumnType::Decimal { precision, scale };
    let too_long =
        || Violation::new(Rule::Length, format!("{} has more digits than {column_type} holds", quoted(text)));
    match scaled(text, scale) {
        Ok(units) if units.unsigned_abs() < 10_u128.pow(u32::from(precision)) => Ok(Cell::Decimal(units)),
        Ok(_) | Err(ScaleError::TooLarge | ScaleError::Inexact) => Err(too_long()),
        Err(ScaleError::NotANumber) => Err(not_a_number(text, column_type)),
    }
}

pub(super) fn float(
    text: &str,
    most: f64,
    column_type: ColumnType,
    non_finite: bool,
) -> Result<Cell<'static>, Violation> {
    // Rust's parser also takes `inf`, `nan` and `infinity`, which are numbers only where the pipeline says so.
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse::<f64>() {
        Ok(value) if numeric && value.abs() <= most => Ok(Cell::Float(value)),
        Ok(_) if numeric => Err(out_of_range(text, column_type)),
        Ok(value) if non_finite => Ok(Cell::Float(value)),
        _ => Err(not_a_number(text, column_type)),
    }
}

fn not_a_number(text: &str, column_type: ColumnType) -> Violation {
    Violation::new(Rule::Type, format!("{} is no number, as {column_type} needs", quoted(text)))
}

fn out_of_range(text: &str, column_type: ColumnType) -> Violation {
    Violation::new(Rule::Range, format!("{} is outside what {column_type} holds", quoted(text)))
}
