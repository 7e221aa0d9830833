//! Where decoders hand their records.

use super::{Extra, Place, Rule, Value};
use crate::error::Result;

/// A record's own form, kept with it where it is rejected.
#[derive(Clone, Copy)]
pub enum Raw<'a> {
    /// Its bytes, as they stand in the decompressed object.
    Bytes(&'a [u8]),
    /// Of formats without text: a rendering of the record as a JSON object, made only where it is asked for.
    Rendered(&'a dyn Fn() -> String),
}

impl Raw<'_> {
    /// The record's first bytes, at most `most` of them.
    pub fn first(&self, most: usize) -> Vec<u8> {
        match self {
            Raw::Bytes(bytes) => bytes[..bytes.len().min(most)].to_vec(),
            Raw::Rendered(render) => {
                let mut bytes = render().into_bytes();
                bytes.truncate(most);
                bytes
            }
        }
    }
}

/// Where in a record's bytes the text of a wanted field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotSpan {
    /// The field's slot.
    pub slot: usize,
    /// Where the text begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Whether the text stands for null.
    pub null: bool,
}

/// Takes the records of one object, one after the other, each exactly once by one of the three methods that say what became of it.
///
/// An error of the sink ends the decoding, and is passed on as it is.
pub trait RecordSink {
    /// Offers a record of JSON before it is decoded, for sinks that have a faster way of their own for the common case; `true` if the sink took it.
    ///
    /// # Errors
    /// Those of the sink.
    fn offer(&mut self, place: Place, bytes: &[u8]) -> Result<bool> {
        let _ = (place, bytes);
        Ok(false)
    }

    /// Offers a common record of a delimited format: UTF-8 without a NUL, and where in it the texts of the wanted fields stand; `true` if
    /// the sink took it.
    ///
    /// # Errors
    /// Those of the sink.
    fn offer_fields(&mut self, place: Place, record: &[u8], fields: &[SlotSpan]) -> Result<bool> {
        let _ = (place, record, fields);
        Ok(false)
    }

    /// Takes a decoded record: one slot for each slot of the [`FieldIndex`](super::FieldIndex), `None` where the record lacks the field; and, where
    /// the index [wants them](super::FieldIndex::wants_extras), the fields that no column takes.
    ///
    /// # Errors
    /// Those of the sink.
    fn record(&mut self, place: Place, raw: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()>;

    /// Takes a record that is not of the format, or breaks one of the decoder's limits.
    ///
    /// # Errors
    /// Those of the sink.
    fn refuse(&mut self, place: Place, raw: Raw<'_>, rule: Rule, message: String) -> Result<()>;
}
