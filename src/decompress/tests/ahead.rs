//! Reading on a thread of its own changes nothing of what is read, nor of how it ends.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Some MB that do not repeat within a window, and whose length is no multiple of a buffer.
fn data() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(3);
    (0..3_000_017).map(|_| random.u8(b'a'..=b'p')).collect()
}

fn joined(codec: Codec, stored: &[u8]) -> Joined<'_> {
    let hints = Hints { declared: Some(codec), content_encoding: None, key: "a" };
    open(stored, &hints, BOUNDS).expect("a known codec").entries.joined(b"\n")
}

/// What a stream of `codec` gives before its end, and the kind of the error that ended it.
fn read_ahead(codec: Codec, stored: &[u8], piece: usize) -> (Vec<u8>, Option<ErrorKind>) {
    ahead(joined(codec, stored), |mut reader| {
        let (mut read, mut buffer) = (Vec::new(), vec![0; piece]);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return (read, None),
                Ok(length) => read.extend_from_slice(&buffer[..length]),
                Err(error) => {
                    let again = reader.read(&mut buffer).expect_err("an error is not followed by an end");
                    let (error, again) = (Error::of_read(error), Error::of_read(again));
                    assert_eq!(error.kind(), again.kind());
                    return (read, Some(error.kind()));
                }
            }
        }
    })
}

#[test]
fn every_byte_comes_in_its_place_whatever_the_codec_and_the_readers_buffer() {
    let data = data();
    for codec in STREAMS {
        assert!(read_ahead(codec, &encode(codec, &data), 200_000) == (data.clone(), None), "{codec}");
    }
    let gzip = encode(Codec::Gzip, &data);
    for piece in [1_000, 262_144, 5_000_000] {
        assert!(read_ahead(Codec::Gzip, &gzip, piece) == (data.clone(), None), "{piece}");
    }
    assert!(read_ahead(Codec::Gzip, &[], 10) == (Vec::new(), None), "an empty object is empty");
}

#[test]
fn a_stream_that_is_cut_off_or_damaged_ends_in_its_error_behind_what_came_before() {
    let data = data();
    let gzip = encode(Codec::Gzip, &data);
    // Without the last byte, only the sums are missing: nearly all comes before the error.
    for (length, least) in [(gzip.len() - 1, data.len() / 10 * 9), (gzip.len() / 2, data.len() / 3)] {
        let (read, error) = read_ahead(Codec::Gzip, &gzip[..length], 200_000);
        assert_eq!(error, Some(ErrorKind::Corrupt));
        assert!(data.starts_with(&read) && read.len() > least, "{} of {}", read.len(), data.len());
    }
    for at in [gzip.len() / 2, gzip.len() - 6] {
        let mut damaged = gzip.clone();
        damaged[at] ^= 0x10;
        let alone = joined(Codec::Gzip, &damaged).read_to_end(&mut Vec::new()).map_err(Error::of_read);
        let alone = alone.expect_err("the sums are other ones").kind();
        assert_eq!(read_ahead(Codec::Gzip, &damaged, 200_000).1, Some(alone));
    }
}

/// Bytes without end, of which it counts how many were taken.
struct Endless(Arc<AtomicU64>);

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(out.len() as u64, Ordering::Relaxed);
        out.fill(b'x');
        Ok(out.len())
    }
}

#[test]
fn a_reader_that_stops_stops_the_thread_and_a_slow_one_is_not_overrun() {
    let taken = Arc::new(AtomicU64::new(0));
    let first = ahead(Endless(taken.clone()), |mut reader| {
        let mut first = [0; 10];
        reader.read_exact(&mut first).expect("endless");
        // As long as the thread would need for far more than it may.
        std::thread::sleep(Duration::from_millis(100));
        first
    });
    // That this is reached at all says that the thread has ended.
    assert_eq!(&first, b"xxxxxxxxxx");
    let most = 6 * 256 * 1024;
    assert!(taken.load(Ordering::Relaxed) <= most, "{} bytes", taken.load(Ordering::Relaxed));
}

/// A reader that panics, as a codec with a defect would.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("a defect")
    }
}

#[test]
fn a_panic_on_the_thread_is_no_end_of_the_stream() {
    let caught = std::panic::catch_unwind(|| {
        ahead(Broken, |mut reader| {
            let mut out = Vec::new();
            let error = reader.read_to_end(&mut out).expect_err("not an end");
            assert_eq!(Error::of_read(error).kind(), ErrorKind::Io);
        });
    });
    assert!(caught.is_err(), "and it is passed on");
}
