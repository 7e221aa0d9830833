//! A stream through a window of bounded memory.

use std::io::{self, Read};

/// The window's first size; it grows with what is held in it.
const SIZE: usize = 256 * 1024;

/// The bytes of a stream that were read and not yet passed over.
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    /// The last byte that was passed over.
    last: Option<u8>,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Window { reader, buffer: vec![0; SIZE], start: 0, end: 0, offset: 0, last: None, ended: false }
    }

    /// What is held.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where what is held begins in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The last byte that was passed over.
    pub(super) fn last(&self) -> Option<u8> {
        self.last
    }

    /// Passes over `length` bytes of what is held.
    pub(super) fn advance(&mut self, length: usize) {
        let length = length.min(self.end - self.start);
        self.start += length;
        if length > 0 {
            self.last = Some(self.buffer[self.start - 1]);
        }
        self.offset += length as u64;
    }

    /// Reads on; whether there was more.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < SIZE / 2 && self.start == 0 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.ended = read == 0;
        self.end += read;
        Ok(!self.ended)
    }

    /// Holds at least `length` bytes, or as many as there are.
    pub(super) fn hold(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.unread().len() < length && self.fill()? {}
        Ok(self.unread())
    }

    /// Passes over what is held up to the next end of a line, and over that; what was passed over is counted.
    pub(super) fn skip_line(&mut self, ends: &mut LineEnds, count: &mut LineCount) -> io::Result<()> {
        loop {
            let (length, found) = match ends.find(self.unread(), 0, false) {
                Some(end) => (end.next(), true),
                // A `\r` that is last may be half of a line's end.
                None => (self.unread().len() - usize::from(self.unread().last() == Some(&b'\r')), false),
            };
            count.add(&self.unread()[..length], *ends);
            self.advance(length);
            if found {
                return Ok(());
            }
            if !self.fill()? {
                count.add(self.unread(), *ends);
                self.advance(self.unread().len());
                return Ok(());
            }
        }
    }

    /// Passes over a byte order mark at the beginning.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.offset == 0 && self.hold(MARK.len())?.starts_with(MARK) {
            self.advance(MARK.len());
        }
        Ok(())
    }
}

/// How the lines of an object end, which its first line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// No line has ended yet.
    Unknown,
    /// At `\n`; a `\r` before it belongs to no line, any other is a character.
    Lf,
    /// At `\r`, `\n`, or both, since the first ended at a `\r` alone.
    Cr,
}

/// The end of a line: where it begins, and its length; that is 0 where the stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineEnd {
    pub(super) at: usize,
    pub(super) length: usize,
}

impl LineEnd {
    /// Where the next line begins.
    pub(super) fn next(self) -> usize {
        self.at + self.length
    }
}

impl LineEnds {
    /// The first end of a line in `bytes` from `from` on; `None` if that needs more bytes, of which there are none where `whole` is true.
    pub(super) fn find(&mut self, bytes: &[u8], from: usize, whole: bool) -> Option<LineEnd> {
        let rest = bytes.get(from..)?;
        let at = from
            + match self {
                LineEnds::Lf => memchr::memchr(b'\n', rest)?,
                LineEnds::Cr | LineEnds::Unknown => memchr::memchr2(b'\n', b'\r', rest)?,
            };
        if bytes[at] == b'\n' {
            *self = if *self == LineEnds::Unknown { LineEnds::Lf } else { *self };
            let begin = if at > from && bytes[at - 1] == b'\r' && *self == LineEnds::Lf { at - 1 } else { at };
            return Some(LineEnd { at: begin, length: at + 1 - begin });
        }
        let next = bytes.get(at + 1);
        if next.is_none() && !whole {
            return None;
        }
        let both = next == Some(&b'\n');
        if *self == LineEnds::Unknown {
            *self = if both { LineEnds::Lf } else { LineEnds::Cr };
        }
        Some(LineEnd { at, length: 1 + usize::from(both) })
    }
}

/// The lines that ended so far, counted both ways, as how they end may be known late.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineCount {
    newlines: u64,
    /// The `\r` that are followed by no `\n`.
    alone: u64,
    /// Whether the last byte was a `\r`.
    half: bool,
}

impl LineCount {
    /// Counts lines that are known to have ended, where lines end at `\n`.
    pub(super) fn add_newlines(&mut self, lines: usize) {
        self.newlines += lines as u64;
    }

    /// Counts those that end in the next bytes of the stream.
    pub(super) fn add(&mut self, bytes: &[u8], ends: LineEnds) {
        self.newlines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return };
        if ends != LineEnds::Lf {
            self.alone -= u64::from(self.half && *first == b'\n');
            let alone = memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n'));
            self.alone += alone.count() as u64;
            self.half = *last == b'\r';
        }
    }

    /// How many lines ended, where they end so.
    pub(super) fn lines(self, ends: LineEnds) -> u64 {
        self.newlines + if ends == LineEnds::Cr { self.alone } else { 0 }
    }
}
