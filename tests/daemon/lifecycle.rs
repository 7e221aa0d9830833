//! Starting, stopping, and the roles of a process.

use std::time::Duration;

use serde_json::json;

use crate::exactly_once::rows;
use crate::pipelines::APPEND;
use crate::support::LIMIT;
use crate::support::daemon::{Daemon, Start};
use crate::support::sandbox::{Aws, STAGING, Service, gzip, json_lines};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_told_to_stop_ends_well_and_loses_nothing() {
    let aws = Aws::start().await;
    // A batch would stay open for half an hour: only the end closes it.
    let slow = APPEND.replace("freshness = \"1s\"", "freshness = \"1h\"");
    let config = aws.configure(&Service::default(), &[&slow]);
    let mut daemon = Daemon::start(&aws, &config);
    for object in 0..20 {
        aws.put_rows(&format!("in/{object}.gz"), rows(0..100)).await;
    }
    daemon.until_logged("ready").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(daemon.terminate().await.code(), Some(0));
    assert!(daemon.log().contains("stopped"), "{}", daemon.log());
    assert_eq!(daemon.log().matches("panicked").count(), 0);

    let config = aws.configure(&Service::default(), &[APPEND]);
    let _second = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 20).await;
    aws.until_drained().await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 2_000);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intake_and_load_can_be_two_processes() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let intake = Start::new(&aws, &config).role("intake").spawn();
    aws.put_rows("in/a.gz", rows(0..10)).await;
    aws.until_depth(&aws.queues.loads, 1).await;
    assert_eq!(aws.loaded("numbers").await, 0, "intake alone loads nothing");
    assert_eq!(intake.metrics().await.value("tidegate_objects_total", &[("outcome", "staged")]), 1.0);
    let load = Start::new(&aws, &config).role("load").spawn();
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 10);
    assert_eq!(load.metrics().await.value("tidegate_loads_total", &[("outcome", "committed")]), 1.0);
    assert_eq!(load.get("/healthz").await.0, 200);
    assert_eq!(load.get("/readyz").await.0, 200);
    assert_eq!(load.get("/").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_queue_ends_the_process_with_what_to_do() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let text = std::fs::read_to_string(&config).unwrap().replace("/tidegate-events\"", "/no-such-queue\"");
    std::fs::write(&config, text).unwrap();
    let mut daemon = Daemon::start(&aws, &config);
    assert_eq!(daemon.wait_for_exit(LIMIT).await.code(), Some(1));
    assert!(daemon.log().contains("error: ") && daemon.log().contains("no-such-queue"), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_cannot_work_is_told_whole_with_places_and_remedies() {
    let aws = Aws::start().await;
    let bad =
        APPEND.replace("mode = \"append\"", "mode = \"upsert\"\nnewest = [\"id\"]").replace("\"integer\"", "\"text\"");
    let config = aws.configure(&Service { on_unrouted: "drop", ..Service::default() }, &[&bad]);
    let mut daemon = Daemon::start(&aws, &config);
    assert_eq!(daemon.wait_for_exit(LIMIT).await.code(), Some(2));
    let log = daemon.log();
    for told in ["on_unrouted", "tidegate.toml:8", "newest", "p0.toml:", "varchar(256)", "key", "help: "] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert!(log.matches("error: ").count() >= 4, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_missing_is_waited_for() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[&APPEND.replace("create = true", "create = false")]);
    let daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a.gz", rows(0..10)).await;
    daemon.until_logged("set create = true").await;
    aws.assert_nothing_parked().await;
    aws.rows("CREATE SCHEMA IF NOT EXISTS app").await;
    aws.rows("CREATE TABLE app.numbers (id BIGINT NOT NULL, amount INTEGER, note VARCHAR(64), \"_tidegate_object\" VARCHAR(32), \"_tidegate_row\" BIGINT)").await;
    aws.until_loaded("numbers", 1).await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 10);
}

/// What goes wrong elsewhere, row 21: large file → out of memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_21_an_object_larger_than_its_buffer_writes_files_of_its_own_whole_or_not_at_all() {
    let aws = Aws::start().await;
    let service = Service { limits: "object_buffer = \"1MiB\"".to_owned(), ..Service::default() };
    let config = aws.configure(&service, &[APPEND]);
    let large = gzip(json_lines(rows(0..120_000)).as_bytes());
    aws.put("in/large.gz", large.clone()).await;
    aws.put("in/cut.gz", large[..large.len() - 20].to_vec()).await;
    aws.put_rows("in/small.gz", rows(0..10)).await;
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 2).await;
    aws.until_depth(&aws.queues.events_dlq, 1).await;
    aws.until_drained().await;
    let sum: i64 = (0..120_000).sum::<i64>() + 45;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["120010".to_owned(), sum.to_string()]]);
    assert_eq!(
        aws.number("SELECT SUM(files) FROM tidegate.batches_numbers").await,
        aws.keys(STAGING, "tidegate/data/").await.len() as i64
    );
    aws.assert_balanced("numbers").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_takes_several_threads_is_loaded_row_for_row_and_leaves_nothing_where_it_is_cut_off() {
    const ROWS: i64 = 150_000;
    let aws = Aws::start().await;
    let service = Service { limits: "object_buffer = \"2MiB\"".to_owned(), ..Service::default() };
    let config = aws.configure(&service, &[APPEND]);
    // Texts that do not compress: the object is decompressed on a thread of its own, and its file is uploaded in parts.
    let mut random = fastrand::Rng::with_seed(5);
    let notes: Vec<String> = (0..ROWS).map(|_| format!("{:032x}{:032x}", random.u128(..), random.u128(..))).collect();
    let lines = (0..).zip(&notes).map(|(id, note)| json!({ "id": id, "amount": id % 1_000, "note": note }));
    let large = gzip(json_lines(lines).as_bytes());
    assert!(large.len() > 8 << 20, "{} bytes", large.len());
    aws.put("in/cut.gz", large[..large.len() / 5 * 4].to_vec()).await;
    aws.put("in/large.gz", large).await;
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 1).await;
    aws.until_depth(&aws.queues.events_dlq, 1).await;
    aws.until_drained().await;
    assert_eq!(aws.take(&aws.queues.events_dlq).await[0].get("kind"), "corrupt");
    let counts = "SELECT COUNT(*), COUNT(DISTINCT id), SUM(amount), MIN(note), MAX(note) FROM app.numbers";
    let sum: i64 = (0..ROWS).map(|id| id % 1_000).sum();
    let expected = [ROWS.to_string(), ROWS.to_string(), sum.to_string()];
    let expected =
        expected.into_iter().chain([notes.iter().min().unwrap().clone(), notes.iter().max().unwrap().clone()]);
    assert_eq!(aws.rows(counts).await, [expected.collect::<Vec<_>>()]);
    for id in [0, 1, ROWS / 2, ROWS - 1] {
        let note = aws.rows(&format!("SELECT note, \"_tidegate_row\" FROM app.numbers WHERE id = {id}")).await;
        assert_eq!(note, [[notes[id as usize].clone(), (id + 1).to_string()]]);
    }
    let uploads = aws.clients.s3.list_multipart_uploads().bucket(STAGING).send().await.unwrap();
    assert!(uploads.uploads().is_empty(), "{uploads:?}");
    assert_eq!(
        aws.number("SELECT SUM(files) FROM tidegate.batches_numbers").await,
        aws.keys(STAGING, "tidegate/data/").await.len() as i64
    );
    aws.assert_balanced("numbers").await;
}
