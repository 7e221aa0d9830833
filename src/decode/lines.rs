//! Lines, with their number and byte offset, in bounded memory.

use std::io::{self, Read};

/// The buffer's first size; it grows up to the longest line allowed.
const BUFFER: usize = 256 * 1024;

/// A line without its end, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number in the object, from 1; lines that are blank count.
    pub number: u64,
    /// Where it begins in the decompressed object, in bytes.
    pub offset: u64,
    /// Its bytes; of a line that is too long, those at its beginning.
    pub bytes: &'a [u8],
    /// Whether the line is longer than allowed, so that `bytes` is not all of it.
    pub too_long: bool,
}

/// Splits a stream at `\n`, and gives the lines that are not blank.
///
/// A `\r` before the `\n` and a byte order mark at the beginning belong to no line. The last line needs no end.
pub struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The bytes of the buffer that are read and not yet given: `start..end`.
    start: usize,
    end: usize,
    /// The offset of `start` in the stream.
    offset: u64,
    number: u64,
    most: usize,
    ended: bool,
}

impl<R: Read> Lines<R> {
    /// The lines of `reader`, each of at most `most` bytes.
    pub fn new(reader: R, most: usize) -> Self {
        Lines { reader, buffer: vec![0; BUFFER], start: 0, end: 0, offset: 0, number: 0, most, ended: false }
    }

    /// How many bytes of the stream belong to lines that were given.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let (length, consumed, too_long) = match self.find_end()? {
                None => return Ok(None),
                Some(found) => found,
            };
            let begin = self.start;
            let offset = self.offset;
            self.number += 1;
            self.start += consumed;
            self.offset += consumed as u64;
            let mut bytes = begin..begin + length;
            let mut skipped = 0;
            if offset == 0 && self.buffer[bytes.clone()].starts_with(b"\xef\xbb\xbf") {
                bytes.start += 3;
                skipped = 3;
            }
            if self.buffer[bytes.clone()].ends_with(b"\r") {
                bytes.end -= 1;
            }
            if too_long {
                self.skip_line()?;
            } else if self.buffer[bytes.clone()].trim_ascii().is_empty() {
                continue;
            }
            let number = self.number;
            return Ok(Some(Line { number, offset: offset + skipped, bytes: &self.buffer[bytes], too_long }));
        }
    }

    /// The line at `start`: its length, the length with its end, and whether it is too long; `None` at the end of the stream.
    fn find_end(&mut self) -> io::Result<Option<(usize, usize, bool)>> {
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', &unread[searched..]) {
                let length = searched + at;
                return Ok(Some((length, length + 1, length > self.most)));
            }
            searched = unread.len();
            if searched > self.most {
                return Ok(Some((self.most, self.most, true)));
            }
            if self.ended {
                return Ok((searched > 0).then_some((searched, searched, false)));
            }
            self.fill()?;
        }
    }

    /// Reads on to the end of the line whose beginning was given.
    ///
    /// The beginning stays where it is in the buffer: what is skipped is read behind it.
    fn skip_line(&mut self) -> io::Result<()> {
        if self.start > 0 && self.buffer[self.start - 1] == b'\n' {
            return Ok(());
        }
        let mut scratch = vec![0; 64 * 1024];
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', unread) {
                self.start += at + 1;
                self.offset += at as u64 + 1;
                return Ok(());
            }
            self.offset += unread.len() as u64;
            self.start = self.end;
            let read = read(&mut self.reader, &mut scratch)?;
            if read == 0 {
                self.ended = true;
                return Ok(());
            }
            self.buffer.truncate(self.end);
            self.buffer.extend_from_slice(&scratch[..read]);
            let end = self.buffer.len();
            if memchr::memchr(b'\n', &self.buffer[self.start..end]).is_none() {
                // Nothing of this is needed: forget it at once, so that memory stays bounded.
                self.offset += read as u64;
                self.buffer.truncate(self.start);
            }
            self.end = self.buffer.len();
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let larger = (self.buffer.len() * 2).clamp(BUFFER, self.most.saturating_add(BUFFER).max(BUFFER));
            self.buffer.resize(larger.max(self.end + BUFFER), 0);
        }
        let read = read(&mut self.reader, &mut self.buffer[self.end..])?;
        self.ended = read == 0;
        self.end += read;
        Ok(())
    }
}

fn read(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
