use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Gives at most so many bytes a read.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.0.len().min(self.1).min(into.len());
        into[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn read_by(source: &[u8], said: TextEncoding, invalid: Invalid, pieces: usize, room: usize) -> (Vec<u8>, u64) {
    let mut transcoder = Transcoder::new(Pieces(source, pieces), said, invalid).expect("from memory");
    let (mut text, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        match transcoder.read(&mut buffer).expect("from memory") {
            0 => return (text, transcoder.malformed()),
            length => text.extend(&buffer[..length]),
        }
    }
}

fn text(source: &[u8], said: TextEncoding) -> String {
    let (text, malformed) = read_by(source, said, Invalid::Reject, usize::MAX, 4096);
    assert_eq!(malformed, 0);
    String::from_utf8(text).expect("UTF-8")
}

/// `text` in `encoding`, if it has all the characters.
fn encode(encoding: TextEncoding, text: &str) -> Option<Vec<u8>> {
    let by = |encoding: &'static encoding_rs::Encoding| {
        let (bytes, _, failed) = encoding.encode(text);
        (!failed).then(|| bytes.into_owned())
    };
    match encoding {
        TextEncoding::Utf8 => Some(text.as_bytes().to_vec()),
        TextEncoding::Utf16 | TextEncoding::Utf16Le => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        TextEncoding::Utf16Be => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        TextEncoding::Latin1 => text.chars().map(|char| u8::try_from(char).ok()).collect(),
        TextEncoding::Windows1252 => by(WINDOWS_1252),
        TextEncoding::ShiftJis => by(SHIFT_JIS),
    }
}

#[test]
fn texts_in_every_encoding_are_the_same_text() {
    for (_, encoding) in TextEncoding::NAMES {
        for sample in ["", "a", "id;name\n1;caf\u{e9}\n", "日本語ｶﾅ,1\n", "€ “quoted”\n", "😀 and ünïcödé\n"]
        {
            if let Some(source) = encode(*encoding, sample) {
                assert_eq!(text(&source, *encoding), sample, "{encoding}");
                assert_eq!(source_length(*encoding, sample.as_bytes()), source.len() as u64, "{encoding}: {sample}");
            }
        }
    }
}

#[test]
fn a_mark_is_left_out_and_wins_over_what_is_said() {
    let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
    let little = marked(b"\xff\xfe", "aß\n".encode_utf16().flat_map(u16::to_le_bytes).collect());
    let big = marked(b"\xfe\xff", "aß\n".encode_utf16().flat_map(u16::to_be_bytes).collect());
    let utf8 = marked(b"\xef\xbb\xbf", "aß\n".into());
    for (_, said) in TextEncoding::NAMES.iter().filter(|(_, said)| *said != TextEncoding::Latin1) {
        for (source, found, mark) in
            [(&little, TextEncoding::Utf16Le, 2), (&big, TextEncoding::Utf16Be, 2), (&utf8, TextEncoding::Utf8, 3)]
        {
            assert_eq!(text(source, *said), "aß\n", "{said}");
            let transcoder = Transcoder::new(&source[..], *said, Invalid::Reject).expect("from memory");
            assert_eq!((transcoder.encoding(), transcoder.mark_length()), (found, mark));
        }
    }
    assert_eq!(text(&utf8, TextEncoding::Latin1), "\u{ef}\u{bb}\u{bf}a\u{c3}\u{9f}\n");
}

/// encoding_rs, after the web's rules, takes the name ISO-8859-1 for windows-1252.
#[test]
fn iso_8859_1_is_itself_and_not_windows_1252() {
    let all: Vec<u8> = (0..=255).collect();
    let expected: String = all.iter().map(|byte| char::from(*byte)).collect();
    assert_eq!(text(&all, TextEncoding::Latin1), expected);
    assert_eq!(text(b"\x80\x93", TextEncoding::Latin1), "\u{80}\u{93}");
    assert_eq!(text(b"\x80\x93", TextEncoding::Windows1252), "€“");
    assert_eq!(source_length(TextEncoding::Latin1, expected.as_bytes()), 256);
}

