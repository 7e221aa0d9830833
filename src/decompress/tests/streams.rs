//! Streams of one codec: members, frames, padding, truncation and damage.

use super::*;

#[test]
fn every_codec_gives_back_what_was_compressed() {
    for data in [lines(10_000), lines(1), b"x".to_vec(), Vec::new()] {
        // Framed snappy has no frame for nothing.
        for codec in STREAMS.into_iter().filter(|codec| *codec != Codec::Snappy || !data.is_empty()) {
            let read = decompress(&encode(codec, &data)[..], &declared(codec), BOUNDS);
            assert_eq!(
                read.unwrap_or_else(|error| panic!("{codec}, {} bytes: {error}", data.len())),
                (codec, data.clone())
            );
        }
    }
}

#[test]
fn every_codec_but_brotli_is_told_by_its_first_bytes() {
    let data = lines(100);
    for codec in STREAMS.into_iter().filter(|codec| *codec != Codec::Brotli) {
        assert_eq!(
            decompress(&encode(codec, &data)[..], &Hints::default(), BOUNDS).expect("told"),
            (codec, data.clone())
        );
    }
    assert_eq!(decompress(&data[..], &Hints::default(), BOUNDS).expect("plain"), (Codec::Plain, data));
}

/// What goes wrong elsewhere, row 8: a 0-byte .gz is a poison message.
#[test]
fn row_8_an_empty_object_is_empty_whatever_its_name_says() {
    for codec in STREAMS {
        let hints = Hints { key: "a.gz", content_encoding: Some("zstd"), declared: Some(codec) };
        let opened = open(&b""[..], &hints, BOUNDS).expect("empty");
        assert_eq!((opened.codec, opened.mismatch), (Codec::Plain, None));
        assert_eq!(decompress(&b""[..], &hints, BOUNDS).expect("empty").1, b"");
    }
}

#[test]
fn members_frames_and_streams_are_one_stream() {
    for codec in STREAMS.into_iter().filter(|codec| !matches!(codec, Codec::Zlib | Codec::Brotli)) {
        let stored: Vec<u8> = [&b"one\n"[..], b"", b"two\n"].into_iter().flat_map(|data| encode(codec, data)).collect();
        assert_eq!(decompress(&stored[..], &declared(codec), BOUNDS).expect("several").1, b"one\ntwo\n", "{codec}");
    }
}

#[test]
fn bgzf_is_read_block_after_block_up_to_its_empty_last_one() {
    let block = |data: &[u8]| {
        let mut encoder =
            flate2::GzBuilder::new().extra([b'B', b'C', 2, 0, 0, 0]).write(Vec::new(), Compression::fast());
        encoder.write_all(data).expect("to memory");
        encoder.finish().expect("to memory")
    };
    let data = lines(20_000);
    let mut stored: Vec<u8> = data.chunks(65_280).flat_map(block).collect();
    stored.extend(block(b""));
    assert_eq!(decompress(&stored[..], &Hints { key: "a.bgz", ..Hints::default() }, BOUNDS).expect("bgzf").1, data);
}

#[test]
fn a_gzip_header_with_all_its_fields_is_checked_and_left_out() {
    let head = [0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 255, 3, 0, 1, 2, 3, b'n', 0, b'c', 0];
    let mut crc = flate2::Crc::new();
    crc.update(&head);
    let body = &encode(Codec::Gzip, b"data\n")[10..];
    let with_sum = |sum: u16| [&head[..], &sum.to_le_bytes(), body].concat();
    let sum = crc.sum() as u16;
    assert_eq!(decompress(&with_sum(sum)[..], &Hints::default(), BOUNDS).expect("gzip").1, b"data\n");
    assert_eq!(refusal(&with_sum(sum ^ 1), &Hints::default()).kind(), ErrorKind::Corrupt);
}

#[test]
fn skippable_frames_are_skipped_by_zstd_and_by_lz4() {
    for codec in [Codec::Zstd, Codec::Lz4] {
        let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let stored =
            [&skippable[..], &encode(codec, b"one\n"), &skippable, &encode(codec, b"two\n"), &skippable].concat();
        let hints = Hints { key: if codec == Codec::Lz4 { "a.lz4" } else { "a" }, ..Hints::default() };
        assert_eq!(decompress(&stored[..], &hints, BOUNDS).expect("frames"), (codec, b"one\ntwo\n".to_vec()));
    }
}

#[test]
fn zeros_behind_the_end_are_padding_where_the_format_is_padded_and_anything_else_is_refused() {
    for codec in STREAMS {
        let padded = |padding: &[u8]| [&encode(codec, b"one\n")[..], padding].concat();
        let read = decompress(&padded(&[0; 512])[..], &declared(codec), BOUNDS);
        match codec {
            Codec::Gzip | Codec::Xz => assert_eq!(read.expect("padding").1, b"one\n"),
            _ => assert_eq!(read.expect_err("no padding").kind(), ErrorKind::Corrupt, "{codec}"),
        }
        let error = refusal(&padded(b"garbage behind the end"), &declared(codec));
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{codec}: {error}");
        let error = refusal(&padded(b"\0\0\0\0\0\0\0\0one more"), &declared(codec));
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{codec}: {error}");
    }
    assert_eq!(
        refusal(&[&encode(Codec::Xz, b"one\n")[..], &[0; 6], &encode(Codec::Xz, b"two\n")].concat(), &Hints::default())
            .kind(),
        ErrorKind::Corrupt
    );
}

