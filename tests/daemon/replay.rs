//! Rejected records, replayed after the pipeline or the record was mended: in the target exactly once.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use orc_rust::ArrowWriterBuilder;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::support::daemon::{Daemon, tidegate};
use crate::support::sandbox::{Aws, STAGING, Service, Setup, gzip};

/// Rejects what does not fit `varchar(4)`.
const NARROW: &str = r#"
name = "notes"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
note = "varchar(4)"
changed = "bigint"
[target]
table = "app.notes"
mode = "upsert"
key = ["id"]
newest_by = ["changed"]
create = true
"#;

async fn replay(aws: &Aws, config: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = tidegate(aws, "replay", config);
    command.args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output { status, stdout, stderr } = run.await.unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

async fn reject(aws: &Aws) {
    let config = aws.configure(&Service::default(), &[NARROW]);
    // The table as an operator widened it.
    aws.rows("CREATE SCHEMA IF NOT EXISTS app").await;
    aws.rows(
        "CREATE TABLE app.notes (id BIGINT NOT NULL, note VARCHAR(64), changed BIGINT, \"_tidegate_object\" VARCHAR(32), \"_tidegate_row\" BIGINT)",
    )
    .await;
    let lines = "{\"id\":1,\"note\":\"a\",\"changed\":1}\n{\"id\":2,\"note\":\"long one\",\"changed\":1}\nno json\n{\"id\":4,\"note\":\"long too\",\"changed\":1}\n";
    aws.put("in/a.gz", gzip(lines.as_bytes())).await;
    let mut daemon = Daemon::start(aws, &config);
    aws.until_loaded("notes", 1).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT id FROM app.notes").await, [["1"]]);
    // A newer version of a row that was rejected, as it would have come meanwhile.
    aws.put("in/b.gz", gzip(b"{\"id\":4,\"note\":\"new\",\"changed\":2}\n")).await;
    aws.until_loaded("notes", 2).await;
    aws.until_drained().await;
    assert_eq!(daemon.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_rejected_by_a_narrow_column_are_loaded_once_after_it_was_widened_however_often_they_are_replayed() {
    for versioned in [false, true] {
        let aws = Aws::with(Setup { versioned, ..Setup::default() }).await;
        reject(&aws).await;
        let wide = aws.configure(&Service::default(), &[&NARROW.replace("varchar(4)", "varchar(64)")]);

        let (code, said) = replay(&aws, &wide, &["--pipeline", "notes", "--dry-run"]).await;
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("3 records selected: 2 would be staged, 1 still invalid"), "{said}");
        assert_eq!(aws.depth(&aws.queues.loads).await, 0);

        let mut daemon = Daemon::start(&aws, &wide);
        for _ in 0..2 {
            let (code, said) = replay(&aws, &wide, &["--pipeline", "notes", "--rule", "length"]).await;
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains("2 records selected: 2 staged, 0 still invalid"), "{said}");
            aws.until_loaded("notes", 4).await;
            aws.until_drained().await;
            let rows = aws.rows("SELECT id, note, \"_tidegate_row\" FROM app.notes ORDER BY id").await;
            // The older version of 4 does not overwrite the newer.
            assert_eq!(rows, [["1", "a", "1"], ["2", "long one", "2"], ["4", "new", "1"]]);
        }
        let ledger = "SELECT o.object_key, o.rows_staged FROM app.notes n JOIN tidegate.objects_notes o \
                      ON o.object_id = n._tidegate_object WHERE n.id = 2";
        assert_eq!(aws.rows(ledger).await, [["in/a.gz", "1"]], "the row leads back to its object");
        assert_eq!(aws.loaded("notes").await, 4);
        aws.assert_balanced("notes").await;
        aws.assert_nothing_parked().await;
        assert_eq!(daemon.terminate().await.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_record_takes_the_place_of_the_sources_and_is_loaded_once() {
    let aws = Aws::start().await;
    reject(&aws).await;
    let config = aws.configure(&Service::default(), &[NARROW]);
    let lines: Vec<Value> = aws.quarantine("notes").await;
    assert_eq!(lines.len(), 3);
    let corrected: String = lines
        .into_iter()
        .map(|mut line| {
            let record = line["record"].as_u64().unwrap();
            line["raw"] = json!({ "id": record, "note": if record == 2 { "ok" } else { "still long" }, "changed": 1 })
                .to_string()
                .into();
            format!("{line}\n")
        })
        .collect();
    let file = aws.folder().join("fixed.jsonl");
    std::fs::write(&file, corrected).unwrap();
    let _daemon = Daemon::start(&aws, &config);
    for _ in 0..2 {
        let (code, said) = replay(&aws, &config, &["--pipeline", "notes", "--corrected", file.to_str().unwrap()]).await;
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("3 records selected: 1 staged, 2 still invalid"), "{said}");
        assert!(said.contains("2 by length") && said.contains("in/a.gz record 3, column note"), "{said}");
        aws.until_loaded("notes", 3).await;
        aws.until_drained().await;
    }
    // The same record by the file of the quarantine, from its source: the ledger has it.
    let wide = aws.configure(&Service::default(), &[&NARROW.replace("varchar(4)", "varchar(64)")]);
    let keys = aws.keys(STAGING, "tidegate/quarantine/pipeline=notes/").await;
    let (code, said) = replay(&aws, &wide, &["--quarantine", &format!("s3://{STAGING}/{}", keys[0])]).await;
    assert_eq!(code, Some(3), "{said}");
    aws.until_drained().await;
    let rows = aws.rows("SELECT id, note FROM app.notes ORDER BY id").await;
    assert_eq!(rows, [["1", "a"], ["2", "ok"], ["4", "new"]]);
    aws.assert_balanced("notes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_whose_object_was_replaced_stay_and_say_so() {
    let aws = Aws::start().await;
    reject(&aws).await;
    let wide = aws.configure(&Service::default(), &[&NARROW.replace("varchar(4)", "varchar(64)")]);
    aws.put("in/a.gz", gzip(b"{\"id\":9}\n")).await;
    let (code, said) = replay(&aws, &wide, &["--pipeline", "notes"]).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("3 records selected: 0 staged, 3 still invalid") && said.contains("3 by source"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_records_of_parquet_and_orc_are_read_again_from_their_objects() {
    let aws = Aws::start().await;
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let notes: ArrayRef = Arc::new(StringArray::from(vec!["a", "long one", "b", "long too"]));
    let batch = RecordBatch::try_from_iter([("id", ids), ("note", notes)]).unwrap();
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    let mut orc = Vec::new();
    let mut writer = ArrowWriterBuilder::new(&mut orc, batch.schema()).try_build().unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for (format, object) in [("parquet", parquet.into_inner().unwrap()), ("orc", orc)] {
        let narrow = NARROW
            .replace("\"notes\"", &format!("\"{format}\""))
            .replace("in/**", &format!("{format}/**"))
            .replace("app.notes", &format!("app.{format}"))
            .replace("format = \"json-lines\"", &format!("format = \"{format}\""));
        let wide = narrow.replace("varchar(4)", "varchar(64)").replace("create = true", "create = true\nevolve = true");
        let config = aws.configure(&Service::default(), &[&narrow]);
        let mut daemon = Daemon::start(&aws, &config);
        aws.put(&format!("{format}/a"), object).await;
        aws.until_loaded(format, 1).await;
        aws.until_drained().await;
        assert_eq!(daemon.terminate().await.code(), Some(0));
        let rows = format!("SELECT id, note, \"_tidegate_row\" FROM app.{format} ORDER BY id");
        assert_eq!(aws.rows(&rows).await, [["1", "a", "1"], ["3", "b", "3"]]);

        let config = aws.configure(&Service::default(), &[&wide]);
        let _daemon = Daemon::start(&aws, &config);
        for _ in 0..2 {
            let (code, said) = replay(&aws, &config, &["--pipeline", format]).await;
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains("2 records selected: 2 staged, 0 still invalid"), "{said}");
            aws.until_loaded(format, 3).await;
            aws.until_drained().await;
            let expected = [["1", "a", "1"], ["2", "long one", "2"], ["3", "b", "3"], ["4", "long too", "4"]];
            assert_eq!(aws.rows(&rows).await, expected);
        }
        assert_eq!(aws.loaded(format).await, 3);
        aws.assert_balanced(format).await;
    }
    aws.assert_nothing_parked().await;
}
