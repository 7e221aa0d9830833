//! Ranged reads of an object for the decoders of Parquet and ORC: few requests, bounded memory, and no error lost on its way through them.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::error::{Error, ErrorKind};
use crate::model::RandomAccess;

/// An object of at most this many bytes is read at once.
const SMALL: u64 = 1 << 20;

/// What is read ahead for the columns of an object, in all.
const AHEAD: usize = 32 << 20;

/// What is read ahead for one column: below, requests cost more than they save; above, they are few already.
const WINDOW: std::ops::RangeInclusive<usize> = 64 << 10..=1 << 20;

/// An object, read in windows of which the last used are kept; clones share them.
#[derive(Clone)]
pub(super) struct Ranged(Arc<Inner>);

struct Inner {
    object: Arc<dyn RandomAccess>,
    length: u64,
    until: Instant,
    state: Mutex<State>,
}

struct State {
    /// The last used window is the last.
    windows: VecDeque<(u64, Bytes)>,
    held: usize,
    window: usize,
    allowance: u64,
    error: Option<Error>,
}

impl Ranged {
    /// Reads `object` for no longer than `time`.
    pub(super) fn new(object: Arc<dyn RandomAccess>, time: Duration) -> Self {
        let length = object.len();
        let window = if length <= SMALL { SMALL as usize } else { *WINDOW.end() };
        let until = Instant::now() + time;
        let state = State { windows: VecDeque::new(), held: 0, window, allowance: u64::MAX, error: None };
        Ranged(Arc::new(Inner { object, length, until, state: Mutex::new(state) }))
    }

    /// The object's length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.0.length
    }

    /// Reads ahead for `columns` columns that lie side by side and are read in turns.
    pub(super) fn read_ahead_for(&self, columns: usize) {
        if self.0.length > SMALL {
            self.state().window = (AHEAD / columns.max(1)).clamp(*WINDOW.start(), *WINDOW.end());
        }
    }

    /// Lets no more than `bytes` bytes be asked for until it is called again: what metadata claims is no reason to hold more.
    pub(super) fn allow(&self, bytes: u64) {
        self.state().allowance = bytes;
    }

    /// The `length` bytes at `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the object's end, whatever its metadata claims; those of reading it, which [`failed`](Self::failed) gives back.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut state = self.state();
        let inside = offset.checked_add(length as u64).is_some_and(|end| end <= self.0.length);
        if !inside || length as u64 > state.allowance {
            let message = format!("{length} bytes at {offset} are not in the object of {} bytes", self.0.length);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        if state.allowance != u64::MAX {
            state.allowance -= length as u64;
        }
        let hit = state
            .windows
            .iter()
            .position(|(start, bytes)| *start <= offset && offset + length as u64 <= *start + bytes.len() as u64);
        if let Some((start, bytes)) = hit.and_then(|at| state.windows.remove(at)) {
            let from = (offset - start) as usize;
            let part = bytes.slice(from..from + length);
            state.windows.push_back((start, bytes));
            return Ok(part);
        }
        let (start, most) = if self.0.length <= SMALL {
            (0, self.0.length)
        } else {
            (offset, (state.window.max(length) as u64).min(self.0.length - offset))
        };
        let bytes = match self.read(start, most as usize) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = error.to_string();
                state.error = Some(Error::of_read(error));
                return Err(io::Error::other(message));
            }
        };
        let from = (offset - start) as usize;
        let part = bytes.slice(from..from + length);
        if bytes.len() <= *WINDOW.end() {
            state.held += bytes.len();
            state.windows.push_back((start, bytes));
        }
        while state.held > AHEAD
            && let Some((_, oldest)) = state.windows.pop_front()
        {
            state.held -= oldest.len();
        }
        Ok(part)
    }

    fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        if Instant::now() > self.0.until {
            return Err(io::Error::other(Error::new(ErrorKind::TooLarge, "took longer than max_read_time to read")));
        }
        let bytes = self.0.object.read_at(offset, length)?;
        if bytes.len() < length {
            let message = format!("the object ended {} bytes after {offset}, before its length", bytes.len());
            return Err(io::Error::other(Error::new(ErrorKind::Unavailable, message)));
        }
        Ok(bytes)
    }

    /// The bytes from `offset` on.
    pub(super) fn from(&self, offset: u64) -> From {
        From { object: self.clone(), offset }
    }

    /// The error of a decoder: that of reading the object, if there was one, or else damage.
    pub(super) fn failed(&self, what: &str, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        match self.state().error.take() {
            Some(reading) => reading,
            None => Error::caused(ErrorKind::Corrupt, what, error),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic of a decoder under the lock is caught; the state stays consistent between any two lines of ours.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads an object from one offset on.
pub(super) struct From {
    object: Ranged,
    offset: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.object.length().saturating_sub(self.offset);
        let length = (buffer.len() as u64).min(left) as usize;
        let bytes = self.object.bytes(self.offset, length)?;
        buffer[..length].copy_from_slice(&bytes);
        self.offset += length as u64;
        Ok(length)
    }
}

impl Length for Ranged {
    fn len(&self) -> u64 {
        self.length()
    }
}

impl ChunkReader for Ranged {
    type T = From;

    fn get_read(&self, start: u64) -> parquet::errors::Result<From> {
        Ok(self.from(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.bytes(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}