/// What goes wrong elsewhere, row 6: one corrupt object pauses the worker. Its error is its own.
#[test]
fn row_6_a_stream_that_is_cut_anywhere_is_corrupt() {
    let data = lines(3);
    for codec in STREAMS {
        let stored = encode(codec, &data);
        // Framed snappy has no end: after its identifier, nothing is whole.
        for cut in (1..stored.len()).filter(|cut| codec != Codec::Snappy || *cut != 10) {
            let error = refusal(&stored[..cut], &declared(codec));
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{codec} cut at {cut} of {}: {error}", stored.len());
        }
    }
}

#[test]
fn a_large_stream_that_is_cut_is_corrupt_after_what_came_before() {
    let data = lines(200_000);
    for codec in STREAMS {
        let stored = encode(codec, &data);
        let opened = open(&stored[..stored.len() - 20], &declared(codec), BOUNDS).expect("its beginning");
        let mut read = Vec::new();
        let error = Error::of_read(opened.entries.joined(b"\n").read_to_end(&mut read).expect_err("cut"));
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{codec}");
        assert!(error.to_string().contains(codec.as_str()), "{error}");
        assert!(
            data.starts_with(&read) && (codec == Codec::Bzip2 || read.len() > data.len() / 2),
            "{codec}: {}",
            read.len()
        );
    }
}

#[test]
fn a_flipped_bit_is_corrupt_or_harmless_but_never_other_data() {
    let data = lines(20);
    // Brotli has no checksum, and the LZ4 encoder at hand writes none.
    for codec in STREAMS.into_iter().filter(|codec| !matches!(codec, Codec::Brotli | Codec::Lz4)) {
        let stored = encode(codec, &data);
        for at in 0..stored.len() {
            let mut flipped = stored.clone();
            flipped[at] ^= 0x10;
            match decompress(&flipped[..], &declared(codec), BOUNDS) {
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::TooLarge),
                    "{codec} at {at}: {error:?}"
                ),
                Ok((_, read)) => assert_eq!(read, data, "{codec} at {at}"),
            }
        }
    }
}

#[test]
fn however_the_source_is_split_the_bytes_are_the_same() {
    let data = lines(20);
    for codec in STREAMS.into_iter().chain([Codec::Zip, Codec::Plain]) {
        let stored = encode(codec, &data);
        for at in 0..stored.len() {
            let (begin, end) = stored.split_at(at);
            assert_eq!(
                decompress(begin.chain(end), &declared(codec), BOUNDS).expect("split").1,
                data,
                "{codec} at {at}"
            );
        }
        for piece in [1, 2, 3, 7, 100] {
            assert_eq!(
                decompress(Pieces(&stored, piece), &declared(codec), BOUNDS).expect("pieces").1,
                data,
                "{codec} by {piece}"
            );
        }
    }
}

#[test]
fn however_small_the_readers_buffer_the_bytes_are_the_same() {
    let data = lines(300);
    for codec in STREAMS.into_iter().chain([Codec::Zip, Codec::Plain]) {
        let stored = encode(codec, &data);
        for size in [1, 3, 1000] {
            let mut joined = open(&stored[..], &declared(codec), BOUNDS).expect("opens").entries.joined(b"\n");
            let (mut read, mut buffer) = (Vec::<u8>::new(), vec![0; size]);
            loop {
                assert_eq!(joined.read(&mut []).expect("nothing"), 0);
                match joined.read(&mut buffer).expect("reads") {
                    0 => break,
                    length => read.extend(&buffer[..length]),
                }
            }
            assert_eq!(read, data, "{codec} by {size}");
        }
    }
}

#[test]
fn an_error_of_the_source_keeps_its_kind() {
    struct Broken(bool);
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            match self.0 {
                true => Err(std::io::Error::other(Error::new(ErrorKind::TimedOut, "stood still"))),
                false => Err(std::io::ErrorKind::ConnectionReset.into()),
            }
        }
    }
    let data = lines(100_000);
    for codec in STREAMS.into_iter().chain([Codec::Zip, Codec::Plain]) {
        let stored = encode(codec, &data);
        for length in [0, 3, 20, 70_000.min(stored.len() / 2)] {
            for (ours, kind) in [(true, ErrorKind::TimedOut), (false, ErrorKind::Io)] {
                let source = stored[..length].chain(Broken(ours));
                let error = decompress(source, &declared(codec), BOUNDS).expect_err("broken");
                assert_eq!(error.kind(), kind, "{codec} after {length}: {error}");
            }
        }
    }
}
