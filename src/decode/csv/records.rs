//! The records of delimited text, with their line, byte offset and fields, in bounded memory.

use std::io::Read;

use super::fields::{Fault, Field, Splitter, Step};
use crate::config::CsvOptions;
use crate::decode::Counts;
use crate::decode::Line;
use crate::decode::window::{LineCount, LineEnd, LineEnds, Window};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Reject;

/// A record, and where it is.
pub(super) struct Record<'a> {
    /// The line that it begins on, from 1.
    pub(super) line: u64,
    /// How many lines it has.
    pub(super) lines: u64,
    /// Where it begins, in bytes.
    pub(super) offset: u64,
    /// Its bytes without the line's end; of a record that is too long, the first.
    pub(super) bytes: &'a [u8],
    pub(super) too_long: bool,
    /// Its fields; of a record that is too long, none.
    pub(super) fields: &'a [Field],
    pub(super) fault: Option<Fault>,
}

/// Splits a stream into records of at most `most` bytes.
///
/// Lines end as [`Lines`](crate::decode::Lines) has it. Empty lines, and those that begin with the comment's character, are no records.
pub(super) struct Records<R> {
    window: Window<R>,
    ends: LineEnds,
    /// The lines before what is held.
    lines: LineCount,
    most: usize,
    comment: Option<u8>,
    splitter: Splitter,
    /// The length of the record that was given, with its line's end.
    given: usize,
    /// Whether that is one line that ends at `\n`.
    given_line: bool,
    long: Vec<u8>,
}

impl<R: Read> Records<R> {
    /// The records of `reader` behind the lines that the options pass over.
    pub(super) fn new(reader: R, options: &CsvOptions, most: usize) -> Result<Self> {
        let mut records = Records {
            window: Window::new(reader),
            ends: LineEnds::Unknown,
            lines: LineCount::default(),
            most,
            comment: options.comment,
            splitter: Splitter::new(options),
            given: 0,
            given_line: false,
            long: Vec::new(),
        };
        records.window.skip_mark().map_err(Error::of_read)?;
        for _ in 0..options.skip_lines {
            records.skip_line()?;
        }
        Ok(records)
    }

    /// What was passed over, behind the last record.
    pub(super) fn counts(&self) -> Counts {
        let open = !matches!(self.window.last(), None | Some(b'\n' | b'\r'));
        Counts { bytes: self.window.offset(), lines: self.lines.lines(self.ends) + u64::from(open) }
    }

    /// The splitter, which knows what escaped fields stand for.
    pub(super) fn splitter(&self) -> &Splitter {
        &self.splitter
    }

    /// The bytes and fields of the record that was given last, if it was not too long.
    pub(super) fn current(&self) -> (&[u8], &[Field]) {
        (&self.window.unread()[..self.given], &self.splitter.fields)
    }

    /// Goes to the next line, if it is held whole and is no comment, and if the lines before it end at `\n`: most records are such a line.
    pub(super) fn next_line(&mut self) -> Option<Line<'_>> {
        let given = std::mem::take(&mut self.given);
        if std::mem::take(&mut self.given_line) {
            self.lines.add_newlines(usize::from(given > 0));
            self.window.advance(given);
        } else {
            self.pass(given);
        }
        if self.ends != LineEnds::Lf {
            return None;
        }
        let unread = self.window.unread();
        let end = memchr::memchr(b'\n', unread)?;
        let bytes = unread[..end].strip_suffix(b"\r").unwrap_or(&unread[..end]);
        if bytes.is_empty() || bytes.len() > self.most || bytes.first().copied() == self.comment {
            return None;
        }
        self.given = end + 1;
        self.given_line = true;
        let (number, offset) = (1 + self.lines.lines(self.ends), self.window.offset());
        Some(Line { number, offset, bytes: &self.window.unread()[..bytes.len()], too_long: false })
    }

    /// Makes the line that was given last the beginning of the next record.
    pub(super) fn begin_again(&mut self) {
        self.given = 0;
    }

    /// Goes to the next record; `None` at the end.
    ///
    /// # Errors
    /// `Corrupt` if a quote is never closed, as what is behind it cannot be told from what is within; those of the reader.
    pub(super) fn next_record(&mut self) -> Result<Option<Record<'_>>> {
        let given = std::mem::take(&mut self.given);
        self.given_line = false;
        self.pass(given);
        if !self.skip_others()? {
            return Ok(None);
        }
        let (line, offset) = (1 + self.lines.lines(self.ends), self.window.offset());
        self.splitter.begin();
        let mut at = 0;
        let mut last = false;
        let mut too_long = false;
        let end = loop {
            match self.splitter.take(self.window.unread(), at, last, &mut self.ends) {
                Step::End(end) => break end,
                Step::More(from) => at = from,
            }
            // One byte more may be half of the line's end.
            if at > self.most.saturating_add(1) {
                self.keep(&mut too_long);
                self.pass(at);
                self.splitter.fields.clear();
                at = 0;
            }
            last = !self.window.fill().map_err(Error::of_read)?;
        };
        if end.length == 0 && self.splitter.fault == Some(Fault::Unclosed) {
            let message = format!(
                "no delimited text: the quote that opens in the record on line {line}, at byte {offset}, is never closed; \
                 the object is truncated, or `quote` is another character"
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        if end.at > self.most {
            self.keep(&mut too_long);
        }
        let LineEnd { at: length, .. } = end;
        self.given = end.next();
        let mut count = self.lines;
        count.add(&self.window.unread()[..length], self.ends);
        let lines = (2 + count.lines(self.ends)).saturating_sub(line);
        let fault = self.splitter.fault;
        Ok(Some(match too_long {
            true => Record { line, lines, offset, bytes: &self.long, too_long, fields: &[], fault },
            false => {
                let bytes = &self.window.unread()[..length];
                Record { line, lines, offset, bytes, too_long, fields: &self.splitter.fields, fault }
            }
        }))
    }

    /// Keeps the beginning of a record that is too long.
    fn keep(&mut self, too_long: &mut bool) {
        if !std::mem::replace(too_long, true) {
            let unread = self.window.unread();
            self.long.clear();
            self.long.extend_from_slice(&unread[..unread.len().min(self.most).min(Reject::RAW_LIMIT)]);
        }
    }

    /// Passes over empty lines and comments; whether there is something behind them.
    fn skip_others(&mut self) -> Result<bool> {
        loop {
            let first = self.window.hold(2).map_err(Error::of_read)?;
            let skip = match first {
                [] => return Ok(false),
                [byte, ..] if Some(*byte) == self.comment => true,
                [b'\n', ..] | [b'\r', b'\n', ..] | [b'\r'] => true,
                [b'\r', ..] => self.ends != LineEnds::Lf,
                _ => false,
            };
            if !skip {
                return Ok(true);
            }
            self.skip_line()?;
        }
    }

    fn skip_line(&mut self) -> Result<()> {
        self.window.skip_line(&mut self.ends, &mut self.lines).map_err(Error::of_read)
    }

    fn pass(&mut self, length: usize) {
        self.lines.add(&self.window.unread()[..length], self.ends);
        self.window.advance(length);
    }
}
