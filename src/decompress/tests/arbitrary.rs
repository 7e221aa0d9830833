//! Bytes that nobody wrote on purpose.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Small bounds, so that what happens to expand costs no time.
const SMALL: Bounds = Bounds { bytes: 1 << 20, expansion: 1_000, time: Duration::from_secs(10), window: 16 << 20 };

fn codec() -> impl Strategy<Value = Codec> {
    (0..STREAMS.len() + 1).prop_map(|index| STREAMS.get(index).copied().unwrap_or(Codec::Zip))
}

proptest! {
    #[test]
    fn no_bytes_make_a_codec_panic(codec in codec(), bytes in vec(any::<u8>(), 0..400)) {
        // The beginning of a good stream, so that the codec is reached.
        for keep in [0, 4, 10, 18, 32] {
            let mut stored = encode(codec, b"data");
            stored.truncate(keep);
            stored.extend(&bytes);
            let _ = decompress(&stored[..], &declared(codec), SMALL);
        }
    }

    #[test]
    fn no_damage_makes_a_codec_panic(codec in codec(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut stored = encode(codec, &lines(50));
        for (at, byte) in damage {
            let at = at.index(stored.len());
            stored[at] = byte;
        }
        let _ = decompress(&stored[..], &declared(codec), SMALL);
    }

    #[test]
    fn what_was_compressed_comes_back_however_it_is_split(codec in codec(), data in vec(any::<u8>(), 0..3000), pieces in 1_usize..500) {
        let stored = encode(codec, &data);
        let (_, read) = decompress(Pieces(&stored, pieces), &declared(codec), BOUNDS).expect("whole");
        prop_assert_eq!(read, data);
    }
}
