//! Collections of cases that others made.

use std::path::Path;

use serde_json::Value as Json;

use super::support::{Told, data, fields, file, python, read, refused, rows, whole};
use crate::config::{CsvOptions, Format, JsonOptions};
use crate::model::Rule;
use crate::testing::source;

fn names_of(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it is known").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Whether the document is accepted as the value of a field, by JSON lines and by a JSON document alike.
fn accepts(document: &[u8]) -> bool {
    let record = [b"{\"v\":".as_slice(), document, b"}"].concat();
    let as_document = read(&source(Format::Json(JsonOptions::default())), &fields(&["v"]), record.as_slice());
    let as_document = as_document.1.is_none() && as_document.0.len() == 1 && as_document.0[0].rule().is_none();
    let as_lines = read(&source(Format::JsonLines), &fields(&["v"]), record.as_slice());
    assert_eq!(as_lines.1, None, "nothing ends an object of JSON lines");
    let as_lines = as_lines.0.len() == 1 && as_lines.0[0].rule().is_none();
    assert_eq!(as_document, as_lines, "{}", String::from_utf8_lossy(&record[..record.len().min(200)]));
    as_lines
}

/// What JSON's grammar leaves open: these are accepted, and the column's type decides. Numbers keep their digits,
/// whatever their size. Nested values keep their text: halves of surrogate pairs and 500 levels are refused by SUPER, and a text of its own
/// with such a half is refused here.
const ACCEPTED: &[&str] = &[
    "i_number_double_huge_neg_exp",
    "i_number_huge_exp",
    "i_number_neg_int_huge_exp",
    "i_number_pos_double_huge_exp",
    "i_number_real_neg_overflow",
    "i_number_real_pos_overflow",
    "i_number_real_underflow",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
    "i_object_key_lone_2nd_surrogate",
    "i_string_1st_surrogate_but_2nd_missing",
    "i_string_1st_valid_surrogate_2nd_invalid",
    "i_string_incomplete_surrogate_and_escape_valid",
    "i_string_incomplete_surrogate_pair",
    "i_string_incomplete_surrogates_escape_valid",
    "i_string_invalid_lonely_surrogate",
    "i_string_invalid_surrogate",
    "i_string_inverted_surrogates_U+1D11E",
    "i_string_lone_second_surrogate",
    "i_structure_500_nested_arrays",
];

/// And these are not: bytes that are not UTF-8 are no text, UTF-16 is to be declared or marked, and a byte order mark stands nowhere but at the
/// beginning.
const REFUSED: &[&str] = &[
    "i_string_UTF-16LE_with_BOM",
    "i_string_UTF-8_invalid_sequence",
    "i_string_UTF8_surrogate_U+D800",
    "i_string_invalid_utf-8",
    "i_string_iso_latin_1",
    "i_string_lone_utf8_continuation_byte",
    "i_string_not_in_unicode_range",
    "i_string_overlong_sequence_2_bytes",
    "i_string_overlong_sequence_6_bytes",
    "i_string_overlong_sequence_6_bytes_null",
    "i_string_truncated-utf-8",
    "i_string_utf16BE_no_BOM",
    "i_string_utf16LE_no_BOM",
    "i_structure_UTF-8_BOM_empty_object",
];

#[test]
fn json_test_suite_is_accepted_and_refused_as_it_says() {
    let Some(folder) = data() else { return };
    let folder = folder.join("streams/json/JSONTestSuite/test_parsing");
    let mut seen = [0, 0, 0];
    let mut wrong = Vec::new();
    for name in names_of(&folder) {
        let accepted = accepts(&file(&folder, &name));
        let name = name.trim_end_matches(".json");
        let (kind, expected) = match &name[..2] {
            "y_" => (0, true),
            "n_" => (1, false),
            _ => {
                assert_ne!(ACCEPTED.contains(&name), REFUSED.contains(&name), "{name} is decided");
                (2, ACCEPTED.contains(&name))
            }
        };
        if accepted != expected {
            wrong.push(name.to_owned());
        }
        seen[kind] += 1;
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(seen, [95, 188, 35]);
}

#[test]
fn a_byte_order_mark_and_an_empty_object_are_a_record() {
    let seen = whole(Format::JsonLines, &fields(&["v"]), b"\xef\xbb\xbf{}");
    assert_eq!(seen[0].row(), [None]);
}

#[test]
fn half_of_a_surrogate_pair_is_no_text_of_a_field() {
    for text in [r"\uDADA", r"\uDd1e\uD834", r"\ud800abc", r"\uD800\n"] {
        let seen = whole(Format::JsonLines, &fields(&["v"]), format!("{{\"v\":\"{text}\"}}").as_bytes());
        assert_eq!(refused(&seen), [(1, Rule::Syntax)], "{text}");
    }
}

/// How many records DuckDB's files of JSON lines hold, and which lines are refused.
const DUCKDB_LINES: &[(&str, usize, &[u64])] = &[
    ("example_n.ndjson", 5, &[]),
    ("example_r.ndjson", 5, &[]),
    ("example_rn.ndjson", 5, &[]),
    ("example_rn.ndjson.gz", 5, &[]),
    ("multiple_objects_per_line.ndjson", 5, &[]),
    ("multi_file_hang/my.json", 2, &[]),
    ("multi_file_hang/my2.json", 1, &[1]),
    ("multi_file_hang/my3.json", 2, &[1, 2]),
    ("multi_file_hang/my4.json", 3, &[2, 3]),
    ("unterminated_quotes.ndjson", 5, &[3]),
    ("trailing_content.ndjson", 3, &[2]),
    ("empty.ndjson", 0, &[]),
    ("whitespace_only.json", 0, &[]),
    ("11152.json", 4, &[4]),
    ("duplicate_key.ndjson", 5, &[]),
    ("different_schemas.ndjson", 5, &[]),
    ("inconsistent_schemas.ndjson", 5, &[]),
    ("union.ndjson", 3, &[]),
    ("with_list.json", 5, &[]),
    ("with_uuid.json", 5, &[]),
    ("simple_timestamp.json", 1, &[]),
    ("map_of_map.jsonl", 1, &[]),
    ("map_of_structs.jsonl", 100, &[]),
    ("simple_map.jsonl", 100, &[]),
    ("18301/1675504.json", 1, &[]),
    ("sample_utf8_bom.json", 1, &[]),
    ("fuzzer_hang.json", 1, &[1]),
    ("arr.json", 1, &[1]),
];

#[test]
fn duckdbs_json_lines_are_read_or_refused_one_by_one() {
    let Some(folder) = data() else { return };
    for (name, records, lines) in DUCKDB_LINES {
        let seen = whole(Format::JsonLines, &fields(&["id"]), &file(&folder.join("streams/json/duckdb"), name));
        assert_eq!(seen.len(), *records, "{name}");
        let expected: Vec<_> = lines.iter().map(|line| (*line, Rule::Syntax)).collect();
        assert_eq!(refused(&seen), expected, "{name}");
    }
}

/// How many records DuckDB's documents hold at a pointer; `None` if they are none.
const DUCKDB_DOCUMENTS: &[(&str, &str, Option<usize>)] = &[
    ("11407.json", "", Some(2)),
    ("top_level_array.json", "", Some(2)),
    ("top_level_two_arrays.json", "", None),
    ("empty_array.json", "", Some(0)),
    ("empty_no_newline.json", "", Some(0)),
    ("sample_utf8_bom.json", "users", Some(3)),
    ("geojson/features.geojson", "features", Some(4)),
    ("malformed/array_comma_malformed.json", "", None),
    ("malformed/empty_array_malformed.json", "", None),
    ("malformed/empty_array_trailing.json", "", None),
    ("fuzzer_hang.json", "", None),
];

#[test]
fn duckdbs_documents_are_read_or_corrupt() {
    let Some(folder) = data() else { return };
    for (name, pointer, records) in DUCKDB_DOCUMENTS {
        let records_at = pointer.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let format = Format::Json(JsonOptions { records: records_at });
        let bytes = file(&folder.join("streams/json/duckdb"), name);
        let (seen, error) = read(&source(format), &fields(&["id"]), bytes.as_slice());
        assert_eq!(error.is_none().then_some(seen.len()), *records, "{name}: {error:?}");
        assert_eq!(refused(&seen), [], "{name}");
    }
}

fn csv_objects(bytes: &[u8]) -> Vec<Json> {
    let seen = whole(Format::Csv(CsvOptions::default()), &fields(&[]).with_extras(), bytes);
    let object = |told: &Told| match told {
        Told::Row(_, extras) => {
            let fields = extras.iter().map(|(name, text)| (name.clone(), Json::String(text[1..].to_owned())));
            Json::Object(fields.collect())
        }
        Told::Refused(rule, message) => panic!("{rule:?}: {message}"),
    };
    seen.iter().map(|seen| object(&seen.told)).collect()
}

#[test]
fn csv_spectrum_is_read_exactly() {
    let Some(folder) = data() else { return };
    let folder = folder.join("streams/csv/csv-spectrum");
    let names = names_of(&folder.join("csvs"));
    assert_eq!(names.len(), 12);
    for name in names {
        let mut bytes = file(&folder, &format!("csvs/{name}"));
        if name.contains("crlf") && !bytes.contains(&b'\r') {
            // A checkout may take them out, which these files are about.
            bytes = String::from_utf8(bytes).expect("UTF-8").replace('\n', "\r\n").into_bytes();
        }
        let expected = file(&folder, &format!("json/{}", name.replace(".csv", ".json")));
        let expected: Json = serde_json::from_slice(&expected).expect("JSON");
        let expected = match expected {
            Json::Array(records) => records,
            // One of the files is not in a list.
            record => vec![record],
        };
        let mut found = csv_objects(&bytes);
        if name == "location_coordinates.csv" {
            // The suite's own JSON has another telephone number than its CSV.
            assert_eq!(found[0]["Contact Phone Number"], "2095257564");
            found[0]["Contact Phone Number"] = Json::from("1234567890");
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn csvkits_examples_are_read_as_their_names_say() {
    let Some(folder) = data() else { return };
    let read_with = |name: &str, change: &dyn Fn(&mut CsvOptions)| {
        let mut options = CsvOptions::default();
        change(&mut options);
        let bytes = file(&folder.join("streams/csv/csvkit"), name);
        whole(Format::Csv(options), &fields(&["a", "b", "column_a"]), &bytes)
    };
    let bad = read_with("bad.csv", &|_| {});
    assert_eq!(refused(&bad), [(2, Rule::Syntax), (3, Rule::Syntax)]);
    let bad = read_with("bad_skip_lines.csv", &|options| options.skip_lines = 3);
    assert_eq!(refused(&bad), [(5, Rule::Syntax), (6, Rule::Syntax)]);
    assert_eq!(bad[2].row()[2], Some("'0"));
    let mac = read_with("mac_newlines.csv", &|_| {});
    assert_eq!(mac[1].row()[..2], [Some("'Once upon\ra time"), Some("'5")]);
    assert_eq!(read_with("null_byte.csv", &|_| {})[0].row()[0], Some("'\0"));
    let tabs = read_with("dummy.tsv", &|options| options.delimiter = b'\t');
    assert_eq!(tabs[0].row()[..2], [Some("'1"), Some("'2")]);
    let blanks = read_with("blanks.csv", &|options| options.null_values = vec![String::new(), "NA".into()]);
    assert_eq!(blanks[0].row()[..2], [Some("null"), Some("null")]);
    let events = read_with("realdata/event-notification-rpt-lastmonth.txt", &|options| {
        options.delimiter = b'|';
        options.quote = None;
    });
    assert!(events.len() > 10);
}

/// Each line of a file as Python's own parser reads it.
fn as_python_reads(bytes: &[u8], names: &[&str]) {
    let script = format!(
        "import json, sys\n\
         for line in open(sys.argv[1], encoding='utf-8', newline='\\n'):\n\
         \x20   if line.strip():\n\
         \x20       record = json.loads(line, parse_float=str, parse_int=str)\n\
         \x20       print(json.dumps([record.get(name) for name in {names:?}]))"
    );
    let Some(output) = python(&script, bytes) else { return };
    let found = rows(Format::JsonLines, names, bytes);
    let mut expected = 0;
    for (line, row) in output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).zip(&found) {
        expected += 1;
        let values: Vec<Json> = serde_json::from_slice(line).expect("Python's JSON");
        for (value, found) in values.iter().zip(row) {
            let found = found.as_deref().unwrap_or("null");
            let equal = match value {
                Json::String(text) => found.strip_prefix(['\'', '#']) == Some(text.as_str()),
                Json::Null => found == "null",
                Json::Bool(value) => found == value.to_string(),
                _ => found.starts_with('~'),
            };
            assert!(equal, "{value} and {found} in row {expected}");
        }
    }
    assert_eq!((expected, found.len()), (found.len(), output.iter().filter(|byte| **byte == b'\n').count()));
}

#[test]
fn wikipedia_hudi_pinot_and_amazon_read_as_python_reads_them() {
    let Some(folder) = data() else { return };
    let wikipedia = ["time", "channel", "cityName", "comment", "isRobot", "page", "user", "delta"];
    let bytes = file(&folder, "streams/wikipedia/wikiticker-2015-09-12-sampled.json.gz");
    as_python_reads(&bytes, &wikipedia);
    assert_eq!(rows(Format::JsonLines, &["page"], &bytes).len(), 39_244);
    let ticks = ["volume", "symbol", "ts", "high", "key", "year"];
    as_python_reads(&file(&folder, "streams/hudi_stock_ticks/batch_1.json"), &ticks);
    as_python_reads(&file(&folder, "streams/hudi_stock_ticks/batch_2.json"), &ticks);
    as_python_reads(
        &file(&folder, "streams/pinot/rawdata/2021-07-21-few-hours.json"),
        &["id", "type", "actor", "payload"],
    );
    let reviews = ["reviewerID", "asin", "overall", "reviewText", "summary", "unixReviewTime", "vote", "style", "rank"];
    as_python_reads(&file(&folder, "amazon/share/Gift_Cards_5.json.gz"), &reviews);
    as_python_reads(&file(&folder, "amazon/share/reviews_Digital_Music_5.first3500.json.gz"), &reviews);
}

#[test]
fn hudis_second_batch_overlaps_the_first_by_all_99_keys() {
    let Some(folder) = data() else { return };
    let keys = |batch: &str| {
        let bytes = file(&folder, &format!("streams/hudi_stock_ticks/{batch}"));
        let rows = rows(Format::JsonLines, &["key"], &bytes);
        rows.into_iter().filter_map(|mut row| row.pop().flatten()).collect::<std::collections::HashSet<_>>()
    };
    let (first, second) = (keys("batch_1.json"), keys("batch_2.json"));
    assert_eq!(second.len(), 99);
    assert!(second.is_subset(&first));
}
