//! How bytes are stored: as they are, or in gzip or zstd.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How what is landed is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The source's bytes, in whatever compression they have.
    Kept,
    /// Decompressed.
    Plain,
    /// In gzip.
    Gzip,
    /// In zstd, with a checksum.
    Zstd,
}

impl Encoding {
    /// The name in messages and beside the object.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Kept => "kept",
            Encoding::Plain => "none",
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
        }
    }
}

/// A writer that compresses into another.
pub enum Encoder<W: Write> {
    /// Not at all.
    Plain(W),
    /// Gzip.
    Gzip(GzEncoder<W>),
    /// Zstd.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// An encoder into `into`.
    ///
    /// # Errors
    /// Where the codec cannot be set up.
    pub fn new(encoding: Encoding, into: W) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Kept | Encoding::Plain => Encoder::Plain(into),
            Encoding::Gzip => Encoder::Gzip(GzEncoder::new(into, Compression::default())),
            Encoding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(into, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        })
    }

    /// Ends the stream; gives back what it was written into.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Encoder::Plain(into) => Ok(into),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::Plain(into) => into.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encoder::Plain(into) => into.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}
