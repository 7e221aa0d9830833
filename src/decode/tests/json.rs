use super::support::{data, fields, file, read, refused, rows, whole};
use crate::config::{Format, JsonOptions};
use crate::model::Rule;
use crate::testing::source;

fn numbers(data: &[u8]) -> Vec<String> {
    rows(Format::JsonLines, &["a"], data).into_iter().map(|row| row[0].clone().unwrap_or_default()).collect()
}

fn document(pointer: &[&str]) -> Format {
    Format::Json(JsonOptions { records: pointer.iter().map(|name| (*name).to_owned()).collect() })
}

#[test]
fn objects_are_read_however_they_stand_on_their_lines() {
    for data in [
        "{\"a\":1}\n{\"a\":2}\n{\"a\":3}",
        "{\"a\":1}{\"a\":2}{\"a\":3}",
        "{\"a\":1} {\"a\":2}\n{\"a\":3}\n\n",
        "\u{feff}{\"a\":1}\r\n\r\n{\"a\":2}\r\n{\"a\":3}\r\n",
        "{\"a\":1}\r{\"a\":2}\r{\"a\":3}\r",
        "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}{\n\"a\":\n3}",
        "{\n\"a\": 1,\n\"b\": [\n{\n\"c\": {}\n}\n]\n}\n{\"a\":2}\n  {\"a\":3}  ",
    ] {
        assert_eq!(numbers(data.as_bytes()), ["#1", "#2", "#3"], "{data:?}");
    }
}

#[test]
fn every_record_knows_its_line_and_offset() {
    let data = b"{\"a\":1}\n\n{\n \"a\": 2\n} {\"a\":3}\n  x\n";
    let seen = whole(Format::JsonLines, &fields(&["a"]), data);
    let places: Vec<(u64, u64, &[u8])> = seen
        .iter()
        .map(|record| {
            (record.place.line.expect("it is known"), record.place.offset.expect("it is known"), record.raw.as_slice())
        })
        .collect();
    assert_eq!(places[0], (1, 0, b"{\"a\":1}".as_slice()));
    assert_eq!(places[1], (3, 9, b"{\n \"a\": 2\n}".as_slice()));
    assert_eq!(places[2], (5, 21, b"{\"a\":3}".as_slice()));
    assert_eq!(places[3], (6, 31, b"x".as_slice()));
    assert_eq!(refused(&seen), [(6, Rule::Syntax)]);
}

#[test]
fn a_line_that_is_malformed_takes_no_other_with_it() {
    for bad in [
        "{\"a\":1",
        "{\"a\":",
        "{\"a\":[1,",
        "{\"a\":[1,{\"b\":",
        "{",
        "{\"a\":\"x",
        "{\"a\":\"O \"Brother\"}",
        "{\"a\":01}",
        "{\"a\":{\"b\":1}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":1},",
        "{\"a\" 1}",
        "[{\"a\":1}]",
        "7",
        "}",
        "{\"errorsToo\",\"notparsing\"}",
        "{'a': 'it\"s'}",
        "{\"a\":Mozilla/5.0 (X {y} z)}",
    ] {
        let data = format!("{{\"a\":8}}\n{bad}\n{{\"a\":9}}\n{{\"a\":10}}\n{bad}\n");
        let seen = whole(Format::JsonLines, &fields(&["a"]), data.as_bytes());
        assert_eq!(refused(&seen), [(2, Rule::Syntax), (5, Rule::Syntax)], "{bad}");
        let read: Vec<_> = seen.iter().filter(|seen| seen.rule().is_none()).map(|seen| seen.row()[0]).collect();
        assert_eq!(read, [Some("#8"), Some("#9"), Some("#10")], "{bad}");
    }
}

#[test]
fn what_is_within_a_malformed_object_is_no_record() {
    let data = b"{\n  \"a\": 01,\n  \"items\": [\n    {\"a\": 5}\n  ]\n}\n{\n  \"a\": 2\n}\n";
    let seen = whole(Format::JsonLines, &fields(&["a"]), data);
    assert_eq!(refused(&seen), [(1, Rule::Syntax)]);
    assert_eq!(seen[1].row(), [Some("#2")]);
    assert_eq!((seen.len(), seen[1].place.line), (2, Some(7)));
}

#[test]
fn many_lines_that_open_brackets_and_close_none_take_no_longer_than_their_number() {
    let data = "{\"a\":[\n".repeat(20_000) + "{\"a\":2}\n";
    let seen = whole(Format::JsonLines, &fields(&["a"]), data.as_bytes());
    assert_eq!((seen.len(), seen[20_000].row()), (20_001, vec![Some("#2")]));
}

