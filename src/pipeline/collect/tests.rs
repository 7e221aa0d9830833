use std::io::Cursor;

use arrow_array::RecordBatch;
use proptest::prelude::*;

use super::{Collector, REJECTED_BYTES};
use crate::config::{Column, ColumnSource, CsvOptions, Format, OnUnknownField, Pipeline, RowRule};
use crate::decode::{self, Input};
use crate::error::ErrorKind;
use crate::model::{Reject, Rule};
use crate::pipeline::runtime::Runtime;
use crate::schema::ColumnType;
use crate::schema::condition::{Condition, Operand};
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
        Column { min: Some(Cell::Int(-5)), max: Some(Cell::Int(40_000)), ..column("small", "smallint") },
        column("big", "bigint"),
        Column { min: Some(Cell::Decimal(0)), max: Some(Cell::Decimal(50_000)), ..column("d", "decimal(7,3)") },
        column("f", "double precision"),
        column("r", "real"),
        column("b", "boolean"),
        Column { max: Some(Cell::Text("d".into())), ..column("c", "char(3)") },
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

/// The rows and rejects, and how many rows the fast way took.
type Collected = (Vec<RecordBatch>, Vec<Reject>, u64);

/// What the pipelines of these tests differ in.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// Nothing beyond the columns.
    Plain,
    /// Unknown fields are kept in a column.
    Rescue,
    /// Records with unknown fields are refused.
    Reject,
    /// Rules look at whole rows.
    Rules,
}

const ASKED: [Asked; 4] = [Asked::Plain, Asked::Rescue, Asked::Reject, Asked::Rules];

impl Asked {
    fn pipeline(self, mut columns: Vec<Column>) -> Pipeline {
        if let Asked::Rescue = self {
            columns.push(Column { from: ColumnSource::Rescued, ..column("rescued", "super") });
        }
        // What a REAL is before it is rounded only the exact way knows.
        if let Asked::Rules = self {
            columns.retain(|column| column.name != "r");
        }
        let mut pipeline = pipeline(columns);
        pipeline.source.on_unknown_field = match self {
            Asked::Rescue => OnUnknownField::Rescue,
            Asked::Reject => OnUnknownField::Reject,
            Asked::Plain | Asked::Rules => OnUnknownField::Ignore,
        };
        if let Asked::Rules = self {
            let operand = |column: &Column| (column.name.clone(), column.column_type);
            let operands: Vec<(String, ColumnType)> = pipeline.columns.iter().map(operand).collect();
            let operands: Vec<Operand<'_>> = operands
                .iter()
                .map(|(name, column_type)| Operand { name, column_type: *column_type, readable: true })
                .collect();
            pipeline.rules = [
                "i IS NULL OR i < 9 OR d * i > 3",
                "at < '2024-06-01' OR day IS NULL OR day >= DATE '1990-01-01'",
                "p IS NULL OR length(p) < 3 OR b",
                "small <> i OR c LIKE 'a%'",
            ]
            .iter()
            .map(|text| RowRule {
                name: (*text).to_owned(),
                condition: Condition::compile(text, &operands).expect("a condition"),
            })
            .collect();
        }
        pipeline
    }
}

/// What `lines` become, by the fast way where it can, or by the exact way alone.
fn collect(columns: &[Column], lines: &[u8], fast: bool) -> Collected {
    collect_as(Format::JsonLines, pipeline(columns.to_vec()), lines, fast).expect("memory")
}

fn collect_as(format: Format, mut pipeline: Pipeline, lines: &[u8], fast: bool) -> Result<Collected, ErrorKind> {
    pipeline.source.format = format;
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
    let read = decode::decode(source, runtime.plan.fields(), input, &mut collector).map_err(|error| error.kind())?;
    let taken = collector.taken_fast;
    let summary = collector.finish(read).expect("tolerant");
    assert_eq!(summary.read, summary.staged + summary.rejected);
    Ok((batches, summary.rejects, taken))
}

/// As [`agree`], of CSV whose header names some of the columns.
fn agree_csv(lines: &[u8], change: impl Fn(&mut CsvOptions)) -> u64 {
    agree_csv_as(Asked::Plain, lines, change)
}

/// Holds the two ways against each other; gives how many rows the fast way took, 0 where both find that the object as a whole is none.
fn agree_csv_as(asked: Asked, lines: &[u8], change: impl Fn(&mut CsvOptions)) -> u64 {
    let mut options = CsvOptions { null_values: vec![String::new(), "NA".to_owned()], ..CsvOptions::default() };
    change(&mut options);
    let body = [b"id,i,d,other,b,at,day,p\n", lines].concat();
    let [fast, exact] =
        [true, false].map(|fast| collect_as(Format::Csv(options.clone()), asked.pipeline(columns()), &body, fast));
    match (fast, exact) {
        (Ok((fast, fast_rejects, taken)), Ok((exact, exact_rejects, none))) => {
            assert_eq!(none, 0);
            assert_eq!(fast, exact);
            assert_eq!(fast_rejects, exact_rejects);
            taken
        }
        (fast, exact) => {
            assert_eq!(fast.map(|_| ()), exact.map(|_| ()));
            0
        }
    }
}

/// Holds the two ways against each other; gives how many rows the fast way took.
fn agree(columns: &[Column], lines: &[u8]) -> u64 {
    agree_as(Asked::Plain, columns, lines)
}

