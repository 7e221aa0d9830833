//! Arbitrary bytes as an object of each codec: the first byte chooses what is said of it and how it is split.

#![no_main]

use std::io::Read;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tidegate::decompress::{Bounds, Hints, open};
use tidegate::error::{Error, ErrorKind};
use tidegate::model::Codec;

const CODECS: [Option<Codec>; 11] = [
    None,
    Some(Codec::Plain),
    Some(Codec::Gzip),
    Some(Codec::Zlib),
    Some(Codec::Zstd),
    Some(Codec::Bzip2),
    Some(Codec::Xz),
    Some(Codec::Lz4),
    Some(Codec::Snappy),
    Some(Codec::Brotli),
    Some(Codec::Zip),
];

const BOUNDS: Bounds = Bounds { bytes: 8 << 20, expansion: 1_000, time: Duration::from_secs(20), window: 16 << 20 };

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

/// The kind of the error, or how many bytes were read and a sum of them.
fn read(stored: Pieces<'_>, hints: &Hints<'_>) -> Result<(u64, u64), ErrorKind> {
    let mut joined = open(stored, hints, BOUNDS).map_err(|error| error.kind())?.entries.joined(b"\n");
    let (mut length, mut sum, mut buffer) = (0, 0_u64, vec![0; 128 << 10]);
    loop {
        match joined.read(&mut buffer).map_err(|error| Error::of_read(error).kind())? {
            0 => return Ok((length, sum)),
            read => {
                length += read as u64;
                sum = buffer[..read].iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, stored)) = data.split_first() else { return };
    let choice = usize::from(*choice);
    let hints = Hints { declared: CODECS[choice % CODECS.len()], content_encoding: None, key: "" };
    let whole = read(Pieces(stored, usize::MAX), &hints);
    assert!(matches!(whole, Ok(_) | Err(ErrorKind::Corrupt | ErrorKind::TooLarge)), "{whole:?}");
    assert_eq!(whole, read(Pieces(stored, 1 + choice / CODECS.len()), &hints), "the split changes something");
});
