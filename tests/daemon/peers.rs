//! The same daemon, the same test, the same result, on S3 and SQS that nobody here wrote; only the warehouse is the sandbox's.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Daemon;
use crate::support::peers::Peer;
use crate::support::sandbox::{Aws, LANDING, Service, Setup, gzip, json_lines};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_sandbox_itself() {
    whole_way(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_ministack() {
    let Some(peer) = Peer::ministack() else { return };
    whole_way(Setup { s3: Some(peer.endpoint.clone()), sqs: Some(peer.endpoint.clone()), ..Setup::default() }).await;
}

/// moto sends no sequencer, encodes `/` in keys, and announces a multipart upload twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_moto() {
    let Some(peer) = Peer::moto() else { return };
    whole_way(Setup { s3: Some(peer.endpoint.clone()), sqs: Some(peer.endpoint.clone()), ..Setup::default() }).await;
}

async fn whole_way(setup: Setup) {
    let aws = Aws::with(setup).await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let mut daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/plain.json.gz", rows(0..50)).await;
    aws.put_rows("in/a+b c é.json.gz", rows(25..75)).await;
    let whole = gzip(json_lines(rows(0..1_000)).as_bytes());
    aws.put("in/corrupt.gz", whole[..whole.len() / 2].to_vec()).await;
    multipart(&aws, "in/parts.json").await;
    for pipeline in ["numbers", "latest"] {
        aws.until_loaded(pipeline, 3).await;
    }
    aws.until_drained().await;
    // 0..50, 25..75 and the 200,000 of the upload from 1,000 on.
    let large: i64 = (1_000..201_000).sum();
    let appended: i64 = (0..50).sum::<i64>() + (25..75).sum::<i64>() + large;
    let sums = "SELECT COUNT(*), SUM(id), SUM(amount) FROM app";
    let numbers = aws.rows(&format!("{sums}.numbers")).await.remove(0);
    assert_eq!(numbers, ["200100".to_owned(), appended.to_string(), (2 * appended).to_string()]);
    let merged: i64 = (0..75).sum::<i64>() + large;
    let latest = aws.rows(&format!("{sums}.latest")).await.remove(0);
    assert_eq!(latest, ["200075".to_owned(), merged.to_string(), (2 * merged).to_string()]);
    for pipeline in ["numbers", "latest"] {
        assert_eq!(aws.loaded(pipeline).await, 3);
        aws.assert_balanced(pipeline).await;
    }
    let parked = aws.take(&aws.queues.events_dlq).await;
    assert!(!parked.is_empty(), "the corrupt object is parked");
    for message in &parked {
        assert!(message.body.contains("corrupt.gz"), "{message:?}");
        assert_eq!((message.get("fault"), message.get("kind")), ("poison", "corrupt"));
    }
    assert_eq!(daemon.terminate().await.code(), Some(0));
}

/// An object of two parts, of 5 MiB and a rest.
async fn multipart(aws: &Aws, key: &str) {
    let body = json_lines(rows(1_000..201_000)).into_bytes();
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
