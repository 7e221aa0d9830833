//! What a decompressed object may become: objects are untrusted.

use std::io;
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
    /// The largest window or dictionary that a zstd or xz stream may ask for, in bytes. Those of the other codecs are at most 16 MiB.
    pub window: u64,
}

/// The bounds of one object that is being read: what both ends of a codec count.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    bounds: Bounds,
    since: Instant,
    /// The bytes read from the source.
    stored: Arc<AtomicU64>,
    /// The bytes that came out.
    given: u64,
}

impl Watch {
    pub(super) fn new(bounds: Bounds) -> Self {
        Watch { bounds, since: Instant::now(), stored: Arc::default(), given: 0 }
    }

    /// Bytes came from the source. Looking at the clock here stops a stream of which nothing comes out, such as empty members.
    pub(super) fn took(&self, bytes: usize) -> io::Result<()> {
        self.stored.fetch_add(bytes as u64, Ordering::Relaxed);
        self.on_time()
    }

    /// Bytes came out of the codec.
    pub(super) fn gave(&mut self, bytes: usize) -> io::Result<()> {
        self.given += bytes as u64;
        let Bounds { bytes, expansion, .. } = self.bounds;
        if self.given > bytes {
            return Err(broken(format!("more than max_object_bytes = {bytes} after decompression")));
        }
        if self.given > FREE_EXPANSION && self.given / expansion.max(1) > self.stored() {
            return Err(broken(format!("decompresses to more than max_expansion = {expansion} times its size")));
        }
        self.on_time()
    }

    /// The bytes read from the source so far.
    pub(super) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// The bytes that came out so far.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    fn on_time(&self) -> io::Result<()> {
        match self.since.elapsed() > self.bounds.time {
            true => Err(broken(format!("took longer than max_read_time = {:?} to read", self.bounds.time))),
            false => Ok(()),
        }
    }
}

fn broken(message: String) -> io::Error {
    io::Error::other(Error::new(ErrorKind::TooLarge, message))
}
