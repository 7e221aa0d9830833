//! `tidegate test`: examples beside a pipeline.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

const REVIEWS: &str = r#"
name = "reviews"
freshness = "60s"
[source]
bucket = "landing"
key = "reviews/day={day}/*"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
price = "decimal(8,2)"
title = "varchar(8)"
tags = "super"
seen = "timestamptz"
day = "date"
arrived = { from = "{@event_time}", type = "timestamp" }
[target]
table = "app.reviews"
mode = "append"
"#;

const OBJECT: &str = r#"{"id": 1, "price": "4.50", "title": "é", "tags": {"a": [1.0]}, "seen": "2026-01-02T03:04:05+01:00"}
{"id": null}
{"id": 2, "price": 0.1, "title": "far too long"}
not json
{"id": 3}
"#;

const EXPECTED: &str = r#"{"id": 1, "price": 4.5, "title": "\u00e9", "tags": {"a": [1]}, "seen": "2026-01-02T02:04:05Z", "day": "2026-01-02", "arrived": "1970-01-01T00:00:00"}
{"id": 3, "price": null, "title": null, "tags": null, "seen": null, "day": "2026-01-02", "arrived": "1970-01-01T00:00:00"}
"#;

const REJECTS: &str = r#"{"record": 2, "rule": "required", "column": "id"}
{"record": 3, "rule": "length", "column": "title"}
{"record": 4, "rule": "syntax", "column": null}
"#;

/// A folder with a pipeline and the files of its cases.
fn project(pipeline: &str, files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "reviews.toml", pipeline.as_bytes());
    for (name, body) in files {
        write(folder.path(), name, body);
    }
    folder
}

fn write(folder: &Path, name: &str, body: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, body).unwrap();
}

/// Runs `tidegate test`; gives its exit code and all that it said.
fn run(arguments: &[&str], folder: &Path) -> (i32, String) {
    let ended =
        Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("test").args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap() + &String::from_utf8(ended.stderr).unwrap();
    (ended.status.code().unwrap(), said)
}

/// The files of a case that holds.
const HOLDS: &[(&str, &[u8])] = &[
    ("reviews.cases/small/reviews/day=2026-01-02/a.json", OBJECT.as_bytes()),
    ("reviews.cases/small/expected.jsonl", EXPECTED.as_bytes()),
    ("reviews.cases/small/rejects.jsonl", REJECTS.as_bytes()),
];

#[test]
fn a_case_that_holds_is_told_by_its_rows_and_rejects_whether_file_or_folder_is_named() {
    let folder = project(REVIEWS, HOLDS);
    // The service's own file is no pipeline.
    write(folder.path(), "tidegate.toml", b"no = 1");
    for path in ["reviews.toml", "."] {
        let (code, said) = run(&[path], folder.path());
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("ok      reviews/small: 2 rows, 3 rejects"), "{said}");
        assert!(said.contains("1 of 1 cases of 1 pipelines hold"), "{said}");
    }
}

#[test]
fn every_difference_is_told_by_row_record_and_column_and_the_exit_code_is_1() {
    let folder = project(REVIEWS, HOLDS);
    write(folder.path(), "reviews.cases/small/expected.jsonl", EXPECTED.replace("4.5,", "4.51,").as_bytes());
    write(folder.path(), "reviews.cases/small/rejects.jsonl", REJECTS.replace("length", "range").as_bytes());
    let (code, said) = run(&["reviews.toml"], folder.path());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("FAILED  reviews/small"), "{said}");
    assert!(said.contains("row 1 (record 1), price: expected 4.51, found 4.50\n"), "{said}");
    assert!(said.contains("reject 2 (record 3), rule: expected \"range\", found \"length\"\n"), "{said}");
    assert_eq!(said.matches("expected ").count(), 2, "nothing else differs: {said}");
    assert!(said.contains("0 of 1 cases"), "{said}");

    // A row too few, and rejects that nobody expects.
    let first = EXPECTED.lines().next().unwrap();
    write(folder.path(), "reviews.cases/small/expected.jsonl", first.as_bytes());
    std::fs::remove_file(folder.path().join("reviews.cases/small/rejects.jsonl")).unwrap();
    let (code, said) = run(&["reviews.toml"], folder.path());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("row 2 (record 5): not expected: {\"id\":3,"), "{said}");
    assert!(said.contains("reject 1 (record 2): not expected: "), "{said}");
}

