//! What is said of an object, against what it is.

use super::*;

fn opened(stored: &[u8], hints: Hints<'_>) -> (Codec, Option<Mismatch>) {
    let opened = open(stored, &hints, BOUNDS).unwrap_or_else(|error| panic!("{error}"));
    (opened.codec, opened.mismatch)
}

#[test]
fn the_bytes_win_over_declaration_content_encoding_and_suffix_and_the_mismatch_is_told() {
    let gzip = encode(Codec::Gzip, b"one\n");
    let all = Hints { declared: Some(Codec::Zstd), content_encoding: Some("br"), key: "a/b.xz" };
    let cases = [
        (all, Some((Codec::Zstd, Said::Declaration))),
        (Hints { declared: None, ..all }, Some((Codec::Brotli, Said::ContentEncoding))),
        (Hints { declared: None, content_encoding: None, ..all }, Some((Codec::Xz, Said::Suffix))),
        (Hints { declared: None, content_encoding: Some("identity"), ..all }, Some((Codec::Xz, Said::Suffix))),
        (Hints { key: "a/b.json", ..Hints::default() }, None),
        (Hints { key: "a.gz/b", ..Hints::default() }, None),
        (Hints { declared: Some(Codec::Gzip), ..all }, None),
        (Hints { declared: Some(Codec::Plain), ..all }, Some((Codec::Plain, Said::Declaration))),
        (Hints { declared: None, content_encoding: Some("gzip, aws-chunked"), ..all }, None),
        (Hints { declared: None, content_encoding: Some("X-GZIP"), ..all }, None),
        (Hints { declared: None, content_encoding: None, key: "LOG.GZ" }, None),
    ];
    for (hints, expected) in cases {
        let mismatch = expected.map(|(said, by)| Mismatch { said, by, found: Codec::Gzip });
        assert_eq!(opened(&gzip, hints), (Codec::Gzip, mismatch), "{hints:?}");
    }
}

#[test]
fn text_that_is_said_to_be_compressed_is_read_as_text_with_a_mismatch() {
    let utf16: Vec<u8> = "{\"a\": 1}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in
        [&b"{\"a\":1}\n"[..], "naïve\n".as_bytes(), b"caf\xe9;\xa3\n", &utf16, b"Obj\x01\x02\0", b"x^2,y\n1,2\n"]
    {
        for key in ["a.gz", "a.zst", "a.bz2", "a.xz", "a.lz4", "a.sz", "a.zip"] {
            let (codec, mismatch) = opened(text, Hints { key, ..Hints::default() });
            assert_eq!((codec, mismatch.map(|mismatch| mismatch.by)), (Codec::Plain, Some(Said::Suffix)), "{key}");
        }
    }
    let mismatch = Mismatch { said: Codec::Gzip, by: Said::Suffix, found: Codec::Plain };
    assert_eq!(mismatch.to_string(), "its key's suffix says gzip, but the bytes are none");
}

#[test]
fn bytes_that_are_neither_what_is_said_nor_text_are_parked_whole() {
    for codec in STREAMS.into_iter().filter(|codec| *codec != Codec::Brotli) {
        let mut stored = encode(codec, &lines(50));
        stored[0] ^= 0x80;
        stored[1] ^= 0x80;
        let error = refusal(&stored, &declared(codec));
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{codec}");
        assert!(error.to_string().contains("compression in [source]"), "{error}");
    }
}

#[test]
fn brotli_is_read_where_anything_says_so_and_nothing_else_is() {
    let stored = encode(Codec::Brotli, &lines(10));
    let said = [
        Hints { declared: Some(Codec::Brotli), ..Hints::default() },
        Hints { content_encoding: Some("br"), ..Hints::default() },
        Hints { key: "a.br", ..Hints::default() },
    ];
    for hints in said {
        assert_eq!(opened(&stored, hints), (Codec::Brotli, None));
    }
    assert_eq!(opened(&stored, Hints::default()), (Codec::Plain, None));
}

#[test]
fn text_that_begins_like_a_magic_is_text() {
    for text in
        [&b"BZh91,2,3\n"[..], b"x^2,y,z\n1,2,3\n", b"PK,name\n1,a\n", b"\x78\x01abc;def;ghi\n", b"Rar!\n", b"7z,1\n"]
    {
        assert_eq!(opened(text, Hints::default()), (Codec::Plain, None), "{}", text.escape_ascii());
    }
}

#[test]
fn what_is_recognised_and_not_read_says_what_it_is() {
    let lzma = [&[0x5d, 0, 0, 0x80, 0][..], &[0xff; 8], b"data"].concat();
    let cases: [(&[u8], &str); 8] = [
        (b"\x1f\x9d\x90abc", "Unix compress"),
        (b"\x1f\x1eabc", "Unix pack"),
        (b"\x02\x21\x4c\x18abc", "legacy"),
        (b"LZIP\x01abc", "lzip"),
        (b"7z\xbc\xaf\x27\x1cabc", "7z"),
        (b"Rar!\x1a\x07\x01\0", "RAR"),
        (b"PK\x07\x08PK\x03\x04", "several parts"),
        (&lzma, "LZMA alone"),
    ];
    for (stored, what) in cases {
        let error = refusal(stored, &Hints { key: "a.gz", ..Hints::default() });
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(what), "{error}");
    }
}
