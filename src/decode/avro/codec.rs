//! The codecs of Avro's blocks.

use std::io::{self, Read};

use async_compression::tokio::bufread::{BzDecoder, XzDecoder};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How the blocks of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstd,
    Bzip2,
    Xz,
}

impl Codec {
    /// The codec of this name in a file's header.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"null" | b"" => Codec::Null,
            b"deflate" => Codec::Deflate,
            b"snappy" => Codec::Snappy,
            b"zstandard" => Codec::Zstd,
            b"bzip2" => Codec::Bzip2,
            b"xz" => Codec::Xz,
            _ => return None,
        })
    }

    /// The bytes of a block.
    ///
    /// # Errors
    /// If the block is damaged, or becomes larger than `most` bytes.
    pub(super) fn inflate(self, block: Vec<u8>, most: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Codec::Null => out = block,
            Codec::Deflate => {
                flate2::read::DeflateDecoder::new(&block[..]).take(most + 1).read_to_end(&mut out)?;
            }
            Codec::Snappy => out = snappy(&block, most)?,
            Codec::Zstd => {
                zstd::Decoder::new(&block[..])?.take(most + 1).read_to_end(&mut out)?;
            }
            Codec::Bzip2 => at_once(BzDecoder::new(&block[..]), most, &mut out)?,
            Codec::Xz => at_once(XzDecoder::new(&block[..]), most, &mut out)?,
        }
        if out.len() as u64 > most {
            return Err(invalid(format!("a block becomes larger than {most} bytes")));
        }
        Ok(out)
    }
}

/// Reads from memory, which never waits.
fn at_once(decoder: impl AsyncRead + Unpin, most: u64, out: &mut Vec<u8>) -> io::Result<()> {
    match decoder.take(most + 1).read_to_end(out).now_or_never() {
        Some(read) => read.map(drop),
        None => Err(invalid("the decoder waits for bytes that there are not")),
    }
}

/// A block of raw snappy, and the checksum of what it becomes behind it.
fn snappy(block: &[u8], most: u64) -> io::Result<Vec<u8>> {
    let (block, sum) = block.split_last_chunk::<4>().ok_or_else(|| invalid("a block lacks its checksum"))?;
    let length = snap::raw::decompress_len(block).map_err(|error| invalid(error.to_string()))?;
    if length as u64 > most {
        return Err(invalid(format!("a block claims {length} bytes")));
    }
    let out = snap::raw::Decoder::new().decompress_vec(block).map_err(|error| invalid(error.to_string()))?;
    let mut crc = flate2::Crc::new();
    crc.update(&out);
    if crc.sum() != u32::from_be_bytes(*sum) {
        return Err(invalid("the checksum of a block is wrong"));
    }
    Ok(out)
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}
