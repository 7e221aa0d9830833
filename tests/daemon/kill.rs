//! A daemon that dies between any two steps leaves nothing undone and nothing done twice.

use std::os::unix::process::ExitStatusExt;

use futures_util::future::join_all;
use tidegate::failpoint::STEPS;

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::LIMIT;
use crate::support::daemon::{Daemon, Start};
use crate::support::sandbox::{Aws, Service};

/// Steps tried at the same time: each has a sandbox of its own, and mostly waits for messages to come again.
const AT_ONCE: usize = 5;

/// What goes wrong elsewhere, row 12: state lives in the transaction that loads; counts reconcile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_12_a_daemon_killed_after_any_step_and_started_again_leaves_the_exact_target() {
    for steps in STEPS.chunks(AT_ONCE) {
        join_all(steps.iter().map(|step| killed_at(step))).await;
    }
}

async fn killed_at(step: &str) {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let mut daemon = Start::new(&aws, &config).kill_at(step).spawn();
    for object in 0..3_i64 {
        let first = object * 10;
        // With a record that is rejected, so that there is a quarantine; and overlapping keys, so that some rows are superseded.
        let lines = rows(first..first + 15).chain([serde_json::json!({ "id": "none", "amount": 1 })]);
        aws.put_rows(&format!("in/{object}.json.gz"), lines).await;
    }
    let end = daemon.wait_for_exit(LIMIT).await;
    assert_eq!(end.signal(), Some(9), "{step}: it was to die by SIGKILL: {end}");

    let mut again = Daemon::start(&aws, &config);
    for pipeline in ["numbers", "latest"] {
        aws.until_loaded(pipeline, 3).await;
    }
    aws.until_drained().await;
    // 0..15, 10..25, 20..35, each with one rejected record.
    let appended = aws.rows("SELECT COUNT(*), SUM(id), SUM(amount), COUNT(DISTINCT note) FROM app.numbers").await;
    assert_eq!(appended, [["45", "765", "1530", "35"]], "{step}");
    let merged = aws.rows("SELECT COUNT(*), SUM(id), SUM(amount), COUNT(DISTINCT id) FROM app.latest").await;
    assert_eq!(merged, [["35", "595", "1190", "35"]], "{step}");
    for pipeline in ["numbers", "latest"] {
        aws.assert_balanced(pipeline).await;
        let objects = format!("SELECT SUM(rows_read), SUM(rows_rejected) FROM tidegate.objects_{pipeline}");
        assert_eq!(aws.rows(&objects).await, [["48", "3"]], "{step}");
    }
    aws.assert_nothing_parked().await;
    assert_eq!(again.terminate().await.code(), Some(0), "{step}");
}
