//! Parquet files that others wrote.

use tidegate::config::Format;
use tidegate::error::ErrorKind;
use tidegate::model::FieldIndex;

use crate::rows::{all, decode};
use crate::support::data::Data;

const FOLDER: &str = "streams/parquet/parquet-testing/data";

/// The files that are parked, and why.
const PARKED: &[(&str, ErrorKind, &str)] = &[
    // A dictionary whose values are cut off.
    ("nation.dict-malformed.parquet", ErrorKind::Corrupt, "damaged"),
    // A footer with a list of another type than its schema says: pyarrow reads it, the parquet crate (59.3) refuses it.
    ("dict-page-offset-zero.parquet", ErrorKind::Corrupt, "footer cannot be read"),
    // The parquet crate (59.3) gives none of the six rows, and says nothing; the count of the footer does.
    ("repeated_no_annotation.parquet", ErrorKind::Corrupt, "lacks 6 of its 6 rows"),
];

/// The one that takes minutes where the code is not optimised: two rows of a map with 1 GiB of text each, 4 KiB as stored.
const TOO_LARGE: &str = "large_string_map.brotli.parquet";

/// The files of which rows are refused, how many and why.
const REFUSED: &[(&str, u64, &str)] = &[
    // A nested date a thousand years beyond the year 9999.
    ("nested_structs.rust.parquet", 1, "outside the years"),
];

