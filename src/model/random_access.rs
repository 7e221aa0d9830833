//! Reading an object anywhere, for the formats whose table of contents is at their end.

use std::io;

use bytes::Bytes;

/// An object of which any part can be read, from a blocking thread.
#[expect(clippy::len_without_is_empty, reason = "an object of no bytes is `len() == 0`; nobody asks otherwise")]
pub trait RandomAccess: Send + Sync {
    /// The size of the object, in bytes.
    fn len(&self) -> u64;

    /// The `length` bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` where the object ends before; else an [`Error`](crate::error::Error) inside the `io::Error`.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

/// An object in memory.
impl RandomAccess for Bytes {
    fn len(&self) -> u64 {
        Bytes::len(self) as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let begin = usize::try_from(offset).ok().filter(|begin| *begin <= Bytes::len(self));
        let range = begin.and_then(|begin| Some(begin..begin.checked_add(length)?));
        match range.filter(|range| range.end <= Bytes::len(self)) {
            Some(range) => Ok(self.slice(range)),
            None => Err(beyond(offset, length, RandomAccess::len(self))),
        }
    }
}

/// The error of a read beyond the end of an object.
pub fn beyond(offset: u64, length: usize, size: u64) -> io::Error {
    let message = format!("{length} bytes from {offset} on were asked for, of an object of {size} bytes");
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_in_memory_is_given_whole_or_not_at_all() {
        let object = Bytes::from_static(b"0123456789");
        assert_eq!(RandomAccess::len(&object), 10);
        assert_eq!(object.read_at(3, 4).expect("inside"), &b"3456"[..]);
        assert_eq!(object.read_at(10, 0).expect("at the end"), &b""[..]);
        for (offset, length) in [(3, 8), (11, 0), (u64::MAX, 1), (1, usize::MAX)] {
            let error = object.read_at(offset, length).expect_err("beyond the end");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
        }
    }
}
