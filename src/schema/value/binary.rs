//! Bytes, staged as hexadecimal text.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{BinaryText, Cell, Violation, quoted};
use crate::model::Rule;
use crate::schema::ColumnType;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A VARBYTE of at most `length` bytes from its text.
pub(super) fn of_text(text: &str, length: u32, form: BinaryText) -> Result<Cell<'static>, Violation> {
    match form {
        BinaryText::Hex => {
            if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Violation::new(Rule::Type, format!("{} is no hexadecimal text", quoted(text))));
            }
            check(text.len() / 2, length)?;
            Ok(Cell::Text(text.to_ascii_lowercase().into()))
        }
        BinaryText::Base64 => match BASE64.decode(text) {
            Ok(bytes) => of_bytes(&bytes, length),
            Err(error) => Err(Violation::new(Rule::Type, format!("{} is no base64: {error}", quoted(text)))),
        },
    }
}

/// A VARBYTE of at most `length` bytes.
pub(super) fn of_bytes(bytes: &[u8], length: u32) -> Result<Cell<'static>, Violation> {
    check(bytes.len(), length)?;
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    Ok(Cell::Text(hex.into()))
}

fn check(bytes: usize, length: u32) -> Result<(), Violation> {
    let most = (length as usize).min(ColumnType::VARBYTE_BYTES);
    if bytes <= most {
        return Ok(());
    }
    let what = if most == length as usize { "" } else { ", of which a staged one has " };
    let staged = if what.is_empty() { String::new() } else { format!("{what}{most} at most") };
    Err(Violation::new(Rule::Length, format!("{bytes} bytes do not fit {}{staged}", ColumnType::Varbyte(length))))
}
