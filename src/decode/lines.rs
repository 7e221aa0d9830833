//! Lines, with their number and byte offset, in bounded memory.

use std::io::{self, Read};

use super::window::{LineCount, LineEnd, LineEnds, Window};
use crate::model::Reject;

/// A line without its end, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number in the object, from 1; lines that are blank count.
    pub number: u64,
    /// Where it begins in the decompressed object, in bytes.
    pub offset: u64,
    /// Its bytes; of a line that is too long, the first that are allowed, and at most as many as a reject keeps.
    pub bytes: &'a [u8],
    /// Whether the line is longer than allowed, so that `bytes` is not all of it.
    pub too_long: bool,
}

/// Splits a stream into lines, and gives those that are not blank.
///
/// Lines end at `\n` or `\r\n`; or at each `\r` too, if that is how the first one ends. A byte order mark at the
/// beginning belongs to no line. The last line needs no end.
pub struct Lines<R> {
    window: Window<R>,
    ends: LineEnds,
    /// The lines before what is held.
    number: u64,
    most: usize,
    /// The length of the line that was given, with its end.
    given: usize,
    /// The beginning of a line that is too long.
    long: Vec<u8>,
}

impl<R: Read> Lines<R> {
    /// The lines of `reader`, each of at most `most` bytes.
    pub fn new(reader: R, most: usize) -> Self {
        let window = Window::new(reader);
        Lines { window, ends: LineEnds::Unknown, number: 0, most, given: 0, long: Vec::new() }
    }

    /// How many bytes of the stream belong to lines that were given.
    pub fn offset(&self) -> u64 {
        self.window.offset() + self.given as u64
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.window.skip_mark()?;
        loop {
            self.window.advance(std::mem::take(&mut self.given));
            let offset = self.window.offset();
            match self.find_end()? {
                None if self.window.unread().is_empty() => return Ok(None),
                None => {
                    self.number += 1;
                    self.skip_line()?;
                    return Ok(Some(Line { number: self.number, offset, bytes: &self.long, too_long: true }));
                }
                Some(end) => {
                    self.number += 1;
                    self.given = end.next();
                    if self.window.unread()[..end.at].trim_ascii().is_empty() {
                        continue;
                    }
                    let bytes = &self.window.unread()[..end.at];
                    return Ok(Some(Line { number: self.number, offset, bytes, too_long: false }));
                }
            }
        }
    }

    /// The end of the line that what is held begins with; `None` if the line is too long, or there is none.
    fn find_end(&mut self) -> io::Result<Option<LineEnd>> {
        let mut searched = 0;
        loop {
            let unread = self.window.unread();
            if let Some(end) = self.ends.find(unread, searched, false) {
                return Ok((end.at <= self.most).then_some(end));
            }
            // The last byte may be half of the line's end.
            searched = unread.len().saturating_sub(1);
            if unread.len() > self.most.saturating_add(1) {
                return Ok(None);
            }
            if !self.window.fill()? {
                return Ok(self.last());
            }
        }
    }

    /// The end of the last line, which may have none.
    fn last(&mut self) -> Option<LineEnd> {
        let unread = self.window.unread();
        let end = self.ends.find(unread, 0, true).unwrap_or(LineEnd { at: unread.len(), length: 0 });
        // As if the other half of the line's end were there.
        let cut = self.ends == LineEnds::Lf && end.length == 0 && unread.ends_with(b"\r");
        let end = if cut { LineEnd { at: end.at - 1, length: 1 } } else { end };
        (!unread.is_empty() && end.at <= self.most).then_some(end)
    }

    /// Passes over a line that is too long, and keeps its beginning.
    fn skip_line(&mut self) -> io::Result<()> {
        let unread = self.window.unread();
        self.long.clear();
        self.long.extend_from_slice(&unread[..unread.len().min(self.most).min(Reject::RAW_LIMIT)]);
        self.window.skip_line(&mut self.ends, &mut LineCount::default())
    }
}
