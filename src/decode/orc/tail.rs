//! The tail of an ORC file, checked before the crate follows it.

use std::io::{self, Read};

use bytes::Bytes;
use orc_rust::proto::r#type::Kind;
use orc_rust::proto::{CompressionKind, Footer, PostScript, Type};
use prost::Message;

use super::super::ranged::Ranged;
use crate::error::{Error, ErrorKind, Result};

/// The largest footer and the largest metadata.
const MAX_FOOTER: u64 = 64 << 20;

/// The largest chunk of compressed bytes after decompression; the format's own limit is 8 MiB.
const MAX_CHUNK: u64 = 8 << 20;

/// A chunk of deflate up to this size is not looked into: it cannot become more than a thousand times larger.
const HARMLESS_DEFLATE: usize = 256 << 10;

/// The deepest nesting: JSON of more is refused further on, and following it could overflow the stack, which nothing can catch.
const MAX_DEPTH: usize = 100;

/// How the streams of a file are compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compression {
    kind: CompressionKind,
    /// The most bytes of a chunk after decompression.
    chunk: usize,
}

/// What the tail says that is needed beforehand.
pub(super) struct Tail {
    pub(super) compression: Compression,
    /// The most bytes of a stripe.
    pub(super) largest_stripe: u64,
}

/// Reads and checks the tail.
///
/// # Errors
/// `Corrupt` if the object is no ORC file, or claims what cannot be; those of reading.
pub(super) fn read(object: &Ranged) -> Result<Tail> {
    let length = object.length();
    if length < 4 {
        return Err(corrupt(format!("an object of {length} bytes is no ORC file")));
    }
    let at = |offset, length: u64| {
        object.bytes(offset, length as usize).map_err(|error| object.failed("the tail cannot be read", error))
    };
    match &at(0, 4)?[..] {
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] | [b'B', b'Z', b'h', _] | [0xfd, b'7', b'z', b'X'] => {
            return Err(corrupt(
                "the object is compressed as a whole, which hides the index at an ORC file's end; write it plain, with \
                 compression inside",
            ));
        }
        _ => {}
    }
    let postscript_length = u64::from(at(length - 1, 1)?[0]);
    let Some(postscript_at) = (length - 1).checked_sub(postscript_length) else {
        return Err(corrupt("the object ends as no ORC file does"));
    };
    let postscript = PostScript::decode(at(postscript_at, postscript_length)?)
        .ok()
        .filter(|postscript| postscript.magic() == "ORC")
        .ok_or_else(|| corrupt("the object ends as no ORC file does: it is truncated, or of another format"))?;
    let (footer_length, metadata_length) = (postscript.footer_length(), postscript.metadata_length());
    if footer_length > MAX_FOOTER || metadata_length > MAX_FOOTER || footer_length + metadata_length > postscript_at {
        return Err(corrupt(format!(
            "a footer of {footer_length} bytes and metadata of {metadata_length} do not fit an object of {length}"
        )));
    }
    let compression = Compression::of(&postscript)?;
    let metadata = at(postscript_at - footer_length - metadata_length, metadata_length)?;
    compression.inflate(&metadata).map_err(|error| damaged("metadata", error))?;
    let footer = compression.inflate(&at(postscript_at - footer_length, footer_length)?);
    let footer = footer.map_err(|error| damaged("footer", error))?;
    let footer = Footer::decode(&footer[..])
        .map_err(|error| Error::caused(ErrorKind::Corrupt, "the ORC file's footer is damaged", error))?;
    check_types(&footer.types)?;
    let mut largest_stripe = 0;
    for stripe in &footer.stripes {
        let parts = [stripe.offset(), stripe.index_length(), stripe.data_length(), stripe.footer_length()];
        let end = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part));
        if end.is_none_or(|end| end > length) {
            return Err(corrupt("a stripe of the ORC file lies beyond its end"));
        }
        largest_stripe = largest_stripe.max(end.unwrap_or(0) - stripe.offset());
    }
    Ok(Tail { compression, largest_stripe })
}

