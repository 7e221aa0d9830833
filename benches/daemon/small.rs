//! Many small objects: how many a second, and by how many requests.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tidegate::config::{Config, Pipeline};
use tidegate::pipeline::{Daemon, Role};
use tokio_util::sync::CancellationToken;

use crate::cpu_seconds;
use crate::stores::Stores;
use crate::workload::{Events, Form};

/// So many events make about 1 KB of gzip.
const EVENTS: u64 = 3;

/// Bodies that differ.
const BODIES: u64 = 512;

fn bodies() -> Vec<Bytes> {
    (0..BODIES).map(|seed| Events::new(Form::JsonLines, seed, 0).gzip(EVENTS).0.into()).collect()
}

/// The service and the pipeline of the workload.
fn config() -> Config {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    let path = folder.path().join("tidegate.toml");
    std::fs::write(&path, include_str!("../workload/tidegate.toml")).unwrap();
    std::fs::write(folder.path().join("pipelines/events.toml"), include_str!("../workload/events.toml")).unwrap();
    tidegate::config::load(&path, &|name| std::env::var(name).ok()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Runs intake until all objects are staged and their messages deleted.
pub async fn intake(stores: &Stores, objects: u64, adjust: impl Fn(&mut Pipeline)) -> Duration {
    let mut config = config();
    config.pipelines.iter_mut().for_each(adjust);
    let shutdown = CancellationToken::new();
    let since = Instant::now();
    let daemon = tokio::spawn(Daemon::new(config, stores.clients(), Role::Intake).run(shutdown.clone()));
    stores.until_deleted(objects).await;
    let took = since.elapsed();
    shutdown.cancel();
    daemon.await.unwrap().unwrap();
    took
}

/// What the AWS SDK alone does of the same requests: receive, read every object, delete.
async fn sdk_alone(stores: &Stores, objects: u64) -> Duration {
    let clients = stores.clients();
    let since = Instant::now();
    let url = "http://stores.invalid/000000000000/events";
    stream::iter(0..objects.div_ceil(10))
        .for_each_concurrent(8, |_| async {
            let receive = clients.sqs.receive_message().queue_url(url).max_number_of_messages(10);
            let messages = receive.send().await.unwrap().messages.unwrap_or_default();
            let mut delete = clients.sqs.delete_message_batch().queue_url(url);
            for message in messages {
                let number = message.message_id.unwrap();
                let get = clients.s3.get_object().bucket("landing").key(format!("events/{number}.gz"));
                let body = get.if_match(format!("\"{number}\"")).send().await.unwrap().body;
                body.collect().await.unwrap();
                let entry = aws_sdk_sqs::types::DeleteMessageBatchRequestEntry::builder();
                delete = delete.entries(entry.id(&number).receipt_handle(&number).build().unwrap());
            }
            delete.send().await.unwrap();
        })
        .await;
    since.elapsed()
}

pub async fn rate(objects: u64, latency_ms: u64) {
    let (bodies, latency) = (bodies(), Duration::from_millis(latency_ms));
    let bytes: usize = bodies.iter().map(Bytes::len).sum();
    println!("{objects} objects of {} bytes, of {EVENTS} rows; each request takes {latency:?}", bytes / bodies.len());
    for _ in 0..3 {
        let before = cpu_seconds();
        let alone = sdk_alone(&Stores::new(bodies.clone(), objects, latency), objects).await;
        let between = cpu_seconds();
        let stores = Stores::new(bodies.clone(), objects, latency);
        // So that the last batch is closed by its size, and nothing waits for the freshness that the pipeline owes.
        let batch = objects.div_ceil(2).min(10_000) as usize;
        let whole = intake(&stores, objects, |pipeline| pipeline.batch.max_objects = batch).await;
        let (alone_cpu, cpu) = (between - before, cpu_seconds() - between);
        assert_eq!(stores.staged(), (objects, objects * EVENTS), "every object is staged once");
        let each = |seconds: f64| seconds * 1e6 / objects as f64;
        println!(
            "  SDK alone {:6.0}/s, {:4.0} us CPU each; intake {:6.0}/s, {:4.0} us CPU each: {:.2} of the SDK's rate, {:.2} of its CPU; {:.0} objects per CPU second",
            objects as f64 / alone.as_secs_f64(),
            each(alone_cpu),
            objects as f64 / whole.as_secs_f64(),
            each(cpu),
            alone.as_secs_f64() / whole.as_secs_f64(),
            cpu / alone_cpu,
            objects as f64 / cpu,
        );
    }
}

/// What no way of doing it can do without, for so many objects in so many batches.
fn least(objects: u64, batches: u64) -> Vec<(&'static str, u64)> {
    vec![
        ("receive", objects.div_ceil(10)),
        ("GET of an object", objects),
        ("delete", objects.div_ceil(10)),
        ("PUT of a data file", batches),
        ("PUT of an objects file", batches),
        ("PUT of a manifest", batches),
        ("send a load", batches),
    ]
}

pub async fn requests(objects: u64) {
    let stores = Stores::new(bodies(), objects, Duration::ZERO);
    let took = intake(&stores, objects, |_| {}).await;
    let requests = stores.requests();
    let batches = requests["PUT of a manifest"];
    let least = least(objects, batches);
    let million = |count: u64| count as f64 * 1e6 / objects as f64;
    println!("{objects} objects in {batches} batches, {:.1} s; requests per million objects", took.as_secs_f64());
    println!("  {:26} {:>10} {:>10}", "", "made", "least");
    for (kind, made) in &requests {
        let needed = least.iter().find(|(known, _)| known == kind).map_or(0, |(_, needed)| *needed);
        println!("  {kind:26} {:>10.0} {:>10.0}", million(*made), million(needed));
    }
    let (made, needed) = (requests.values().sum::<u64>(), least.iter().map(|(_, needed)| needed).sum::<u64>());
    println!("  {:26} {:>10.0} {:>10.0}", "in all", million(made), million(needed));
    println!("  {:.3} of the least; where S3 itself is asked once an object", made as f64 / needed as f64);
}
