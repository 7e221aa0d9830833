//! Encoders for every codec, and what the tests ask of all of them.

mod ahead;
mod arbitrary;
pub(crate) mod archives;
mod bounds;
mod commons;
mod hints;
mod streams;

use std::io::{Read, Write};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, BzEncoder, Lz4Encoder, XzEncoder};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Codec;

const BOUNDS: Bounds = Bounds { bytes: 1 << 30, expansion: 1_000, time: Duration::from_secs(600), window: 64 << 20 };

/// Every codec that a stream can be written in here.
const STREAMS: [Codec; 8] =
    [Codec::Gzip, Codec::Zlib, Codec::Zstd, Codec::Bzip2, Codec::Xz, Codec::Lz4, Codec::Snappy, Codec::Brotli];

/// `data` as one stream of `codec`.
fn encode(codec: Codec, data: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Plain => data.to_vec(),
        Codec::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(data).expect("to memory");
            encoder.finish().expect("to memory")
        }
        Codec::Zlib => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(data).expect("to memory");
            encoder.finish().expect("to memory")
        }
        Codec::Zstd => {
            // With the checksum that the command line tool writes: without, a flipped bit cannot be told.
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("level 3");
            encoder.include_checksum(true).expect("a parameter that exists");
            encoder.write_all(data).expect("to memory");
            encoder.finish().expect("to memory")
        }
        Codec::Snappy => {
            let mut encoder = snap::write::FrameEncoder::new(Vec::new());
            encoder.write_all(data).expect("to memory");
            encoder.into_inner().expect("to memory")
        }
        Codec::Bzip2 => drain(BzEncoder::with_quality(data, Level::Fastest)),
        Codec::Xz => drain(XzEncoder::with_quality(data, Level::Fastest)),
        Codec::Lz4 => drain(Lz4Encoder::new(data)),
        Codec::Brotli => drain(BrotliEncoder::with_quality(data, Level::Fastest)),
        Codec::Zip => archives::zip(&[archives::File::new("a", data)]),
    }
}

/// All bytes of a reader that never waits.
fn drain(reader: impl tokio::io::AsyncRead) -> Vec<u8> {
    let mut reader = pin!(reader);
    let mut data = Vec::new();
    let mut whole = pin!(tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut data));
    match whole.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read.expect("from memory"),
        Poll::Pending => panic!("memory is always ready"),
    };
    data
}

/// Hints that say `codec`, by declaration.
fn declared(codec: Codec) -> Hints<'static> {
    Hints { declared: Some(codec), content_encoding: None, key: "" }
}

/// The whole object as one stream, with its codec.
fn decompress(stored: impl Read + Send, hints: &Hints<'_>, bounds: Bounds) -> Result<(Codec, Vec<u8>)> {
    let opened = open(stored, hints, bounds)?;
    let mut data = Vec::new();
    opened.entries.joined(b"\n").read_to_end(&mut data).map_err(Error::of_read)?;
    Ok((opened.codec, data))
}

/// The error of an object that must not be readable.
fn refusal(stored: &[u8], hints: &Hints<'_>) -> Error {
    match decompress(stored, hints, BOUNDS) {
        Ok((codec, data)) => panic!("read as {codec}, {} bytes", data.len()),
        Err(error) => error,
    }
}

/// Gives at most so many bytes a read.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.len().min(self.1).min(into.len());
        into[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// Data that compresses neither well nor badly.
fn lines(count: u32) -> Vec<u8> {
    (0..count)
        .flat_map(|n| format!("{{\"n\":{n},\"h\":\"{:08x}\"}}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

#[test]
fn what_is_read_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Entries<'static>>();
    is_send::<Joined<'static>>();
}
