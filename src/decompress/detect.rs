//! Which codec: by the first bytes, and else by what is said of the object.

use std::fmt;

use super::deflate::is_zlib;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Codec;

/// How many bytes [`decide`] looks at.
pub(super) const PREFIX: usize = 4096;

/// What is said of an object's compression, from outside it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'h> {
    /// The `compression` of the pipeline's source.
    pub declared: Option<Codec>,
    /// The object's `Content-Encoding`.
    pub content_encoding: Option<&'h str>,
    /// The object's key.
    pub key: &'h str,
}

/// Who says how an object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The pipeline, by `compression`.
    Declaration,
    /// The object, by its `Content-Encoding`.
    ContentEncoding,
    /// The object's key, by its suffix.
    Suffix,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Said::Declaration => "compression in [source]",
            Said::ContentEncoding => "its Content-Encoding",
            Said::Suffix => "its key's suffix",
        })
    }
}

/// An object that is compressed otherwise than is said of it; it is read as its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    /// What is said.
    pub said: Codec,
    /// Who says it.
    pub by: Said,
    /// What the bytes are.
    pub found: Codec,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} says {}, but the bytes are {}", self.by, self.said, self.found)
    }
}

impl Hints<'_> {
    /// The first of declaration, Content-Encoding and suffix that says anything.
    fn said(&self) -> Option<(Codec, Said)> {
        let encoding =
            || self.content_encoding.and_then(of_content_encoding).map(|codec| (codec, Said::ContentEncoding));
        let suffix = || of_suffix(self.key).map(|codec| (codec, Said::Suffix));
        self.declared.map(|codec| (codec, Said::Declaration)).or_else(encoding).or_else(suffix)
    }
}

/// The codec of a `Content-Encoding`, of which only the last one applied can be undone here; `aws-chunked` is how it was sent.
fn of_content_encoding(text: &str) -> Option<Codec> {
    let last =
        text.split(',').map(str::trim).rfind(|name| !name.is_empty() && !name.eq_ignore_ascii_case("aws-chunked"))?;
    Some(match last.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Codec::Gzip,
        "deflate" => Codec::Zlib,
        "zstd" => Codec::Zstd,
        "br" => Codec::Brotli,
        "bzip2" | "x-bzip2" => Codec::Bzip2,
        "xz" | "x-xz" => Codec::Xz,
        "lz4" => Codec::Lz4,
        "snappy" | "x-snappy-framed" => Codec::Snappy,
        _ => return None,
    })
}

/// The codec of a key's suffix.
fn of_suffix(key: &str) -> Option<Codec> {
    let name = key.rsplit('/').next().unwrap_or(key);
    let (_, suffix) = name.rsplit_once('.')?;
    Some(match suffix.to_ascii_lowercase().as_str() {
        "gz" | "gzip" | "bgz" | "tgz" => Codec::Gzip,
        "zz" | "zlib" | "deflate" => Codec::Zlib,
        "zst" | "zstd" => Codec::Zstd,
        "bz2" => Codec::Bzip2,
        "xz" => Codec::Xz,
        "lz4" => Codec::Lz4,
        "sz" | "snappy" => Codec::Snappy,
        "br" => Codec::Brotli,
        "zip" => Codec::Zip,
        _ => return None,
    })
}

