//! What cannot be loaded is parked with its reason, or quarantined with it, and harms nothing else.

use serde_json::{Value, json};

use crate::exactly_once::rows;
use crate::pipelines::APPEND;
use crate::support::daemon::Daemon;
use crate::support::sandbox::{Aws, STAGING, Service, Setup, gunzip, gzip, json_lines, s3_event};

/// What goes wrong elsewhere, rows 6, 7 and 24: one corrupt object pauses the worker; one policy for every error; a message
/// is deleted although it was not forwarded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_6_7_24_what_is_poison_is_parked_with_its_reason_and_the_rest_is_loaded() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let whole = gzip(json_lines(rows(0..5_000)).as_bytes());
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    aws.put("in/truncated.gz", whole[..whole.len() - 9].to_vec()).await;
    aws.put("in/flipped.gz", flipped).await;
    aws.put_rows("in/deleted.gz", rows(0..3)).await;
    aws.delete("in/deleted.gz").await;
    aws.send_event("not a notification").await;
    aws.put_rows("elsewhere/unrouted.gz", rows(0..3)).await;
    aws.put_rows("in/good.gz", rows(0..100)).await;
    let daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 1).await;
    aws.until_depth(&aws.queues.events_dlq, 5).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["100", "4950"]]);

    let parked = aws.take(&aws.queues.events_dlq).await;
    let find =
        |text: &str| parked.iter().find(|message| message.body.contains(text)).unwrap_or_else(|| panic!("{text}"));
    for (text, stage, kind, pipeline) in [
        ("truncated.gz", "read", "corrupt", "numbers"),
        ("flipped.gz", "read", "corrupt", "numbers"),
        ("deleted.gz", "read", "object-gone", "numbers"),
        ("not a notification", "notify", "malformed", ""),
        ("unrouted.gz", "route", "unrouted", ""),
    ] {
        let message = find(text);
        assert_eq!(message.get("fault"), "poison", "{text}");
        assert_eq!(
            (message.get("stage"), message.get("kind"), message.get("pipeline")),
            (stage, kind, pipeline),
            "{text}"
        );
        assert!(!message.get("reason").is_empty(), "{text}");
    }
    assert_eq!(find("truncated.gz").get("subject"), "s3://landing/in/truncated.gz");
    let metrics = daemon.metrics().await;
    assert_eq!(metrics.value("tidegate_parked_total", &[]), 5.0);
    assert_eq!(metrics.value("tidegate_events_total", &[("outcome", "malformed")]), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unrouted_object_is_only_counted_where_the_configuration_says_so() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service { on_unrouted: "acknowledge", ..Service::default() }, &[APPEND]);
    aws.put_rows("elsewhere/unrouted.gz", rows(0..3)).await;
    aws.put_rows("in/good.gz", rows(0..3)).await;
    let daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    aws.assert_nothing_parked().await;
    assert_eq!(daemon.metrics().await.value("tidegate_events_total", &[("outcome", "unrouted")]), 1.0);
}

