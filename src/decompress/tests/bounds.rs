//! Bombs, and what else an untrusted object may try.

use std::time::Instant;

use super::*;

#[test]
fn a_bomb_is_stopped_by_size_and_by_expansion_in_every_codec() {
    // More than may come of anything.
    let zeros = vec![0; 12 << 20];
    for codec in STREAMS.into_iter().chain([Codec::Zip]) {
        let stored = encode(codec, &zeros);
        let stop = |bounds| decompress(&stored[..], &declared(codec), bounds).expect_err("stopped");
        let error = stop(Bounds { bytes: 1 << 20, ..BOUNDS });
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{codec}: {error}");
        assert!(error.to_string().contains("max_object_bytes"), "{error}");
        let error = stop(Bounds { expansion: 10, ..BOUNDS });
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{codec}: {error}");
        assert!(error.to_string().contains("max_expansion"), "{error}");
        let error = stop(Bounds { time: Duration::ZERO, ..BOUNDS });
        assert!(error.to_string().contains("max_read_time"), "{codec}: {error}");
    }
}

#[test]
fn ten_mebibytes_may_come_of_anything() {
    let zeros = vec![0; 10 << 20];
    for codec in STREAMS {
        let read = decompress(&encode(codec, &zeros)[..], &declared(codec), Bounds { expansion: 1, ..BOUNDS });
        assert_eq!(read.expect("small").1.len(), zeros.len(), "{codec}");
    }
}

#[test]
fn a_window_larger_than_allowed_is_refused_before_it_is_allocated() {
    let data = lines(10);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("level 1");
    encoder.window_log(27).expect("a window of 128 MiB");
    encoder.write_all(&data).expect("to memory");
    let zstd = encoder.finish().expect("to memory");
    let error = refusal(&zstd, &Hints::default());
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("max_window"), "{error}");
    assert_eq!(
        decompress(&zstd[..], &Hints::default(), Bounds { window: 128 << 20, ..BOUNDS }).expect("allowed").1,
        data
    );

    // The preset 6 of xz has a dictionary of 8 MiB.
    let xz = drain(XzEncoder::with_quality(&data[..], async_compression::Level::Precise(6)));
    let error = decompress(&xz[..], &Hints::default(), Bounds { window: 4 << 20, ..BOUNDS }).expect_err("too small");
    assert!(error.to_string().contains("max_window"), "{error}");
    assert_eq!(decompress(&xz[..], &Hints::default(), Bounds { window: 8 << 20, ..BOUNDS }).expect("allowed").1, data);
}

#[test]
fn a_stream_of_nothing_is_stopped_by_its_time() {
    struct Endless(Vec<u8>);
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let length = into.len() / self.0.len() * self.0.len();
            if length == 0 {
                into.copy_from_slice(&self.0[..into.len()]);
                self.0.rotate_left(into.len());
                return Ok(into.len());
            }
            into[..length].chunks_exact_mut(self.0.len()).for_each(|chunk| chunk.copy_from_slice(&self.0));
            Ok(length)
        }
    }
    let bounds = Bounds { time: Duration::from_millis(200), ..BOUNDS };
    let begin = Instant::now();
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Lz4, Codec::Bzip2] {
        let error = decompress(Endless(encode(codec, b"")), &declared(codec), bounds).expect_err("no end");
        assert!(error.to_string().contains("max_read_time"), "{codec}: {error}");
    }
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn an_archive_within_an_archive_is_not_opened() {
    let inner = archives::zip(&[archives::File::new("0.dll", &vec![0; 1 << 20])]);
    let outer = archives::zip(&[archives::File::new("lib 0.zip", &inner)]);
    assert_eq!(decompress(&outer[..], &Hints::default(), BOUNDS).expect("one level").1, inner);
}
