//! Several processes at once: more of either role need no configuration, and what a dead one left running is found.

use std::time::Duration;

use aws_sdk_redshiftdata::types::StatusString;
use jiff::Timestamp;
use serde_json::json;
use tidegate::config::{Authentication, Warehouse as Config, WarehouseName};
use tidegate::error::ErrorKind;
use tidegate::load::Warehouse;
use tokio_postgres::NoTls;

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::{Daemon, Start};
use crate::support::postgres::Server;
use crate::support::sandbox::{Aws, Service, Setup};
use crate::support::{LIMIT, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_intake_and_two_load_processes_share_the_work_and_load_every_row_once() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let of = |role: &str| Start::new(&aws, &config).role(role).spawn();
    let intakes: [Daemon; 2] = [of("intake"), of("intake")];
    let loads: [Daemon; 2] = [of("load"), of("load")];
    // Until each has had its part, and then some.
    let mut objects = 0;
    eventually(LIMIT, "all four have work", async || {
        for object in objects..objects + 10 {
            // Each overlaps the one before it by half; the newer one wins by `changed`.
            let lines = (object * 10..object * 10 + 20)
                .map(|id| json!({ "id": id, "amount": object, "note": format!("n{id}"), "changed": object }));
            aws.put_rows(&format!("in/{object}.gz"), lines).await;
        }
        objects += 10;
        let mut all = true;
        for (daemons, metric, outcome) in
            [(&intakes, "tidegate_objects_total", "staged"), (&loads, "tidegate_loads_total", "committed")]
        {
            for daemon in daemons {
                all &= daemon.metrics().await.value(metric, &[("outcome", outcome)]) > 0.0;
            }
        }
        all && objects >= 40
    })
    .await;
    for pipeline in ["numbers", "latest"] {
        aws.until_loaded(pipeline, objects as u64).await;
    }
    aws.until_drained().await;
    let appended = aws.rows("SELECT COUNT(*), COUNT(DISTINCT id), SUM(amount) FROM app.numbers").await;
    let sum: i64 = (0..objects).map(|object| object * 20).sum();
    assert_eq!(appended, [[(objects * 20).to_string(), (objects * 10 + 10).to_string(), sum.to_string()]]);
    // Of each ten ids the newest of two objects: that which begins with them, but for the last ten.
    let newest: i64 = (0..objects).map(|object| object * 10).sum::<i64>() + (objects - 1) * 10;
    let merged = aws.rows("SELECT COUNT(*), SUM(amount) FROM app.latest").await;
    assert_eq!(merged, [[(objects * 10 + 10).to_string(), newest.to_string()]]);
    for pipeline in ["numbers", "latest"] {
        assert_eq!(aws.loaded(pipeline).await, objects as u64);
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
    for mut daemon in intakes.into_iter().chain(loads) {
        assert_eq!(daemon.terminate().await.code(), Some(0));
    }
}

/// What goes wrong elsewhere, rows 13 and 22: the client died and COPY ran on, holding its locks; a query whose outcome nobody asked
/// for is abandoned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_13_22_the_load_of_a_killed_loader_is_found_by_its_name_awaited_and_not_done_twice() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    let mut first = Daemon::start(&aws, &config);
    aws.put_rows("in/0.gz", rows(0..10)).await;
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    first.terminate().await;

    // Somebody holds the table, so that the load waits when its loader is killed.
    let (holder, connection) = tokio_postgres::connect(&server.url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    holder.batch_execute("BEGIN; LOCK TABLE app.numbers IN SHARE MODE").await.unwrap();
    let mut killed = Start::new(&aws, &config).kill_at("load.submitted").spawn();
    aws.put_rows("in/1.gz", rows(10..20)).await;
    killed.wait_for_exit(LIMIT).await;
    let second = Daemon::start(&aws, &config);
    second.until_logged("awaiting the load of another loader").await;
    holder.batch_execute("COMMIT").await.unwrap();
    aws.until_loaded("numbers", 2).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["20", "190"]]);
    aws.assert_balanced("numbers").await;
    let metrics = second.metrics().await;
    assert_eq!(metrics.value("tidegate_orphans_total", &[("outcome", "adopted")]), 1.0);
    assert_eq!(metrics.value("tidegate_rows_loaded_total", &[("fate", "already_loaded")]), 10.0);
    assert_eq!(metrics.value("tidegate_rows_loaded_total", &[("fate", "inserted")]), 0.0);
    drop(holder);
    connection.await.unwrap().unwrap();
}

/// What goes wrong elsewhere, row 13: … for hours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_13_a_load_that_nobody_awaits_and_that_is_too_old_is_cancelled() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let client = &aws.clients.redshift;
    let submit = client.batch_execute_statement().workgroup_name("sandbox").database("dev");
    let submit = submit.statement_name("tidegate-numbers-0123").sqls("SELECT pg_sleep(50)").sqls("SELECT 1");
    let id = submit.send().await.unwrap().id.unwrap();
    let warehouse = Warehouse::new(
        client.clone(),
        Config {
            name: WarehouseName::Workgroup("sandbox".into()),
            database: "dev".into(),
            authentication: Authentication::Iam,
            iam_role: "default".into(),
            ledger_schema: "tidegate".into(),
            statement_timeout: Duration::from_secs(900),
            slices: 1,
        },
    );
    let mut running = Vec::new();
    eventually(LIMIT, "the statement is found", async || {
        running = warehouse.running("tidegate-numbers-").await.unwrap();
        running.len() == 1
    })
    .await;
    assert_eq!(running[0].name, "tidegate-numbers-0123");
    assert!(warehouse.running("tidegate-other-").await.unwrap().is_empty());
    let hours_later = Timestamp::now() + jiff::SignedDuration::from_hours(3);
    let ended = warehouse.adopt(&running[0], Duration::from_secs(1_800), hours_later).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
    eventually(LIMIT, "the statement is cancelled", async || {
        let described = client.describe_statement().id(&id).send().await.unwrap();
        described.status() == Some(&StatusString::Aborted)
    })
    .await;
}