#[test]
fn a_line_of_many_objects_may_be_longer_than_a_record() {
    let mut source = source(Format::JsonLines);
    source.max_record_bytes = 1_000;
    let data = "{\"a\":7}".repeat(100_000);
    let (seen, error) = read(&source, &fields(&["a"]), data.as_bytes());
    assert_eq!((seen.len(), error, refused(&seen)), (100_000, None, vec![]));
    assert_eq!(seen[99_999].place.offset, Some(7 * 99_999));
}

#[test]
fn a_record_that_is_too_long_is_passed_over_and_the_next_is_read() {
    let mut source = source(Format::JsonLines);
    source.max_record_bytes = 40;
    let long = "x".repeat(300_000);
    for data in [
        format!("{{\"a\":\"{long}\"}}\n{{\"a\":2}}"),
        format!("{{\"a\":\"{long}\"}}{{\"a\":2}}"),
        format!("{long}\n{{\"a\":2}}"),
        format!("{{\n\"a\":\n\"{long}\"\n}}\n{{\"a\":2}}"),
        format!("{{\"a\":\"{long}\n{{\"a\":2}}"),
        format!("{{\"a\":1}}{}\n{{\"a\":2}}", "{}".repeat(100)),
    ] {
        let (seen, error) = read(&source, &fields(&["a"]), data.as_bytes());
        assert_eq!(error, None);
        assert_eq!(seen.last().expect("it is known").row(), [Some("#2")], "{}", &data[..10]);
        let long = seen.iter().filter(|seen| seen.rule() == Some(Rule::RecordSize)).count();
        assert_eq!(long, usize::from(seen.len() == 2), "{}", &data[..10]);
    }
}

#[test]
fn bare_words_for_numbers_are_read_where_that_is_allowed() {
    let data = br#"{"a":NaN,"b":-Infinity,"c":"NaN \"Infinity","d":[1,NaN],"e":Infinity, "f":1.50}"#;
    let mut allowed = source(Format::JsonLines);
    allowed.characters.allow_nan = true;
    let (seen, _) = read(&allowed, &fields(&["a", "b", "c", "e", "f"]), &data[..]);
    assert_eq!(
        seen[0].row(),
        [Some("#NaN"), Some("#-Infinity"), Some("'NaN \"Infinity"), Some("#Infinity"), Some("#1.50")]
    );
    let (seen, _) = read(&allowed, &fields(&["d"]), &data[..]);
    assert_eq!(refused(&seen), [(1, Rule::Syntax)]);
    let (seen, _) = read(&source(Format::JsonLines), &fields(&["a"]), &data[..]);
    assert_eq!(refused(&seen), [(1, Rule::Syntax)]);
    for bad in ["{\"a\":NaNa}", "{\"a\":NaN1}", "{\"a\":-NaN}", "{NaN:1}", "{\"a\":+Infinity}"] {
        let (seen, _) = read(&allowed, &fields(&["a"]), bad.as_bytes());
        assert_eq!(seen[0].rule(), Some(Rule::Syntax), "{bad}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_or_replaced() {
    let data = b"{\"a\":\"caf\xe9\"}\n{\"a\":\"b\"}";
    let seen = whole(Format::JsonLines, &fields(&["a"]), data);
    assert_eq!(refused(&seen), [(1, Rule::Encoding)]);
    let mut replacing = source(Format::JsonLines);
    replacing.characters.invalid_utf8 = crate::config::InvalidUtf8::Replace;
    let (seen, _) = read(&replacing, &fields(&["a"]), &data[..]);
    assert_eq!(seen[0].row(), [Some("'caf\u{fffd}")]);
}

#[test]
fn the_records_of_a_document_are_read_one_by_one() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "[{\"a\":1},{\"a\":2}]"),
        (&[], "\u{feff} [ {\"a\":1} ,\r\n{\"a\":2}\n]\n"),
        (&["Records"], "{\"Records\":[{\"a\":1},{\"a\":2}],\"x\":{\"Records\":[3]}}"),
        (&["x", "Records"], "{\"Records\":[3],\"y\":\"]\\\"\",\"x\":{\"z\":[],\"Records\":[{\"a\":1},{\"a\":2}]}}"),
        (&["1", "r"], "[{\"r\":[{\"a\":0}]},{\"r\":[{\"a\":1},{\"a\":2}]}]"),
        (&["R\u{e9}/"], "{\"R\\u00e9/\":[{\"a\":1},{\"a\":2}]}"),
        (&["", "a"], "{\"\":{\"a\":[{\"a\":1},{\"a\":2}]}}"),
        (&["Records"], "{\"Records\":null}"),
        (&[], " \n"),
    ];
    for (pointer, data) in cases {
        let found: Vec<_> = rows(document(pointer), &["a"], data.as_bytes()).into_iter().flatten().flatten().collect();
        let expected: &[&str] = if data.contains("\"a\":1") { &["#1", "#2"] } else { &[] };
        assert_eq!(found, expected, "{data}");
    }
    assert_eq!(rows(document(&[]), &["a"], b"{\"a\":[1]}"), [[Some("~[1]".to_owned())]]);
}

