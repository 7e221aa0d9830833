//! JSON lines: objects one behind the other.

use std::io::Read;

use super::records::{Frame, Records};
use super::{Slots, hand_on, record, refusing};
use crate::decode::context::Context;
use crate::error::{Error, Result};
use crate::model::{Place, Raw, RecordSink, Rule};

/// Hands each object to `sink`; gives the bytes read.
pub(in crate::decode) fn decode(reader: impl Read, context: &Context<'_>, sink: &mut dyn RecordSink) -> Result<u64> {
    let mut records = Records::new(reader, context.most);
    let mut slots = Slots::new();
    let mut number = 0;
    while let Some(start) = records.start().map_err(Error::of_read)? {
        number += 1;
        let place = Place { record: number, line: Some(start.line), offset: Some(start.offset) };
        let mut offered = 0;
        // Nearly every record is a whole line: its end is found faster than the object's.
        if let Some(length) = start.whole {
            let line = records.bytes(length);
            if line.first() == Some(&b'{') && whole_line(line, place, context, &mut slots, sink)? {
                records.took_line(length);
                continue;
            }
            offered = line.trim_ascii_end().len();
        }
        match records.frame().map_err(Error::of_read)? {
            Frame::Object(length) if length == offered => {
                refusing(records.bytes(length), place, context, &mut slots, sink)?;
            }
            Frame::Object(length) => record(records.bytes(length), place, context, &mut slots, sink)?,
            Frame::Malformed(length) => {
                let bytes = records.bytes(length).trim_ascii_end();
                let (rule, message) = reason(bytes, context);
                sink.refuse(place, Raw::Bytes(bytes), rule, message)?;
            }
            Frame::TooLong => {
                sink.refuse(place, Raw::Bytes(records.long()), Rule::RecordSize, context.too_long())?;
            }
        }
    }
    Ok(records.offset())
}

/// Whether the line is one object, which was handed to `sink`.
fn whole_line(
    line: &[u8],
    place: Place,
    context: &Context<'_>,
    slots: &mut Slots,
    sink: &mut dyn RecordSink,
) -> Result<bool> {
    if sink.offer(place, line)? {
        return Ok(true);
    }
    match context.text(line) {
        Ok(text) => Ok(hand_on(&text, line, place, context, slots, sink)?.is_ok()),
        Err(_) => Ok(false),
    }
}

/// Why the bytes are no object, which is known already.
fn reason(bytes: &[u8], context: &Context<'_>) -> (Rule, String) {
    match context.text(bytes) {
        Err(message) => (Rule::Encoding, message),
        Ok(text) => {
            let why = serde_json::from_str::<serde::de::IgnoredAny>(&text).err();
            let why = why.map_or_else(|| "expected an object".to_owned(), |error| error.to_string());
            (Rule::Syntax, format!("no JSON object: {why}"))
        }
    }
}
