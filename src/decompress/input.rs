//! The stored bytes, buffered: what every codec reads from.

use std::io::{self, BufRead, Read};

use super::bounds::Watch;
use crate::error::{Error, ErrorKind};

/// The size of the buffer: small ones cost 28 % of inflate.
pub(super) const BUFFER: usize = 128 * 1024;

/// How many bytes are collected before a codec sees them, however small the pieces are in which they arrive.
const FILL: usize = 64 * 1024;

/// The stored bytes of an object.
pub(super) struct Input<'a> {
    source: Box<dyn Read + Send + 'a>,
    watch: Watch,
    buffer: Box<[u8]>,
    /// The bytes of the buffer that are read and not yet used: `start..end`.
    start: usize,
    end: usize,
    ended: bool,
    /// The source's error, which comes after the bytes before it.
    failed: Option<io::Error>,
}

impl<'a> Input<'a> {
    pub(super) fn new(source: impl Read + Send + 'a, watch: Watch) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Input { source: Box::new(source), watch, buffer, start: 0, end: 0, ended: false, failed: None }
    }

    /// The next bytes, `length` of them or as many as there are; at most 64 KiB.
    pub(super) fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        debug_assert!(length <= FILL, "the buffer holds what is asked for, and a piece read behind it");
        if self.end - self.start < length {
            self.fill(length)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// The next bytes, exactly as many.
    pub(super) fn next_bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Leaves out the next `length` bytes.
    pub(super) fn skip(&mut self, mut length: u64) -> io::Result<()> {
        while length > 0 {
            let buffered = self.fill_buf()?.len();
            if buffered == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let skipped = length.min(buffered as u64);
            self.consume(skipped as usize);
            length -= skipped;
        }
        Ok(())
    }

    /// Whether all bytes were used, but for zeros at the end if these are `padding`.
    pub(super) fn at_end(&mut self, padding: bool) -> io::Result<bool> {
        loop {
            let rest = self.fill_buf()?;
            if rest.is_empty() {
                return Ok(true);
            }
            if !padding || rest.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            let zeros = rest.len();
            self.consume(zeros);
        }
    }

    /// Reads until `wanted` bytes and a good piece are in the buffer, or the source ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < wanted.max(FILL) && !self.ended && self.failed.is_none() {
            match read(&mut self.source, &self.watch, &mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) => self.failed = Some(error),
            }
        }
        match self.failed.take() {
            // What was read before is used first.
            Some(error) if self.end > 0 && wanted <= self.end => {
                self.failed = Some(error);
                Ok(())
            }
            Some(error) => {
                // Nothing follows it: who reads on is not to find a well-ended stream.
                self.failed = Some(again(&error));
                Err(error)
            }
            None => Ok(()),
        }
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.fill(1)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.start = (self.start + amount).min(self.end);
    }
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && into.len() >= FILL && !self.ended && self.failed.is_none() {
            // Straight into the reader's buffer.
            let length = read(&mut self.source, &self.watch, into)?;
            self.ended = length == 0;
            return Ok(length);
        }
        let buffered = self.fill_buf()?;
        let length = buffered.len().min(into.len());
        into[..length].copy_from_slice(&buffered[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// Reads from the source; an error of it that is not one of ours becomes one, so that it is not taken for a damaged stream.
fn read(source: &mut dyn Read, watch: &Watch, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(into) {
            Ok(length) => {
                watch.took(length)?;
                return Ok(length);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<Error>()) => return Err(error),
            Err(error) => {
                return Err(io::Error::other(Error::caused(ErrorKind::Io, "reading the stored bytes failed", error)));
            }
        }
    }
}

/// The same error once more.
pub(super) fn again(error: &io::Error) -> io::Error {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let kind = ours.map_or(ErrorKind::Io, Error::kind);
    io::Error::other(Error::new(kind, error.to_string()))
}
