//! What is stored instead of a value that must not leave the source.

use std::borrow::Cow;
use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::config::Mask;
use crate::model::Value;
use crate::schema::ColumnType;
use crate::schema::value::{Cell, TimeParse, Violation, coerce};

/// Of a text with fewer characters than these, the last four would be most of it.
const LAST4_CHARACTERS: usize = 8;

/// What is stored instead of `cell`, which is a text, in a column of `column_type`.
pub(super) fn masked<'a>(cell: Cell<'a>, mask: &Mask, column_type: ColumnType) -> Result<Cell<'a>, Violation> {
    let Cell::Text(text) = cell else { return Ok(cell) };
    let masked = match mask {
        Mask::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        Mask::HmacSha256(key) => match Hmac::<Sha256>::new_from_slice(key.bytes()) {
            Ok(mut hmac) => {
                hmac.update(text.as_bytes());
                hex(&hmac.finalize().into_bytes())
            }
            // HMAC takes keys of any length; were there one that it did not take, nothing of the text would be stored.
            Err(_) => Mask::REDACTED.to_owned(),
        },
        Mask::Redact => Mask::REDACTED.to_owned(),
        Mask::Last4 => last4(&text),
    };
    coerce(Value::Text(Cow::Owned(masked)), column_type, &TimeParse::Iso)
}

fn last4(text: &str) -> String {
    let characters = text.chars().count();
    let shown = if characters < LAST4_CHARACTERS { 0 } else { 4 };
    let hidden = characters - shown;
    "*".repeat(hidden).chars().chain(text.chars().skip(hidden)).collect()
}

fn hex(digest: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * digest.len());
    for byte in digest {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
