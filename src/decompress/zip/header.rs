//! The local header before each entry.

use std::io::{self, Read};

use crate::decompress::deflate::damaged;
use crate::decompress::input::Input;
use crate::error::{Error, ErrorKind};

/// The bits of the flags.
const ENCRYPTED: u16 = 1;
const DESCRIPTOR: u16 = 1 << 3;
const PATCH: u16 = 1 << 5;
const MASKED: u16 = 1 << 13;

/// A size that stands in the ZIP64 extra field.
pub(super) const ELSEWHERE: u32 = u32::MAX;

/// What an entry's data are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) method: Method,
    /// Whether checksum and sizes come behind the data, and those here mean nothing.
    pub(super) descriptor: bool,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
}

/// How an entry is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// Whether a local header begins with these bytes.
pub(super) fn begins(data: &[u8]) -> bool {
    data.starts_with(b"PK\x03\x04")
}

/// Reads a header and its entry's name.
pub(super) fn read(input: &mut Input<'_>) -> io::Result<(Header, String)> {
    let fixed: [u8; 30] = input.next_bytes()?;
    let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let (flags, method) = (short(6), short(8));
    let name = text(input, short(26))?;
    let mut extra = vec![0; usize::from(short(28))];
    input.read_exact(&mut extra)?;
    if flags & (ENCRYPTED | MASKED) != 0 {
        return Err(refused(&name, "is encrypted"));
    }
    if flags & PATCH != 0 {
        return Err(refused(&name, "is a patch of another file"));
    }
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => {
            return Err(refused(&name, &format!("is compressed by {}, not stored or deflated", method_name(other))));
        }
    };
    let (compressed, size) = (long(18), long(22));
    let [size, compressed] = zip64(&extra, [size, compressed])?;
    let header = Header { method, descriptor: flags & DESCRIPTOR != 0, crc: long(14), compressed, size };
    if !header.descriptor && method == Method::Stored && compressed != size {
        return Err(damaged("an entry that is stored has two sizes"));
    }
    Ok((header, name))
}

/// A name, as far as it is UTF-8; names say to people which entry is meant.
pub(super) fn text(input: &mut Input<'_>, length: u16) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(length)];
    input.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The sizes, with those of more than four bytes taken from the extra field 1, in which they follow each other.
pub(super) fn zip64(mut extra: &[u8], sizes: [u32; 2]) -> io::Result<[u64; 2]> {
    let mut wide = sizes.map(u64::from);
    if !sizes.contains(&ELSEWHERE) {
        return Ok(wide);
    }
    while let [id0, id1, length0, length1, rest @ ..] = extra {
        let length = usize::from(u16::from_le_bytes([*length0, *length1]));
        let (Some(body), Some(next)) = (rest.get(..length), rest.get(length..)) else { break };
        if [*id0, *id1] == [1, 0] {
            let mut values =
                body.chunks_exact(8).map(|bytes| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
            for size in wide.iter_mut().filter(|size| **size == u64::from(ELSEWHERE)) {
                *size = values.next().ok_or_else(|| damaged("an entry's ZIP64 field lacks a size"))?;
            }
            return Ok(wide);
        }
        extra = next;
    }
    // Four gigabytes less one are a size like any other.
    Ok(wide)
}

/// The error of an entry that cannot be read.
pub(super) fn refused(name: &str, why: &str) -> io::Error {
    let message = format!("the zip entry `{}` {why}: store the object again without it", name.escape_debug());
    io::Error::other(Error::new(ErrorKind::Corrupt, message))
}

fn method_name(method: u16) -> String {
    let name = match method {
        1 => "shrinking",
        2..=5 => "reducing",
        6 => "imploding",
        7 => "tokenizing",
        9 => "deflate64",
        12 => "bzip2",
        14 => "lzma",
        20 | 93 => "zstd",
        94 => "mp3",
        95 => "xz",
        98 => "ppmd",
        99 => "encryption (AES)",
        other => return format!("method {other}"),
    };
    name.to_owned()
}
