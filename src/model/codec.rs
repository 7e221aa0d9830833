//! How an object is compressed.

use std::fmt;

/// A way in which objects are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// Gzip, of one member or several (RFC 1952), bgzf included.
    Gzip,
    /// Zlib (RFC 1950), which HTTP calls `deflate`.
    Zlib,
    /// Zstandard, of one frame or several (RFC 8878).
    Zstd,
    /// Bzip2, of one stream or several.
    Bzip2,
    /// Xz, of one stream or several.
    Xz,
    /// LZ4's frame format, of one frame or several.
    Lz4,
    /// Snappy's framing format.
    Snappy,
    /// Brotli (RFC 7932), which nothing but a declaration can tell.
    Brotli,
    /// A zip archive, of one entry or several.
    Zip,
}

impl Codec {
    /// The name in configuration, logs and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Codec::Plain => "none",
            Codec::Gzip => "gzip",
            Codec::Zlib => "zlib",
            Codec::Zstd => "zstd",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
            Codec::Lz4 => "lz4",
            Codec::Snappy => "snappy",
            Codec::Brotli => "brotli",
            Codec::Zip => "zip",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
