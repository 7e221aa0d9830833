//! Fields that no column takes become columns, of which all processes agree.

use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Start};
use crate::support::sandbox::{Aws, STAGING, Service};
use crate::support::{LIMIT, eventually};

const PIPELINE: &str = r#"
name = "p"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
on_unknown_field = "evolve"
[columns]
id = { type = "bigint", required = true }
[target]
table = "app.t"
mode = "upsert"
key = ["id"]
create = true
"#;

/// What the registry says: field, column, type.
async fn registry(aws: &Aws) -> Vec<[String; 3]> {
    let mut agreed = Vec::new();
    for key in aws.keys(STAGING, "tidegate/schema/p/fields/").await {
        let found: Value = serde_json::from_slice(&aws.get(STAGING, &key).await).unwrap();
        agreed.push(["field", "column", "type"].map(|name| found[name].as_str().unwrap().to_owned()));
    }
    agreed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_fields_of_a_second_object_become_columns_and_a_restarted_process_knows_them() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[PIPELINE]);
    let mut daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a.gz", [json!({ "id": 1 })]).await;
    aws.until_loaded("p", 1).await;
    let rows = [
        json!({ "id": 2, "userId": 7, "gone": null }),
        json!({ "id": 3, "price": 1.5, "Day": "2026-11-25", "box": { "w": 1 }, "ok": true }),
        json!({ "id": 4, "userId": "seven" }),
        json!({ "id": "no id", "never": 1 }),
    ];
    aws.put_rows("in/b.gz", rows).await;
    aws.until_loaded("p", 2).await;
    let agreed = [
        ["box", "box", "super"],
        ["Day", "day", "varchar(256)"],
        ["ok", "ok", "boolean"],
        ["price", "price", "double precision"],
        ["userId", "userid", "bigint"],
    ];
    assert_eq!(registry(&aws).await, agreed, "neither a null nor a rejected record makes a column");
    let found = aws.rows("SELECT id, userid, price, day, box, ok FROM app.t ORDER BY id").await;
    let none = "NULL";
    let expected = [
        ["1", none, none, none, none, none],
        ["2", "7", none, none, none, none],
        ["3", none, "1.5", "2026-11-25", r#"{"w": 1}"#, "true"],
    ];
    assert_eq!(found, expected);
    let rejected = |lines: &[Value]| -> Vec<(u64, String, String)> {
        let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        lines.iter().map(|line| (line["record"].as_u64().unwrap(), text(line, "column"), text(line, "rule"))).collect()
    };
    let first_rejects = [(3, "userid".to_owned(), "type".to_owned()), (4, "id".to_owned(), "type".to_owned())];
    assert_eq!(rejected(&aws.quarantine("p").await), first_rejects);

    // Announced again, and to a process that has never seen the fields.
    let record = aws.record("in/b.gz", "2026-11-21T10:11:12.000Z", None).await;
    assert_eq!(daemon.terminate().await.code(), Some(0));
    let daemon = Daemon::start(&aws, &config);
    aws.send_event(&json!({ "Records": [record] }).to_string()).await;
    aws.put_rows("in/c.gz", [json!({ "id": 5, "userId": 9, "ok": false }), json!({ "id": 6, "ok": "perhaps" })]).await;
    aws.until_loaded("p", 3).await;
    aws.until_drained().await;
    let found = aws.rows("SELECT id, userid, ok FROM app.t WHERE id <> 3 ORDER BY id").await;
    assert_eq!(found, [["1", none, none], ["2", "7", none], ["5", "9", "false"]]);
    assert_eq!(registry(&aws).await, agreed);
    let log = daemon.log();
    assert!(!log.contains("a field becomes a column"), "the registry has them all: {log}");
    let last = rejected(&aws.quarantine("p").await);
    assert!(last.contains(&(2, "ok".to_owned(), "type".to_owned())), "{last:?}");
    aws.assert_balanced("p").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_meet_a_field_at_once_agree_on_its_column() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[PIPELINE]);
    let intakes = ["a", "b"].map(|_| Start::new(&aws, &config).role("intake").spawn());
    let _load = Start::new(&aws, &config).role("load").spawn();
    // `mixed` is a number, a boolean or a text, `Case` and `case` are one column, and each object has a field that few others have.
    let mut objects: u64 = 0;
    eventually(LIMIT, "both have read new fields", async || {
        for at in objects..objects + 8 {
            let mixed = [json!(at), json!(true), json!(format!("text {at}"))][at as usize % 3].clone();
            let mut row = json!({ "id": at, "mixed": mixed });
            row[if at % 2 == 0 { "Case" } else { "case" }] = json!(at);
            aws.put_rows(
                &format!("in/{at}.gz"),
                [row, json!({ "id": 1_000 + at, "common": at, format!("f{}", at / 2): at })],
            )
            .await;
        }
        objects += 8;
        let learnt = |daemon: &Daemon| daemon.log().contains("a field becomes a column");
        (intakes.iter().all(learnt) && objects >= 16) || objects >= 120
    })
    .await;
    assert!(intakes.iter().all(|daemon| daemon.log().contains("a field becomes a column")), "one process did it all");
    aws.until_loaded("p", objects).await;
    aws.until_drained().await;

    let agreed = registry(&aws).await;
    let of = |column: &str| agreed.iter().find(|agreed| agreed[1] == column).unwrap().clone();
    assert_eq!(agreed.len() as u64, 3 + objects / 2, "{agreed:?}");
    let mixed = of("mixed");
    let fits = |at: u64| match mixed[2].as_str() {
        "bigint" => at.is_multiple_of(3),
        "boolean" => at % 3 == 1 || at < 2,
        _ => true,
    };
    let rows = aws.rows("SELECT COUNT(*), COUNT(common), SUM(common) FROM app.t WHERE id >= 1000").await;
    let sum = objects * (objects - 1) / 2;
    assert_eq!(rows, [[objects.to_string(), objects.to_string(), sum.to_string()]]);
    let loaded: Vec<u64> = (0..objects).filter(|at| fits(*at)).collect();
    let ids: Vec<Vec<String>> = loaded.iter().map(|at| vec![at.to_string()]).collect();
    assert_eq!(aws.rows("SELECT id FROM app.t WHERE id < 1000 ORDER BY id").await, ids, "{mixed:?}");
    // Only one of the two spellings has the column.
    let parity = u64::from(of("case")[0] == "case");
    let expected = loaded.iter().filter(|at| **at % 2 == parity).sum::<u64>();
    assert_eq!(aws.number("SELECT SUM(\"case\") FROM app.t").await, expected as i64);
    for at in 0..objects / 2 {
        assert_eq!(aws.number(&format!("SELECT SUM(f{at}) FROM app.t")).await, (4 * at + 1) as i64, "f{at}");
    }
    for line in aws.quarantine("p").await {
        assert_eq!((line["column"].as_str(), line["rule"].as_str()), (Some("mixed"), Some("type")), "{line}");
    }
    aws.assert_balanced("p").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_whose_last_record_brings_a_field_is_staged_once_in_a_batch_of_its_own() {
    let aws = Aws::start().await;
    let service = Service { limits: "object_buffer = \"1MiB\"".to_owned(), ..Service::default() };
    let config = aws.configure(&service, &[&PIPELINE.replace("freshness = \"1s\"", "freshness = \"30s\"")]);
    let daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a.gz", [json!({ "id": 1 })]).await;
    daemon.until_logged("decoded an object").await;
    let last = json!({ "id": 200_000, "late": "x" });
    aws.put_rows("in/b.gz", (2..200_000).map(|id| json!({ "id": id })).chain([last])).await;
    aws.until_loaded("p", 2).await;
    aws.until_drained().await;
    let sums = aws.rows("SELECT COUNT(*), SUM(id), COUNT(late), MAX(late) FROM app.t").await;
    assert_eq!(sums, [["200000", "20000100000", "1", "x"]]);
    let staged = daemon.metrics().await.value("tidegate_batches_staged_total", &[("cut", "schema")]);
    assert_eq!(staged, 1.0, "the batch of the object without the field is closed for it");
    // The first reading's file was given up, or is named by no manifest.
    let staged = aws.rows("SELECT SUM(rows_staged), SUM(rows_inserted) FROM tidegate.batches_p").await;
    assert_eq!(staged, [["200000", "200000"]]);
    aws.assert_balanced("p").await;
    aws.assert_nothing_parked().await;
}
