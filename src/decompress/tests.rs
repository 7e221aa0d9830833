use std::io::{Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::error::{Error, ErrorKind};

const BOUNDS: Bounds = Bounds { bytes: 1 << 30, expansion: 1_000, time: Duration::from_secs(600) };

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("to memory");
    encoder.finish().expect("to memory")
}

fn decompress(stored: &[u8], bounds: Bounds) -> Result<(Codec, Vec<u8>), Error> {
    let (codec, mut reader) = open(stored, bounds).map_err(Error::of_read)?;
    let mut data = Vec::new();
    reader.read_to_end(&mut data).map_err(Error::of_read)?;
    Ok((codec, data))
}

#[test]
fn the_codec_is_told_by_the_first_bytes() {
    let data = b"{\"a\":1}\n".repeat(1000);
    assert_eq!(decompress(&gzip(&data), BOUNDS).expect("gzip"), (Codec::Gzip, data.clone()));
    let zstd = zstd::encode_all(&data[..], 3).expect("to memory");
    assert_eq!(decompress(&zstd, BOUNDS).expect("zstd"), (Codec::Zstd, data.clone()));
    assert_eq!(decompress(&data, BOUNDS).expect("plain"), (Codec::Plain, data));
}

#[test]
fn members_and_frames_are_one_stream() {
    let both = [gzip(b"one\n"), gzip(b""), gzip(b"two\n")].concat();
    assert_eq!(decompress(&both, BOUNDS).expect("gzip").1, b"one\ntwo\n");
    let frame = |data: &[u8]| zstd::encode_all(data, 1).expect("to memory");
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let both = [skippable, frame(b"one\n"), frame(b"two\n")].concat();
    assert_eq!(decompress(&both, BOUNDS).expect("zstd").1, b"one\ntwo\n");
}

/// What goes wrong elsewhere, row 8: a 0-byte .gz is a poison message.
#[test]
fn row_8_an_empty_object_is_empty_whatever_its_name_says() {
    assert_eq!(decompress(b"", BOUNDS).expect("empty"), (Codec::Plain, Vec::new()));
}

#[test]
fn a_truncated_or_damaged_stream_is_corrupt_at_every_length() {
    let data: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
    for stored in [gzip(&data), zstd::encode_all(&data[..], 3).expect("to memory")] {
        for cut in (5..stored.len()).step_by(997) {
            let error = decompress(&stored[..cut], BOUNDS).expect_err("truncated");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{cut}: {error}");
        }
    }
    let mut flipped = gzip(&data);
    let at = flipped.len() - 6; // within the checksum
    flipped[at] ^= 1;
    assert_eq!(decompress(&flipped, BOUNDS).expect_err("bad checksum").kind(), ErrorKind::Corrupt);
}

#[test]
fn a_bomb_is_stopped_by_size_and_by_expansion() {
    let zeros = gzip(&vec![0; 64 << 20]);
    let error = decompress(&zeros, Bounds { bytes: 1 << 20, ..BOUNDS }).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("max_object_bytes"));
    let error = decompress(&zeros, Bounds { expansion: 100, ..BOUNDS }).expect_err("expands too much");
    assert!(error.to_string().contains("max_expansion"), "{error}");
    let error = decompress(&zeros, Bounds { time: Duration::ZERO, ..BOUNDS }).expect_err("takes too long");
    assert!(error.to_string().contains("max_read_time"), "{error}");
}

#[test]
fn an_error_of_the_source_keeps_its_kind() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other(Error::new(ErrorKind::TimedOut, "stood still")))
        }
    }
    let start = gzip(&vec![7; 100_000]);
    let (_, mut reader) = open(start[..20].chain(Broken), BOUNDS).expect("a prefix");
    let error = Error::of_read(reader.read_to_end(&mut Vec::new()).expect_err("broken"));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

proptest! {
    #[test]
    fn no_bytes_make_a_decompressor_panic(bytes: Vec<u8>, magic in 0_usize..3) {
        let prefix: &[u8] = [&[0x1f, 0x8b, 8][..], &[0x28, 0xb5, 0x2f, 0xfd], &[]][magic];
        let _ = decompress(&[prefix, &bytes].concat(), BOUNDS);
    }
}
