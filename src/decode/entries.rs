//! Delimited text in several entries, each with a header of its own, as one object.

use std::io::Read;

use super::{Counts, stream};
use crate::config::Source;
use crate::error::Result;
use crate::model::{Extra, FieldIndex, Place, Raw, RecordSink, Rule, SlotSpan, Value};

/// What the entries of an object had so far: the places of the next one go on from there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    records: u64,
    lines: u64,
    bytes: u64,
}

impl Before {
    /// The bytes of the entries, after decompression.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Decodes an entry by itself, and hands its records to `sink` with places in the object; gives what the next entry goes on from.
///
/// # Errors
/// As [`decode`](super::decode()).
pub fn decode_entry<'r>(
    source: &Source,
    fields: &FieldIndex,
    entry: Box<dyn Read + 'r>,
    before: Before,
    sink: &mut dyn RecordSink,
) -> Result<Before> {
    let mut continued = Continued { before, records: 0, sink };
    let Counts { bytes, lines } = stream(source, fields, entry, &mut continued)?;
    let Before { records, lines: lines_before, bytes: bytes_before } = before;
    Ok(Before { records: records + continued.records, lines: lines_before + lines, bytes: bytes_before + bytes })
}

/// The sink of an object, which is told places in the object.
struct Continued<'s> {
    before: Before,
    /// The records of this entry.
    records: u64,
    sink: &'s mut dyn RecordSink,
}

impl Continued<'_> {
    fn place(&mut self, place: Place) -> Place {
        self.records = self.records.max(place.record);
        Place {
            record: self.before.records + place.record,
            line: place.line.map(|line| self.before.lines + line),
            offset: place.offset.map(|offset| self.before.bytes + offset),
        }
    }
}

impl RecordSink for Continued<'_> {
    fn offer(&mut self, place: Place, bytes: &[u8]) -> Result<bool> {
        let place = self.place(place);
        self.sink.offer(place, bytes)
    }

    fn offer_fields(&mut self, place: Place, record: &[u8], fields: &[SlotSpan]) -> Result<bool> {
        let place = self.place(place);
        self.sink.offer_fields(place, record, fields)
    }

    fn record(&mut self, place: Place, raw: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        let place = self.place(place);
        self.sink.record(place, raw, slots, extras)
    }

    fn refuse(&mut self, place: Place, raw: Raw<'_>, rule: Rule, message: String) -> Result<()> {
        let place = self.place(place);
        self.sink.refuse(place, raw, rule, message)
    }
}
