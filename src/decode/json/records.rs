//! Finding the objects of JSON lines: on a line of their own, several on one, or over several lines.
//!
//! What does not parse must not take others with it. An object that is not closed goes on over the next lines for as long as it can; where it cannot,
//! it ends before the first of its lines that begins with a `{`, no further to the right than the object itself began. Without such a line it
//! ends with the line on which it went wrong; and if that leaves brackets open, whatever follows up to such a line belongs to it.

use std::io::{self, Read};

use super::prefix::{Prefix, Step};
use crate::decode::window::{LineCount, LineEnd, LineEnds, Window};
use crate::model::Reject;

/// Where a record begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) line: u64,
    pub(super) offset: u64,
    /// The length of its line, if it is the first on it and the line is no longer than a record may be.
    pub(super) whole: Option<usize>,
}

/// What stands where a record begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    /// An object, by its brackets, of this length.
    Object(usize),
    /// Something of this length that is none.
    Malformed(usize),
    /// Something longer than allowed, which was passed over; [`Records::long`] is its beginning.
    TooLong,
}

/// Splits a stream into records of at most `most` bytes.
pub(super) struct Records<R> {
    window: Window<R>,
    ends: LineEnds,
    most: usize,
    /// The lines before what is held.
    lines: LineCount,
    /// How many bytes of the line were passed over.
    column: usize,
    /// Whether a record on this line was passed over.
    within_line: bool,
    /// What belongs to a record that went wrong is passed over, up to a `{` no further to the right than this.
    lost: Option<usize>,
    /// The length of what was given.
    given: usize,
    long: Vec<u8>,
}

impl<R: Read> Records<R> {
    pub(super) fn new(reader: R, most: usize) -> Self {
        Records {
            window: Window::new(reader),
            ends: LineEnds::Unknown,
            most,
            lines: LineCount::default(),
            column: 0,
            within_line: false,
            lost: None,
            given: 0,
            long: Vec::new(),
        }
    }

    /// How many bytes were passed over.
    pub(super) fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The first `length` bytes of the record.
    pub(super) fn bytes(&self, length: usize) -> &[u8] {
        &self.window.unread()[..length]
    }

    /// The beginning of a record that is too long.
    pub(super) fn long(&self) -> &[u8] {
        &self.long
    }

    /// The record is its whole line, of which `length` bytes were given.
    pub(super) fn took_line(&mut self, length: usize) {
        // What nearly every line ends with is passed over here and now, as it is known.
        let end = match (self.ends, self.window.unread().get(length..)) {
            (LineEnds::Lf, Some([b'\n', ..])) => 1,
            (LineEnds::Lf, Some([b'\r', b'\n', ..])) => 2,
            _ => {
                self.given = length;
                return;
            }
        };
        self.lines.add_newlines(1);
        self.column = 0;
        self.within_line = false;
        self.window.advance(length + end);
    }

    /// Goes to the next record; `None` at the end.
    pub(super) fn start(&mut self) -> io::Result<Option<Start>> {
        self.window.skip_mark()?;
        let given = std::mem::take(&mut self.given);
        if given > 0 {
            self.pass(given, true);
        }
        if let Some(column) = self.lost.take() {
            self.find_record(column)?;
        }
        if !self.skip_space()? {
            return Ok(None);
        }
        let whole = if self.within_line { None } else { self.line_end(0)?.map(|end| end.at) };
        Ok(Some(Start { line: 1 + self.lines.lines(self.ends), offset: self.window.offset(), whole }))
    }

