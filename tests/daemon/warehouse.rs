//! A warehouse that is slow, that keeps no one waiting for ever, and whose answers are lost.

use std::time::Duration;

use crate::exactly_once::rows;
use crate::pipelines::APPEND;
use crate::support::daemon::{Daemon, Start};
use crate::support::fault_proxy::{Fault, FaultProxy, Plan};
use crate::support::postgres::Server;
use crate::support::sandbox::{Aws, Service, Setup};
use crate::support::{LIMIT, eventually};

/// Far beyond the 3 s for which a message is hidden.
const LONG: Duration = Duration::from_secs(8);

/// A connection to the server, past the Data API.
pub(crate) async fn connect(server: &Server) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// How many loads wait for a lock.
pub(crate) async fn waiting_for_lock(watcher: &tokio_postgres::Client) -> i64 {
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%LOCK TABLE%'";
    watcher.query_one(waiting, &[]).await.unwrap().get(0)
}

/// What goes wrong elsewhere, row 3: a slow warehouse outlives the visibility timeout, the same batch is loaded again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_3_a_load_that_outlives_the_visibility_holds_no_event_and_is_done_once() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let config = aws.configure(&Service { visibility: "3s", ..Service::default() }, &[APPEND]);
    let daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a.gz", rows(0..10)).await;
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;

    // Others may read, but no load gets its lock.
    let other = connect(&server).await;
    other.batch_execute("BEGIN; LOCK TABLE app.numbers IN EXCLUSIVE MODE").await.unwrap();
    aws.put_rows("in/b.gz", rows(10..20)).await;
    aws.until_depth(&aws.queues.events, 0).await;
    tokio::time::sleep(LONG).await;
    assert_eq!(aws.loaded("numbers").await, 1, "the warehouse is slow");
    assert_eq!(aws.depth(&aws.queues.loads).await, 1, "the batch waits, and the events do not");
    other.batch_execute("ROLLBACK").await.unwrap();

    aws.until_loaded("numbers", 2).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["20", "190"]]);
    let metrics = daemon.metrics().await;
    assert_eq!(metrics.value("tidegate_loads_total", &[("outcome", "committed")]), 2.0, "each batch was loaded once");
    assert_eq!(metrics.value("tidegate_rows_loaded_total", &[("fate", "already_loaded")]), 0.0);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}

/// What goes wrong elsewhere, row 3, once more: where a lease was lost, the batch is delivered again while its load goes on. What
/// that one commits must be acknowledged, though the receipt is another by now; or it is loaded again for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_3_a_batch_delivered_again_during_its_slow_load_is_acknowledged_by_that_load() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let config = aws.configure(&Service { visibility: "3s", ..Service::default() }, &[APPEND]);
    let mut first = Daemon::start(&aws, &config);
    aws.put_rows("in/a.gz", rows(0..10)).await;
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    assert_eq!(first.terminate().await.code(), Some(0));

    // From now on every load takes longer than a message is hidden, a load that finds nothing to do too.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NULL; END'; \
                CREATE TRIGGER slow AFTER INSERT ON tidegate.batches_numbers FOR EACH STATEMENT EXECUTE FUNCTION slow()";
    connect(&server).await.batch_execute(slow).await.unwrap();
    aws.put_rows("in/b.gz", rows(10..20)).await;
    let mut intake = Start::new(&aws, &config).role("intake").spawn();
    aws.until_depth(&aws.queues.loads, 1).await;
    assert_eq!(intake.terminate().await.code(), Some(0));
    // The lease ends as soon as the load has its message, which is received again a second later.
    let script = vec![("ReceiveMessage", 0..1, Fault::Duplicate), ("ReceiveMessage", 1..2, Fault::Delay(1_000))];
    let proxy = FaultProxy::start(&aws.endpoints.sqs, Plan::Scripted(script)).await;
    let loader = proxy.before(Start::new(&aws, &config)).role("load").spawn();
    aws.until_loaded("numbers", 2).await;
    eventually(Duration::from_secs(15), "the acknowledgement of the load", async || {
        aws.depth(&aws.queues.loads).await == 0
    })
    .await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["20", "190"]]);
    let loads = loader.metrics().await.value("tidegate_loads_total", &[("outcome", "committed")]);
    assert!(loads <= 2.0, "{loads} loads of one batch");
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}