/// What goes wrong elsewhere, row 8: a 0-byte .gz is a poison message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_8_an_empty_object_is_loaded_as_zero_rows_and_recorded() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    aws.put("in/empty.gz", Vec::new()).await;
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    let ledger = "SELECT object_key, size, rows_read, rows_staged FROM tidegate.objects_numbers";
    assert_eq!(aws.rows(ledger).await, [["in/empty.gz", "0", "0", "0"]]);
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 0);
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_records_are_in_the_quarantine_and_every_count_agrees() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let lines = "{\"id\":1,\"amount\":2}\n{\"id\":2,\"amount\":2.5}\nno json\n{\"amount\":1}\n{\"id\":5,\"note\":\"\u{1F600}\"}\n\n{\"id\":6}";
    let mut body = lines.as_bytes().to_vec();
    body.extend_from_slice(b"\n{\"id\":7,\"note\":\"\xff\"}\n");
    aws.put("in/mixed.json", body.clone()).await;
    let daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    assert_eq!(
        aws.rows("SELECT id, \"_tidegate_row\" FROM app.numbers ORDER BY id").await,
        [["1", "1"], ["5", "5"], ["6", "6"]]
    );
    let ledger = "SELECT rows_read, rows_rejected, rows_staged FROM tidegate.batches_numbers";
    assert_eq!(aws.rows(ledger).await, [["7", "4", "3"]]);

    let keys = aws.keys(STAGING, "tidegate/quarantine/pipeline=numbers/").await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    let text = gunzip(&aws.get(STAGING, &keys[0]).await);
    let quarantined: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(u64, u64, &str, &str)> = quarantined
        .iter()
        .map(|line| {
            let number = |name: &str| line[name].as_u64().unwrap();
            let column = line["column"].as_str().unwrap_or("");
            (number("record"), number("line"), line["rule"].as_str().unwrap(), column)
        })
        .collect();
    // The blank line is a line, and no record.
    let expected = [(2, 2, "type", "amount"), (3, 3, "syntax", ""), (4, 4, "required", "id"), (7, 8, "encoding", "")];
    assert_eq!(told, expected);
    for line in &quarantined {
        let offset = line["byte_offset"].as_u64().unwrap() as usize;
        let raw = line["raw"].as_str().map(|raw| raw.as_bytes().to_vec());
        // What is not UTF-8 is kept in base64; its place is the same.
        let raw = raw.unwrap_or_else(|| b"{\"id\":7,\"note\":\"\xff\"}".to_vec());
        assert!(body[offset..].starts_with(&raw), "{line}");
        assert_eq!(line["object_key"], "in/mixed.json");
    }
    let metrics = daemon.metrics().await;
    for (outcome, count) in [("read", 7.0), ("staged", 3.0), ("rejected", 4.0)] {
        assert_eq!(metrics.value("tidegate_records_total", &[("outcome", outcome)]), count, "{outcome}");
    }
    assert_eq!(metrics.value("tidegate_rejects_total", &[("rule", "syntax")]), 1.0);
    assert_eq!(metrics.value("tidegate_rows_loaded_total", &[("fate", "inserted")]), 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_too_many_rejects_is_parked_whole() {
    let aws = Aws::start().await;
    let pipeline = format!("{APPEND}\n[rejects]\nmax_share = 0.1\n");
    let config = aws.configure(&Service::default(), &[&pipeline]);
    aws.put_rows("in/bad.gz", rows(0..8).chain([json!({ "id": 1.5 }), json!({ "id": "x" })])).await;
    aws.put_rows("in/good.gz", rows(0..19).chain([json!({ "id": "x" })])).await;
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 1).await;
    aws.until_depth(&aws.queues.events_dlq, 1).await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 19);
    let parked = aws.take(&aws.queues.events_dlq).await;
    assert_eq!(parked[0].get("kind"), "too-many-rejects");
    assert!(parked[0].get("reason").contains("2 of 10 records"), "{}", parked[0].get("reason"));
    assert!(parked[0].get("reason").contains("record 9, column id"), "{}", parked[0].get("reason"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_more_rejects_than_max_rows_is_parked_whole_and_leaves_no_quarantine() {
    let aws = Aws::start().await;
    let pipeline = format!("{APPEND}\n[rejects]\nmax_rows = 1\n");
    let config = aws.configure(&Service::default(), &[&pipeline]);
    aws.put_rows("in/bad.gz", rows(0..100).chain([json!({ "id": 1.5 }), json!({ "id": "x" })])).await;
    aws.put_rows("in/good.gz", rows(0..3).chain([json!({ "id": "x" })])).await;
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 1).await;
    aws.until_depth(&aws.queues.events_dlq, 1).await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 3);
    let parked = aws.take(&aws.queues.events_dlq).await;
    assert!(parked[0].get("reason").contains("max_rows = 1"), "{}", parked[0].get("reason"));
    let lines = aws.quarantine("numbers").await;
    assert_eq!((lines.len(), lines[0]["object_key"].as_str()), (1, Some("in/good.gz")));
}

/// What goes wrong elsewhere, rows 11 and 23: one bad file fails the whole; source files are deleted though the load failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_11_23_a_batch_that_the_warehouse_refuses_is_parked_alone_and_its_source_stays() {
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    // The table was made by somebody else, with a rule of its own.
    aws.rows("CREATE SCHEMA IF NOT EXISTS app").await;
    aws.rows("CREATE TABLE app.numbers (id BIGINT NOT NULL, amount INTEGER NOT NULL, note VARCHAR(64), \"_tidegate_object\" VARCHAR(32), \"_tidegate_row\" BIGINT)").await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let _daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/refused", [json!({ "id": 1, "amount": null })]).await;
    aws.send_event(&s3_event(&[aws.record("in/refused", "2026-11-21T08:00:00.000Z", None).await])).await;
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    aws.put_rows("in/good", rows(0..3)).await;
    aws.send_event(&s3_event(&[aws.record("in/good", "2026-11-21T08:00:01.000Z", None).await])).await;
    aws.until_loaded("numbers", 1).await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 3);
    let parked = aws.take(&aws.queues.loads_dlq).await;
    assert_eq!((parked[0].get("stage"), parked[0].get("kind")), ("load", "warehouse-refused"));
    assert!(parked[0].get("subject").starts_with("batch "), "{parked:?}");
    assert!(parked[0].get("reason").contains("insert"), "{}", parked[0].get("reason"));
    let manifest: Value = serde_json::from_str(&parked[0].body).unwrap();
    let key = manifest["manifest"].as_str().unwrap().strip_prefix("s3://staging/").unwrap().to_owned();
    assert!(!aws.get(STAGING, &key).await.is_empty(), "the manifest stays, so that the batch can be redriven");
    assert!(!aws.get("landing", "in/refused").await.is_empty(), "the source is never deleted");
}