    /// Finds where the record ends; it is passed over at the next [`start`](Self::start).
    pub(super) fn frame(&mut self) -> io::Result<Frame> {
        if self.window.unread().first() != Some(&b'{') {
            return self.malformed_line(0, None);
        }
        let mut prefix = Prefix::new();
        let mut at = 0;
        loop {
            let unread = self.window.unread();
            // One byte more than is allowed, however many there are: the reads do not decide.
            let view = &unread[..unread.len().min(self.most.saturating_add(1))];
            match prefix.take(view, at) {
                Step::End(end) if end <= self.most => return self.behind(end),
                Step::Wrong(wrong) if wrong < self.most => {
                    return match self.restart(wrong + 1) {
                        Some(restart) => Ok(self.give(Frame::Malformed(restart), restart)),
                        None => self.malformed_line(wrong, Some(&prefix)),
                    };
                }
                Step::More if view.len() <= self.most => {
                    at = view.len();
                    if !self.window.fill()? {
                        let length = self.restart(at).unwrap_or(at);
                        return Ok(self.give(Frame::Malformed(length), length));
                    }
                }
                Step::End(end) => {
                    self.keep();
                    return Ok(self.give(Frame::TooLong, end));
                }
                step => {
                    let length = view.len();
                    return match self.restart(length) {
                        Some(restart) => Ok(self.give(Frame::Malformed(restart), restart)),
                        None => self.too_long(prefix, step, length),
                    };
                }
            }
        }
    }

    fn give(&mut self, frame: Frame, length: usize) -> Frame {
        self.given = length;
        frame
    }

    /// An object ends at `end`: on its line, only another may follow.
    fn behind(&mut self, end: usize) -> io::Result<Frame> {
        let mut at = end;
        loop {
            let unread = self.window.unread();
            let limit = unread.len().min(end.saturating_add(self.most));
            at += unread[at..limit].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            match unread.get(at) {
                Some(b'\n' | b'\r' | b'{') => return Ok(self.give(Frame::Object(end), end)),
                Some(_) if at < limit => return self.malformed_line(at, None),
                Some(_) => return Ok(self.give(Frame::Object(end), end)),
                None => {
                    if !self.window.fill()? {
                        return Ok(self.give(Frame::Object(end), end));
                    }
                }
            }
        }
    }

    /// Something went wrong at `wrong`, and its line is refused; `prefix` knows what is open there, if anything is.
    fn malformed_line(&mut self, wrong: usize, prefix: Option<&Prefix>) -> io::Result<Frame> {
        let column = self.column;
        let Some(end) = self.line_end(wrong)? else {
            self.keep();
            self.skip_line(wrong)?;
            self.lost = prefix.map(|_| column);
            return Ok(Frame::TooLong);
        };
        let rest = &self.window.unread()[wrong..end.at];
        self.lost = prefix.filter(|prefix| !prefix.is_closed_by(rest)).map(|_| column);
        Ok(self.give(Frame::Malformed(end.at), end.at))
    }

    /// Passes over an object that is longer than allowed, of which `taken` bytes led to `step`.
    fn too_long(&mut self, mut prefix: Prefix, mut step: Step, taken: usize) -> io::Result<Frame> {
        let column = self.column;
        self.keep();
        let mut taken = taken;
        loop {
            match step {
                Step::End(end) => return Ok(self.give(Frame::TooLong, end)),
                Step::Wrong(wrong) => {
                    self.skip_line(wrong)?;
                    self.lost = Some(column);
                    return Ok(Frame::TooLong);
                }
                // A `\r` that is last may be half of a line's end.
                Step::More if self.window.unread().last() == Some(&b'\r') && self.window.fill()? => {
                    step = prefix.take(self.window.unread(), taken);
                    taken = self.window.unread().len();
                }
                Step::More => {
                    self.pass(taken, true);
                    if self.window.unread().is_empty() && !self.window.fill()? {
                        return Ok(Frame::TooLong);
                    }
                    taken = self.window.unread().len();
                    step = prefix.take(self.window.unread(), 0);
                }
            }
        }
    }

    /// Keeps the beginning of a record that will be passed over.
    fn keep(&mut self) {
        let unread = self.window.unread();
        self.long.clear();
        self.long.extend_from_slice(&unread[..unread.len().min(self.most).min(Reject::RAW_LIMIT)]);
    }

