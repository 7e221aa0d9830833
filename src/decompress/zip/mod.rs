//! Zip archives, read from their beginning to their end.
//!
//! The local headers lead from entry to entry, so that nothing has to be held and nothing read twice; the directory at the end must then
//! list what was read, each entry with its checksum and sizes, or the archive is refused: an archive cut between two entries, one with
//! entries that were deleted, or two archives in one are not loaded in part. Of well-kept crates none does this: `rc-zip-sync` 4.4 takes an
//! entry's compressed size from its local header, which is 0 where a data descriptor follows, and never ends on a stream that is cut
//! between entries; `zip` 9.8 refuses data descriptors in a stream.
//!
//! What has no lines of data is left out: directories, and macOS's `__MACOSX/`. Entries that are themselves compressed are given as they are.

mod directory;
mod header;

use std::io::{self, Read};

use flate2::Crc;

use self::directory::Sum;
use self::header::{Header, Method};
use super::deflate::{Inflate, damaged};
use super::input::Input;

/// The signature of an optional mark at the beginning of an archive that was split, or that was meant to be.
const SPANNED: [u8; 4] = *b"PK00";
/// The signature of a data descriptor.
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// An archive that is being read.
pub(super) struct Zip<'a> {
    input: Input<'a>,
    inflate: Inflate,
    /// Of the current entry.
    crc: Crc,
    given: u64,
    state: State,
    /// What was read, to be compared with the directory.
    sum: Sum,
}

enum State {
    /// Before an entry, or the directory.
    Between,
    /// In an entry.
    Stored { header: Header, left: u64 },
    /// In a stored entry whose length comes behind it.
    Unmeasured,
    /// In an entry that is deflated.
    Deflated(Header),
    /// After the directory.
    End,
}

impl<'a> Zip<'a> {
    pub(super) fn new(mut input: Input<'a>) -> io::Result<Self> {
        if input.peek(4)?.starts_with(&SPANNED) {
            input.skip(4)?;
        }
        let (inflate, crc) = (Inflate::raw(), Crc::new());
        Ok(Zip { input, inflate, crc, given: 0, state: State::Between, sum: Sum::default() })
    }

    /// The name of the next entry with data; `None` after the last. The entry before it must have been read to its end.
    pub(super) fn next_entry(&mut self) -> io::Result<Option<String>> {
        loop {
            let Some(name) = self.any_entry()? else { return Ok(None) };
            if name.ends_with('/') {
                if self.read(&mut [0])? > 0 {
                    return Err(damaged("an entry that is a directory has content"));
                }
            } else if name.starts_with("__MACOSX/") {
                let mut nothing = vec![0; 64 * 1024];
                while self.read(&mut nothing)? > 0 {}
            } else {
                return Ok(Some(name));
            }
        }
    }

    fn any_entry(&mut self) -> io::Result<Option<String>> {
        match self.state {
            State::Between => {}
            State::End => return Ok(None),
            _ => return Err(io::Error::other("the entry before was not read to its end")),
        }
        if !header::begins(self.input.peek(4)?) {
            directory::check(&mut self.input, &self.sum)?;
            self.state = State::End;
            return Ok(None);
        }
        let (header, name) = header::read(&mut self.input)?;
        self.crc.reset();
        self.given = 0;
        self.state = match (header.method, header.descriptor) {
            (Method::Stored, true) => State::Unmeasured,
            (Method::Stored, false) => State::Stored { left: header.compressed, header },
            (Method::Deflated, _) => {
                self.inflate.restart();
                State::Deflated(header)
            }
        };
        Ok(Some(name))
    }

    /// Checks an entry at its end.
    fn finish(&mut self, header: Header, taken: u64) -> io::Result<()> {
        let crc = self.crc.sum();
        if header.descriptor {
            let length = descriptor(self.input.peek(24)?, crc, taken, self.given)
                .ok_or_else(|| damaged("an entry's data descriptor does not agree with its data"))?;
            self.input.skip(length)?;
        } else if (header.crc, header.compressed, header.size) != (crc, taken, self.given) {
            return Err(damaged("an entry's checksum or size is another than its header says"));
        }
        self.sum.add(crc, taken, self.given);
        self.state = State::Between;
        Ok(())
    }

    /// Reads of a stored entry that ends with the first data descriptor that says its checksum and length.
    fn read_unmeasured(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let data = self.input.peek(28)?;
        let certain = match memchr::memmem::find(data, &DESCRIPTOR) {
            Some(0) => {
                if let Some(length) = descriptor(data, self.crc.sum(), self.given, self.given) {
                    self.input.skip(length)?;
                    self.sum.add(self.crc.sum(), self.given, self.given);
                    self.state = State::Between;
                    return Ok(0);
                }
                1
            }
            Some(at) => at,
            // A descriptor may begin with the last three bytes.
            None => data.len().saturating_sub(3),
        };
        if certain == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = certain.min(out.len());
        self.input.read_exact(&mut out[..length])?;
        Ok(length)
    }
}

/// Reads the current entry; 0 at its end.
impl Read for Zip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let given = match &mut self.state {
            State::Between | State::End => return Ok(0),
            State::Unmeasured => self.read_unmeasured(out)?,
            State::Stored { header, left: 0 } => {
                let (header, taken) = (*header, self.given);
                self.finish(header, taken)?;
                0
            }
            State::Stored { left, .. } => {
                let most = out.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let given = self.input.read(&mut out[..most])?;
                if given == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *left -= given as u64;
                given
            }
            State::Deflated(header) => {
                let header = *header;
                let (given, ended) = self.inflate.read(&mut self.input, out)?;
                self.crc.update(&out[..given]);
                self.given += given as u64;
                if ended {
                    let taken = self.inflate.taken();
                    self.finish(header, taken)?;
                }
                return Ok(given);
            }
        };
        self.crc.update(&out[..given]);
        self.given += given as u64;
        Ok(given)
    }
}

/// The length of the data descriptor that `data` begins with, if it says these values: with its signature or without, with sizes of
/// eight bytes or of four, as the writers differ.
fn descriptor(data: &[u8], crc: u32, compressed: u64, size: u64) -> Option<u64> {
    for signed in [true, false] {
        let mut body = Vec::with_capacity(24);
        if signed {
            body.extend(DESCRIPTOR);
        }
        body.extend(crc.to_le_bytes());
        let mut long = body.clone();
        long.extend(compressed.to_le_bytes());
        long.extend(size.to_le_bytes());
        // What is longer than four bytes can say is said by its lower half.
        body.extend((compressed as u32).to_le_bytes());
        body.extend((size as u32).to_le_bytes());
        for form in [long, body] {
            if data.starts_with(&form) {
                return Some(form.len() as u64);
            }
        }
    }
    None
}
