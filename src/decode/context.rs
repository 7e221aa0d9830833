//! What holds for all records of an object.

use std::borrow::Cow;

use crate::config::{Characters, InvalidUtf8};
use crate::model::FieldIndex;

/// What does not change from record to record.
pub(super) struct Context<'a> {
    pub(super) fields: &'a FieldIndex,
    pub(super) characters: Characters,
    /// The longest record in bytes.
    pub(super) most: usize,
}

impl Context<'_> {
    /// What is said of a record that is too long.
    pub(super) fn too_long(&self) -> String {
        format!("the record is longer than max_record_bytes = {}", self.most)
    }

    /// The record's text; the error if it is none.
    pub(super) fn text<'t>(&self, bytes: &'t [u8]) -> std::result::Result<Cow<'t, str>, String> {
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return Ok(Cow::Borrowed(text));
        }
        match (self.characters.invalid_utf8, std::str::from_utf8(bytes)) {
            (InvalidUtf8::Reject, Err(error)) => Err(format!("the record is not UTF-8: {error}")),
            _ => Ok(String::from_utf8_lossy(bytes)),
        }
    }
}
