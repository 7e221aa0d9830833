//! `tidegate demo`: the whole way on one machine, with a producer, and a reconciliation at the end.

mod producer;
mod progress;
mod report;
mod setup;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::run::stop_at_signal;
use super::sandbox::examples;
use crate::aws::{Clients, classify};
use crate::error::{Error, ErrorKind, Result};
use crate::load::{Rows, Warehouse};
use crate::pipeline::{Daemon, Role};
use crate::sandbox::{NotificationShape, Options, Sandbox};
use crate::telemetry::metrics as names;
use crate::telemetry::{http, logging};
use producer::{Producer, Written};
use progress::Progress;
use report::{Found, Report};

/// Objects that the producer puts at the same time.
const CONCURRENT_PUTS: usize = 8;

/// Show the whole way on this machine: no AWS account, no Docker.
///
/// Starts the sandbox, queues, buckets, a producer of reviews and the daemon in one process, and shows rows arriving in the table.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// End when all is loaded, and exit with 0 only if everything reconciles.
    #[arg(long)]
    once: bool,
    /// Objects that the producer puts at the beginning.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    objects: u64,
    /// Records in each object.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows_per_object: u64,
    /// The seed of the producer: the same one writes the same objects.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// A file for the reconciliation, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The folder for buckets, queues, database and configuration; it must not hold an earlier demo. By default a temporary one.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the sandbox listens. By default 127.0.0.1:4566 if it is free; with `--once` any free port.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where metrics are served. By default 127.0.0.1:9464 if it is free; with `--once` any free port.
    #[arg(long)]
    metrics: Option<SocketAddr>,
    /// How long `--once` may take, in seconds.
    #[arg(long, default_value_t = 110)]
    timeout: u64,
}

pub(super) async fn run(arguments: Arguments, log_format: logging::LogFormat) -> Result<ExitCode> {
    logging::init(log_format, "error,s3s=off");
    let handle = names::install()?;
    let temporary = arguments.data.is_none();
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("tidegate-demo-{}", uuid::Uuid::now_v7())),
    };
    if folder.join("sandbox").exists() {
        let message = format!("{} holds an earlier demo; remove it, or choose another --data", folder.display());
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let ended = show(&arguments, &folder, handle).await;
    if temporary && let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::warn!(%error, folder = %folder.display(), "the demo's folder was not removed");
    }
    ended
}

async fn show(
    arguments: &Arguments,
    folder: &std::path::Path,
    handle: metrics_exporter_prometheus::PrometheusHandle,
) -> Result<ExitCode> {
    println!("Starting the sandbox (S3, SQS, Redshift Data API over an embedded PostgreSQL) …");
    let choose = |asked: Option<SocketAddr>, usual: u16| match asked {
        Some(address) => address,
        None if arguments.once => free_port(),
        None => preferred(usual),
    };
    let sandbox = Sandbox::start(Options {
        listen: choose(arguments.listen, 4566),
        data: folder.join("sandbox"),
        postgres_url: None,
        notifications: NotificationShape::S3,
        copy_endpoint: None,
    })
    .await?;
    let clients = setup::clients(&sandbox.endpoint());
    setup::resources(&clients).await?;
    let metrics_listener = http::listen(choose(arguments.metrics, 9464)).await?;
    let metrics_address = metrics_listener.local_addr()?;
    let config = setup::configuration(&folder.join("config"), &sandbox.endpoint(), &metrics_address.to_string())?;
    let warehouse = Warehouse::new(clients.redshift.clone(), config.service.warehouse.clone());

    let shutdown = CancellationToken::new();
    tokio::spawn(stop_at_signal(shutdown.clone()));
    let daemon = Daemon::new(config, clients.clone(), Role::All);
    let serving = tokio::spawn(http::serve(metrics_listener, handle.clone(), daemon.ready(), shutdown.child_token()));
    let daemon_stop = CancellationToken::new();
    let running = tokio::spawn(daemon.run(daemon_stop.clone()));

    println!("  endpoint       {}", sandbox.endpoint());
    println!("  metrics        http://{metrics_address}/metrics");
    println!("  configuration  {}\n", folder.join("config").display());
    let demo = Demo { arguments, clients, warehouse, handle, shutdown: shutdown.clone(), began: Instant::now() };
    let outcome = demo.play(&sandbox.endpoint()).await;

    shutdown.cancel();
    daemon_stop.cancel();
    let stopped =
        running.await.unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "the daemon ended early", error)));
    if let Err(error) = serving.await {
        tracing::error!(%error, "serving metrics ended early");
    }
    sandbox.stop().await?;
    let code = outcome?;
    stopped?;
    Ok(code)
}

