//! What a decompressed object may become: objects are untrusted.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// Small objects may expand freely up to this size: 10 MiB.
const FREE_EXPANSION: u64 = 10 << 20;

/// The bounds of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most bytes after decompression.
    pub bytes: u64,
    /// The most bytes after decompression for each byte before it.
    pub expansion: u64,
    /// The longest time that reading may take.
    pub time: Duration,
}

/// Counts the bytes read through it.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Ends with an error where a bound is broken.
pub(super) struct Bounded<R> {
    pub(super) inner: R,
    pub(super) bounds: Bounds,
    pub(super) stored: Arc<AtomicU64>,
    pub(super) read: u64,
    pub(super) since: Instant,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        let stored = self.stored.load(Ordering::Relaxed);
        let broken = if self.read > self.bounds.bytes {
            Some((
                ErrorKind::TooLarge,
                format!("more than max_object_bytes = {} after decompression", self.bounds.bytes),
            ))
        } else if self.read > FREE_EXPANSION && self.read / self.bounds.expansion.max(1) > stored {
            let expansion = self.bounds.expansion;
            Some((ErrorKind::TooLarge, format!("decompresses to more than max_expansion = {expansion} times its size")))
        } else if self.since.elapsed() > self.bounds.time {
            Some((ErrorKind::TooLarge, format!("took longer than max_read_time = {:?} to read", self.bounds.time)))
        } else {
            None
        };
        match broken {
            Some((kind, message)) => Err(io::Error::other(Error::new(kind, message))),
            None => Ok(read),
        }
    }
}
