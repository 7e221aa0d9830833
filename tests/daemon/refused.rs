//! A load that is refused for its data's sake: the culprits are found and parked, the rest is loaded, and redriving loads them once.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::exactly_once::rows;
use crate::pipelines::APPEND;
use crate::redrive::redrive;
use crate::support::daemon::{Daemon, Start};
use crate::support::sandbox::{Aws, STAGING, Service, Setup, gzip, json_lines, s3_event};

/// A table made by somebody else, where `amount` must not be null; or may be.
pub(crate) async fn table(aws: &Aws, constraint: &str) {
    aws.rows(&format!(
        "CREATE TABLE app.numbers (id BIGINT NOT NULL, amount INTEGER {constraint}, note VARCHAR(64), \
         \"_tidegate_object\" VARCHAR(32), \"_tidegate_row\" BIGINT)"
    ))
    .await;
}

/// What goes wrong elsewhere, row 11: one bad file fails the whole manifest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_11_the_objects_that_a_load_fails_at_are_parked_alone_the_rest_is_loaded_and_redriving_loads_them_once() {
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    aws.rows("CREATE SCHEMA IF NOT EXISTS app").await;
    table(&aws, "NOT NULL").await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    // One message, so that they are one batch: two of twelve have a null.
    let mut records = Vec::new();
    for object in 0..12_i64 {
        let key = format!("in/{object}.gz");
        let amount = if [3, 10].contains(&object) { Value::Null } else { json!(1) };
        aws.put_rows(&key, [json!({ "id": object, "amount": amount }), json!({ "id": object + 100, "amount": 1 })])
            .await;
        records.push(aws.record(&key, "2026-11-21T08:00:00.000Z", None).await);
    }
    aws.send_event(&s3_event(&records)).await;
    let daemon = Daemon::start(&aws, &config);
    aws.until_depth(&aws.queues.loads_dlq, 2).await;
    aws.until_drained().await;
    assert_eq!(aws.loaded("numbers").await, 10);
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 20);
    aws.assert_balanced("numbers").await;
    let metrics = daemon.metrics().await;
    assert_eq!(metrics.value("tidegate_loads_total", &[("outcome", "divided")]), 1.0);
    assert_eq!(metrics.value("tidegate_loads_total", &[("outcome", "parked")]), 2.0);

    let (shown, _) = redrive(&aws, &config, &["--queue", "loads", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let mut whats: Vec<&str> =
        shown["messages"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    whats.sort_unstable();
    assert!(whats[0].ends_with(", object s3://landing/in/10.gz"), "{whats:?}");
    assert!(whats[1].ends_with(", object s3://landing/in/3.gz"), "{whats:?}");
    assert_eq!(shown["messages"][0]["kind"], "warehouse-refused");
    assert!(shown["messages"][0]["reason"].as_str().unwrap().contains("NULL"), "{shown}");

    // The cause is mended: the table takes nulls.
    aws.rows("ALTER TABLE app.numbers RENAME TO strict").await;
    table(&aws, "").await;
    aws.rows("INSERT INTO app.numbers SELECT * FROM app.strict").await;
    let (told, _) = redrive(&aws, &config, &["--queue", "loads", "--move"]);
    assert!(told.contains("2 moved back"), "{told}");
    aws.until_loaded("numbers", 12).await;
    aws.until_drained().await;
    let all = "SELECT COUNT(*), COUNT(DISTINCT id), COUNT(amount) FROM app.numbers";
    assert_eq!(aws.rows(all).await, [["24", "24", "22"]]);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
    // The batch's parts add up to the batch.
    let sums =
        "SELECT COUNT(DISTINCT batch_id), SUM(objects), SUM(rows_staged), SUM(files) FROM tidegate.batches_numbers";
    assert_eq!(aws.rows(sums).await, [["1", "12", "24", "1"]]);
}

/// Replaces the texts of a staged file's column by one that is too long for it; gives the file's new bytes.
fn with_long_notes(parquet: Vec<u8>) -> Vec<u8> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(parquet)).unwrap();
    let schema = reader.schema().clone();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), None).unwrap();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let mut columns = batch.columns().to_vec();
        let note = schema.index_of("note").unwrap();
        columns[note] = Arc::new(StringArray::from(vec!["x".repeat(65); batch.num_rows()])) as ArrayRef;
        writer.write(&RecordBatch::try_new(schema.clone(), columns).unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

async fn put_staged(aws: &Aws, key: &str, body: Vec<u8>) {
    aws.clients.s3.put_object().bucket(STAGING).key(key).body(body.into()).send().await.unwrap();
}

/// What goes wrong elsewhere, rows 11 and 14: one bad file fails the whole manifest; COPY's own words about it are lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_11_14_a_staged_file_that_copy_refuses_parks_its_objects_with_line_and_column_and_the_other_files_are_loaded()
 {
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    let service = Service { limits: "object_buffer = \"1MiB\"".to_owned(), ..Service::default() };
    let config = aws.configure(&service, &[APPEND]);
    aws.put("in/large.gz", gzip(json_lines(rows(0..60_000)).as_bytes())).await;
    aws.put_rows("in/small.gz", rows(60_000..60_010)).await;
    aws.put("in/empty.gz", Vec::new()).await;
    let mut records = Vec::new();
    for key in ["in/large.gz", "in/small.gz", "in/empty.gz"] {
        records.push(aws.record(key, "2026-11-21T08:00:00.000Z", None).await);
    }
    aws.send_event(&s3_event(&records)).await;
    // Long enough that the large one is read, too, before the batch is closed.
    let slow = APPEND.replace("freshness = \"1s\"", "freshness = \"1h\"");
    let slow = aws.configure(&service, &[&slow]);
    let mut intake = Start::new(&aws, &slow).role("intake").spawn();
    intake.until_logged("ready").await;
    let read = async || intake.metrics().await.value("tidegate_bytes_total", &[("stage", "decompressed")]) > 3e6;
    crate::support::eventually(crate::support::LIMIT, "the objects are read", read).await;
    assert_eq!(intake.terminate().await.code(), Some(0));

    let keys = aws.keys(STAGING, "tidegate/batches/numbers/").await;
    let manifest_key = keys.iter().find(|key| key.ends_with("manifest.json")).unwrap();
    let whole = aws.get(STAGING, manifest_key).await;
    let mut manifest: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(manifest["objects"].as_array().unwrap().len(), 3, "one batch");
    let small = manifest["files"].as_array_mut().unwrap().iter_mut().find(|file| file["rows"] == 10).unwrap();
    let key = small["url"].as_str().unwrap().strip_prefix("s3://staging/").unwrap().to_owned();
    let good = aws.get(STAGING, &key).await;
    let bad = with_long_notes(good.clone());
    small["bytes"] = bad.len().into();
    put_staged(&aws, &key, bad).await;
    put_staged(&aws, manifest_key, serde_json::to_vec(&manifest).unwrap()).await;

    let _load = Start::new(&aws, &config).role("load").spawn();
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    aws.until_drained().await;
    assert_eq!(aws.loaded("numbers").await, 2, "the large and the empty one");
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 60_000);
    let (shown, _) = redrive(&aws, &config, &["--queue", "loads", "--pipeline", "numbers", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let parked = &shown["messages"][0];
    assert_eq!(parked["kind"], "copy-refused");
    assert!(parked["what"].as_str().unwrap().ends_with("object s3://landing/in/small.gz"), "{parked}");
    let reason = parked["reason"].as_str().unwrap();
    for told in ["SYS_LOAD_ERROR_DETAIL: s3://staging/", &key, "line 1 column note", "String length exceeds DDL length"]
    {
        assert!(reason.contains(told), "{told}: {reason}");
    }

    // The cause is mended: the file is as it was.
    put_staged(&aws, &key, good).await;
    put_staged(&aws, manifest_key, whole).await;
    redrive(&aws, &config, &["--queue", "loads", "--pipeline", "numbers", "--move"]);
    aws.until_loaded("numbers", 3).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM app.numbers").await, [["60010", "60010"]]);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cause_that_is_no_objects_own_parks_the_batch_whole_after_a_few_tries() {
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    aws.rows("CREATE SCHEMA IF NOT EXISTS app").await;
    table(&aws, "NOT NULL").await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let mut records = Vec::new();
    for object in 0..40_i64 {
        let key = format!("in/{object}.gz");
        aws.put_rows(&key, [json!({ "id": object, "amount": null })]).await;
        records.push(aws.record(&key, "2026-11-21T08:00:00.000Z", None).await);
    }
    aws.send_event(&s3_event(&records)).await;
    let daemon = Daemon::start(&aws, &config);
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    aws.until_drained().await;
    assert_eq!(aws.loaded("numbers").await, 0);
    let loads = daemon.metrics().await.value("tidegate_load_seconds_count", &[]);
    assert!(loads <= 12.0, "{loads} loads to find that none of 40 objects is the cause");
    let parked = aws.take(&aws.queues.loads_dlq).await;
    let body: Value = serde_json::from_str(&parked[0].body).unwrap();
    assert!(body.get("objects").is_none(), "the batch as a whole: {body}");
}
