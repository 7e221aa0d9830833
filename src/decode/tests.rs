mod csv;
mod json;
mod python;
mod split;
mod suites;
mod support;
mod text;

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::model::{Extra, FieldIndex, Value};
use support::{Dribble, fields};

type Seen = Vec<(u64, u64, Vec<u8>, bool)>;

fn lines(data: &[u8], most: usize) -> Seen {
    let mut lines = Lines::new(data, most);
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().expect("memory") {
        seen.push((line.number, line.offset, line.bytes.to_vec(), line.too_long));
    }
    seen
}

#[test]
fn lines_know_their_number_and_offset() {
    let seen = lines(b"\xef\xbb\xbfa\r\n\n  \nbc\nd", 100);
    assert_eq!(seen, [(1, 3, b"a".to_vec(), false), (4, 10, b"bc".to_vec(), false), (5, 13, b"d".to_vec(), false)]);
    assert_eq!(lines(b"", 10), []);
    assert_eq!(lines(b"\n\r\n", 10), []);
}

#[test]
fn lines_that_end_in_cr_are_lines_if_the_first_one_does() {
    let seen = lines(b"a\rb\r\rc\nd\r\ne", 100);
    let texts: Vec<(u64, &[u8])> = seen.iter().map(|(number, _, bytes, _)| (*number, bytes.as_slice())).collect();
    assert_eq!(texts, [(1, b"a".as_slice()), (2, b"b"), (4, b"c"), (5, b"d"), (6, b"e")]);
    let seen = lines(b"a\nb\rc\r\n", 100);
    assert_eq!(seen[1], (2, 2, b"b\rc".to_vec(), false));
}

#[test]
fn a_line_too_long_is_cut_and_the_next_is_whole() {
    let long = [b"x".repeat(1_000_000), b"\nnext\n".to_vec()].concat();
    let seen = lines(&long, 10);
    assert_eq!(seen, [(1, 0, b"x".repeat(10), true), (2, 1_000_001, b"next".to_vec(), false)]);
    let seen = lines(b"12345678901\nnext", 10);
    assert_eq!(seen, [(1, 0, b"1234567890".to_vec(), true), (2, 12, b"next".to_vec(), false)]);
    assert_eq!(lines(&b"y".repeat(600_000), 10), [(1, 0, b"y".repeat(10), true)]);
}

#[test]
fn values_keep_what_was_written() {
    let text = r#"{"a": 1.50, "b":"x\u00e9\n", "c":[1, {"d":null}], "d":true, "e":null, "f":"plain", "a":2e3}"#;
    let mut slots = Vec::new();
    let wanted = fields(&["a", "b", "c", "d", "e", "missing"]).with_extras();
    let extras = json_object(text, &wanted, &mut slots);
    assert_eq!(extras, Ok(vec![Extra { name: "f".into(), value: Value::Text("plain".into()) }]));
    assert_eq!(
        slots,
        [
            Some(Value::Number("2e3")),
            Some(Value::Text("xé\n".into())),
            Some(Value::Json(r#"[1, {"d":null}]"#.into())),
            Some(Value::Bool(true)),
            Some(Value::Null),
            None
        ]
    );
}

#[test]
fn a_text_without_escapes_is_borrowed() {
    let mut slots = Vec::new();
    json_object(r#"{"a":"plain"}"#, &fields(&["a"]), &mut slots).expect("valid");
    assert!(matches!(slots[0], Some(Value::Text(Cow::Borrowed("plain")))));
}

#[test]
fn what_is_not_one_object_is_refused() {
    for text in [
        "[1]",
        "1",
        "",
        "{",
        r#"{"a":1} x"#,
        r#"{"a":1}{"a":2}"#,
        r#"{"a":01}"#,
        r#"{"a":NaN}"#,
        r#"{'a':1}"#,
        r#"{"a":"\ud800"}"#,
    ] {
        assert!(json_object(text, &fields(&["a"]), &mut Vec::new()).is_err(), "{text}");
    }
}

#[test]
fn a_field_within_a_field_is_read_beside_the_whole() {
    let mut index = FieldIndex::new();
    let width = index.insert_path(&["device", "screen", "w"]);
    let second = index.insert_path(&["tags", "1"]);
    let tags = index.insert("tags");
    let mut slots = Vec::new();
    json_object(r#"{"device":{"screen":{"h":2,"w":3}},"tags":["a","b"]}"#, &index, &mut slots).expect("valid");
    assert_eq!(slots[width], Some(Value::Number("3")));
    assert_eq!(slots[second], Some(Value::Text("b".into())));
    assert_eq!(slots[tags], Some(Value::Json(r#"["a","b"]"#.into())));
    json_object(r#"{"device":7,"tags":["a"]}"#, &index, &mut slots).expect("valid");
    assert_eq!((&slots[width], &slots[second]), (&None, &None));
}

proptest! {
    #[test]
    fn reading_in_any_pieces_gives_the_same_lines(data in prop::collection::vec(prop::sample::select(b"ab\r\n ".to_vec()), 0..200), piece in 1_usize..20, most in 1_usize..20) {
        let whole = lines(&data, most);
        let mut pieces = Lines::new(Dribble(&data, piece), most);
        let mut seen = Vec::new();
        while let Some(line) = pieces.next_line().expect("memory") {
            seen.push((line.number, line.offset, line.bytes.to_vec(), line.too_long));
        }
        prop_assert_eq!(seen, whole);
    }

    #[test]
    fn a_lines_offset_leads_back_to_it(data in "[a-c\n]{0,300}") {
        for (_, offset, bytes, _) in lines(data.as_bytes(), 1_000) {
            prop_assert!(data.as_bytes()[offset as usize..].starts_with(&bytes));
        }
    }

    #[test]
    fn no_text_makes_the_decoder_panic(text in ".{0,200}") {
        let _ = json_object(&text, &fields(&["a"]), &mut Vec::new());
    }

    #[test]
    fn every_object_that_serde_json_writes_is_read(text in ".{0,40}", number: f64) {
        let written = serde_json::json!({"a": text, "b": number, "c": [text.clone()]}).to_string();
        let mut slots = Vec::new();
        json_object(&written, &fields(&["a"]), &mut slots).expect("valid JSON");
        prop_assert_eq!(slots[0].clone(), Some(Value::Text(text.into())));
    }
}
