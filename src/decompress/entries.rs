//! The decompressed object: its entries, or all of them as one stream.

use std::io::{self, Read};

use super::bounds::{Bounds, Watch};
use super::deflate::Zlib;
use super::detect::{Hints, Mismatch, PREFIX, decide};
use super::gzip::Gzip;
use super::input::Input;
use super::polled::Polled;
use super::zip::Zip;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Codec;

/// The marks that may stand before a text; those of later entries would stand in the middle of the joined stream.
const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// A part of an object with data of its own: a zip archive's file, or the whole of another object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 0.
    pub index: u64,
    /// Its name in the archive.
    pub name: Option<String>,
}

/// A decompressed object, entry by entry: after [`next_entry`](Self::next_entry), reading gives that entry's bytes.
pub struct Entries<'a> {
    codec: Codec,
    inner: Inner<'a>,
    watch: Watch,
    /// How many entries were begun.
    begun: u64,
}

enum Inner<'a> {
    Stream(Box<dyn Read + Send + 'a>),
    Zip(Box<Zip<'a>>),
}

/// What [`open`] gives.
pub struct Opened<'a> {
    /// How the object is compressed.
    pub codec: Codec,
    /// Whether that is otherwise than is said of it: worth a warning and a count.
    pub mismatch: Option<Mismatch>,
    /// Its decompressed bytes.
    pub entries: Entries<'a>,
}

/// Opens the stored bytes of an object, within `bounds`. An empty object is empty whatever is said of it.
///
/// # Errors
/// Those of reading the first bytes; `Corrupt` where these are of no codec that is read, or not what is said of them.
pub fn open<'a>(stored: impl Read + Send + 'a, hints: &Hints<'_>, bounds: Bounds) -> Result<Opened<'a>> {
    let watch = Watch::new(bounds);
    let mut input = Input::new(stored, watch.clone());
    let prefix = input.peek(PREFIX).map_err(Error::of_read)?;
    let (codec, mismatch) = decide(&prefix[..prefix.len().min(PREFIX)], hints)?;
    let inner = match codec {
        Codec::Zip => Inner::Zip(Box::new(Zip::new(input).map_err(Error::of_read)?)),
        Codec::Plain => Inner::Stream(Box::new(input)),
        Codec::Gzip => Inner::Stream(Box::new(Gzip::new(input))),
        Codec::Zlib => Inner::Stream(Box::new(Zlib::new(input))),
        Codec::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(bounds.window.max(1).ilog2())?;
            Inner::Stream(Box::new(decoder))
        }
        Codec::Snappy => Inner::Stream(Box::new(snap::read::FrameDecoder::new(input))),
        Codec::Bzip2 => Inner::Stream(Box::new(Polled::bzip2(input))),
        Codec::Xz => Inner::Stream(Box::new(Polled::xz(input, bounds.window))),
        Codec::Lz4 => Inner::Stream(Box::new(Polled::lz4(input))),
        Codec::Brotli => Inner::Stream(Box::new(Polled::brotli(input))),
    };
    Ok(Opened { codec, mismatch, entries: Entries { codec, inner, watch, begun: 0 } })
}

impl<'a> Entries<'a> {
    /// The next entry; `None` after the last, when all that can be checked of the object was checked. What is left of the entry before
    /// is read and left out.
    ///
    /// # Errors
    /// As for reading.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        if self.begun > 0 {
            let mut rest = vec![0; 64 * 1024];
            while self.read(&mut rest)? > 0 {}
        }
        let name = match &mut self.inner {
            Inner::Stream(_) if self.begun > 0 => return Ok(None),
            Inner::Stream(_) => None,
            Inner::Zip(zip) => match zip.next_entry() {
                Ok(None) => return Ok(None),
                Ok(name) => name,
                Err(error) => return Err(self.explain(error)),
            },
        };
        let entry = Entry { index: self.begun, name };
        self.begun += 1;
        Ok(Some(entry))
    }

    /// The bytes of all entries so far.
    pub fn given(&self) -> u64 {
        self.watch.given()
    }

    /// All entries as one stream, in which an entry that does not end with `line_end` is followed by one, so that its last line and the
    /// next entry's first stay two. Marks of the byte order are left out of all entries but the first.
    pub fn joined(self, line_end: &'static [u8]) -> Joined<'a> {
        Joined { entries: self, line_end, reading: false, pending: Vec::new(), tail: Vec::new() }
    }

    /// An error of the codec, as one of ours that says what to do; one of ours that travelled through it stays what it is.
    fn explain(&self, error: io::Error) -> io::Error {
        if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
            return error;
        }
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => "is truncated",
            _ => "is damaged",
        };
        let larger = match self.codec {
            Codec::Zstd | Codec::Xz => " (or needs more memory than max_window allows)",
            _ => "",
        };
        let message = format!(
            "the {} stream {what}{larger}, within its first {} bytes and after {} decompressed ones: store the object again",
            self.codec,
            self.watch.stored(),
            self.watch.given()
        );
        io::Error::other(Error::caused(ErrorKind::Corrupt, message, error))
    }
}

impl Read for Entries<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.inner {
            Inner::Stream(stream) => stream.read(out),
            Inner::Zip(zip) => zip.read(out),
        };
        match read {
            Ok(length) => {
                self.watch.gave(length)?;
                Ok(length)
            }
            Err(error) => Err(self.explain(error)),
        }
    }
}

/// The entries of an object as one stream; see [`Entries::joined`].
pub struct Joined<'a> {
    entries: Entries<'a>,
    line_end: &'static [u8],
    /// Whether an entry is being read.
    reading: bool,
    /// What comes before the rest of the current entry.
    pending: Vec<u8>,
    /// The last bytes that were given, as many as a line's end has.
    tail: Vec<u8>,
}

impl Joined<'_> {
    /// Begins the next entry; false after the last.
    fn advance(&mut self) -> io::Result<bool> {
        let Some(entry) = self.entries.next_entry()? else { return Ok(false) };
        if entry.index > 0 {
            if !self.tail.is_empty() && self.tail != self.line_end {
                self.pending.extend(self.line_end);
            }
            let mut begin = Vec::with_capacity(3);
            self.entries.by_ref().take(3).read_to_end(&mut begin)?;
            let mark = MARKS.iter().find(|mark| begin.starts_with(mark)).map_or(0, |mark| mark.len());
            self.pending.extend(&begin[mark..]);
        }
        self.reading = true;
        Ok(true)
    }

    fn remember(&mut self, given: &[u8]) {
        let most = self.line_end.len();
        if given.len() >= most {
            self.tail.clear();
        }
        self.tail.extend(&given[given.len().saturating_sub(most)..]);
        let surplus = self.tail.len().saturating_sub(most);
        self.tail.drain(..surplus);
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.reading && !self.advance()? {
                return Ok(0);
            }
            let given = if self.pending.is_empty() {
                self.entries.read(out)?
            } else {
                let length = self.pending.len().min(out.len());
                out[..length].copy_from_slice(&self.pending[..length]);
                self.pending.drain(..length);
                length
            };
            if given > 0 {
                self.remember(&out[..given]);
                return Ok(given);
            }
            self.reading = false;
        }
    }
}
