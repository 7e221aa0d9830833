//! A text as a value of a column, in PostgreSQL's binary form.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use tokio_postgres::types::Type;

use super::Copy;
use super::cell::{EPOCH_MICROS, Misfit, bytes, decimal, out_of_range, text};
use super::target::Column;
use super::text::{Field, invalid};

/// The largest SUPER.
const SUPER_BYTES: usize = 16 << 20;

/// Writes a field as a value of the column.
pub(super) fn put(field: Field<'_>, column: &Column, copy: &Copy, out: &mut BytesMut) -> Result<(), Misfit> {
    let value = match field {
        Field::Null => return null(column, out),
        Field::Json(json) if column.kind == Type::JSONB => return super_value(json, out),
        Field::Json(json) if json.starts_with('"') => {
            Cow::Owned(serde_json::from_str::<String>(json).map_err(|_| invalid("JSON", json))?)
        }
        Field::Json(json) => Cow::Borrowed(json),
        Field::Text(text) => text,
    };
    let is_text = matches!(column.kind, Type::VARCHAR | Type::BPCHAR | Type::TEXT);
    let trimmed = value.trim();
    if trimmed.is_empty() && !is_text {
        return null(column, out);
    }
    let whole = |least: i64, most: i64| {
        let value = trimmed.parse::<i64>().ok().filter(|value| (least..=most).contains(value));
        value.ok_or_else(|| invalid(&column.type_name(), trimmed))
    };
    match column.kind {
        Type::BOOL => {
            let value = match trimmed.to_lowercase().as_str() {
                "t" | "true" | "y" | "yes" | "1" => 1,
                "f" | "false" | "n" | "no" | "0" => 0,
                _ => return Err(Misfit { code: 1210, message: "Invalid boolean".to_owned() }),
            };
            bytes(out, &[value]);
        }
        Type::INT2 => bytes(out, &(whole(i16::MIN.into(), i16::MAX.into())? as i16).to_be_bytes()),
        Type::INT4 => bytes(out, &(whole(i32::MIN.into(), i32::MAX.into())? as i32).to_be_bytes()),
        Type::INT8 => bytes(out, &whole(i64::MIN, i64::MAX)?.to_be_bytes()),
        Type::FLOAT4 => bytes(out, &trimmed.parse::<f32>().map_err(|_| invalid("REAL", trimmed))?.to_be_bytes()),
        Type::FLOAT8 => bytes(out, &trimmed.parse::<f64>().map_err(|_| invalid("FLOAT8", trimmed))?.to_be_bytes()),
        Type::NUMERIC => {
            let scale = usize::try_from(column.scale()).unwrap_or_default();
            let units = units(trimmed, scale).ok_or_else(|| invalid(&column.type_name(), trimmed))?;
            if i32::try_from(units.unsigned_abs().to_string().len()).is_ok_and(|digits| digits > column.length()) {
                return Err(Misfit { code: 1229, message: format!("Numeric data overflow, Value '{trimmed}'") });
            }
            decimal(out, units, scale);
        }
        Type::DATE => {
            let date: Date = trimmed.parse().map_err(|_| out_of_range())?;
            let days = date.since(Date::constant(2000, 1, 1)).map_err(|_| out_of_range())?.get_days();
            bytes(out, &days.to_be_bytes());
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let time: DateTime = trimmed.parse().map_err(|_| out_of_range())?;
            let at = time.to_zoned(TimeZone::UTC).map_err(|_| out_of_range())?.timestamp().as_microsecond();
            bytes(out, &at.checked_sub(EPOCH_MICROS).ok_or_else(out_of_range)?.to_be_bytes());
        }
        Type::JSONB => {
            let json = serde_json::Value::from(value.as_ref()).to_string();
            return super_value(&json, out);
        }
        _ if is_text => text(out, &value, copy.replacement.as_deref(), column)?,
        _ => return Err(invalid(&column.type_name(), trimmed)),
    }
    Ok(())
}

fn null(column: &Column, out: &mut BytesMut) -> Result<(), Misfit> {
    if column.mandatory {
        return Err(Misfit { code: 1213, message: "Missing data for not-null field".to_owned() });
    }
    out.put_i32(-1);
    Ok(())
}

fn super_value(json: &str, out: &mut BytesMut) -> Result<(), Misfit> {
    if json.len() > SUPER_BYTES {
        return Err(Misfit { code: 1224, message: "SUPER value exceeds the max size of 16777216 bytes".to_owned() });
    }
    out.put_i32(i32::try_from(json.len() + 1).unwrap_or(i32::MAX));
    out.put_u8(1); // the version of jsonb's form
    out.put_slice(json.as_bytes());
    Ok(())
}

/// A decimal as units of its scale; digits beyond it are cut, as COPY does without ROUNDEC.
fn units(text: &str, scale: usize) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(scale)];
    let units: i128 = format!("0{whole}{fraction:0<scale$}").parse().ok()?;
    Some(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn a_decimal_is_read_by_its_digits_and_cut_at_its_scale() {
        assert_eq!(units("12.5", 2), Some(1_250));
        assert_eq!(units("-0.129", 2), Some(-12));
        assert_eq!(units(".5", 1), Some(5));
        assert_eq!(units("99999999999999999999999999999999999999", 0), Some(10_i128.pow(38) - 1));
        assert_eq!((units("1e3", 0), units("", 0), units("-", 0)), (None, None, None));
    }
}
