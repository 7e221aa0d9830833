//! A value in PostgreSQL's binary form, or why Redshift would not take it.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray};
use bytes::{BufMut, BytesMut};
use tokio_postgres::types::Type;

use super::target::Column;

/// The days, and microseconds, from 1970 to 2000, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A string of JSON longer than this does not become a SUPER.
const SUPER_STRING_BYTES: usize = 65_535;

/// A value that Redshift refuses, with the code of STL_LOAD_ERRORS.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) code: u32,
    pub(super) message: String,
}

/// The values of a column in a batch.
pub(super) enum Cells<'a> {
    /// FILLRECORD's.
    Missing,
    Bool(&'a BooleanArray),
    Short(&'a PrimitiveArray<Int16Type>),
    Int(&'a PrimitiveArray<Int32Type>),
    Long(&'a PrimitiveArray<Int64Type>),
    Float(&'a PrimitiveArray<Float32Type>),
    Double(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, usize),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Bytes(&'a BinaryArray),
    Text(&'a StringArray, Option<&'a str>),
    Json(&'a StringArray),
}

impl<'a> Cells<'a> {
    /// The column's values; the file's schema was checked before.
    pub(super) fn new(array: &'a ArrayRef, column: &Column, replacement: Option<&'a str>) -> Result<Self, Misfit> {
        let cells = match column.kind {
            Type::BOOL => array.as_boolean_opt().map(Cells::Bool),
            Type::INT2 => array.as_primitive_opt().map(Cells::Short),
            Type::INT4 => array.as_primitive_opt().map(Cells::Int),
            Type::INT8 => array.as_primitive_opt().map(Cells::Long),
            Type::FLOAT4 => array.as_primitive_opt().map(Cells::Float),
            Type::FLOAT8 => array.as_primitive_opt().map(Cells::Double),
            Type::NUMERIC => {
                let scale = usize::try_from(column.scale()).unwrap_or_default();
                array.as_primitive_opt().map(|array| Cells::Decimal(array, scale))
            }
            Type::DATE => array.as_primitive_opt().map(Cells::Date),
            Type::TIME => array.as_primitive_opt().map(Cells::Time),
            Type::TIMESTAMP | Type::TIMESTAMPTZ => array.as_primitive_opt().map(Cells::Timestamp),
            Type::BYTEA => array.as_binary_opt().map(Cells::Bytes),
            Type::JSONB => array.as_string_opt().map(Cells::Json),
            _ => array.as_string_opt().map(|array| Cells::Text(array, replacement)),
        };
        cells
            .ok_or_else(|| Misfit { code: 1207, message: format!("Invalid value for the type {}", column.type_name()) })
    }

    fn array(&self) -> Option<&dyn Array> {
        Some(match self {
            Cells::Missing => return None,
            Cells::Bool(array) => *array,
            Cells::Short(array) => *array,
            Cells::Int(array) => *array,
            Cells::Long(array) => *array,
            Cells::Float(array) => *array,
            Cells::Double(array) => *array,
            Cells::Decimal(array, _) => *array,
            Cells::Date(array) => *array,
            Cells::Time(array) => *array,
            Cells::Timestamp(array) => *array,
            Cells::Bytes(array) => *array,
            Cells::Text(array, _) => *array,
            Cells::Json(array) => *array,
        })
    }

    /// Writes a row's value: its length and its bytes.
    pub(super) fn put(&self, row: usize, column: &Column, out: &mut BytesMut) -> Result<(), Misfit> {
        if self.array().is_none_or(|array| array.is_null(row)) {
            if column.mandatory {
                return Err(Misfit { code: 1213, message: "Missing data for not-null field".to_owned() });
            }
            out.put_i32(-1);
            return Ok(());
        }
        match self {
            Cells::Missing => out.put_i32(-1),
            Cells::Bool(array) => bytes(out, &[u8::from(array.value(row))]),
            Cells::Short(array) => bytes(out, &array.value(row).to_be_bytes()),
            Cells::Int(array) => bytes(out, &array.value(row).to_be_bytes()),
            Cells::Long(array) => bytes(out, &array.value(row).to_be_bytes()),
            Cells::Float(array) => bytes(out, &array.value(row).to_be_bytes()),
            Cells::Double(array) => bytes(out, &array.value(row).to_be_bytes()),
            Cells::Decimal(array, scale) => decimal(out, array.value(row), *scale),
            Cells::Date(array) => {
                let days = array.value(row).checked_sub(EPOCH_DAYS).ok_or_else(out_of_range)?;
                bytes(out, &days.to_be_bytes());
            }
            Cells::Time(array) => bytes(out, &array.value(row).to_be_bytes()),
            Cells::Timestamp(array) => {
                let micros = array.value(row).checked_sub(EPOCH_MICROS).ok_or_else(out_of_range)?;
                bytes(out, &micros.to_be_bytes());
            }
            Cells::Bytes(array) => bytes(out, array.value(row)),
            Cells::Text(array, replacement) => text(out, array.value(row), *replacement, column)?,
            Cells::Json(array) => json(out, array.value(row))?,
        }
        Ok(())
    }
}

pub(super) fn out_of_range() -> Misfit {
    Misfit { code: 1206, message: "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]".to_owned() }
}

pub(super) fn bytes(out: &mut BytesMut, value: &[u8]) {
    // A Parquet value of 2 GiB cannot be in a batch.
    out.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
    out.put_slice(value);
}

pub(super) fn text(out: &mut BytesMut, value: &str, replacement: Option<&str>, column: &Column) -> Result<(), Misfit> {
    let replaced;
    let mut value = value;
    if value.contains('\0') {
        let Some(replacement) = replacement else {
            let message = "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: 00 (error 4)";
            return Err(Misfit { code: 1220, message: message.to_owned() });
        };
        replaced = value.replace('\0', replacement);
        value = &replaced;
    }
    if column.kind == Type::BPCHAR && !value.is_ascii() {
        let bad = value.chars().find(|char| !char.is_ascii()).map(String::from).unwrap_or_default();
        let hex: Vec<String> = bad.bytes().map(|byte| format!("{byte:x}")).collect();
        let message = format!(
            "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: {}",
            hex.join(" ")
        );
        return Err(Misfit { code: 1220, message });
    }
    // Trailing blanks of a CHAR do not count.
    let counted = if column.kind == Type::BPCHAR { value.trim_end_matches(' ') } else { value };
    if i32::try_from(counted.len()).map_or(true, |length| length > column.length()) {
        return Err(Misfit { code: 1204, message: "String length exceeds DDL length".to_owned() });
    }
    bytes(out, value.as_bytes());
    Ok(())
}

/// The string becomes a SUPER that is a string; whether Redshift reads it as JSON is not documented.
fn json(out: &mut BytesMut, value: &str) -> Result<(), Misfit> {
    if value.len() > SUPER_STRING_BYTES {
        return Err(Misfit { code: 1224, message: "String value exceeds the max size of 65535 bytes".to_owned() });
    }
    let text = serde_json::Value::from(value).to_string();
    out.put_i32(i32::try_from(text.len() + 1).unwrap_or(i32::MAX));
    out.put_u8(1); // the version of jsonb's form
    out.put_slice(text.as_bytes());
    Ok(())
}

/// A number in groups of four decimal digits.
pub(super) fn decimal(out: &mut BytesMut, value: i128, scale: usize) {
    let digits = value.unsigned_abs().to_string();
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let whole_groups = whole.len().div_ceil(4);
    let fraction_groups = fraction.len().div_ceil(4);
    let padded = format!("{whole:0>left$}{fraction:0<right$}", left = whole_groups * 4, right = fraction_groups * 4);
    let groups: Vec<i16> = padded
        .as_bytes()
        .chunks(4)
        .map(|group| group.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
        .collect();
    // A decimal has at most 38 digits, so that none of these overflows.
    out.put_i32(i32::try_from(8 + groups.len() * 2).unwrap_or(i32::MAX));
    out.put_i16(i16::try_from(groups.len()).unwrap_or(i16::MAX));
    out.put_i16(i16::try_from(whole_groups).unwrap_or(1) - 1);
    out.put_u16(if value < 0 { 0x4000 } else { 0 });
    out.put_u16(u16::try_from(scale).unwrap_or_default());
    for group in groups {
        out.put_i16(group);
    }
}
