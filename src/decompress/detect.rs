//! The codec, by the first bytes.

/// How an object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Gzip, of one member or several (RFC 1952).
    Gzip,
    /// Zstandard, of one frame or several (RFC 8878).
    Zstd,
    /// Not at all.
    Plain,
}

impl Codec {
    /// How many bytes [`Codec::detect`] needs to tell.
    pub const PREFIX: usize = 4;

    /// The codec of a stream that begins with `prefix`.
    pub fn detect(prefix: &[u8]) -> Self {
        match prefix {
            [0x1f, 0x8b, ..] => Codec::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Codec::Zstd,
            // A skippable frame, which may come before the first of data.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Codec::Zstd,
            _ => Codec::Plain,
        }
    }
}
