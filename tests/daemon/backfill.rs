//! `tidegate backfill`: what was in the bucket before is loaded, once.

use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::{Daemon, tidegate};
use crate::support::sandbox::{Aws, LANDING, Service, Setup};
use crate::support::{LIMIT, eventually};

/// A bucket whose objects nobody announced.
async fn silent(setup: Setup) -> Aws {
    Aws::with(Setup { announce: false, ..setup }).await
}

fn start(aws: &Aws, config: &Path, arguments: &[&str]) -> Child {
    let mut command = tidegate(aws, "backfill", config);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs `tidegate backfill`; gives its exit code and all that it said.
fn try_backfill(aws: &Aws, config: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    ended(tokio::task::block_in_place(|| start(aws, config, arguments).wait_with_output()).unwrap())
}

fn ended(output: Output) -> (Option<i32>, String) {
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

/// As [`try_backfill`]; it must succeed and say these numbers of what it did.
pub(crate) fn backfill(aws: &Aws, config: &Path, arguments: &[&str], told: &[(u64, &str)]) {
    let (code, said) = try_backfill(aws, config, arguments);
    assert_eq!(code, Some(0), "{said}");
    for (count, what) in told {
        assert!(said.lines().any(|line| line.trim().starts_with(&format!("{count} {what}"))), "{count} {what}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_is_loaded_exactly_and_a_second_run_changes_nothing() {
    let aws = silent(Setup::default()).await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    // Keys that notifications and listings encode, more than a call of SQS takes, and what is not meant.
    for at in 0..23 {
        aws.put_rows(&format!("in/day 1/a+{at}=ü%.gz"), rows(at * 10..at * 10 + 10)).await;
    }
    aws.put_rows("in/other/x", rows(0..5)).await;
    aws.put_rows("out/x", rows(0..5)).await;
    let address = format!("s3://{LANDING}/in/day");

    let dry = [&address, "--dry-run"];
    backfill(&aws, &config, &dry, &[(23, "objects listed"), (0, "loaded already"), (23, "would be announced")]);
    assert_eq!(aws.depth(&aws.queues.events).await, 0, "a dry run sends nothing");
    backfill(&aws, &config, &[&address], &[(23, "objects listed"), (23, "announced")]);
    assert_eq!(aws.depth(&aws.queues.events).await, 23, "a message an object");
    // Again before anything is loaded: each is announced twice.
    backfill(&aws, &config, &[&address], &[(0, "loaded already"), (23, "announced")]);
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 23).await;
    aws.until_drained().await;
    let exact = || async {
        assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["230", "26335"]]);
        assert_eq!(aws.loaded("numbers").await, 23);
        aws.assert_balanced("numbers").await;
        aws.assert_nothing_parked().await;
    };
    exact().await;
    backfill(&aws, &config, &[&address], &[(23, "loaded already"), (0, "announced")]);
    let whole = format!("s3://{LANDING}");
    backfill(
        &aws,
        &config,
        &[&whole, "--dry-run"],
        &[(25, "objects"), (1, "wanted by no"), (23, "loaded"), (1, "would")],
    );
    aws.until_drained().await;
    exact().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_event_of_s3_loaded_is_known_and_of_versions_only_the_current_one_is_announced() {
    let aws = Aws::with(Setup { versioned: true, ..Setup::default() }).await;
    let config = aws.configure(&Service::default(), &[UPSERT]);
    let row = |amount: u64| json!({ "id": 1, "amount": amount, "note": "n", "changed": amount });
    let mut daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a", [row(1)]).await;
    aws.until_loaded("latest", 1).await;
    aws.until_drained().await;
    daemon.terminate().await;
    backfill(&aws, &config, &["s3://landing/in/"], &[(1, "objects listed"), (1, "loaded already"), (0, "announced")]);

    // A newer version, and an object that is deleted again, whose events are lost.
    aws.put_rows("in/a", [row(2)]).await;
    aws.put_rows("in/b", [json!({ "id": 2 })]).await;
    aws.delete("in/b").await;
    eventually(LIMIT, "the events are lost", async || {
        aws.take(&aws.queues.events).await;
        aws.depth(&aws.queues.events).await == 0
    })
    .await;
    backfill(&aws, &config, &["s3://landing/in/"], &[(1, "objects listed"), (0, "loaded already"), (1, "announced")]);
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("latest", 2).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT id, amount FROM app.latest").await, [["1", "2"]]);
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_told_by_the_key_or_by_the_last_change_and_a_pipeline_can_be_named() {
    let dated = APPEND.replace("in/**", "in/{day}/*").replace("[target]", "day = \"date\"\n[target]");
    let other = UPSERT.replace("in/**", "in/2026-01-02/*");
    let aws = silent(Setup::default()).await;
    let config = aws.configure(&Service::default(), &[&dated, &other]);
    for day in ["2026-01-01", "2026-01-02", "2026-01-03", "soon"] {
        aws.put_rows(&format!("in/{day}/a"), [json!({ "id": 1 })]).await;
    }
    let place = "s3://landing/";
    let by_key = [place, "--pipeline", "numbers", "--by", "day", "--since", "2026-01-02", "--until", "2026-01-02"];
    backfill(&aws, &config, &by_key, &[(4, "objects"), (2, "of other days"), (1, "without a day"), (1, "announced")]);
    assert_eq!(aws.depth(&aws.queues.events).await, 1);
    let before = [place, "--until", "2020-01-01", "--dry-run"];
    backfill(&aws, &config, &before, &[(4, "of other days"), (0, "would be announced")]);
    let since = [place, "--since", "2020-01-01", "--dry-run"];
    backfill(&aws, &config, &since, &[(0, "of other days"), (4, "would be announced")]);
    let named = [place, "--pipeline", "latest", "--dry-run"];
    backfill(&aws, &config, &named, &[(3, "not wanted by latest"), (1, "would be announced")]);

    for (arguments, told) in [
        (&[place, "--by", "day", "--since", "2026-01-01"][..], "the keys of the pipeline latest have no capture {day}"),
        (&[place, "--by", "day"], "give one of them"),
        (&["s3://elsewhere/"], "no pipeline that could be meant reads the bucket elsewhere"),
        (&["landing/in"], "write it as s3://bucket/prefix"),
        (&[place, "--pipeline", "none"], "there are numbers, latest"),
    ] {
        let (code, said) = try_backfill(&aws, &config, arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(told), "{told}: {said}");
    }
    assert_eq!(aws.depth(&aws.queues.events).await, 1, "none of these sends anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_says_where_to_go_on_and_the_rest_is_announced_once() {
    let aws = silent(Setup::default()).await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    for at in 0..60 {
        aws.put_rows(&format!("in/it's {at:02}"), rows(at..at + 1)).await;
    }
    // Ten a second: it takes 5 s, and is ended in between.
    let child = start(&aws, &config, &["s3://landing/in/", "--rate", "10"]);
    eventually(LIMIT, "some are sent", async || aws.depth(&aws.queues.events).await >= 10).await;
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
    assert!(sent.success());
    let (code, said) = ended(tokio::task::block_in_place(|| child.wait_with_output()).unwrap());
    assert_eq!(code, Some(130), "{said}");
    let first = aws.depth(&aws.queues.events).await;
    assert!((10..60).contains(&first), "{first}: {said}");
    assert!(said.contains(&format!("{first} announced")), "{said}");
    let (_, key) = said.split_once("--start-after ").unwrap();
    assert_eq!(key.lines().next().unwrap(), format!("'in/it'\\''s {:02}'", first - 1), "{said}");

    let key = format!("in/it's {:02}", first - 1);
    let resumed = ["s3://landing/in/", "--start-after", &key];
    backfill(&aws, &config, &resumed, &[(60 - first, "objects listed"), (60 - first, "announced")]);
    assert_eq!(aws.depth(&aws.queues.events).await, 60, "each once");
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 60).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["60", "1770"]]);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_of_a_pipeline_that_replaces_objects_is_found_to_be_there_and_changes_nothing() {
    let replacing = APPEND.replace("mode = \"append\"", "mode = \"replace-object\"");
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[&replacing]);
    let _daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a", rows(0..10)).await;
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    // Its identity has the event's sequencer, which a listing lacks: it is read again, and is no newer.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    backfill(&aws, &config, &["s3://landing/in/"], &[(1, "announced")]);
    aws.until_loaded("numbers", 2).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["10", "45"]]);
    backfill(&aws, &config, &["s3://landing/in/"], &[(1, "loaded already"), (0, "announced")]);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}