#[test]
fn update_writes_what_is_found_says_so_and_then_the_case_holds() {
    let object = ("reviews.cases/new/reviews/day=2026-01-02/a.json", OBJECT.as_bytes());
    let folder = project(REVIEWS, &[object]);
    let (code, said) = run(&["."], folder.path());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("expected.jsonl is missing"), "{said}");
    let (code, said) = run(&[".", "--update"], folder.path());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("UPDATED 2 files"), "{said}");
    assert!(said.contains("expected.jsonl: 2 lines") && said.contains("rejects.jsonl: 3 lines"), "{said}");
    let written = std::fs::read_to_string(folder.path().join("reviews.cases/new/expected.jsonl")).unwrap();
    assert_eq!(
        written.lines().next().unwrap(),
        r#"{"id":1,"price":4.50,"title":"é","tags":{"a": [1.0]},"seen":"2026-01-02T02:04:05Z","day":"2026-01-02","arrived":"1970-01-01T00:00:00"}"#
    );
    let (code, said) = run(&[".", "--update"], folder.path());
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("UPDATED"), "nothing differs any more: {said}");

    // Where nothing is rejected any more, the file of rejects goes.
    write(folder.path(), "reviews.cases/new/reviews/day=2026-01-02/a.json", b"{\"id\": 9}\n");
    assert_eq!(run(&[".", "--update"], folder.path()).0, 0);
    assert!(!folder.path().join("reviews.cases/new/rejects.jsonl").exists());
    assert_eq!(run(&["."], folder.path()).0, 0);
}

#[test]
fn a_small_file_gives_key_time_and_the_fault_for_which_the_object_is_parked() {
    let rejecting = format!("{REVIEWS}[rejects]\nmax_share = 0.5\n");
    let settings =
        "object = \"a.json\"\nkey = \"reviews/day=2026-01-03/b.json\"\nevent_time = \"2026-01-03T04:05:06Z\"\n";
    let folder = project(
        &rejecting,
        &[
            ("reviews.cases/key/a.json", b"{\"id\": 1}\n"),
            ("reviews.cases/key/README.md", b"A second file."),
            ("reviews.cases/key/case.toml", settings.as_bytes()),
            (
                "reviews.cases/key/expected.jsonl",
                b"{\"id\": 1, \"day\": \"2026-01-03\", \"arrived\": \"2026-01-03T04:05:06\"}\n",
            ),
            ("reviews.cases/parked/reviews/day=2026-01-02/a.json", OBJECT.as_bytes()),
            ("reviews.cases/parked/case.toml", b"parked = \"too-many-rejects\"\n"),
        ],
    );
    let (code, said) = run(&["."], folder.path());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ok      reviews/parked: parked as too-many-rejects"), "{said}");
    write(folder.path(), "reviews.cases/parked/case.toml", b"parked = \"corrupt\"\n");
    let (code, said) = run(&["."], folder.path());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("expected to be parked as corrupt, but: 3 of 5 records are rejected"), "{said}");
    std::fs::remove_file(folder.path().join("reviews.cases/parked/case.toml")).unwrap();
    let (code, said) = run(&["."], folder.path());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("write parked = \"too-many-rejects\" in its case.toml"), "{said}");
}

#[test]
fn formats_that_are_read_from_their_end_are_tried_alike() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ("title", Arc::new(StringArray::from(vec!["a", "b"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let object = writer.into_inner().unwrap();
    let folder = project(
        &REVIEWS.replace("json-lines", "parquet"),
        &[
            ("reviews.cases/parquet/reviews/day=2026-01-02/a.parquet", &object),
            (
                "reviews.cases/parquet/expected.jsonl",
                b"{\"id\": 1, \"title\": \"a\", \"day\": \"2026-01-02\", \"arrived\": \"1970-01-01T00:00:00\"}\n",
            ),
            ("reviews.cases/parquet/rejects.jsonl", b"{\"record\": 2, \"rule\": \"required\", \"column\": \"id\"}\n"),
        ],
    );
    let (code, said) = run(&["reviews.toml"], folder.path());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 rows, 1 rejects"), "{said}");
}

#[test]
fn what_cannot_be_tried_is_told_with_what_to_do_and_never_passes() {
    let folder = project(REVIEWS, &[]);
    let (code, said) = run(&["."], folder.path());
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("there is no case") && said.contains("NAME.cases/"), "{said}");

    let cases: &[(&str, &[u8], &str)] = &[
        ("reviews.cases/one/expected.jsonl", b"", "has no object"),
        ("reviews.cases/one/a.json", b"{}", "the key \"a.json\" is not one that the pipeline takes"),
        ("reviews.cases/one/b.json", b"{}", "several objects"),
        ("reviews.cases/one/case.toml", b"keys = \"a\"", "its keys, all texts, are object, key"),
        ("reviews.cases/one/case.toml", b"object = \"c.json\"", "cannot be read"),
    ];
    for (name, body, told) in cases {
        write(folder.path(), name, body);
        let (code, said) = run(&["."], folder.path());
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(told), "{told}: {said}");
    }
    let folder = project(REVIEWS, HOLDS);
    write(folder.path(), "reviews.cases/small/expected.jsonl", b"{\"id\": 1}\n[]\n");
    let (code, said) = run(&["."], folder.path());
    assert!(code == 2 && said.contains("expected.jsonl, line 2 is no JSON object"), "{said}");
    write(folder.path(), "reviews.toml", REVIEWS.replace("bigint", "text").as_bytes());
    let (code, said) = run(&["."], folder.path());
    assert!(code == 2 && said.contains("reviews.toml:9"), "{said}");
    let (code, said) = run(&["missing"], folder.path());
    assert!(code == 2 && said.contains("missing is neither a pipeline's file nor a folder of them"), "{said}");
    assert!(!said.contains("cases of"), "{said}");
}
