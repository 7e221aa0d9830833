//! Exact numbers: compared whatever their scales, computed as long as 128 bits hold them.

use std::cmp::Ordering;

/// An integer of units of 10^-scale.
pub(super) type Exact = (i128, u8);

/// The order of two exact numbers.
pub(super) fn order((left, left_scale): Exact, (right, right_scale): Exact) -> Ordering {
    let scale = left_scale.max(right_scale);
    match (rescaled(left, scale - left_scale), rescaled(right, scale - right_scale)) {
        (Some(left), Some(right)) => left.cmp(&right),
        // Only the one of the smaller scale can overflow, and is then further from zero than the other.
        (None, _) => left.cmp(&0),
        (_, None) => 0.cmp(&right),
    }
}

/// The sum; `None` beyond 128 bits.
pub(super) fn add((left, left_scale): Exact, (right, right_scale): Exact) -> Option<Exact> {
    let scale = left_scale.max(right_scale);
    let sum = rescaled(left, scale - left_scale)?.checked_add(rescaled(right, scale - right_scale)?)?;
    Some((sum, scale))
}

/// The product; `None` beyond 128 bits.
pub(super) fn multiply((left, left_scale): Exact, (right, right_scale): Exact) -> Option<Exact> {
    Some((left.checked_mul(right)?, left_scale.checked_add(right_scale)?))
}

/// The nearest float.
pub(super) fn float((units, scale): Exact) -> f64 {
    // By its digits, which are rounded once; a quotient of two floats would be rounded up to three times.
    format!("{units}e-{scale}").parse().unwrap_or(f64::NAN)
}

fn rescaled(units: i128, by: u8) -> Option<i128> {
    if units == 0 { Some(0) } else { units.checked_mul(10_i128.checked_pow(u32::from(by))?) }
}
