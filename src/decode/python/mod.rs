//! Dicts as Python writes them, one a line, such as `{'asin': '00', 'title': "Don't", 'price': None}`.
//!
//! A line is rewritten as JSON and decoded as such. What has no form in JSON is refused: bytes, sets, complex numbers, `\N{…}`, halves of
//! surrogate pairs, keys that are tuples.

mod literal;
mod number;
mod string;

use std::io::Read;

use super::context::Context;
use super::json::{Syntax, json_object};
use super::{Lines, recycle};
use crate::error::{Error, Result};
use crate::model::{Place, Raw, RecordSink, Rule, Value};

/// Hands each line's dict to `sink`; gives the bytes read.
pub(super) fn decode(reader: impl Read, context: &Context<'_>, sink: &mut dyn RecordSink) -> Result<u64> {
    let mut lines = Lines::new(reader, context.most);
    let mut slots: Vec<Option<Value<'static>>> = Vec::new();
    let mut json = String::new();
    let mut record = 0;
    while let Some(line) = lines.next_line().map_err(Error::of_read)? {
        record += 1;
        let place = Place { record, line: Some(line.number), offset: Some(line.offset) };
        let raw = Raw::Bytes(line.bytes);
        if line.too_long {
            sink.refuse(place, raw, Rule::RecordSize, context.too_long())?;
            continue;
        }
        let text = match context.text(line.bytes) {
            Ok(text) => text,
            Err(message) => {
                sink.refuse(place, raw, Rule::Encoding, message)?;
                continue;
            }
        };
        json.clear();
        let mut own: Vec<Option<Value<'_>>> = recycle(slots);
        let read = literal::to_json(&text, &mut json).map_err(|message| format!("no Python dict: {message}"));
        let read = read.and_then(|()| json_object(&json, context.fields, &mut own).map_err(|Syntax(message)| message));
        match read {
            Ok(extras) => sink.record(place, raw, &own, &extras)?,
            Err(message) => sink.refuse(place, raw, Rule::Syntax, message)?,
        }
        slots = recycle(own);
    }
    Ok(lines.offset())
}
