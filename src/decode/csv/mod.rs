//! Delimited text: RFC 4180, and how others write it.
//!
//! A quote within a field that does not begin with one is a character like any other. A closing quote must be followed by a delimiter or the end of
//! the line; what does otherwise is refused, up to the end of that line.

mod common;
mod fields;
mod records;

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use common::Common;
use fields::{Fault, Field, Splitter};
use records::{Record, Records};

use super::Counts;
use super::context::Context;
use super::recycle;
use crate::config::{CsvOptions, Ragged};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Extra, FieldIndex, Place, Raw, RecordSink, Rule, Value};

/// Hands each record to `sink`; gives what was read.
pub(super) fn decode(
    reader: impl Read,
    options: &CsvOptions,
    context: &Context<'_>,
    sink: &mut dyn RecordSink,
) -> Result<Counts> {
    let mut records = Records::new(reader, options, context.most)?;
    let Some(names) = names(&mut records, options, context)? else { return Ok(records.counts()) };
    let columns = Columns::new(names, context.fields)?;
    let mut row = Row { options, context, columns: &columns, texts: Vec::new(), ranges: Vec::new() };
    let mut slots: Vec<Option<Value<'static>>> = Vec::new();
    let mut common = Common::new(options, &columns, context.fields.wants_extras());
    let mut number = 0;
    loop {
        if let Some(common) = &mut common {
            number = offer_lines(&mut records, common, number, sink)?;
        }
        let Some(record) = records.next_record()? else { break };
        number += 1;
        let place = Place { record: number, line: Some(record.line), offset: Some(record.offset) };
        if let Some((rule, message)) = row.fault(&record) {
            sink.refuse(place, Raw::Bytes(record.bytes), rule, message)?;
            continue;
        }
        let length = record.bytes.len();
        let (bytes, fields) = records.current();
        let mut own = recycle(slots);
        row.hand_on(&bytes[..length], fields, records.splitter(), place, &mut own, sink)?;
        slots = recycle(own);
    }
    Ok(records.counts())
}

/// Offers one line after the other, until one is not common or not taken; gives the number of the last record that was.
fn offer_lines<R: Read>(
    records: &mut Records<R>,
    common: &mut Common<'_>,
    mut number: u64,
    sink: &mut dyn RecordSink,
) -> Result<u64> {
    while let Some(line) = records.next_line() {
        let place = Place { record: number + 1, line: Some(line.number), offset: Some(line.offset) };
        let taken = match common.fields(line.bytes) {
            Some(fields) => sink.offer_fields(place, line.bytes, fields)?,
            None => false,
        };
        if !taken {
            records.begin_again();
            break;
        }
        number += 1;
    }
    Ok(number)
}

/// The names of the fields; `None` if there is not even a header.
fn names<R: Read>(
    records: &mut Records<R>,
    options: &CsvOptions,
    context: &Context<'_>,
) -> Result<Option<Vec<String>>> {
    if !options.header {
        return Ok(Some(options.columns.clone()));
    }
    let corrupt = |what: String| Error::new(ErrorKind::Corrupt, format!("no delimited text with a header: {what}"));
    let Some(header) = records.next_record()? else { return Ok(None) };
    if header.too_long {
        return Err(corrupt(context.too_long()));
    }
    // Not everyone writes the last delimiter behind the names too.
    if let Some(fault) = header.fault.filter(|fault| *fault != Fault::NoTrailingDelimiter) {
        return Err(corrupt(fault.message().to_owned()));
    }
    if !options.columns.is_empty() {
        return Ok(Some(options.columns.clone()));
    }
    let (bytes, fields) = records.current();
    let mut names = Vec::with_capacity(fields.len());
    for field in fields {
        let mut text = bytes[field.start..field.end].to_vec();
        if field.escaped {
            text.clear();
            records.splitter().unescape(&bytes[field.start..field.end], &mut text);
        }
        names.push(context.text(&text).map_err(corrupt)?.into_owned());
    }
    Ok(Some(names))
}

/// What becomes of the fields, by their position.
struct Columns {
    names: Vec<String>,
    /// The slot of each, if a column takes it.
    slots: Vec<Option<usize>>,
}

impl Columns {
    fn new(names: Vec<String>, index: &FieldIndex) -> Result<Self> {
        let slots: Vec<Option<usize>> = names.iter().map(|name| index.get(name)).collect();
        for (at, slot) in slots.iter().enumerate() {
            if slot.is_some() && slots[..at].contains(slot) {
                let message = format!(
                    "the header names `{}` twice, and a column takes it; name the fields by `columns` instead",
                    names[at]
                );
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
        }
        Ok(Columns { names, slots })
    }
}

/// Makes values of fields.
struct Row<'c> {
    options: &'c CsvOptions,
    context: &'c Context<'c>,
    columns: &'c Columns,
    /// What the escaped fields of a record stand for, and where each field's bytes are: there, or in the record.
    texts: Vec<u8>,
    ranges: Vec<(bool, Range<usize>)>,
}

impl Row<'_> {
    /// Why the record is refused as a whole, if it is.
    fn fault(&self, record: &Record<'_>) -> Option<(Rule, String)> {
        if record.too_long {
            return Some((Rule::RecordSize, self.context.too_long()));
        }
        if let Some(fault) = record.fault {
            let lines = match record.lines {
                1 => String::new(),
                lines => format!("; the record goes over {lines} lines"),
            };
            return Some((Rule::Syntax, format!("{}{lines}", fault.message())));
        }
        let (found, named) = (record.fields.len(), self.columns.names.len());
        let fits = match self.options.ragged {
            Ragged::Reject => found == named,
            Ragged::Pad => found <= named,
            Ragged::Ignore => true,
        };
        if !fits {
            return Some((Rule::Syntax, format!("the record has {found} fields, but {named} have a name")));
        }
        match self.context.text(record.bytes) {
            Ok(_) => None,
            Err(message) => Some((Rule::Encoding, message)),
        }
    }

    fn hand_on<'a>(
        &'a mut self,
        bytes: &'a [u8],
        fields: &[Field],
        splitter: &Splitter,
        place: Place,
        slots: &mut Vec<Option<Value<'a>>>,
        sink: &mut dyn RecordSink,
    ) -> Result<()> {
        self.texts.clear();
        self.ranges.clear();
        for field in fields {
            let range = field.start..field.end;
            if field.escaped {
                let start = self.texts.len();
                splitter.unescape(&bytes[range], &mut self.texts);
                self.ranges.push((true, start..self.texts.len()));
            } else {
                self.ranges.push((false, range));
            }
        }
        let this: &'a Self = self;
        let contents = this.ranges.iter().map(|(escaped, range)| match escaped {
            true => &this.texts[range.clone()],
            false => &bytes[range.clone()],
        });
        slots.resize(this.context.fields.len(), None);
        let mut extras = Vec::new();
        let wants_extras = this.context.fields.wants_extras();
        for (((content, field), name), slot) in contents.zip(fields).zip(&this.columns.names).zip(&this.columns.slots) {
            if slot.is_none() && !wants_extras {
                continue;
            }
            let null = !field.quoted && this.options.null_values.iter().any(|text| text.as_bytes() == content);
            let value = if null { Value::Null } else { Value::Text(text(content)) };
            match slot {
                Some(slot) => slots[*slot] = Some(value),
                None => extras.push(Extra { name: Cow::Borrowed(name.as_str()), value }),
            }
        }
        sink.record(place, Raw::Bytes(bytes), slots, &extras)
    }
}

/// The text of a record that was found to be UTF-8, or is to be made so.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