fn agree_as(asked: Asked, columns: &[Column], lines: &[u8]) -> u64 {
    let [fast, exact] = [true, false]
        .map(|fast| collect_as(Format::JsonLines, asked.pipeline(columns.to_vec()), lines, fast).expect("memory"));
    let ((fast, fast_rejects, taken), (exact, exact_rejects, none)) = (fast, exact);
    assert_eq!(none, 0);
    assert_eq!(fast, exact);
    assert_eq!(fast_rejects, exact_rejects);
    taken
}

#[test]
fn unknown_fields_and_rules_leave_the_common_line_to_the_fast_way() {
    let lines = concat!(
        r#"{"id":"a","i":1,"d":4}"#,
        "\n",
        r#"{"id":"b","i":20,"s":{"unknown":1},"d":0.1}"#,
        "\n",
        r#"{"id":"c","i":3,"unknown":[1]}"#,
        "\n",
        r#"{"id":"d","i":30,"d":1,"b":true,"p":"abc"}"#,
        "\n",
        r#"{"id":"e","b":false,"p":"abc"}"#,
        "\n",
    );
    let taken = ASKED.map(|asked| agree_as(asked, &columns(), lines.as_bytes()));
    assert_eq!(taken, [5, 4, 4, 3], "all; twice all but the third; all but the second and the last");
    let csv = "a,1,4,,true,,,abc\nb,20,0.1,,,,,\nc,3,,x,,,,\n";
    let taken = ASKED.map(|asked| agree_csv_as(asked, csv.as_bytes(), |_| {}));
    assert_eq!(taken, [3, 0, 0, 2], "the header has a field that nobody takes");
}

#[test]
fn a_common_line_is_taken_by_the_fast_way_whatever_its_kinds_of_values() {
    let lines = concat!(
        r#"{"id":"a","i":-12,"small":7,"big":9007199254740993,"d":12.345,"f":1.5e3,"r":0.25,"b":true,"c":"abc","#,
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
fn beyond_a_bound_rejects_keep_their_place_column_and_rule_alone() {
    // A long message for each, and next to no record.
    let pattern = "x".repeat(450);
    let columns = [Column { pattern: Some(regex::Regex::new(&pattern).expect("valid")), ..column("p", "varchar(9)") }];
    let lines = "{\"p\":\"y\"}\n".repeat(20_000);
    let (_, rejects, _) = collect(&columns, lines.as_bytes(), false);
    assert_eq!(rejects.len(), 20_000);
    let kept: usize = rejects.iter().map(|reject| reject.message.len() + reject.raw.len()).sum();
    let first = rejects[0].message.len() + rejects[0].raw.len();
    assert!(rejects[0].message.contains(&pattern), "{:?}", rejects[0]);
    assert!((REJECTED_BYTES..REJECTED_BYTES + first).contains(&kept), "{kept}");
    for (at, reject) in (1..).zip(&rejects) {
        assert_eq!((reject.place.record, reject.column.as_deref(), reject.rule), (at, Some("p"), Rule::Pattern));
    }
    let last = rejects.last().expect("many");
    assert!(last.message.is_empty() && last.raw.is_empty());
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

#[test]
fn a_common_record_of_csv_is_taken_by_the_fast_way() {
    let lines = concat!(
        "a,-12,12.345,x,true,2024-02-29T23:59:59.123Z,2024-02-29,abc\n",
        "\"b,b\",NA,,\"x\",false,,,\"\"\r\n",
        "\"c\"\"c\",1,1,,,,,\n",
        "é,007,-0,,t,2024-02-29 00:00:00,1969-12-31,a\n",
    );
    assert_eq!(agree_csv(lines.as_bytes(), |_| {}), 3, "all but the doubled quote");
    assert_eq!(
        agree_csv(lines.as_bytes(), |options| options.quote = None),
        3,
        "all but the comma that makes a field too many"
    );
    assert_eq!(agree_csv(lines.as_bytes(), |options| options.escape = Some(b'\\')), 0);
}

fn csv_field() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-0-9.]{0,6}",
        "[a-cé ]{0,4}",
        "\"[a-c,\n0-9]{0,4}\"",
        "[a-c\"\r]{0,4}",
        prop::sample::select(vec![
            "",
            "NA",
            "\"NA\"",
            "\"\"",
            "true",
            "0",
            "2024-02-29",
            "1e3",
            "\"a\"\"b\"",
            "\"open",
            "\0"
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn both_ways_agree_on_every_record_of_csv(
        records in prop::collection::vec(prop::collection::vec(csv_field(), 7..10), 1..8),
        end in prop::sample::select(vec!["\n", "\r\n", "\n\n"]),
        comment: bool,
        asked in prop::sample::select(ASKED.to_vec()),
    ) {
        let lines: Vec<String> = records.iter().map(|fields| fields.join(",")).collect();
        agree_csv_as(asked, lines.join(end).as_bytes(), |options| options.comment = comment.then_some(b'a'));
    }

    #[test]
    fn and_on_bytes_of_csv_of_any_kind(mut bytes in "[a1,\"\r\n]{0,60}".prop_map(String::into_bytes), at in any::<prop::sample::Index>(), byte: u8) {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        agree_csv(&bytes, |_| {});
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_fast_way_and_the_exact_way_agree_on_every_line(
        lines in prop::collection::vec(line(), 1..8),
        end in prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n"]),
        asked in prop::sample::select(ASKED.to_vec()),
    ) {
        agree_as(asked, &columns(), lines.join(end).as_bytes());
    }

    #[test]
    fn and_on_bytes_of_any_kind(mut line in line().prop_map(String::into_bytes), at in any::<prop::sample::Index>(), byte: u8) {
        let at = at.index(line.len());
        line[at] = byte;
        agree(&columns(), &line);
    }
}
