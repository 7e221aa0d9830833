mod groups;
mod text;

use std::io::Read;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::basic::{Compression, Encoding, PageType};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use flate2::read::GzDecoder;
use jiff::Timestamp;

use super::parquet::whole;
use super::{Area, LEDGER_COLUMNS, Quarantine, copy_manifest, objects_file, parse_url, read_quarantine};
use crate::config::S3Uri;
use crate::model::{BatchId, ObjectEntry, PartitionValue, Place, Reject, Rule, Sequencer, StagedFile};

/// A file of `rows` numbers and texts.
fn encode(rows: i64) -> Vec<u8> {
    let schema =
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("t", DataType::Utf8, true)]));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let texts: ArrayRef = Arc::new(StringArray::from_iter((0..rows).map(|n| (n % 3 > 0).then(|| format!("text {n}")))));
    whole(&RecordBatch::try_new(schema, vec![numbers, texts]).expect("fits")).expect("encodes")
}

fn entry(key: &str) -> ObjectEntry {
    ObjectEntry {
        id: "00ff".into(),
        bucket: "landing".into(),
        key: key.into(),
        version: None,
        etag: Some("e".into()),
        size: 7,
        sequencer: Sequencer::parse("ab"),
        event_time: Timestamp::UNIX_EPOCH,
        read: 3,
        rejected: 1,
        staged: 2,
        removal: None,
    }
}

#[test]
fn the_staging_area_is_laid_out_by_pipeline_and_day() {
    let area = Area::new(S3Uri { bucket: "staging".into(), prefix: "tide/".into() });
    let at = Timestamp::UNIX_EPOCH;
    let batch = BatchId::new();
    assert_eq!(area.data_folder("p", &[], at), "tide/data/p/1970-01-01/");
    let value = |name: &str, value: &str| PartitionValue { name: name.into(), value: value.into() };
    let partition = [value("day", "2026-11-21"), value("who", "../a b=é/")];
    assert_eq!(area.data_folder("p", &partition, at), "tide/data/p/day=2026-11-21/who=%2E%2E%2Fa%20b%3D%C3%A9%2F/");
    assert_eq!(area.manifest("p", at, batch), format!("tide/batches/p/1970-01-01/{batch}/manifest.json"));
    assert_eq!(area.url("k"), "s3://staging/k");
    assert_eq!(parse_url("s3://b/k/l"), Some(("b", "k/l")));
    assert_eq!(parse_url("s3://b"), None);
    assert_eq!(parse_url("https://b/k"), None);
}

/// What goes wrong elsewhere, row 14: Parquet manifest without exact content_length.
#[test]
fn row_14_every_file_of_a_copy_is_mandatory_with_its_exact_length_and_named_once() {
    let file = |url: &str, bytes| StagedFile { url: url.into(), bytes, rows: 1 };
    let files = [file("s3://b/1", 10), file("s3://b/2", 20), file("s3://b/1", 10)];
    let manifest: serde_json::Value = serde_json::from_slice(&copy_manifest(&files)).expect("JSON");
    assert_eq!(
        manifest,
        serde_json::json!({"entries": [
            {"url": "s3://b/1", "mandatory": true, "meta": {"content_length": 10}},
            {"url": "s3://b/2", "mandatory": true, "meta": {"content_length": 20}}
        ]})
    );
}

#[test]
fn the_objects_of_a_batch_travel_as_parquet() {
    let bytes = objects_file(BatchId::new(), &[entry("a'b; DROP"), entry("é")]).expect("encodes");
    let mut reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).expect("Parquet").build().expect("reads");
    let rows = reader.next().expect("a batch").expect("reads");
    assert_eq!(rows.num_columns(), LEDGER_COLUMNS.len());
    assert_eq!(rows.column(3).as_string::<i32>().value(0), "a'b; DROP");
    assert_eq!(rows.column(7).as_string::<i32>().value(0).len(), 64);
    assert_eq!(rows.column(9).as_primitive::<Int64Type>().value(1), 3);
    assert_eq!(rows.column(4).null_count(), 2);
}

#[test]
fn data_files_have_only_what_redshift_is_known_to_read() {
    let bytes = encode(20_000);
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("Parquet");
    for group in reader.metadata().row_groups() {
        for column in group.columns() {
            assert!(matches!(column.compression(), Compression::ZSTD(_)));
            for encoding in column.encodings() {
                let known = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY, Encoding::PLAIN_DICTIONARY];
                assert!(known.contains(&encoding), "{encoding:?}");
            }
        }
    }
    let mut pages = reader.get_row_group(0).expect("a group").get_column_page_reader(0).expect("a column");
    while let Some(page) = pages.get_next_page().expect("a page") {
        assert_ne!(page.page_type(), PageType::DATA_PAGE_V2);
    }
}

#[test]
fn a_quarantined_record_says_where_it_was_and_why() {
    let batch = BatchId::new();
    let reject = |raw: &[u8]| Reject {
        place: Place { record: 7, line: Some(8), offset: Some(900) },
        column: Some("asin".into()),
        rule: Rule::Pattern,
        message: "no match".into(),
        raw: raw.to_vec(),
    };
    let mut quarantine = Quarantine::new("p");
    quarantine.add(batch, &entry("k"), &[reject(b"{\"asin\":1}"), reject(b"\xff")]).expect("memory");
    let mut text = String::new();
    let file = quarantine.finish().expect("memory").expect("not empty");
    GzDecoder::new(&file[..]).read_to_string(&mut text).expect("gzip of UTF-8");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["rule"], "pattern");
    assert_eq!(lines[0]["column"], "asin");
    assert_eq!(lines[0]["byte_offset"], 900);
    assert_eq!(lines[0]["raw"], "{\"asin\":1}");
    assert_eq!(lines[1]["raw_base64"], "/w==");
    assert_eq!(lines[0]["pipeline"], "p");
    let mut read = Vec::new();
    read_quarantine("q", &file, |line| {
        read.push(line);
        Ok(())
    })
    .expect("its own lines");
    assert_eq!((read[0].raw().expect("text"), read[1].raw().expect("bytes")), (b"{\"asin\":1}".to_vec(), vec![0xff]));
    assert_eq!((read[0].etag.as_deref(), read[0].event_time), (Some("e"), Timestamp::UNIX_EPOCH));
    assert!(read_quarantine("q", b"{}", |_| Ok(())).is_err());
    assert_eq!(Quarantine::new("p").finish().expect("memory"), None);
}
