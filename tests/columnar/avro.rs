//! Avro files that others wrote, and those that arrow-avro writes.

use std::sync::Arc;

use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroOcfFormat;
use proptest::prelude::*;
use tidegate::config::Format;
use tidegate::error::ErrorKind;
use tidegate::model::{FieldIndex, Rule, Value};

use crate::rows::{all, decode, shown};
use crate::support::data::Data;

const SHARE: &str = "streams/avro/apache-avro/share/test/data";
const C: &str = "streams/avro/apache-avro/lang/c/tests";

#[test]
fn the_weather_is_the_same_in_every_codec_and_in_json() {
    let Some(data) = Data::find() else { return };
    let text = String::from_utf8(data.read(&format!("{SHARE}/weather.json"))).unwrap();
    let mut expected: Vec<[String; 3]> = text
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            [
                format!("text {}", row["station"].as_str().unwrap()),
                format!("int {}", row["time"]),
                format!("int {}", row["temp"]),
            ]
        })
        .collect();
    assert_eq!(expected.len(), 5);
    for name in ["weather", "weather-deflate", "weather-snappy", "weather-zstd", "weather-sorted"] {
        let rows = all(Format::Avro, data.read(&format!("{SHARE}/{name}.avro"))).unwrap();
        let found = rows.records.iter().map(|row| ["station", "time", "temp"].map(|name| row.get(name).to_owned()));
        let mut found: Vec<_> = found.collect();
        if name == "weather-sorted" {
            found.sort();
            expected.sort();
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_file_of_avro_is_read_or_parked_for_its_reason() {
    let Some(data) = Data::find() else { return };
    for (path, rows) in [
        (format!("{SHARE}/schemas/simple/data.avro"), 1),
        (format!("{SHARE}/schemas/withUnion/data.avro"), 1),
        (format!("{SHARE}/syncInMeta.avro"), 10),
    ] {
        let found = all(Format::Avro, data.read(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(found.count >= rows && found.refused.is_empty(), "{path}: {found:?}");
    }
    for (path, reason) in [
        // Rows of a union of null and int, good or bad: there are no fields for columns.
        (format!("{C}/avro-1237-good.avro"), "no records"),
        (format!("{C}/avro-1238-good.avro"), "no records"),
        (format!("{C}/avro-1237-bad-union-discriminant.avro"), "no records"),
        (format!("{C}/avro-1238-truncated.avro"), "no records"),
    ] {
        let error = all(Format::Avro, data.read(&path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(reason), "{path}: {error}");
    }
}

#[test]
fn both_files_of_avro_1279_hold_the_same_records() {
    let Some(data) = Data::find() else { return };
    let [with, without] =
        ["avro-1279-codec", "avro-1279-no-codec"].map(|name| all(Format::Avro, data.read(&format!("{C}/{name}.avro"))));
    assert_eq!(with.unwrap().records, without.unwrap().records);
}

/// A file of one block, by hand.
fn file(schema: &str, count: i64, block: &[u8]) -> Vec<u8> {
    let mut file = b"Obj\x01".to_vec();
    long(1, &mut file);
    bytes(b"avro.schema", &mut file);
    bytes(schema.as_bytes(), &mut file);
    long(0, &mut file);
    file.extend([7; 16]);
    long(count, &mut file);
    bytes(block, &mut file);
    file.extend([7; 16]);
    file
}

fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn bytes(value: &[u8], out: &mut Vec<u8>) {
    long(value.len() as i64, out);
    out.extend_from_slice(value);
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"r","fields":[{fields}]}}"#)
}

#[test]
fn logical_types_are_read_as_what_they_say() {
    let fields = [
        r#"{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}"#,
        r#"{"type":"fixed","name":"f","size":3,"logicalType":"decimal","precision":6,"scale":3}"#,
        r#"{"type":"int","logicalType":"date"}"#,
        r#"{"type":"int","logicalType":"time-millis"}"#,
        r#"{"type":"long","logicalType":"timestamp-millis"}"#,
        r#"{"type":"long","logicalType":"local-timestamp-nanos"}"#,
        r#"{"type":"fixed","name":"u","size":16,"logicalType":"uuid"}"#,
        r#"{"type":"fixed","name":"d","size":12,"logicalType":"duration"}"#,
        r#"{"type":"long","logicalType":"unheard-of"}"#,
        r#"{"type":"enum","name":"e","symbols":["A","B"]}"#,
        r#"["null",{"type":"array","items":"long"}]"#,
    ];
    let fields: Vec<String> =
        fields.iter().enumerate().map(|(at, this)| format!(r#"{{"name":"f{at}","type":{this}}}"#)).collect();
    let mut block = Vec::new();
    bytes(&[0xff, 0x38], &mut block);
    block.extend([0, 4, 0xd2]);
    [20_000, 1_500, -1, 1_001].into_iter().for_each(|value| long(value, &mut block));
    block.extend(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes());
    [1_u32, 2, 3_500].into_iter().for_each(|value| block.extend(value.to_le_bytes()));
    [9, 1, 1, 2, 10, -20, 0].into_iter().for_each(|value| long(value, &mut block));
    let rows = all(Format::Avro, file(&record(&fields.join(",")), 1, &block)).unwrap();
    let expected = [
        "decimal -200 2",
        "decimal 1234 3",
        "date 20000",
        "time 1500000",
        "micros -1000",
        "nanos 1001",
        "text 00112233-4455-6677-8899-aabbccddeeff",
        "text P1M2DT3.5S",
        "int 9",
        "text B",
        "json [10,-20]",
    ];
    for (at, expected) in expected.iter().enumerate() {
        assert_eq!(rows.records[0].get(&format!("f{at}")), *expected);
    }
}

#[test]
fn a_record_that_holds_itself_is_read_and_what_is_within_is_taken() {
    let schema = r#"{"type":"record","name":"Node","namespace":"a.b","fields":[{"name":"v","type":"long"},{"name":"next","type":["null","Node"]}]}"#;
    let mut block = Vec::new();
    [1, 1, 2, 1, 3, 0].into_iter().for_each(|value| long(value, &mut block));
    let mut fields = FieldIndex::new();
    for path in [&["v"][..], &["next"], &["next", "next", "v"], &["next", "next", "next", "v"]] {
        fields.insert_path(path);
    }
    let rows = decode(Format::Avro, &fields, file(schema, 1, &block), 1).unwrap();
    let slots: Vec<Option<&str>> = rows.records[0].slots.iter().map(Option::as_deref).collect();
    assert_eq!(slots, [Some("int 1"), Some(r#"json {"next":{"next":null,"v":3},"v":2}"#), Some("int 3"), None]);
}

#[test]
fn a_text_that_is_not_utf8_and_a_decimal_too_long_refuse_their_rows_only() {
    let schema = record(
        r#"{"name":"t","type":"string"},{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":60,"scale":0}}"#,
    );
    let mut block = Vec::new();
    for (text, digits) in [(&b"a"[..], &[1][..]), (b"\xff", &[2]), (b"b", &[1; 17]), (b"c", &[0, 0, 3])] {
        bytes(text, &mut block);
        bytes(digits, &mut block);
    }
    let rows = all(Format::Avro, file(&schema, 4, &block)).unwrap();
    let refused: Vec<(u64, Rule)> = rows.refused.iter().map(|(record, rule, _)| (*record, *rule)).collect();
    assert_eq!(refused, [(2, Rule::Encoding), (3, Rule::Length)]);
    assert_eq!(rows.records[1].get("d"), "decimal 3 0");
}

#[test]
fn what_is_damaged_is_parked_and_never_read_in_part() {
    let schema = record(r#"{"name":"v","type":"long"}"#);
    let good = file(&schema, 2, &[2, 4]);
    assert_eq!(all(Format::Avro, good.clone()).unwrap().count, 2);
    // arrow-avro takes the first for the end of the file, and does not compare the second.
    for cut in 1..good.len() {
        let header = good.len() - (2 + 2 + 16);
        let read = all(Format::Avro, good[..cut].to_vec());
        assert_eq!(read.is_ok(), cut == header, "cut at {cut}: {read:?}");
    }
    let mut other_marker = good.clone();
    *other_marker.last_mut().unwrap() = 8;
    for (object, reason) in [
        (other_marker, "marker"),
        (file(&schema, 1, &[2, 4]), "behind its last record"),
        (file(&schema, 3, &[2, 4]), "more records than"),
        (file(&schema, 2, &[2, 0x80]), "cut off"),
        (file(&record(r#"{"name":"v","type":["null","int"]}"#), 1, &[4, 0]), "a union has no such branch"),
        (file(&record(r#"{"name":"v","type":"null"}"#), i64::MAX, &[]), "more records than"),
        (
            file(
                &record(r#"{"name":"v","type":{"type":"array","items":"null"}}"#),
                1,
                &[0xfe, 0xff, 0xff, 0xff, 0x0f, 0],
            ),
            "longer than its bytes",
        ),
        (file("\"long\"", 1, &[2]), "no records"),
        (file("{", 1, &[2]), "no JSON"),
        (b"PAR1".to_vec(), "does not begin as one"),
    ] {
        let error = all(Format::Avro, object).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(reason), "{reason}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_arrow_avro_writes_is_what_comes_out(
        rows in prop::collection::vec((any::<i32>(), any::<Option<i64>>(), any::<f64>(), any::<Option<String>>(), any::<Vec<u8>>(), any::<bool>(), any::<i32>(), any::<i64>(), -10_i128.pow(20)..10_i128.pow(20)), 1..50),
        codec in prop::sample::select(vec![None, Some(CompressionCodec::Deflate), Some(CompressionCodec::Snappy), Some(CompressionCodec::ZStandard), Some(CompressionCodec::Bzip2), Some(CompressionCodec::Xz)]),
    ) {
        let decimals = rows.iter().map(|row| row.8).collect::<Vec<_>>();
        let columns: [(&str, ArrayRef, bool); 9] = [
            ("a", Arc::new(PrimitiveArray::<Int32Type>::from_iter_values(rows.iter().map(|row| row.0))), false),
            ("b", Arc::new(PrimitiveArray::<Int64Type>::from_iter(rows.iter().map(|row| row.1))), true),
            ("c", Arc::new(PrimitiveArray::<Float64Type>::from_iter_values(rows.iter().map(|row| row.2))), false),
            ("d", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.3.as_deref()))), true),
            ("e", Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.4))), false),
            ("f", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.5)))), false),
            ("g", Arc::new(PrimitiveArray::<Date32Type>::from_iter_values(rows.iter().map(|row| row.6))), false),
            ("h", Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from_iter_values(rows.iter().map(|row| row.7))), false),
            ("i", Arc::new(PrimitiveArray::<Decimal128Type>::from(decimals).with_precision_and_scale(25, 3).unwrap()), false),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut writer = WriterBuilder::new(batch.schema().as_ref().clone())
            .with_compression(codec)
            .build::<_, AvroOcfFormat>(Vec::new())
            .unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let found = all(Format::Avro, writer.into_inner()).unwrap();
        prop_assert_eq!(found.records.len(), rows.len());
        for (record, row) in found.records.iter().zip(&rows) {
            let expected = [
                Value::Int(row.0.into()),
                row.1.map_or(Value::Null, Value::Int),
                Value::Float(row.2),
                row.3.clone().map_or(Value::Null, |text| Value::Text(text.into())),
                Value::Bytes(row.4.clone().into()),
                Value::Bool(row.5),
                Value::Date(row.6),
                Value::Micros(row.7),
                Value::Decimal { units: row.8, scale: 3 },
            ];
            for (name, expected) in ["a", "b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(&expected) {
                prop_assert_eq!(record.get(name), shown(expected));
            }
        }
    }
}
