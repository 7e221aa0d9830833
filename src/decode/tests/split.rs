//! What must hold for any bytes: nothing panics, reads of any size give the same records, and offsets lead back to them.

use proptest::prelude::*;

use super::support::{Dribble, Seen, fields, read, whole};
use crate::config::{CsvOptions, Format, JsonOptions, LinePattern, Ragged, Source, TextOptions};
use crate::testing::source;

fn formats() -> Vec<Source> {
    let csv = |change: &dyn Fn(&mut CsvOptions)| {
        let mut options = CsvOptions::default();
        change(&mut options);
        Format::Csv(options)
    };
    let pattern = LinePattern::parse(r"(?<a>\S*) (?<b>.*)").expect("a pattern");
    let text = TextOptions { pattern, null_values: vec!["-".to_owned()], comment: Some(b'#'), skip_lines: 1 };
    let formats = [
        Format::JsonLines,
        Format::Json(JsonOptions::default()),
        Format::Json(JsonOptions { records: vec!["a".to_owned()] }),
        csv(&|options| options.ragged = Ragged::Ignore),
        csv(&|options| {
            options.header = false;
            options.columns = vec!["a".to_owned(), "b".to_owned()];
            options.embedded_newlines = false;
            options.trailing_delimiter = true;
            options.comment = Some(b'#');
            options.escape = Some(b'\\');
            options.ragged = Ragged::Pad;
        }),
        csv(&|options| {
            options.quote = None;
            options.skip_lines = 1;
            options.null_values = vec!["a".to_owned()];
        }),
        Format::PythonLiteral,
        Format::Text(text),
    ];
    let mut sources: Vec<Source> = formats.into_iter().map(source).collect();
    sources[0].characters.allow_nan = true;
    let mut short = sources.clone();
    short.iter_mut().for_each(|source| source.max_record_bytes = 7);
    sources.extend(short);
    sources
}

fn check(data: &[u8], piece: usize) {
    let index = fields(&["a"]).with_extras();
    for source in formats() {
        let all = read(&source, &index, data);
        let pieces = read(&source, &index, Dribble(data, piece));
        assert_eq!(all, pieces, "{:?} with {} bytes a record, {piece} a read", source.format, source.max_record_bytes);
        let mut before = 0;
        for (Seen { place, raw, .. }, number) in all.0.iter().zip(1..) {
            let offset = place.offset.expect("known") as usize;
            assert!(data[offset..].starts_with(raw), "{:?}: {place:?}", source.format);
            assert!(offset >= before, "{:?}: {place:?}", source.format);
            assert_eq!(place.record, number);
            before = offset + raw.len();
        }
    }
}

/// Pieces of all the formats.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"a\":",
        "'a':",
        "'",
        "\\",
        "\\\"",
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "1",
        "-",
        "NaN",
        "null",
        "{\"a\":1}",
        "{\"a\":",
        "[{\"a\":2},",
        "a",
        "b",
        "#",
        "a,b\n",
        "\"\"",
        "\u{feff}",
        "é",
        "\\u00e9",
        "(",
        ")",
        "None",
    ]);
    let piece = prop_oneof![8 => piece.prop_map(|piece| piece.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 1..3)];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

#[test]
fn line_ends_in_what_is_passed_over_are_counted_once() {
    for data in [
        "\"aaaaaaaaaa\r\nb\r\rc\"\r1\r2,3\r",
        "[\"aaaaaaaaaa\r\n\r\n\r\",\r\n{}\r7",
        "{\"a\":[1,\r\n2,\r\n3,\r4]}\rx\r",
    ] {
        for piece in 1..12 {
            check(data.as_bytes(), piece);
        }
    }
}

/// Writes records as RFC 4180 has it.
fn written(records: &[Vec<String>], line_end: &str, always: bool) -> String {
    let mut text = String::new();
    for record in records {
        let fields: Vec<String> = record
            .iter()
            .map(|field| match always || field.is_empty() || field.contains(['"', ',', '\r', '\n']) {
                true => format!("\"{}\"", field.replace('"', "\"\"")),
                false => field.clone(),
            })
            .collect();
        text.push_str(&fields.join(","));
        text.push_str(line_end);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_alike_in_any_pieces(data in prop::collection::vec(any::<u8>(), 0..100), piece in 1_usize..9) {
        check(&data, piece);
    }

    #[test]
    fn any_words_are_read_alike_in_any_pieces(data in pieces(), piece in 1_usize..9) {
        check(&data, piece);
    }

    #[test]
    fn what_is_written_as_csv_is_read_back(
        records in prop::collection::vec(prop::collection::vec("[a\",\r\n é]{0,6}", 3), 0..6),
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
        always: bool,
    ) {
        let mut all = vec![vec!["x".to_owned(), "y".to_owned(), "z".to_owned()]];
        all.extend(records.iter().cloned());
        let text = written(&all, line_end, always);
        let seen = whole(Format::Csv(CsvOptions::default()), &fields(&["x", "y", "z"]), text.as_bytes());
        let read: Vec<Vec<String>> =
            seen.iter().map(|seen| seen.row().iter().map(|field| field.unwrap_or_default()[1..].to_owned()).collect()).collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn objects_written_over_lines_are_read_as_those_on_one(
        values in prop::collection::vec("[a-z{}\\[\\]\"\\\\é ]{0,8}", 0..5),
    ) {
        let objects: Vec<serde_json::Value> =
            values.iter().map(|text| serde_json::json!({"a": text, "b": [{"a": text}, {}]})).collect();
        let compact: String = objects.iter().map(|object| object.to_string() + "\n").collect();
        let pretty: String = objects.iter().map(|object| serde_json::to_string_pretty(object).expect("JSON")).collect();
        let array = serde_json::to_string_pretty(&objects).expect("JSON");
        let rows = |format, text: &str| -> Vec<Option<String>> {
            whole(format, &fields(&["a"]), text.as_bytes()).iter().map(|seen| seen.row()[0].map(str::to_owned)).collect()
        };
        let expected: Vec<Option<String>> = values.iter().map(|text| Some(format!("'{text}"))).collect();
        prop_assert_eq!(&rows(Format::JsonLines, &compact), &expected);
        prop_assert_eq!(&rows(Format::JsonLines, &pretty), &expected);
        prop_assert_eq!(&rows(Format::Json(JsonOptions::default()), &array), &expected);
    }
}