fn corrupt(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

fn damaged(what: &str, error: io::Error) -> Error {
    Error::caused(ErrorKind::Corrupt, format!("the ORC file's {what} is damaged"), error)
}

/// Refuses types that refer to each other in circles, twice, or too deep: following them would not end, or overflow the stack.
fn check_types(types: &[Type]) -> Result<()> {
    if types.first().is_none_or(|root| root.kind() != Kind::Struct) {
        return Err(corrupt("the ORC file's rows are no structs, and have no fields"));
    }
    let mut depths: Vec<Option<usize>> = vec![None; types.len()];
    depths[0] = Some(0);
    for (at, this) in types.iter().enumerate() {
        for child in &this.subtypes {
            let child = *child as usize;
            match depths[at] {
                Some(depth) if child > at && child < types.len() && depths[child].is_none() && depth < MAX_DEPTH => {
                    depths[child] = Some(depth + 1);
                }
                _ => {
                    return Err(corrupt(format!(
                        "the types of the ORC file are no tree of at most {MAX_DEPTH} levels"
                    )));
                }
            }
        }
    }
    Ok(())
}

impl Compression {
    fn of(postscript: &PostScript) -> Result<Self> {
        let kind = postscript.compression();
        if matches!(kind, CompressionKind::Lzo | CompressionKind::Lz4) {
            return Err(corrupt(
                "the ORC file is compressed with LZO or LZ4, which are not read; write it with ZLIB, ZSTD or SNAPPY",
            ));
        }
        match postscript.compression_block_size.unwrap_or(256 << 10) {
            chunk if chunk <= MAX_CHUNK => Ok(Compression { kind, chunk: chunk as usize }),
            chunk => Err(corrupt(format!("the ORC file's compression blocks of {chunk} bytes are larger than 8 MiB"))),
        }
    }

    /// The bytes after decompression.
    fn inflate(self, bytes: &Bytes) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        if self.kind == CompressionKind::None {
            out.extend_from_slice(bytes);
            return Ok(out);
        }
        self.chunks(bytes, |compressed, chunk| {
            if compressed {
                self.one(chunk, &mut out)?;
            } else {
                out.extend_from_slice(chunk);
            }
            match out.len() as u64 <= MAX_FOOTER {
                true => Ok(()),
                false => Err(invalid("it decompresses to more than 64 MiB")),
            }
        })?;
        Ok(out)
    }

    /// Checks the chunks of a stream: that they are whole, and that none becomes larger than the file says it may.
    pub(super) fn check(self, stream: &Bytes) -> io::Result<()> {
        if self.kind == CompressionKind::None {
            return Ok(());
        }
        self.chunks(stream, |compressed, chunk| match self.kind {
            _ if !compressed => Ok(()),
            CompressionKind::Snappy => match snap::raw::decompress_len(chunk) {
                Ok(length) if length <= self.chunk => Ok(()),
                Ok(length) => Err(invalid(format!("a chunk claims {length} bytes"))),
                Err(error) => Err(invalid(error.to_string())),
            },
            CompressionKind::Zstd => match zstd::zstd_safe::get_frame_content_size(chunk) {
                Ok(Some(length)) if length <= self.chunk as u64 => Ok(()),
                Ok(Some(length)) => Err(invalid(format!("a chunk claims {length} bytes"))),
                _ => self.one(chunk, &mut Vec::new()),
            },
            _ if chunk.len() <= HARMLESS_DEFLATE => Ok(()),
            _ => self.one(chunk, &mut Vec::new()),
        })
    }

    fn chunks(self, mut bytes: &[u8], mut each: impl FnMut(bool, &[u8]) -> io::Result<()>) -> io::Result<()> {
        while !bytes.is_empty() {
            let [a, b, c, rest @ ..] = bytes else { return Err(invalid("a chunk is cut off")) };
            let header = u32::from_le_bytes([*a, *b, *c, 0]);
            let length = (header >> 1) as usize;
            let (chunk, rest) = rest.split_at_checked(length).ok_or_else(|| invalid("a chunk is cut off"))?;
            each(header & 1 == 0, chunk)?;
            bytes = rest;
        }
        Ok(())
    }

    fn one(self, chunk: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let most = self.chunk as u64;
        let before = out.len() as u64;
        match self.kind {
            CompressionKind::Snappy => {
                let length = snap::raw::decompress_len(chunk).map_err(|error| invalid(error.to_string()))?;
                if length as u64 > most {
                    return Err(invalid(format!("a chunk claims {length} bytes")));
                }
                out.extend(
                    snap::raw::Decoder::new().decompress_vec(chunk).map_err(|error| invalid(error.to_string()))?,
                );
            }
            CompressionKind::Zstd => {
                zstd::Decoder::new(chunk)?.take(most + 1).read_to_end(out)?;
            }
            _ => {
                flate2::read::DeflateDecoder::new(chunk).take(most + 1).read_to_end(out)?;
            }
        }
        match out.len() as u64 - before <= most {
            true => Ok(()),
            false => Err(invalid(format!("a chunk becomes larger than the {most} bytes that the file says"))),
        }
    }
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}