#[test]
fn every_file_of_parquet_testing_is_read_or_parked_for_its_reason() {
    let Some(data) = Data::find() else { return };
    let mut problems = Vec::new();
    for name in data.files(FOLDER).iter().filter(|name| name.ends_with(".parquet")) {
        if name == TOO_LARGE {
            continue;
        }
        let parked = PARKED.iter().find(|(parked, ..)| parked == name);
        let (refused, reason) =
            REFUSED.iter().find(|(refused, ..)| refused == name).map_or((0, ""), |(_, rows, reason)| (*rows, *reason));
        match (all(Format::Parquet, data.read(&format!("{FOLDER}/{name}"))), parked) {
            (Ok(rows), None) if rows.refused.len() as u64 == refused => {
                assert!(rows.refused.iter().all(|(_, _, message)| message.contains(reason)), "{:?}", rows.refused);
            }
            (Ok(rows), None) => problems.push(format!("{name}: {:?}", rows.refused.first())),
            (Ok(_), Some(_)) => problems.push(format!("{name}: read")),
            (Err(error), Some((_, kind, reason))) => {
                assert_eq!(error.kind(), *kind, "{name}: {error}");
                assert!(error.to_string().contains(reason), "{name}: {error}");
            }
            (Err(error), None) => problems.push(format!("{name}: {error}")),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn encrypted_files_and_what_is_no_parquet_are_parked_with_their_reason() {
    let Some(data) = Data::find() else { return };
    for name in data.files(FOLDER).iter().filter(|name| name.ends_with(".parquet.encrypted")) {
        let error = all(Format::Parquet, data.read(&format!("{FOLDER}/{name}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
    }
    let whole = data.read(&format!("{FOLDER}/alltypes_plain.parquet"));
    for (object, reason) in [
        (&b""[..], "no Parquet"),
        (b"PAR1", "no Parquet"),
        (b"id,name\n1,anna\n2,bert\n", "does not begin and end"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0", "compressed as a whole"),
        (&whole[..whole.len() - 1], "truncated"),
    ] {
        let error = all(Format::Parquet, object.to_vec()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(reason), "{error}");
    }
}

#[test]
fn int96_times_beyond_what_nanoseconds_hold_are_exact() {
    let Some(data) = Data::find() else { return };
    let mut fields = FieldIndex::new();
    fields.insert("a");
    let rows = decode(Format::Parquet, &fields, data.read(&format!("{FOLDER}/int96_from_spark.parquet")), 1).unwrap();
    let found: Vec<&str> = rows.records.iter().map(|record| record.slots[0].as_deref().unwrap()).collect();
    // As the data's own description says.
    let expected = [
        "micros 1704141296123456",
        "micros 1704070800000000",
        "micros 253402225200000000",
        "micros 1735599600000000",
        "null",
        "micros 9089380393200000000",
    ];
    assert_eq!(found, expected);
}

#[test]
fn fields_within_structs_lists_and_maps_are_taken_by_their_path() {
    let Some(data) = Data::find() else { return };
    let mut fields = FieldIndex::new();
    for path in [&["nested_struct", "A"][..], &["int_array", "1"], &["int_map", "k1"], &["id"], &["nested_struct", "b"]]
    {
        fields.insert_path(path);
    }
    let rows = decode(Format::Parquet, &fields, data.read(&format!("{FOLDER}/nullable.impala.parquet")), 1).unwrap();
    let whole = all(Format::Parquet, data.read(&format!("{FOLDER}/nullable.impala.parquet"))).unwrap();
    assert_eq!(rows.records.len(), 7);
    for (row, whole) in rows.records.iter().zip(&whole.records) {
        let json = |name: &str| -> serde_json::Value {
            let text = whole.get(name);
            text.strip_prefix("json ").map_or(serde_json::Value::Null, |text| serde_json::from_str(text).unwrap())
        };
        let shown = |value: Option<&serde_json::Value>| match value {
            None => None,
            Some(serde_json::Value::Null) => Some("null".to_owned()),
            Some(number) if number.is_number() => Some(format!("int {number}")),
            Some(nested) => Some(format!("json {nested}")),
        };
        assert_eq!(row.slots[0], shown(json("nested_struct").get("A")));
        assert_eq!(row.slots[1], shown(json("int_array").get(1)));
        assert_eq!(row.slots[2], shown(json("int_map").get("k1")));
        assert_eq!(row.slots[3].as_deref(), Some(whole.get("id")));
        assert_eq!(row.slots[4], shown(json("nested_struct").get("b")));
    }
}

#[test]
fn a_column_that_the_file_lacks_is_absent_and_the_rows_are_there() {
    let Some(data) = Data::find() else { return };
    let mut fields = FieldIndex::new();
    fields.insert("nowhere");
    let rows = decode(Format::Parquet, &fields, data.read(&format!("{FOLDER}/alltypes_plain.parquet")), 1).unwrap();
    assert_eq!(rows.records.len(), 8);
    assert!(rows.records.iter().all(|record| record.slots == [None]));
}

#[test]
fn the_suppliers_of_tpch_are_the_same_in_parquet_and_in_text() {
    let Some(data) = Data::find() else { return };
    let rows = all(Format::Parquet, data.read("tpch/sf1/supplier.parquet")).unwrap();
    let text = String::from_utf8(data.read("tpch/sf1/supplier.tbl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((rows.records.len(), lines.len()), (10_000, 10_000));
    for (record, line) in rows.records.iter().zip(lines) {
        let cells: Vec<&str> = line.split('|').collect();
        let balance = cells[5].replace('.', "").parse::<i64>().unwrap();
        let expected = [
            ("s_suppkey", format!("int {}", cells[0])),
            ("s_name", format!("text {}", cells[1])),
            ("s_address", format!("text {}", cells[2])),
            ("s_nationkey", format!("int {}", cells[3])),
            ("s_phone", format!("text {}", cells[4])),
            ("s_acctbal", format!("decimal {balance} 2")),
            ("s_comment", format!("text {}", cells[6])),
        ];
        for (name, expected) in expected {
            assert_eq!(record.get(name), expected, "{line}");
        }
    }
}

/// One table, written in four formats.
#[test]
fn the_flights_of_2010_are_the_same_in_csv_json_orc_and_parquet() {
    let Some(data) = Data::find() else { return };
    let folder = "streams/spark_guide/flight-data";
    let only = |kind: &str| {
        let folder = format!("{folder}/{kind}/2010-summary.{kind}");
        let name = data.files(&folder).into_iter().find(|name| name.ends_with(kind)).unwrap();
        data.read(&format!("{folder}/{name}"))
    };
    let mut fields = FieldIndex::new();
    for name in ["DEST_COUNTRY_NAME", "ORIGIN_COUNTRY_NAME", "count"] {
        fields.insert(name);
    }
    let read = |format, object: Vec<u8>| {
        let rows = match format {
            Format::JsonLines => {
                let mut rows = Lines(Vec::new());
                let input = tidegate::decode::Input::Stream(Box::new(std::io::Cursor::new(object)));
                tidegate::decode::decode(&crate::rows::source(format), &fields, input, &mut rows).unwrap();
                rows.0
            }
            _ => decode(format, &fields, object, 1).unwrap().records.into_iter().map(|record| record.slots).collect(),
        };
        let mut rows: Vec<String> = rows
            .into_iter()
            .map(|slots| {
                slots.into_iter().map(|slot| slot.unwrap().replace("number ", "int ")).collect::<Vec<_>>().join("|")
            })
            .collect();
        rows.sort();
        rows
    };
    let parquet = read(Format::Parquet, only("parquet"));
    assert_eq!(parquet.len(), 255);
    assert_eq!(read(Format::Orc, only("orc")), parquet);
    assert_eq!(read(Format::JsonLines, data.read(&format!("{folder}/json/2010-summary.json"))), parquet);
    let csv = String::from_utf8(data.read(&format!("{folder}/csv/2010-summary.csv"))).unwrap();
    let mut csv: Vec<String> = csv.lines().skip(1).map(csv_row).collect();
    csv.sort();
    assert_eq!(csv, parquet);
}

/// A line of the flights: texts, quoted where they have a comma, and a number.
fn csv_row(line: &str) -> String {
    let (texts, count) = line.rsplit_once(',').unwrap();
    let (destination, origin) = match texts.strip_prefix('"') {
        Some(rest) => rest.split_once("\",").unwrap(),
        None => texts.split_once(',').unwrap(),
    };
    format!("text {destination}|text {}|int {count}", origin.trim_matches('"'))
}

/// The slots of records of text.
struct Lines(Vec<Vec<Option<String>>>);

impl tidegate::model::RecordSink for Lines {
    fn record(
        &mut self,
        _: tidegate::model::Place,
        _: tidegate::model::Raw<'_>,
        slots: &[Option<tidegate::model::Value<'_>>],
        _: &[tidegate::model::Extra<'_>],
    ) -> tidegate::error::Result<()> {
        self.0.push(slots.iter().map(|slot| slot.as_ref().map(crate::rows::shown)).collect());
        Ok(())
    }

    fn refuse(
        &mut self,
        place: tidegate::model::Place,
        _: tidegate::model::Raw<'_>,
        _: tidegate::model::Rule,
        message: String,
    ) -> tidegate::error::Result<()> {
        panic!("{place:?}: {message}")
    }
}