#[test]
fn what_is_not_of_the_encoding_spoils_its_own_record_only_or_is_replaced() {
    let mut units: Vec<u16> = "a\nb".encode_utf16().collect();
    units.push(0xd800);
    units.extend("c\nd\n".encode_utf16());
    let utf16: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    let cases: [(&[u8], TextEncoding, &[u8]); 4] = [
        (&utf16, TextEncoding::Utf16Le, b"a\nb\xfec\nd\n"),
        (&utf16[..utf16.len() - 1], TextEncoding::Utf16Le, b"a\nb\xfec\nd\xff"),
        (b"a\n\x82\xffb\nc\n", TextEncoding::ShiftJis, b"a\n\xfeb\nc\n"),
        (b"a\n\x82 b\nc\n", TextEncoding::ShiftJis, b"a\n\xff b\nc\n"),
    ];
    for (source, encoding, expected) in cases {
        for room in [1, 5, 4096] {
            let (found, malformed) = read_by(source, encoding, Invalid::Reject, usize::MAX, room);
            assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{encoding}");
            assert!(malformed > 0);
        }
        assert_eq!(source_length(encoding, expected), source.len() as u64, "{encoding}: the places stay right");
        let (found, _) = read_by(source, encoding, Invalid::Replace, usize::MAX, 4096);
        assert!(String::from_utf8(found).expect("UTF-8").contains('\u{fffd}'));
    }
    assert_eq!(read_by(b"a\xffb", TextEncoding::Utf8, Invalid::Reject, 9, 9).0, b"a\xffb");
    assert_eq!(read_by(b"a\xffb", TextEncoding::Utf8, Invalid::Replace, 9, 9).0, "a\u{fffd}b".as_bytes());
}

#[test]
fn the_names_of_the_encodings_are_read_in_any_case() {
    for (name, encoding) in TextEncoding::NAMES {
        assert_eq!(name.to_uppercase().parse(), Ok(*encoding));
        assert_eq!(encoding.as_str(), *name);
    }
    assert!("latin-9".parse::<TextEncoding>().is_err());
}

fn encoding() -> impl Strategy<Value = TextEncoding> {
    (0..TextEncoding::NAMES.len()).prop_map(|index| TextEncoding::NAMES[index].1)
}

proptest! {
    #[test]
    fn no_bytes_make_the_transcoder_panic_and_no_split_changes_what_they_are(
        source in vec(any::<u8>(), 0..300),
        encoding in encoding(),
        pieces in 1_usize..20,
        room in 1_usize..40,
    ) {
        for invalid in [Invalid::Reject, Invalid::Replace] {
            let whole = read_by(&source, encoding, invalid, usize::MAX, 4096);
            prop_assert_eq!(&whole, &read_by(&source, encoding, invalid, pieces, room));
        }
        let transcoder = Transcoder::new(&source[..], encoding, Invalid::Reject).expect("from memory");
        let (found, mark) = (transcoder.encoding(), transcoder.mark_length());
        let (text, _) = read_by(&source, encoding, Invalid::Reject, usize::MAX, 4096);
        prop_assert_eq!(mark + source_length(found, &text), source.len() as u64, "{}", found);
    }

    #[test]
    fn what_was_encoded_comes_back(sample in "\\PC{0,100}", encoding in encoding(), pieces in 1_usize..20) {
        // Shift-JIS has two characters that it writes like others, and a mark is no text.
        if let Some(source) = encode(encoding, &sample)
            && !sample.contains(['\u{a5}', '\u{203e}', '\u{2212}', '\u{feff}', '\u{fffe}', 'ï', 'ÿ', 'þ'])
        {
            let (text, malformed) = read_by(&source, encoding, Invalid::Reject, pieces, 4096);
            prop_assert_eq!(String::from_utf8(text).expect("UTF-8"), sample);
            prop_assert_eq!(malformed, 0);
        }
    }
}
