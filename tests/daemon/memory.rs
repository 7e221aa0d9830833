//! What the whole daemon takes of memory, whatever it reads: by the kernel's own count of its peak.
//!
//! `TIDEGATE_TEST_LARGE_BYTES` is the size of the large object after decompression, 300 MB if it is not set; `TIDEGATE_TEST_TINY_OBJECTS` the number of
//! the tiny ones, 10,000.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::pipelines::APPEND;
use crate::support::daemon::{Daemon, Start};
use crate::support::eventually;
use crate::support::sandbox::{Aws, LANDING, STAGING, Service};

/// The most that a daemon may have resident at any time.
const MOST: u64 = 256 << 20;

/// The longest that one of these tests may take with its default sizes; larger ones get more.
const LIMIT: Duration = Duration::from_secs(300);

fn scaled(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Gzip members that inflate to `bytes` of JSON lines in all, and what `note` holds beside; each member is the same, so that a few MB stand for many GB.
fn large(bytes: u64) -> (Vec<u8>, u64) {
    const ROWS: u64 = 8_192;
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    let mut length = 0;
    for id in 0..ROWS {
        let line = format!(
            "{{\"id\":{id},\"amount\":{},\"unread\":\"{}\",\"note\":\"note {}\"}}\n",
            id % 1_000,
            "x".repeat(800),
            id % 97
        );
        length += line.len() as u64;
        member.write_all(line.as_bytes()).unwrap();
    }
    let member = member.finish().unwrap();
    let members = bytes.div_ceil(length);
    (member.repeat(members as usize), members * ROWS)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_is_staged_within_256_mib_resident() {
    let bytes = scaled("TIDEGATE_TEST_LARGE_BYTES", 300_000_000);
    let limit = LIMIT.max(Duration::from_secs(bytes / 5_000_000));
    let aws = Aws::start().await;
    let pipeline = APPEND.replace("format = \"json-lines\"", "format = \"json-lines\"\nmax_expansion = 1000000");
    let config = aws.configure(&Service { visibility: "60s", ..Service::default() }, &[&pipeline]);
    let (body, rows) = large(bytes);
    println!("{bytes} bytes as {} of gzip, {rows} rows", body.len());
    aws.put("in/large.gz", body).await;
    // The loads are the warehouse's work; a test's own is the time that they would take.
    let daemon = Start::new(&aws, &config).role("intake").spawn();
    let manifest = manifest_of(&aws, limit, 1).await;
    let staged: u64 = manifest["files"].as_array().unwrap().iter().map(|file| file["rows"].as_u64().unwrap()).sum();
    assert_eq!(staged, rows);
    let peak = daemon.peak_memory();
    println!("peak {} MiB", peak >> 20);
    assert!(peak < MOST, "{} MiB", peak >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tiny_objects_are_loaded_within_256_mib_resident() {
    let objects = scaled("TIDEGATE_TEST_TINY_OBJECTS", 10_000);
    let aws = Aws::start().await;
    let pipeline = APPEND.replace("freshness = \"1s\"", "freshness = \"10s\"");
    let config = aws.configure(&Service { visibility: "60s", ..Service::default() }, &[&pipeline]);
    let daemon = Daemon::start(&aws, &config);
    stream::iter(0..objects)
        .for_each_concurrent(16, |id| {
            let body = format!("{{\"id\":{id},\"amount\":1,\"note\":\"tiny\"}}\n").into_bytes();
            let put = aws.clients.s3.put_object().bucket(LANDING).key(format!("in/{id}.json")).body(body.into());
            async move {
                put.send().await.unwrap();
            }
        })
        .await;
    eventually(LIMIT, "all objects in the ledger", async || aws.loaded("numbers").await >= objects).await;
    assert_eq!(aws.number("SELECT COUNT(DISTINCT id) FROM app.numbers").await, objects as i64);
    let peak = daemon.peak_memory();
    println!("{objects} objects, peak {} MiB", peak >> 20);
    assert!(peak < MOST, "{} MiB", peak >> 20);
    aws.assert_nothing_parked().await;
}

/// The manifest of the first batch that has `objects` objects.
async fn manifest_of(aws: &Aws, limit: Duration, objects: usize) -> Value {
    let mut found = None;
    eventually(limit, "a manifest", async || {
        for key in aws.keys(STAGING, "tidegate/batches/").await {
            if key.ends_with("manifest.json") {
                let manifest: Value = serde_json::from_slice(&aws.get(STAGING, &key).await).unwrap();
                if manifest["objects"].as_array().unwrap().len() == objects {
                    found = Some(manifest);
                }
            }
        }
        found.is_some()
    })
    .await;
    found.unwrap()
}
