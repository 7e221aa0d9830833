use std::io::Cursor;

use arrow_array::RecordBatch;
use proptest::prelude::*;

use super::Collector;
use crate::config::{Column, ColumnSource};
use crate::decode::{self, Input};
use crate::model::Reject;
use crate::pipeline::runtime::Runtime;
use crate::schema::value::{Cell, TimeParse};
use crate::testing::{column, origin, pipeline};

/// A column of every way in which the fast way reads values.
fn columns() -> Vec<Column> {
    let from = |name: &str, column_type: &str, field: &str| Column {
        from: ColumnSource::Field(field.to_owned()),
        ..column(name, column_type)
    };
    let mut columns = vec![
        Column { required: true, ..column("id", "varchar(8)") },
        column("i", "integer"),
        column("small", "smallint"),
        column("big", "bigint"),
        Column { min: Some(Cell::Decimal(0)), max: Some(Cell::Decimal(50_000)), ..column("d", "decimal(7,3)") },
        column("f", "double precision"),
        column("r", "real"),
        column("b", "boolean"),
        column("c", "char(3)"),
        column("day", "date"),
        column("at", "timestamp"),
        Column { parse: TimeParse::EpochMillis, ..column("ms", "timestamp") },
        Column { parse: TimeParse::Formats(vec!["%d/%m/%Y".to_owned()]), ..column("dmy", "date") },
        column("s", "super"),
        Column { pattern: Some(regex::Regex::new("^[a-c]*$").expect("valid")), ..column("p", "varchar(9)") },
        from("again", "varchar(20)", "i"),
    ];
    columns.push(Column { from: ColumnSource::Capture(0), ..column("captured", "varchar(10)") });
    columns
}

/// The rows and rejects of `lines`, by the fast way where it can, or by the exact way alone; and how many rows the fast way took.
fn collect(columns: &[Column], lines: &[u8], fast: bool) -> (Vec<RecordBatch>, Vec<Reject>, u64) {
    let mut pipeline = pipeline(columns.to_vec());
    pipeline.rejects.max_rows = 100_000;
    let runtime = Runtime::new(0, pipeline, 1);
    let origin = origin(["2026-11-25"]);
    let mut batches = Vec::new();
    let mut hand_on = |batch| {
        batches.push(batch);
        Ok(())
    };
    let mut collector = Collector::new(&runtime, &origin, "0f".to_owned(), &mut hand_on);
    if !fast {
        collector.fast = None;
    }
    let input = Input::Stream(Box::new(Cursor::new(lines)));
    let source = &runtime.pipeline.source;
    let read = decode::decode(source, runtime.plan.fields(), input, &mut collector).expect("memory");
    let taken = collector.taken_fast;
    let summary = collector.finish(read).expect("tolerant");
    assert_eq!(summary.read, summary.staged + summary.rejected);
    (batches, summary.rejects, taken)
}

fn agree(columns: &[Column], lines: &[u8]) -> u64 {
    let (fast, fast_rejects, taken) = collect(columns, lines, true);
    let (exact, exact_rejects, none) = collect(columns, lines, false);
    assert_eq!(none, 0);
    assert_eq!(fast, exact);
    assert_eq!(fast_rejects, exact_rejects);
    taken
}

#[test]
fn a_common_line_is_taken_by_the_fast_way_whatever_its_kinds_of_values() {
    let lines = concat!(
        r#"{"id":"a","i":-12,"small":7,"big":9007199254740993,"d":12.345,"f":1.5e3,"r":0.25,"b":true,"c":"xyz","#,
        r#""day":"2024-02-29","at":"2024-02-29T23:59:59.123Z","ms":1540919166796,"dmy":"29/02/2024","s":{"k":[1,null]},"p":"abc"}"#,
        "\n",
        r#"{ "id" : "b\u00e9\n" , "i" : null , "unknown" : {"x":[{}, "\""]} , "b" : false , "day" : "1969-12-31" }"#,
        "\n",
        r#"{"id":"ü","c":"é"}"#,
        "\n",
    );
    assert_eq!(
        agree(&columns(), lines.as_bytes()),
        2,
        "the third line's CHAR is no ASCII: a reject, and the exact way's"
    );
}

#[test]
fn what_the_fast_way_gives_up_leaves_no_trace_in_the_columns() {
    let lines = concat!(
        r#"{"id":"a","i":1,"s":[1]}"#,
        "\n",
        r#"{"id":"b","i":2,"s":[2],"d":999999}"#,
        "\n",
        r#"{"id":"c","i":3,"s":[3]}"#,
        "\n",
        r#"{"id":"d","i":4,"i":5}"#,
        "\n",
        "{\"id\":\"e\",\"x\":\"\u{1}\"}\n",
    );
    let bytes = [lines.as_bytes(), b"{\"id\":\"\xff\"}\n{\"id\":\"f\"}"].concat();
    assert_eq!(agree(&columns(), &bytes), 3);
}

#[test]
fn letters_where_a_times_digits_belong_are_the_exact_ways_to_refuse() {
    let lines = concat!(
        r#"{"id":"a","at":"2024-01-01Tw0:00:00"}"#,
        "\n",
        r#"{"id":"b","at":"2024-01-01T00:~~:00"}"#,
        "\n",
        r#"{"id":"c","day":"2024-zz-01"}"#,
        "\n",
    );
    assert_eq!(agree(&columns(), lines.as_bytes()), 0);
}

/// Text that is JSON, almost JSON, and values near the edges of their columns.
fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?([eE][-+]?[0-9]{1,2})?",
        "[-+.0-9eE]{1,6}",
        "\"[a-c 0-9.:TZé-]{0,12}\"",
        "\"([a-c]|\\\\[\"\\\\/bfnrtu]|\\\\u[0-9a-d]{4}){0,5}\"",
        "\"[0-9]{4}-[0-9]{2}-[0-9]{2}\"",
        "\"(19|20)[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|\\+01:00)?\"",
        "\"[0-3][0-9]/[01][0-9]/20[0-9]{2}\"",
        prop::sample::select(vec![
            "true", "false", "null", "nul", "NaN", "\"\"", "\"5\"", "\" 5 \"", "32768", "-0", "00"
        ])
        .prop_map(str::to_owned),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(inner, 0..3).prop_map(|items| format!(
                "{{{}}}",
                items.iter().map(|item| format!("\"k\":{item}")).collect::<Vec<_>>().join(",")
            )),
        ]
    })
}

fn line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "i", "small", "big", "d", "f", "r", "b", "c", "day", "at", "ms", "dmy", "s", "p", "other", "\\u0069", "é",
    ]);
    let member = (name, value(), prop::sample::select(vec![":", " : ", ": "]));
    let members = prop::collection::vec(member, 0..6);
    (members, prop::sample::select(vec!["}", "} ", "", "}}", ",}"])).prop_map(|(members, end)| {
        let members: String =
            members.into_iter().map(|(name, value, colon)| format!(",\"{name}\"{colon}{value}")).collect();
        format!("{{\"id\":\"x\"{members}{end}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_fast_way_and_the_exact_way_agree_on_every_line(lines in prop::collection::vec(line(), 1..8)) {
        agree(&columns(), lines.join("\n").as_bytes());
    }

    #[test]
    fn and_on_bytes_of_any_kind(mut line in line().prop_map(String::into_bytes), at in any::<prop::sample::Index>(), byte: u8) {
        let at = at.index(line.len());
        line[at] = byte;
        agree(&columns(), &line);
    }
}