/// What goes wrong elsewhere, row 13: the client died, COPY ran on and held its locks for hours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_13_a_load_whose_daemon_died_ends_by_its_own_time_limit_and_is_done_by_the_next() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let config = aws.configure(&Service { visibility: "3s", ..Service::default() }, &[APPEND]);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("iam_role", "statement_timeout = \"2s\"\niam_role")).unwrap();
    let mut first = Daemon::start(&aws, &config);
    aws.put_rows("in/a.gz", rows(0..10)).await;
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    assert_eq!(first.terminate().await.code(), Some(0));

    let other = connect(&server).await;
    other.batch_execute("BEGIN; LOCK TABLE app.numbers IN EXCLUSIVE MODE").await.unwrap();
    let mut killed = Start::new(&aws, &config).kill_at("load.submitted").spawn();
    aws.put_rows("in/b.gz", rows(10..20)).await;
    killed.wait_for_exit(LIMIT).await;
    // The statement is an orphan now, and what it waits for does not come.
    let watcher = connect(&server).await;
    eventually(LIMIT, "the orphan, waiting", async || waiting_for_lock(&watcher).await == 1).await;
    eventually(LIMIT, "the orphan's end", async || waiting_for_lock(&watcher).await == 0).await;
    other.batch_execute("ROLLBACK").await.unwrap();

    let _next = Daemon::start(&aws, &config);
    aws.until_loaded("numbers", 2).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["20", "190"]]);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}

/// What goes wrong elsewhere, row 22: a throttled Describe abandons a query that is still running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_22_a_load_whose_outcome_is_not_told_is_asked_for_again_and_not_done_again() {
    let aws = Aws::start().await;
    // The tables are made by the first submission and asked about before; from then on: the reply of the submission is lost, and
    // more questions than the SDK repeats are throttled.
    let script = vec![
        ("BatchExecuteStatement", 1..2, Fault::LostReply),
        ("DescribeStatement", 5..17, Fault::Status(400)),
        ("GetStatementResult", 0..2, Fault::Status(400)),
    ];
    let proxy = FaultProxy::start(&aws.endpoints.redshift_data, Plan::Scripted(script)).await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    aws.put_rows("in/a.gz", rows(0..10)).await;
    let daemon = Start::new(&aws, &config).env("AWS_ENDPOINT_URL_REDSHIFT_DATA", &proxy.endpoint()).spawn();
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await, [["10", "45"]]);
    assert_eq!(proxy.injected().into_values().sum::<u64>(), 15, "{:?}", proxy.injected());
    let metrics = daemon.metrics().await;
    assert_eq!(metrics.value("tidegate_loads_total", &[("outcome", "committed")]), 1.0);
    assert_eq!(metrics.value("tidegate_loads_total", &[("outcome", "retried")]), 0.0);
    assert_eq!(metrics.value("tidegate_rows_loaded_total", &[("fate", "already_loaded")]), 0.0);
    aws.assert_balanced("numbers").await;
    aws.assert_nothing_parked().await;
}

/// Put off, the load would wait the longer the more often its message was received; and all loads behind it, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_whose_read_breaks_off_is_read_again_and_its_load_not_put_off() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND]);
    // The first GET is the check at the start, which lists the staging area.
    let script = vec![("S3 GET", 1..3, Fault::CutResponse)];
    let proxy = FaultProxy::start(&aws.endpoints.s3, Plan::Scripted(script)).await;
    let loader = proxy.before(Start::new(&aws, &config)).role("load").spawn();
    loader.until_logged("ready").await;
    let _intake = Start::new(&aws, &config).role("intake").spawn();
    aws.put_rows("in/a.gz", rows(0..10)).await;
    aws.until_loaded("numbers", 1).await;
    aws.until_drained().await;
    assert_eq!(proxy.injected().into_values().sum::<u64>(), 2);
    assert_eq!(loader.metrics().await.value("tidegate_messages_settled_total", &[("outcome", "released")]), 0.0);
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 10);
}
