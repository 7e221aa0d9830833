//! A JSON document with an array of objects, read one object after the other.
//!
//! What stands around the array is looked through for its structure only.

use std::io::Read;

use super::outline::{Outcome, Outline};
use super::{Slots, record};
use crate::decode::context::Context;
use crate::decode::window::{LineCount, LineEnds, Window};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Place, Raw, RecordSink, Reject, Rule};

/// Hands each object of the array at `path` to `sink`; gives the bytes read.
///
/// A single object in its place is one record, a null none; a document of nothing but space has none.
pub(in crate::decode) fn decode(
    reader: impl Read,
    path: &[String],
    context: &Context<'_>,
    sink: &mut dyn RecordSink,
) -> Result<u64> {
    let window = Window::new(reader);
    let mut document =
        Document { window, lines: LineCount::default(), context, sink, slots: Slots::new(), records: 0, found: false };
    document.window.skip_mark().map_err(Error::of_read)?;
    if document.peek()?.is_some() {
        document.value(path, path)?;
        if document.peek()?.is_some() {
            let what = "something follows the document; format = \"json-lines\" reads objects one behind the other";
            return Err(document.corrupt(what));
        }
        if !document.found {
            return Err(document.corrupt(&format!("the document has no `/{}`", path.join("/"))));
        }
    }
    Ok(document.window.offset())
}

struct Document<'c, 's, R> {
    window: Window<R>,
    /// The lines before what is held.
    lines: LineCount,
    context: &'c Context<'c>,
    sink: &'s mut dyn RecordSink,
    slots: Slots,
    records: u64,
    /// Whether the place of the records was met.
    found: bool,
}

/// A value that was found: its length if it is held, or its beginning if it is too long and was passed over.
enum Found {
    Held(usize),
    TooLong(Vec<u8>),
}

impl<R: Read> Document<'_, '_, R> {
    /// Reads a value, and the records at `path` within it.
    fn value(&mut self, path: &[String], whole: &[String]) -> Result<()> {
        let Some((name, rest)) = path.split_first() else { return self.place_of_records(whole) };
        match self.peek()? {
            Some(b'{') => self.members(name, rest, whole),
            Some(b'[') => self.items(name, rest, whole),
            _ => self.skip(),
        }
    }

