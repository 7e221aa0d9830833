//! The copy for Firehose: against moto's, which delivers to S3, and against none at all.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_firehose::types::ExtendedS3DestinationConfiguration;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use serde_json::{Value, json};
use tidegate::aws::Clients;

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Start;
use crate::support::peers::Peer;
use crate::support::sandbox::{Aws, Service};
use crate::support::{LIMIT, eventually};

/// Streams of moto, each with a bucket of its name.
struct Streams {
    _moto: Peer,
    clients: Clients,
    endpoint: String,
}

impl Streams {
    async fn start(names: &[&str]) -> Option<Streams> {
        let moto = Peer::moto()?;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(moto.endpoint())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .build();
        let clients = Clients::from_config(&config);
        for name in names {
            clients.s3.create_bucket().bucket(*name).send().await.unwrap();
            let destination = ExtendedS3DestinationConfiguration::builder()
                .role_arn("arn:aws:iam::123456789012:role/firehose")
                .bucket_arn(format!("arn:aws:s3:::{name}"))
                .build()
                .unwrap();
            let create = clients.firehose.create_delivery_stream().delivery_stream_name(*name);
            create.extended_s3_destination_configuration(destination).send().await.unwrap();
        }
        Some(Streams { endpoint: moto.endpoint(), _moto: moto, clients })
    }

    /// All lines that were delivered to a bucket.
    async fn lines(&self, bucket: &str) -> Vec<Value> {
        let listed = self.clients.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        let mut lines = Vec::new();
        for object in listed.contents.unwrap_or_default() {
            let get = self.clients.s3.get_object().bucket(bucket).key(object.key.unwrap()).send().await.unwrap();
            let body = get.body.collect().await.unwrap().to_vec();
            let text = String::from_utf8(body).unwrap();
            lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        lines
    }
}

fn with_firehose(pipeline: &str, stream: &str, what: &str) -> String {
    format!("{pipeline}\n[firehose]\nstream = \"{stream}\"\nwhat = \"{what}\"\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_rejects_and_batches_reach_the_streams_s3_destination_the_last_ones_at_the_shutdown() {
    let Some(streams) = Streams::start(&["rows", "rejects", "batches"]).await else { return };
    let aws = Aws::start().await;
    let batches = UPSERT.replace("\"latest\"", "\"told\"").replace("app.latest", "app.told");
    // A batch of it would stay open for long: only the end closes it, and then its rows are still to be sent.
    let slow = APPEND.replace("freshness = \"1s\"", "freshness = \"1h\"");
    let pipelines = [
        with_firehose(&slow, "rows", "rows"),
        with_firehose(UPSERT, "rejects", "rejects"),
        with_firehose(&batches, "batches", "batches"),
    ];
    let config = aws.configure(&Service::default(), &pipelines.each_ref().map(String::as_str));
    let mut daemon = Start::new(&aws, &config).env("AWS_ENDPOINT_URL_FIREHOSE", &streams.endpoint).spawn();
    aws.put_rows("in/a.gz", rows(0..2_000)).await;
    aws.put_rows("in/b.gz", rows(2_000..2_003).chain([json!({ "id": "none" }), json!({ "id": 1.5 })])).await;
    for pipeline in ["latest", "told"] {
        aws.until_loaded(pipeline, 2).await;
    }
    let metrics = async || daemon.metrics().await;
    let told = async || {
        metrics().await.value("tidegate_firehose_lines_total", &[("outcome", "delivered"), ("pipeline", "told")])
    };
    eventually(LIMIT, "a line for each batch that is loaded", async || told().await >= 2.0).await;
    assert_eq!(daemon.terminate().await.code(), Some(0));

    let lines = streams.lines("rows").await;
    assert_eq!(lines.len(), 2_003);
    assert_eq!(
        lines.iter().map(|line| line["id"].as_i64().unwrap()).collect::<BTreeSet<_>>(),
        (0..2_003).collect::<BTreeSet<_>>()
    );
    let keys = ["id", "amount", "note", "_tidegate_object", "_tidegate_row"];
    assert_eq!(lines[0].as_object().unwrap().keys().collect::<BTreeSet<_>>().len(), keys.len(), "{}", lines[0]);
    for line in &lines {
        let id = line["id"].as_i64().unwrap();
        assert_eq!((&line["amount"], &line["note"]), (&json!(id * 2), &json!(format!("n{id}"))));
    }

    let rejects = streams.lines("rejects").await;
    let records: Vec<i64> = rejects.iter().map(|line| line["record"].as_i64().unwrap()).collect();
    assert_eq!(records, [4, 5]);
    assert_eq!(rejects[0]["object_key"], "in/b.gz");

    let batches = streams.lines("batches").await;
    let sum = |event: &str, count: &str| -> i64 {
        batches.iter().filter(|line| line["event"] == event).map(|line| line[count].as_i64().unwrap()).sum()
    };
    assert_eq!((sum("staged", "read"), sum("staged", "rejected"), sum("staged", "staged")), (2_005, 2, 2_003));
    assert_eq!(sum("loaded", "inserted"), 2_003, "{batches:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_firehose_that_is_away_holds_up_no_load_and_what_its_buffer_cannot_take_is_counted() {
    let aws = Aws::start().await;
    let pipeline = with_firehose(APPEND, "away", "rows") + "buffer = 1\n";
    let service = Service { limits: "shutdown_grace = \"3s\"".to_owned(), ..Service::default() };
    let config = aws.configure(&service, &[&pipeline]);
    // A port at which nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut daemon = Start::new(&aws, &config).env("AWS_ENDPOINT_URL_FIREHOSE", &format!("http://{free}")).spawn();
    for object in 0..6_i64 {
        aws.put_rows(&format!("in/{object}.gz"), rows(object * 10..object * 10 + 10)).await;
        aws.until_loaded("numbers", object as u64 + 1).await;
    }
    aws.until_drained().await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 60);
    aws.assert_nothing_parked().await;
    // One is being sent, one waits.
    let metrics = daemon.metrics().await;
    let dropped = metrics.value("tidegate_firehose_lines_total", &[("outcome", "dropped")]);
    assert!((30.0..=50.0).contains(&dropped), "{dropped} of 60 rows dropped");
    assert_eq!(metrics.value("tidegate_firehose_lines_total", &[("outcome", "delivered")]), 0.0);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_for_exit(Duration::from_secs(15)).await.code(), Some(0));
    assert!(daemon.log().contains("are not sent at the end of shutdown_grace"), "{}", daemon.log());
}
