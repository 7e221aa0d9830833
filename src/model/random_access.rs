//! Bytes that can be read from anywhere, for formats whose index stands at their end.

use std::io;

use bytes::Bytes;

/// An object whose bytes can be read from anywhere; reading may block.
pub trait RandomAccess: Send + Sync {
    /// The object's length in bytes.
    fn len(&self) -> u64;

    /// Whether the object has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `length` bytes from `offset` on; fewer only where the object ends.
    ///
    /// # Errors
    /// Those of reading, with one of our errors inside.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

impl RandomAccess for Bytes {
    fn len(&self) -> u64 {
        Bytes::len(self) as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(Bytes::len(self));
        let end = start.saturating_add(length).min(Bytes::len(self));
        Ok(self.slice(start..end))
    }
}