/// The codec of an object that begins with `prefix`, [`PREFIX`] bytes or all that it has.
///
/// # Errors
/// `Corrupt` where the bytes are of a codec that is not read, or neither of the codec that is said nor plain.
pub(super) fn decide(prefix: &[u8], hints: &Hints<'_>) -> Result<(Codec, Option<Mismatch>)> {
    // An empty object is empty whatever is said of it.
    if prefix.is_empty() {
        return Ok((Codec::Plain, None));
    }
    if let Some(what) = unread(prefix) {
        let message =
            format!("the object is {what}: store it again as gzip, zstd or another of the codecs that are read");
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    let said = hints.said();
    let found = match (magic(prefix), said) {
        (Some(codec), _) => codec,
        // These frames come before the data of either.
        (None, Some((Codec::Lz4, _))) if is_skippable(prefix) => Codec::Lz4,
        (None, _) if is_skippable(prefix) => Codec::Zstd,
        (None, Some((codec @ (Codec::Plain | Codec::Brotli), _))) => codec,
        (None, _) if is_common_zlib(prefix) => Codec::Zlib,
        (None, None) => Codec::Plain,
        (None, Some((Codec::Zlib, _))) if is_zlib(prefix) => Codec::Zlib,
        (None, Some((codec, by))) if !is_plain(prefix) || is_cut(prefix, codec) => {
            let begin: String = prefix.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let message = format!(
                "the object is {codec} by {by}, but begins with {begin}, which is neither {codec} nor text: store it again"
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        (None, Some(_)) => Codec::Plain,
    };
    let mismatch = said.filter(|(said, _)| *said != found).map(|(said, by)| Mismatch { said, by, found });
    Ok((found, mismatch))
}

/// The codecs with a magic of their own, which no text begins with.
const MAGICS: &[(&[u8], Codec)] = &[
    (&[0x1f, 0x8b], Codec::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Codec::Zstd),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Codec::Xz),
    (&[0x04, 0x22, 0x4d, 0x18], Codec::Lz4),
    (b"\xff\x06\x00\x00sNaPpY", Codec::Snappy),
    (b"PK\x03\x04", Codec::Zip),
    (b"PK\x05\x06", Codec::Zip),
    (b"PK00PK\x03\x04", Codec::Zip),
];

/// What begins the first block of a bzip2 stream, and what its end, behind `BZh` and a digit.
const BZIP2_BLOCKS: [&[u8]; 2] = [&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]];

fn magic(prefix: &[u8]) -> Option<Codec> {
    if let [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] = prefix
        && let [_, ..] = block
        && BZIP2_BLOCKS.iter().any(|magic| block.iter().zip(*magic).all(|(found, expected)| found == expected))
    {
        return Some(Codec::Bzip2);
    }
    MAGICS.iter().find(|(magic, _)| prefix.starts_with(magic)).map(|(_, codec)| *codec)
}

fn is_skippable(prefix: &[u8]) -> bool {
    matches!(prefix, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether the object is a zlib stream with the usual window: the header alone could be text (`x^`), so the first bytes must inflate too.
fn is_common_zlib(prefix: &[u8]) -> bool {
    matches!(prefix, [0x78, 0x01 | 0x5e | 0x9c | 0xda, _, _, _, _, ..]) && is_zlib(prefix)
}

/// What is known not to be read.
fn unread(prefix: &[u8]) -> Option<&'static str> {
    const UNREAD: &[(&[u8], &str)] = &[
        (&[0x1f, 0x9d], "compressed by Unix compress (.Z)"),
        (&[0x1f, 0x1e], "compressed by Unix pack (.z)"),
        (&[0x1f, 0xa0], "compressed by LZH"),
        (&[0x02, 0x21, 0x4c, 0x18], "in LZ4's legacy format, not its frame format"),
        (b"LZIP\x01", "compressed by lzip"),
        (b"\x89LZO\0", "compressed by lzop"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"PK\x07\x08", "a zip archive in several parts"),
    ];
    // LZMA alone: properties, the size of its dictionary, and a size that is unknown or of less than 2^40.
    if let [0x5d, 0, 0, _, _, _, _, _, _, _, low, middle, high, ..] = prefix
        && ([*low, *middle, *high] == [0xff; 3] || [*low, *middle, *high] == [0; 3])
    {
        return Some("compressed by LZMA alone (.lzma), not xz");
    }
    UNREAD.iter().find(|(magic, _)| prefix.starts_with(magic)).map(|(_, what)| *what)
}

/// Whether the object is the beginning of a stream of `codec`, cut before it can be told.
fn is_cut(prefix: &[u8], codec: Codec) -> bool {
    // The fourth byte of a bzip2 stream is any digit, the second of a zlib stream one of several.
    let (begin, known): (&[u8], usize) = match codec {
        Codec::Bzip2 => (b"BZh", 4),
        Codec::Zlib => (&[0x78], 1),
        _ => {
            let Some((begin, _)) = MAGICS.iter().find(|(_, of)| *of == codec) else { return false };
            (*begin, begin.len() - 1)
        }
    };
    prefix.len() <= known && prefix.iter().zip(begin).all(|(found, expected)| found == expected)
}

/// Whether the bytes can be data that are not compressed: text in any encoding, or a file format that compresses inside.
fn is_plain(prefix: &[u8]) -> bool {
    let known: &[&[u8]] = &[b"PAR1", b"Obj\x01", b"ORC", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    if known.iter().any(|begin| prefix.starts_with(begin)) {
        return true;
    }
    let control = |byte: &&u8| matches!(**byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let odd = prefix.iter().filter(control).count();
    // UTF-16 without a mark: of every other byte, many are zero.
    let zeros = |from: usize| prefix.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, uneven) = (zeros(0), zeros(1));
    odd == 0 || (odd == even + uneven && even.min(uneven) == 0 && even.max(uneven) * 5 > prefix.len())
}
