//! The same daemon, the same test, the same result, on S3 and SQS that nobody here wrote; only the warehouse is the sandbox's.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use serde_json::Value;

use crate::backfill::backfill;
use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Daemon;
use crate::support::peers::Peer;
use crate::support::sandbox::{Aws, LANDING, Service, Setup, gzip, json_lines};

/// How the events of a server differ, though what comes of them does not.
struct Events {
    /// Whether they carry a sequencer.
    sequenced: bool,
    /// How many announce a multipart upload.
    of_multipart: u64,
}

const AS_ON_AWS: Events = Events { sequenced: true, of_multipart: 1 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_sandbox_itself() {
    whole_way(Setup::default(), AS_ON_AWS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_ministack() {
    let Some(peer) = Peer::ministack() else { return };
    whole_way(served_by(&peer), AS_ON_AWS).await;
}

/// moto also encodes the `/` of keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_moto() {
    let Some(peer) = Peer::moto() else { return };
    whole_way(served_by(&peer), Events { sequenced: false, of_multipart: 2 }).await;
}

fn served_by(peer: &Peer) -> Setup {
    Setup { s3: Some(peer.endpoint()), sqs: Some(peer.endpoint()), ..Setup::default() }
}

async fn whole_way(setup: Setup, events: Events) {
    let aws = Aws::with(setup).await;
    // Long enough that no lease is lost while a slow server answers others.
    let config = aws.configure(&Service { visibility: "30s", ..Service::default() }, &[APPEND, UPSERT]);
    let mut daemon = Daemon::start(&aws, &config);
    let keys = ["in/a+b c é.json.gz", "in/parts.json", "in/plain.json.gz", "in/日=1/50%20off.json.gz"];
    aws.put_rows(keys[2], rows(0..50)).await;
    aws.put_rows(keys[0], rows(25..75)).await;
    aws.put_rows(keys[3], rows(50..100)).await;
    let whole = gzip(json_lines(rows(0..1_000)).as_bytes());
    aws.put("in/corrupt.gz", whole[..whole.len() / 2].to_vec()).await;
    put_in_parts(&aws, keys[1]).await;
    for pipeline in ["numbers", "latest"] {
        aws.until_loaded(pipeline, keys.len() as u64).await;
    }
    aws.until_depth(&aws.queues.events_dlq, 1).await;
    aws.until_drained().await;

    let large: i64 = LARGE.sum();
    let appended = (0..50).sum::<i64>() + (25..75).sum::<i64>() + (50..100).sum::<i64>() + large;
    let figures = "SELECT COUNT(*), SUM(id), SUM(amount), COUNT(DISTINCT note) FROM app";
    let numbers = aws.rows(&format!("{figures}.numbers")).await.remove(0);
    let distinct = (100 + LARGE.count()).to_string();
    let all = (150 + LARGE.count()).to_string();
    assert_eq!(numbers, [all, appended.to_string(), (2 * appended).to_string(), distinct.clone()]);
    let merged = (0..100).sum::<i64>() + large;
    let latest = aws.rows(&format!("{figures}.latest")).await.remove(0);
    assert_eq!(latest, [distinct.clone(), merged.to_string(), (2 * merged).to_string(), distinct]);
    for pipeline in ["numbers", "latest"] {
        let ledger = format!("SELECT object_key, sequencer <> '' FROM tidegate.objects_{pipeline}");
        let mut ledger = aws.rows(&ledger).await;
        ledger.sort();
        assert_eq!(ledger, keys.map(|key| [key.to_owned(), events.sequenced.to_string()]), "{pipeline}");
        aws.assert_balanced(pipeline).await;
    }

    // What is listed has the identity of what was announced: key, entity tag and size are the same in both.
    let listed = ["s3://landing/in/", "--dry-run"];
    backfill(&aws, &config, &listed, &[(5, "objects listed"), (4, "loaded already"), (1, "would be announced")]);

    let parked = aws.take(&aws.queues.events_dlq).await;
    assert_eq!(parked.len(), 1, "{parked:#?}");
    assert_eq!((parked[0].get("fault"), parked[0].get("kind")), ("poison", "corrupt"));
    assert_eq!(parked[0].get("subject"), "s3://landing/in/corrupt.gz");
    serde_json::from_str::<Value>(&parked[0].body).expect("the notification as it came");
    assert_eq!(aws.depth(&aws.queues.loads_dlq).await, 0);
    let routed = daemon.metrics().await.value("tidegate_events_total", &[("outcome", "routed")]);
    assert_eq!(routed, (keys.len() as u64 + events.of_multipart) as f64, "each object once, and the corrupt one");
    assert_eq!(daemon.terminate().await.code(), Some(0));
}

/// The ids in the object that is put in parts.
const LARGE: std::ops::Range<i64> = 1_000..7_000;

/// Puts an object of two parts: S3's least part of 5 MiB, and the rest.
async fn put_in_parts(aws: &Aws, key: &str) {
    let padded = rows(LARGE).map(|mut row| {
        row["field_of_no_column"] = "x".repeat(1_000).into();
        row
    });
    let body = json_lines(padded).into_bytes();
    let s3 = &aws.clients.s3;
    let upload = s3.create_multipart_upload().bucket(LANDING).key(key).send().await.unwrap().upload_id.unwrap();
    let (first, rest) = body.split_at(5 << 20);
    let mut parts = Vec::new();
    for (number, bytes) in [(1, first), (2, rest)] {
        let part = s3.upload_part().bucket(LANDING).key(key).upload_id(&upload).part_number(number);
        let sent = part.body(bytes.to_vec().into()).send().await.unwrap();
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build());
    }
    let completed = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = s3.complete_multipart_upload().bucket(LANDING).key(key).upload_id(&upload);
    complete.multipart_upload(completed).send().await.unwrap();
}