    /// The first line behind the record's own, within `length` bytes, that another record may begin on.
    fn restart(&self, length: usize) -> Option<usize> {
        let bytes = &self.window.unread()[..length];
        let mut ends = self.ends;
        let mut from = 0;
        while let Some(end) = ends.find(bytes, from, true) {
            from = end.next();
            let space = bytes[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            if space <= self.column && bytes.get(from + space) == Some(&b'{') {
                return Some(from);
            }
        }
        None
    }

    /// The end of the line that goes on at `from`; `None` if it is further away than a record may be long.
    fn line_end(&mut self, from: usize) -> io::Result<Option<LineEnd>> {
        let mut searched = from;
        loop {
            let unread = self.window.unread();
            // However much is held: the reads do not decide.
            let unread = &unread[..unread.len().min(self.most.saturating_add(2))];
            if let Some(end) = self.ends.find(unread, searched, false) {
                return Ok((end.at <= self.most).then_some(end));
            }
            searched = unread.len().saturating_sub(1).max(from);
            if unread.len() > self.most.saturating_add(1) {
                return Ok(None);
            }
            if !self.window.fill()? {
                let unread = self.window.unread();
                let end = self.ends.find(unread, from, true).unwrap_or(LineEnd { at: unread.len(), length: 0 });
                return Ok((end.at <= self.most).then_some(end));
            }
        }
    }

    /// Passes over the rest of a line, of which `from` bytes were looked at.
    fn skip_line(&mut self, from: usize) -> io::Result<()> {
        self.pass(from, true);
        loop {
            let unread = self.window.unread();
            if let Some(end) = self.ends.find(unread, 0, false) {
                self.pass(end.next(), true);
                return Ok(());
            }
            // A `\r` that is last may be half of a line's end.
            let length = unread.len() - usize::from(unread.last() == Some(&b'\r'));
            self.pass(length, true);
            if !self.window.fill()? {
                let rest = self.window.unread().len();
                self.pass(rest, true);
                return Ok(());
            }
        }
    }

    /// Passes over what belongs to a record that went wrong: lines up to one that another may begin on.
    fn find_record(&mut self, column: usize) -> io::Result<()> {
        if self.column > 0 {
            self.skip_line(0)?;
        }
        loop {
            let unread = self.window.hold(column + 1)?;
            if unread.is_empty() {
                return Ok(());
            }
            let space = unread.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            if space <= column && unread.get(space) == Some(&b'{') {
                return Ok(());
            }
            self.skip_line(0)?;
        }
    }

    /// Passes over spaces and blank lines; whether there is something behind them.
    fn skip_space(&mut self) -> io::Result<bool> {
        if self.window.unread().first() == Some(&b'{') && self.ends != LineEnds::Unknown {
            return Ok(true);
        }
        loop {
            let unread = self.window.unread();
            let space = unread.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            let found = space < unread.len();
            // A `\r` that is last may be half of a line's end.
            let half = !found && unread.last() == Some(&b'\r');
            if half && self.window.fill()? {
                continue;
            }
            if self.ends == LineEnds::Unknown {
                let space = &self.window.unread()[..space];
                self.ends.find(space, 0, true);
            }
            self.pass(space, false);
            if found || !self.window.fill()? {
                return Ok(found);
            }
        }
    }

    /// Passes over bytes, of a record or between two.
    fn pass(&mut self, length: usize, record: bool) {
        if self.ends == LineEnds::Unknown {
            let unread = self.window.unread();
            let mut ends = self.ends;
            let end = ends.find(&unread[..unread.len().min(length + 1)], 0, true);
            if end.is_some_and(|end| end.at < length) {
                self.ends = ends;
            }
        }
        let bytes = &self.window.unread()[..length];
        self.lines.add(bytes, self.ends);
        let line_end = match self.ends {
            LineEnds::Cr => memchr::memrchr2(b'\n', b'\r', bytes),
            LineEnds::Lf | LineEnds::Unknown => memchr::memrchr(b'\n', bytes),
        };
        match line_end {
            Some(at) => {
                self.column = length - at - 1;
                self.within_line = record && self.column > 0;
            }
            None => {
                self.column += length;
                self.within_line |= record && length > 0;
            }
        }
        self.window.advance(length);
    }
}
