//! `tidegate redrive`: what is parked is shown, goes back, is never lost, and is loaded once.

use std::path::Path;
use std::process::Stdio;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use serde_json::Value;
use tidegate::failpoint::REDRIVE_STEPS;

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::{Daemon, Start, tidegate};
use crate::support::sandbox::{Aws, Service, gzip, json_lines};

/// Runs `tidegate redrive`; gives what it prints to standard output and to standard error. It must succeed.
pub(crate) fn redrive(aws: &Aws, config: &Path, arguments: &[&str]) -> (String, String) {
    let (code, out, err) = try_redrive(aws, config, arguments, None);
    assert_eq!(code, Some(0), "{out}{err}");
    (out, err)
}

fn try_redrive(aws: &Aws, config: &Path, arguments: &[&str], kill_at: Option<&str>) -> (Option<i32>, String, String) {
    let mut command = tidegate(aws, "redrive", config);
    if let Some(step) = kill_at {
        command.env("TIDEGATE_KILL_AT", step);
    }
    let command = command.args(arguments).stdin(Stdio::null());
    let ended = tokio::task::block_in_place(|| command.output()).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_object_that_is_put_again_is_loaded_once_and_its_redriven_event_ends_as_replaced() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let whole = gzip(json_lines(rows(0..100)).as_bytes());
    aws.put("in/a.gz", whole[..whole.len() - 9].to_vec()).await;
    let daemon = Daemon::start(&aws, &config);
    aws.until_depth(&aws.queues.events_dlq, 1).await;
    let (table, _) = redrive(&aws, &config, &["--queue", "events", "--list"]);
    for told in ["events: 1 parked", "numbers", "poison", "corrupt", "s3://landing/in/a.gz"] {
        assert!(table.contains(told), "{told}: {table}");
    }
    // It announces itself, whatever becomes of the parked event.
    aws.put("in/a.gz", whole).await;
    aws.until_loaded("numbers", 1).await;

    let (dry, _) = redrive(&aws, &config, &["--queue", "events", "--dry-run"]);
    assert!(dry.contains("would go back to") && dry.contains(": 1, by one move task"), "{dry}");
    let (told, progress) = redrive(&aws, &config, &["--queue", "events", "--move"]);
    assert!(told.contains("events: 1 moved back to"), "{told}{progress}");
    aws.until_drained().await;
    aws.assert_nothing_parked().await;
    assert_eq!(daemon.metrics().await.value("tidegate_objects_total", &[("outcome", "replaced")]), 1.0);
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["100", "4950"]]);
    aws.assert_balanced("numbers").await;
    let (none, _) = redrive(&aws, &config, &["--queue", "events", "--move"]);
    assert!(none.contains("nothing is parked"), "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_messages_of_the_pipeline_that_is_named_are_moved() {
    let aws = Aws::start().await;
    // Parked without attributes, as SQS parks: the objects that they announce tell their pipelines.
    let other = UPSERT.replace("in/**", "other/**");
    let config = aws.configure(&Service::default(), &[APPEND, &other]);
    for key in ["in/a.gz", "other/b.gz"] {
        aws.put_rows(key, rows(0..10)).await;
    }
    let sqs = &aws.clients.sqs;
    // And the test event that S3 sends for a new notification.
    aws.until_depth(&aws.queues.events, 3).await;
    for _ in 0..3 {
        let received = sqs.receive_message().queue_url(&aws.queues.events).wait_time_seconds(5).send().await.unwrap();
        let message = received.messages.unwrap().remove(0);
        let body = message.body.unwrap();
        if body.contains("Records") {
            sqs.send_message().queue_url(&aws.queues.events_dlq).message_body(body).send().await.unwrap();
        }
        let delete = sqs.delete_message().queue_url(&aws.queues.events);
        delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
    }
    aws.until_depth(&aws.queues.events_dlq, 2).await;
    let (shown, _) = redrive(&aws, &config, &["--queue", "events", "--pipeline", "latest", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["messages"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["messages"][0]["what"], "s3://landing/other/b.gz");
    redrive(&aws, &config, &["--queue", "events", "--pipeline", "latest", "--move"]);
    assert_eq!((aws.depth(&aws.queues.events).await, aws.depth(&aws.queues.events_dlq).await), (1, 1));
    let (code, _, error) = try_redrive(&aws, &config, &["--queue", "events", "--pipeline", "none"], None);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("numbers, latest"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_parked_by_a_failing_check_is_redriven_once_its_cause_is_mended_and_loads_once() {
    const CHECK: &str = r#"
[[check]]
name = "notes are known"
sql = "SELECT COUNT(*) FROM {{ stage }} s LEFT JOIN app.known k ON k.note = s.note WHERE k.note IS NULL"
expect = 0
"#;
    let aws = Aws::start().await;
    aws.rows("CREATE SCHEMA app").await;
    aws.rows("CREATE TABLE app.known (note VARCHAR(64))").await;
    let config = aws.configure(&Service::default(), &[&format!("{APPEND}{CHECK}")]);
    let note = |id: u64| serde_json::json!({ "id": id, "amount": 1, "note": "new" });
    aws.put_rows("in/a.gz", (0..100).map(note)).await;
    let mut daemon = Daemon::start(&aws, &config);
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    aws.until_drained().await;

    // What an operator is told: who, what, and which check.
    let (table, _) = redrive(&aws, &config, &["--queue", "loads", "--list"]);
    for told in ["loads: 1 parked", "numbers", "poison", "check-failed", "batch ", "\"notes are known\" does not hold"]
    {
        assert!(table.contains(told), "{told}: {table}");
    }
    let (shown, _) = redrive(&aws, &config, &["--queue", "loads", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let parked = &shown["messages"][0];
    let told = ["fault", "kind"].map(|name| parked[name].as_str().unwrap());
    assert_eq!(told, ["poison", "check-failed"], "{shown}");
    assert!(parked["reason"].as_str().unwrap().contains("notes are known"), "{shown}");

    // Redriven too soon, it is parked again, and nothing is committed.
    redrive(&aws, &config, &["--queue", "loads", "--pipeline", "numbers", "--move"]);
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    aws.until_drained().await;
    assert_eq!(aws.loaded("numbers").await, 0);
    let parked = [("queue", "loads"), ("kind", "check-failed")];
    assert_eq!(daemon.metrics().await.value("tidegate_parked_total", &parked), 2.0);
    assert_eq!(daemon.metrics().await.value("tidegate_objects_total", &[("outcome", "staged")]), 1.0);

    // Mended in the warehouse, by the pipeline's owner.
    aws.rows("INSERT INTO app.known VALUES ('new')").await;
    redrive(&aws, &config, &["--queue", "loads", "--move"]);
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    aws.assert_nothing_parked().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["100", "4950"]]);

    // Or the check is relaxed, with the next start.
    aws.put_rows("in/b.gz", [serde_json::json!({ "id": 100, "amount": 1, "note": "newer" })]).await;
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    aws.until_drained().await;
    daemon.terminate().await;
    let relaxed = format!("{APPEND}{CHECK}severity = \"warn\"\n");
    let config = aws.configure(&Service::default(), &[&relaxed]);
    redrive(&aws, &config, &["--queue", "loads", "--move"]);
    let relaxed = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 2).await;
    aws.until_drained().await;
    aws.assert_nothing_parked().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["101", "5050"]]);
    aws.assert_balanced("numbers").await;
    // From their manifests: the sources are not read again.
    assert_eq!(relaxed.metrics().await.value("tidegate_objects_total", &[("outcome", "staged")]), 0.0);
}

/// Stages a batch and parks its load as SQS does when it was received too often.
async fn parked_load(aws: &Aws, config: &Path) {
    aws.put_rows("in/a.gz", rows(0..10)).await;
    let mut intake = Start::new(aws, config).role("intake").spawn();
    aws.until_depth(&aws.queues.loads, 1).await;
    aws.until_depth(&aws.queues.events, 0).await;
    intake.terminate().await;
    let sqs = &aws.clients.sqs;
    let receive = sqs.receive_message().queue_url(&aws.queues.loads);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    let send = sqs.send_message().queue_url(&aws.queues.loads_dlq).message_body(message.body.unwrap());
    send.message_group_id("numbers").message_deduplication_id("any").send().await.unwrap();
    let delete = sqs.delete_message().queue_url(&aws.queues.loads);
    delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redrive_killed_after_any_step_and_run_again_loses_nothing_and_doubles_nothing() {
    for step in REDRIVE_STEPS {
        let aws = Aws::start().await;
        let config = aws.configure(&Service::default(), &[APPEND]);
        parked_load(&aws, &config).await;
        // One by one, or as a whole where that is the step.
        let arguments: &[&str] = match *step {
            "redrive.started" => &["--queue", "loads", "--move"],
            _ => &["--queue", "loads", "--pipeline", "numbers", "--move"],
        };
        let (code, _, _) = try_redrive(&aws, &config, arguments, Some(step));
        assert_eq!(code, None, "{step}: it was to die by SIGKILL");
        assert!(aws.depth(&aws.queues.loads).await + aws.depth(&aws.queues.loads_dlq).await >= 1, "{step}: lost");
        crate::support::eventually(std::time::Duration::from_secs(90), "all is moved", async || {
            redrive(&aws, &config, arguments);
            aws.depth(&aws.queues.loads_dlq).await == 0
        })
        .await;
        assert_eq!(aws.depth(&aws.queues.loads).await, 1, "{step}: sent back twice within five minutes is once");
        let _load = Start::new(&aws, &config).role("load").spawn();
        aws.until_loaded("numbers", 1).await;
        aws.until_drained().await;
        assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 10, "{step}");
        aws.assert_balanced("numbers").await;
    }
}
