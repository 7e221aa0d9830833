//! However often and in whatever form an object is announced, it is loaded once.

use serde_json::{Value, json};
use tidegate::sandbox::NotificationShape;

use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Daemon;
use crate::support::sandbox::{Aws, Service, Setup, s3_event};

pub(crate) fn rows(ids: std::ops::Range<i64>) -> impl Iterator<Item = Value> {
    ids.map(|id| json!({ "id": id, "amount": id * 2, "note": format!("n{id}"), "changed": id }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_are_put_are_rows_of_every_pipeline_that_wants_them() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let mut daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a.json.gz", rows(0..10)).await;
    aws.put_rows("in/b.json.gz", rows(5..20)).await;
    aws.until_loaded("numbers", 2).await;
    aws.until_loaded("latest", 2).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(amount) FROM app.numbers").await, [["25", "450"]]);
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(amount) FROM app.latest").await, [["20", "380"]]);
    for pipeline in ["numbers", "latest"] {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
    assert_eq!(daemon.terminate().await.code(), Some(0));
}

/// What goes wrong elsewhere, row 10: keys with `+`, space, unicode not decoded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_10_keys_of_every_kind_are_loaded_whatever_carries_the_event() {
    let keys = ["in/a+b c.json.gz", "in/día=1/x%20y.json", "in/音楽/&?#.gz"];
    for notifications in [NotificationShape::S3, NotificationShape::Sns, NotificationShape::EventBridge] {
        let aws = Aws::with(Setup { notifications, ..Setup::default() }).await;
        let config = aws.configure(&Service::default(), &[APPEND]);
        let _daemon = Daemon::start(&aws, &config);
        for (at, key) in keys.iter().enumerate() {
            let first = at as i64 * 10;
            aws.put_rows(key, rows(first..first + 10)).await;
        }
        aws.until_loaded("numbers", 3).await;
        aws.until_drained().await;
        let loaded = aws.rows("SELECT object_key FROM tidegate.objects_numbers").await;
        let mut loaded: Vec<&str> = loaded.iter().map(|row| row[0].as_str()).collect();
        loaded.sort_unstable();
        let mut wanted = keys.to_vec();
        wanted.sort_unstable();
        assert_eq!(loaded, wanted, "{notifications:?}");
        assert_eq!(aws.number("SELECT SUM(amount) FROM app.numbers").await, 29 * 30, "{notifications:?}");
        aws.assert_nothing_parked().await;
    }
}

/// What goes wrong elsewhere, row 9: every record of a message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_9_an_object_announced_again_and_again_is_loaded_once() {
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let daemon = Daemon::start(&aws, &config);
    for (at, key) in ["in/a", "in/b", "in/c"].iter().enumerate() {
        aws.put_rows(key, rows(at as i64 * 10..at as i64 * 10 + 10)).await;
    }
    let mut records = Vec::new();
    for key in ["in/a", "in/b", "in/c"] {
        // Without a sequencer, as moto sends them.
        records.push(aws.record(key, "2026-11-21T08:00:00.000Z", None).await);
    }
    // One message with several records, one of them twice; the same message twice; each object once more by itself.
    let several = s3_event(&[records[0].clone(), records[1].clone(), records[0].clone()]);
    aws.send_event(&several).await;
    aws.send_event(&several).await;
    for record in &records {
        aws.send_event(&s3_event(std::slice::from_ref(record))).await;
    }
    aws.until_loaded("numbers", 3).await;
    aws.until_drained().await;
    // And again, when all is loaded.
    aws.send_event(&several).await;
    crate::support::eventually(crate::support::LIMIT, "rows that were loaded already", async || {
        daemon
            .metrics()
            .await
            .value("tidegate_rows_loaded_total", &[("fate", "already_loaded"), ("pipeline", "numbers")])
            >= 20.0
    })
    .await;
    aws.until_drained().await;
    for table in ["numbers", "latest"] {
        assert_eq!(
            aws.rows(&format!("SELECT COUNT(*), SUM(amount) FROM app.{table}")).await,
            [["30", "870"]],
            "{table}"
        );
        assert_eq!(aws.loaded(table).await, 3);
        aws.assert_balanced(table).await;
    }
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_of_a_key_is_loaded_and_the_newest_row_stays_in_any_order() {
    let version = |changed: i64, amount: i64| [json!({ "id": 1, "amount": amount, "note": "x", "changed": changed })];
    for newest_first in [true, false] {
        let aws = Aws::with(Setup { announce: false, versioned: true, ..Setup::default() }).await;
        let config = aws.configure(&Service::default(), &[UPSERT]);
        let _daemon = Daemon::start(&aws, &config);
        let mut events = Vec::new();
        // By `changed` the second is the newest; the first and third are of one version, of which the later event is newer.
        for (at, (changed, amount)) in [(5, 50), (9, 90), (5, 51)].into_iter().enumerate() {
            aws.put_rows("in/k", version(changed, amount)).await;
            let time = format!("2026-11-21T08:00:0{at}.000Z");
            events.push(s3_event(&[aws.record("in/k", &time, Some(&format!("0{at}"))).await]));
        }
        if newest_first {
            events.reverse();
        }
        // One batch each: the next is sent when the one before is loaded.
        for (at, event) in events.iter().enumerate() {
            aws.send_event(event).await;
            aws.until_loaded("latest", at as u64 + 1).await;
        }
        aws.until_drained().await;
        assert_eq!(
            aws.rows("SELECT changed, amount FROM app.latest").await,
            [["9", "90"]],
            "newest first: {newest_first}"
        );
        aws.assert_balanced("latest").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rows_equally_new_the_one_of_the_later_event_stays_in_any_order() {
    for reversed in [false, true] {
        let aws = Aws::with(Setup { announce: false, versioned: true, ..Setup::default() }).await;
        let config = aws.configure(&Service::default(), &[UPSERT]);
        let _daemon = Daemon::start(&aws, &config);
        let mut events = Vec::new();
        // The same second: only the sequencer tells which is later, and the shorter one is padded with zeros.
        for (sequencer, amount) in [("00AB", 1), ("00AB01", 2)] {
            aws.put_rows("in/k", [json!({ "id": 1, "amount": amount, "note": null, "changed": 7 })]).await;
            events.push(s3_event(&[aws.record("in/k", "2026-11-21T08:00:00.000Z", Some(sequencer)).await]));
        }
        if reversed {
            events.reverse();
        }
        for (at, event) in events.iter().enumerate() {
            aws.send_event(event).await;
            aws.until_loaded("latest", at as u64 + 1).await;
        }
        assert_eq!(aws.rows("SELECT amount FROM app.latest").await, [["2"]], "reversed: {reversed}");
        aws.assert_balanced("latest").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_overwritten_before_it_was_read_is_counted_and_its_newer_version_loaded() {
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    aws.put_rows("in/k", rows(0..5)).await;
    let older = s3_event(&[aws.record("in/k", "2026-11-21T08:00:00.000Z", Some("01")).await]);
    aws.put_rows("in/k", rows(5..7)).await;
    let newer = s3_event(&[aws.record("in/k", "2026-11-21T08:00:01.000Z", Some("02")).await]);
    let daemon = Daemon::start(&aws, &config);
    aws.send_event(&older).await;
    aws.send_event(&newer).await;
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["2", "11"]]);
    assert_eq!(daemon.metrics().await.value("tidegate_objects_total", &[("outcome", "replaced")]), 1.0);
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_type_arrives_as_it_was_written() {
    const TYPES: &str = r#"
name = "types"
freshness = "1s"
[source]
bucket = "landing"
key = "in/{day}/*"
format = "json-lines"
[columns]
id = { type = "integer", required = true }
small = "smallint"
big = "bigint"
exact = "decimal(20,5)"
wide = "decimal(38,10)"
real = "real"
double = "double precision"
flag = "boolean"
code = "char(3)"
name = "varchar(20)"
day = "date"
at = "timestamp"
instant = "timestamptz"
millis = { type = "timestamp", parse = "epoch-millis" }
anything = "super"
secret = { type = "char(64)", mask = "sha256" }
[target]
table = "app.types"
mode = "upsert"
key = ["id"]
newest_by = ["instant"]
create = true
"#;
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[TYPES]);
    let _daemon = Daemon::start(&aws, &config);
    let full = r#"{"id":1,"small":-32768,"big":9223372036854775807,"exact":123456789012345.12345,"wide":"1.0000000001",
        "real":1.5,"double":1e300,"flag":"yes","code":"abc","name":"déjà vu","at":"2026-11-21 08:00:00.123456",
        "instant":"2026-11-21T10:00:00+02:00","millis":1795248000001,"anything":{"a":[1,null,"x"]},"secret":"foo"}"#
        .replace('\n', "");
    let older = r#"{"id":1,"small":7,"instant":"2026-11-21T07:59:59Z"}"#;
    aws.put("in/2026-11-21/a.json", format!("{full}\n{older}\n{{\"id\":2}}\n").into_bytes()).await;
    aws.until_loaded("types", 1).await;
    let row = aws
        .rows("SELECT small, big, exact, wide, \"real\", \"double\", flag, code, name, day, at, millis, JSON_SERIALIZE(anything), secret FROM app.types WHERE id = 1")
        .await;
    let row = if row.is_empty() { Vec::new() } else { row[0].clone() };
    assert_eq!(row[..5], ["-32768", "9223372036854775807", "123456789012345.12345", "1.0000000001", "1.5"]);
    assert_eq!(row[5].parse::<f64>().unwrap(), 1e300);
    assert_eq!(row[6..10], ["true", "abc", "déjà vu", "2026-11-21"]);
    assert!(row[10].starts_with("2026-11-21 08:00:00.123456"), "{}", row[10]);
    assert!(row[11].starts_with("2026-11-21 08:00:00.001"), "{}", row[11]);
    assert_eq!(row[13], "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae");
    let instant = "SELECT COUNT(*) FROM app.types WHERE instant = CAST('2026-11-21 08:00:00+00' AS TIMESTAMPTZ)";
    assert_eq!(aws.number(instant).await, 1, "the instant, whatever the session's time zone");
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.types WHERE id = 2 AND big IS NULL AND anything IS NULL").await, 1);
    aws.assert_balanced("types").await;
}