    fn members(&mut self, name: &str, rest: &[String], whole: &[String]) -> Result<()> {
        self.pass(1);
        if self.peek()? == Some(b'}') {
            self.pass(1);
            return Ok(());
        }
        loop {
            if self.peek()? != Some(b'"') {
                return Err(self.unexpected("the name of a field"));
            }
            let matches = match self.find()? {
                Found::Held(length) => {
                    let key = serde_json::from_slice::<String>(&self.window.unread()[..length]);
                    self.pass(length);
                    key.map_err(|error| self.corrupt(&format!("the name of a field is no text: {error}")))? == name
                }
                Found::TooLong(_) => false,
            };
            self.expect(b':')?;
            self.peek()?;
            if matches {
                self.value(rest, whole)?
            } else {
                self.skip()?
            }
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    fn items(&mut self, name: &str, rest: &[String], whole: &[String]) -> Result<()> {
        let wanted: Option<usize> = name.parse().ok();
        self.pass(1);
        if self.peek()? == Some(b']') {
            self.pass(1);
            return Ok(());
        }
        for index in 0_usize.. {
            self.peek()?;
            if wanted == Some(index) {
                self.value(rest, whole)?
            } else {
                self.skip()?
            }
            if !self.goes_on(b']')? {
                break;
            }
        }
        Ok(())
    }

    fn place_of_records(&mut self, whole: &[String]) -> Result<()> {
        if std::mem::replace(&mut self.found, true) {
            return Err(self.corrupt(&format!("`/{}` stands twice", whole.join("/"))));
        }
        match self.peek()? {
            Some(b'[') => {}
            Some(b'{') => return self.element(),
            Some(b'n') if !whole.is_empty() => return self.skip(),
            _ => return Err(self.unexpected("an array of records, or a record")),
        }
        self.pass(1);
        if self.peek()? == Some(b']') {
            self.pass(1);
            return Ok(());
        }
        loop {
            self.peek()?;
            self.element()?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    /// Reads a value as a record.
    fn element(&mut self) -> Result<()> {
        let place = Place { record: self.records + 1, line: Some(self.line()), offset: Some(self.window.offset()) };
        match self.find()? {
            Found::Held(0) => return Err(self.unexpected("a value")),
            Found::Held(length) => {
                let bytes = &self.window.unread()[..length];
                record(bytes, place, self.context, &mut self.slots, self.sink)?;
                self.pass(length);
            }
            Found::TooLong(first) => {
                self.sink.refuse(place, Raw::Bytes(&first), Rule::RecordSize, self.context.too_long())?;
            }
        }
        self.records += 1;
        Ok(())
    }

    /// Passes over a value.
    fn skip(&mut self) -> Result<()> {
        match self.find()? {
            Found::Held(0) => Err(self.unexpected("a value")),
            Found::Held(length) => {
                self.pass(length);
                Ok(())
            }
            Found::TooLong(_) => Ok(()),
        }
    }

    /// Finds the end of the value that what is held begins with.
    fn find(&mut self) -> Result<Found> {
        let most = self.context.most;
        let mut outline = Outline::default();
        let mut at = 0;
        let mut first = None;
        loop {
            let unread = self.window.unread();
            match outline.take(unread, at) {
                Outcome::End(length) if first.is_none() && length <= most => return Ok(Found::Held(length)),
                Outcome::End(length) => {
                    let first = first.unwrap_or_else(|| beginning(unread, most));
                    self.pass(length);
                    return Ok(Found::TooLong(first));
                }
                Outcome::Broken(at) => {
                    self.pass(at);
                    return Err(self.corrupt("brackets do not match, or are nested beyond reason"));
                }
                Outcome::More => at = unread.len(),
            }
            if at > most {
                first.get_or_insert_with(|| beginning(unread, most));
                self.pass(at);
                at = 0;
            }
            if !self.window.fill().map_err(Error::of_read)? {
                return match (outline.may_end(), first) {
                    (true, None) => Ok(Found::Held(at)),
                    (true, Some(first)) => {
                        self.pass(at);
                        Ok(Found::TooLong(first))
                    }
                    (false, _) => {
                        self.pass(at);
                        Err(self.corrupt("the document ends within a value: it is truncated"))
                    }
                };
            }
        }
    }

    /// Whether a comma follows, and not the closing bracket; passes over either.
    fn goes_on(&mut self, close: u8) -> Result<bool> {
        match self.peek()? {
            Some(b',') => {
                self.pass(1);
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.pass(1);
                Ok(false)
            }
            _ => Err(self.unexpected(&format!("`,` or `{}`", char::from(close)))),
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek()? != Some(byte) {
            return Err(self.unexpected(&format!("`{}`", char::from(byte))));
        }
        self.pass(1);
        Ok(())
    }

    /// The next byte that is no space; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let unread = self.window.unread();
            let space = unread.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            let found = unread.get(space).copied();
            // A `\r` that is last may be half of a line's end.
            let half = found.is_none() && unread.last() == Some(&b'\r');
            if half && self.window.fill().map_err(Error::of_read)? {
                continue;
            }
            self.pass(space);
            if found.is_some() || !self.window.fill().map_err(Error::of_read)? {
                return Ok(found);
            }
        }
    }

    fn pass(&mut self, length: usize) {
        self.lines.add(&self.window.unread()[..length], LineEnds::Cr);
        self.window.advance(length);
    }

    /// The line that what is held begins on; however lines end, it is one.
    fn line(&self) -> u64 {
        1 + self.lines.lines(LineEnds::Cr)
    }

    fn unexpected(&self, expected: &str) -> Error {
        match self.window.unread().first() {
            None => self.corrupt(&format!("the document ends where {expected} was expected: it is truncated")),
            Some(byte) => self.corrupt(&format!("found `{}` where {expected} was expected", byte.escape_ascii())),
        }
    }

    /// The object as a whole is not of its format, which shows where what is held begins.
    fn corrupt(&self, what: &str) -> Error {
        let (line, offset, records) = (self.line(), self.window.offset(), self.records);
        let message = format!("no JSON document: {what} (line {line}, byte {offset}, after {records} records)");
        Error::new(ErrorKind::Corrupt, message)
    }
}

fn beginning(bytes: &[u8], most: usize) -> Vec<u8> {
    bytes[..bytes.len().min(most).min(Reject::RAW_LIMIT)].to_vec()
}