#[test]
fn what_is_no_object_in_a_document_is_refused_by_itself() {
    let data = b"[{\"a\":1},\n7, \"x\",\n[{\"a\":3}], {\"a\":01}, {'a':1}, null, {\"a\":2}]";
    let seen = whole(document(&[]), &fields(&["a"]), data);
    let lines = [2, 2, 3, 3, 3, 3].map(|line| (line, Rule::Syntax));
    assert_eq!(refused(&seen), lines);
    assert_eq!(seen[7].row(), [Some("#2")]);
    assert_eq!((seen[3].raw.as_slice(), seen[3].place.offset), (b"[{\"a\":3}]".as_slice(), Some(18)));

    let mut source = source(document(&[]));
    source.max_record_bytes = 20;
    let data = format!("[{{\"a\":\"{}\"}},{{\"a\":2}}]", "]".repeat(400_000));
    let (seen, error) = read(&source, &fields(&["a"]), data.as_bytes());
    assert_eq!((error, refused(&seen)), (None, vec![(1, Rule::RecordSize)]));
    assert_eq!((seen[0].raw.len(), seen[1].row()), (20, vec![Some("#2")]));
}

#[test]
fn a_document_that_is_damaged_is_corrupt_after_the_records_before() {
    let cases: [(&[&str], &str, usize, &str); 12] = [
        (&[], "[{\"a\":1},{\"a\":2", 1, "truncated"),
        (&[], "[{\"a\":1},", 1, "truncated"),
        (&[], "[{\"a\":1}", 1, "truncated"),
        (&[], "[{\"a\":1}]x", 1, "follows the document"),
        (&[], "[{\"a\":1}][]", 1, "json-lines"),
        (&[], "[{\"a\":1}{\"a\":2}]", 1, "`,` or `]`"),
        (&[], "[{\"a\":1},]", 1, "a value"),
        (&[], "[{\"a\":1},[}]", 1, "brackets"),
        (&[], "7", 0, "an array"),
        (&["R"], "{\"Q\":[]}", 0, "has no `/R`"),
        (&["R"], "{\"R\":[{\"a\":1}],\"R\":[]}", 1, "stands twice"),
        (&["R"], "{R:[]}", 0, "the name of a field"),
    ];
    for (pointer, data, records, reason) in cases {
        let (seen, error) = read(&source(document(pointer)), &fields(&["a"]), data.as_bytes());
        assert_eq!(seen.len(), records, "{data}");
        let error = error.unwrap_or_default();
        assert!(error.contains(reason) && error.contains("line 1"), "{data}: {error}");
    }
}

#[test]
fn sparkify_logs_have_no_final_newline_and_a_day_as_people_mangle_it_reads_the_same() {
    let Some(folder) = data() else { return };
    let names = ["page", "ts", "userId", "registration", "userAgent", "song"];
    let day = file(&folder, "sparkify/log_data/2018/11/2018-11-01-events.json");
    assert_ne!(day.last(), Some(&b'\n'));
    let plain = rows(Format::JsonLines, &names, &day);
    assert_eq!(plain.len(), 15);
    assert_eq!(plain[0][3].as_deref(), Some("#1540919166796.0"));
    assert!(plain[0][4].as_deref().expect("it is known").starts_with("'\"Mozilla/5.0"), "escaped quotes");
    let blank = file(&folder, "sparkify/variants/2018-11-01-events.blank-lines.json");
    assert_eq!(rows(Format::JsonLines, &names, &blank), plain);
    let unquoted =
        rows(Format::JsonLines, &names, &file(&folder, "sparkify/variants/2018-11-01-events.ua-unquoted.json"));
    for (plain, unquoted) in plain.iter().zip(&unquoted) {
        assert_eq!((&plain[..4], &plain[5]), (&unquoted[..4], &unquoted[5]));
    }
}

#[test]
fn sparkify_songs_are_one_object_a_file_with_nulls_and_year_0() {
    let Some(folder) = data() else { return };
    let names = ["song_id", "year", "artist_latitude", "artist_location"];
    let song = file(&folder, "sparkify/song_data/A/A/A/TRAAAAW128F429D538.json");
    for format in [Format::JsonLines, document(&[])] {
        let rows = rows(format, &names, &song);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][1].as_deref(), Some("#0"));
    }
}
