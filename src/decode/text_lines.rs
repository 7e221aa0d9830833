//! Lines that a regular expression describes, such as access logs.

use std::borrow::Cow;
use std::io::Read;

use super::context::Context;
use super::{Lines, recycle};
use crate::config::TextOptions;
use crate::error::{Error, Result};
use crate::model::{Extra, Place, Raw, RecordSink, Rule, Value};

/// Hands the named groups of each line to `sink`; gives the bytes read. A group that takes no part in the match is a field that the record lacks.
pub(super) fn decode(
    reader: impl Read,
    options: &TextOptions,
    context: &Context<'_>,
    sink: &mut dyn RecordSink,
) -> Result<u64> {
    let regex = options.pattern.regex();
    let groups: Vec<(usize, &str, Option<usize>)> = regex
        .capture_names()
        .enumerate()
        .filter_map(|(at, name)| name.map(|name| (at, name, context.fields.get(name))))
        .filter(|(_, _, slot)| slot.is_some() || context.fields.wants_extras())
        .collect();
    let mut locations = regex.capture_locations();
    let mut lines = Lines::new(reader, context.most);
    let mut slots: Vec<Option<Value<'static>>> = Vec::new();
    let mut record = 0;
    while let Some(line) = lines.next_line().map_err(Error::of_read)? {
        if line.number <= options.skip_lines
            || (options.comment.is_some() && line.bytes.first() == options.comment.as_ref())
        {
            continue;
        }
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
        if regex.captures_read(&mut locations, &text).is_none() {
            sink.refuse(place, raw, Rule::Syntax, "the line is none that `pattern` describes".to_owned())?;
            continue;
        }
        let mut own: Vec<Option<Value<'_>>> = recycle(slots);
        own.resize(context.fields.len(), None);
        let mut extras = Vec::new();
        for (at, name, slot) in &groups {
            let found = locations.get(*at).map(|(start, end)| &text[start..end]);
            let value = found.map(|found| match options.null_values.iter().any(|null| null == found) {
                true => Value::Null,
                false => Value::Text(Cow::Borrowed(found)),
            });
            match (slot, value) {
                (Some(slot), value) => own[*slot] = value,
                (None, Some(value)) => extras.push(Extra { name: Cow::Borrowed(*name), value }),
                (None, None) => {}
            }
        }
        sink.record(place, raw, &own, &extras)?;
        slots = recycle(own);
    }
    Ok(lines.offset())
}