/// A demo that is set up.
struct Demo<'a> {
    arguments: &'a Arguments,
    clients: Clients,
    warehouse: Warehouse,
    handle: metrics_exporter_prometheus::PrometheusHandle,
    shutdown: CancellationToken,
    began: Instant,
}

impl Demo<'_> {
    async fn play(&self, endpoint: &str) -> Result<ExitCode> {
        let Arguments { objects, rows_per_object, seed, .. } = *self.arguments;
        let mut producer = Producer::new(seed, objects, rows_per_object);
        let progress = Progress::start(self.handle.clone(), objects, self.shutdown.clone());
        self.put_all(&mut producer, objects).await?;
        let limit = self.arguments.once.then(|| self.began + Duration::from_secs(self.arguments.timeout));
        let complete = self.await_all(&producer.written, limit).await?;
        progress.end().await;
        if self.shutdown.is_cancelled() && !complete {
            return Ok(ExitCode::SUCCESS);
        }
        let report = self.reconcile(&producer.written).await?;
        self.print_table().await?;
        println!("{report}");
        if let Some(path) = &self.arguments.report {
            std::fs::write(path, report.json()).map_err(|error| {
                Error::caused(ErrorKind::Io, format!("cannot write the report {}", path.display()), error)
            })?;
        }
        let reconciled = report.reconciles();
        if !self.arguments.once {
            self.go_on(producer, endpoint).await?;
            return Ok(ExitCode::SUCCESS);
        }
        if !complete {
            eprintln!("error: not everything was loaded within --timeout {} s", self.arguments.timeout);
        }
        println!("Try next:\n  tidegate demo             keeps running: query the table, put objects of your own");
        println!("  tidegate run --help       the daemon, on this sandbox or on AWS\n");
        Ok(if reconciled { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Puts the first objects, several at a time.
    async fn put_all(&self, producer: &mut Producer, objects: u64) -> Result<()> {
        let mut puts = tokio::task::JoinSet::new();
        let permits = Arc::new(tokio::sync::Semaphore::new(CONCURRENT_PUTS));
        for _ in 0..objects {
            let Ok(permit) = permits.clone().acquire_owned().await else { break };
            let object = producer.next();
            let client = self.clients.s3.clone();
            puts.spawn(async move {
                let put = put(&client, object).await;
                drop(permit);
                put
            });
            if self.shutdown.is_cancelled() {
                break;
            }
        }
        while let Some(put) = puts.join_next().await {
            put.unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "a put ended early", error)))?;
        }
        Ok(())
    }

    /// Waits until every object is in the ledger or parked; false if time ran out first.
    async fn await_all(&self, written: &Written, limit: Option<Instant>) -> Result<bool> {
        loop {
            let settled = self.loaded_objects().await? + self.parked().await?;
            if settled >= written.objects {
                return Ok(true);
            }
            if limit.is_some_and(|limit| Instant::now() >= limit) {
                return Ok(false);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(300)) => {}
                () = self.shutdown.cancelled() => return Ok(false),
            }
        }
    }

    async fn loaded_objects(&self) -> Result<u64> {
        let ledger = "\"tidegate\".\"objects_reviews\"";
        if !self.warehouse.has_table(ledger).await? {
            return Ok(0);
        }
        Ok(number(&self.warehouse.query(&format!("SELECT COUNT(*) FROM {ledger}")).await?, 0))
    }

    async fn parked(&self) -> Result<u64> {
        let mut parked = 0;
        for name in ["tidegate-events-dlq", "tidegate-loads-dlq.fifo"] {
            let answer = self
                .clients
                .sqs
                .get_queue_attributes()
                .queue_url(format!("http://sandbox/000000000000/{name}"))
                .attribute_names(aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages)
                .send()
                .await
                .map_err(|error| classify(error, "the dead-letter queue cannot be read", ErrorKind::Unavailable))?;
            let messages = answer.attributes.unwrap_or_default();
            let messages = messages.get(&aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages);
            parked += messages.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(parked)
    }

    /// Compares what the table and the ledger hold with what the producer counted.
    async fn reconcile(&self, written: &Written) -> Result<Report> {
        let table = self
            .warehouse
            .query(
                "SELECT COUNT(*), CAST(SUM(overall) * 10 AS BIGINT), \
                 SUM(DATEDIFF(second, CAST('2006-09-12 00:00:00' AS TIMESTAMP), review_time)) FROM bestsellers.reviews",
            )
            .await?;
        let ledger = self
            .warehouse
            .query(
                "SELECT SUM(rows_rejected), SUM(rows_updated) + SUM(rows_superseded), SUM(rows_read), SUM(rows_already_loaded) \
                 FROM tidegate.batches_reviews",
            )
            .await?;
        let metrics = self.handle.render();
        let sum = |suffix: &str| progress::sum(&metrics, &format!("{}_{suffix}", names::FRESHNESS_SECONDS), "");
        let found = Found {
            loaded_objects: self.loaded_objects().await?,
            parked_objects: self.parked().await?,
            rows: number(&table, 0),
            rating_tenths: number(&table, 1) as i64,
            seconds: number(&table, 2) as i64,
            rejected: number(&ledger, 0),
            superseded: number(&ledger, 1),
            read: number(&ledger, 2),
            mean_freshness: Duration::from_secs_f64(sum("sum") / sum("count").max(1.0)),
        };
        Ok(Report::new(written, found, self.began.elapsed()))
    }

    async fn print_table(&self) -> Result<()> {
        let rows = self
            .warehouse
            .query(
                "SELECT reviewer_id, asin, overall, review_time, summary FROM bestsellers.reviews \
                 ORDER BY review_time DESC, reviewer_id LIMIT 5",
            )
            .await?;
        println!("bestsellers.reviews, the newest five:");
        println!("  {:<14} {:<11} {:>7}  {:<19}  summary", "reviewer_id", "asin", "overall", "review_time");
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            println!("  {:<14} {:<11} {:>7}  {:<19}  {}", text(0), text(1), text(2), text(3), text(4));
        }
        println!();
        Ok(())
    }

    /// Puts an object every two seconds until Ctrl-C.
    async fn go_on(&self, mut producer: Producer, endpoint: &str) -> Result<()> {
        println!("The producer goes on with an object every 2 s; Ctrl-C ends the demo. In another shell:\n");
        println!("{}", examples(endpoint));
        println!(
            "aws redshift-data execute-statement --workgroup-name sandbox --database dev \\\n    \
             --sql 'SELECT COUNT(*) FROM bestsellers.reviews'   # then: aws redshift-data get-statement-result --id …\n\
             aws s3 ls --recursive s3://staging/\n\
             aws sqs receive-message --message-attribute-names All --queue-url {endpoint}/000000000000/tidegate-events-dlq\n"
        );
        let progress = Progress::start(self.handle.clone(), producer.written.objects, self.shutdown.clone());
        while !self.shutdown.is_cancelled() {
            put(&self.clients.s3, producer.next()).await?;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
                () = self.shutdown.cancelled() => {}
            }
        }
        progress.end().await;
        Ok(())
    }
}

async fn put(client: &aws_sdk_s3::Client, object: producer::Object) -> Result<()> {
    client
        .put_object()
        .bucket(setup::LANDING)
        .key(&object.key)
        .body(ByteStream::from(Bytes::from(object.body)))
        .send()
        .await
        .map_err(|error| classify(error, format!("the producer cannot put {}", object.key), ErrorKind::Unavailable))?;
    Ok(())
}

fn number(rows: &Rows, column: usize) -> u64 {
    rows.first().and_then(|row| row.get(column)?.as_deref()?.parse().ok()).unwrap_or(0)
}

fn free_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// The usual port if it is free, or else any.
fn preferred(port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match std::net::TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => free_port(),
    }
}
