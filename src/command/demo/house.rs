//! Where a demo plays: the sandbox with its buckets and queues, and a daemon on it, all in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName;
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::producer::Object;
use super::{Arguments, progress, setup};
use crate::aws::{Clients, classify};
use crate::command::run::stop_at_signal;
use crate::error::{Error, ErrorKind, Result};
use crate::load::{Rows, Warehouse};
use crate::pipeline::{Daemon, Role};
use crate::sandbox::{NotificationShape, Options, Sandbox};
use crate::telemetry::{http, metrics as names};

/// What is to be played.
pub(super) struct Scene<'a> {
    /// The files of the configuration, by their path.
    pub(super) files: &'a [(&'static str, &'static str)],
    /// The variables that they name.
    pub(super) environment: fn(name: &str, endpoint: &str, metrics: &str) -> Option<String>,
    /// Which objects are announced: prefix and suffix of their keys, either of which may be empty.
    pub(super) announced: (&'static str, &'static str),
    /// Statements that are run before the daemon starts.
    pub(super) before: Vec<String>,
}

/// A sandbox and a daemon that run.
pub(super) struct House {
    pub(super) clients: Clients,
    pub(super) warehouse: Warehouse,
    pub(super) metrics: PrometheusHandle,
    pub(super) shutdown: CancellationToken,
    pub(super) began: Instant,
    pub(super) endpoint: String,
    sandbox: Sandbox,
    daemon: JoinHandle<Result<()>>,
    daemon_stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl House {
    pub(super) async fn start(
        arguments: &Arguments,
        folder: &Path,
        handle: PrometheusHandle,
        scene: &Scene<'_>,
    ) -> Result<House> {
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
        let endpoint = sandbox.endpoint();
        let clients = setup::clients(&endpoint);
        setup::resources(&clients, scene.announced).await?;
        let listener = http::listen(choose(arguments.metrics, 9464)).await?;
        let address = listener.local_addr()?;
        let config = setup::configuration(&folder.join("config"), scene, &endpoint, &address.to_string())?;
        let warehouse = Warehouse::new(clients.redshift.clone(), config.service.warehouse.clone());
        for sql in &scene.before {
            warehouse.query(sql).await?;
        }

        let shutdown = CancellationToken::new();
        tokio::spawn(stop_at_signal(shutdown.clone()));
        let daemon = Daemon::new(config, clients.clone(), Role::All);
        let serving = tokio::spawn(http::serve(listener, handle.clone(), daemon.ready(), shutdown.child_token()));
        let daemon_stop = CancellationToken::new();
        let daemon = tokio::spawn(daemon.run(daemon_stop.clone()));
        println!("  endpoint       {endpoint}");
        println!("  metrics        http://{address}/metrics");
        println!("  configuration  {}\n", folder.join("config").display());
        let (metrics, began) = (handle, Instant::now());
        Ok(House { clients, warehouse, metrics, shutdown, began, endpoint, sandbox, daemon, daemon_stop, serving })
    }

    /// Ends daemon and sandbox.
    ///
    /// # Errors
    /// Those of the sandbox's end, and with which the daemon ended; both are ended anyway.
    pub(super) async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        self.daemon_stop.cancel();
        let stopped = self
            .daemon
            .await
            .unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "the daemon ended early", error)));
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "serving metrics ended early");
        }
        self.sandbox.stop().await?;
        stopped
    }

    /// How many objects the ledger of a pipeline has; none before there is one.
    pub(super) async fn loaded_objects(&self, pipeline: &str) -> Result<u64> {
        let ledger = format!("\"tidegate\".\"objects_{pipeline}\"");
        if !self.warehouse.has_table(&ledger).await? {
            return Ok(0);
        }
        Ok(number(&self.warehouse.query(&format!("SELECT COUNT(*) FROM {ledger}")).await?, 0))
    }

    /// How many messages wait in the dead-letter queues.
    pub(super) async fn parked(&self) -> Result<u64> {
        let mut parked = 0;
        for name in ["tidegate-events-dlq", "tidegate-loads-dlq.fifo"] {
            let answer = self
                .clients
                .sqs
                .get_queue_attributes()
                .queue_url(format!("http://sandbox/000000000000/{name}"))
                .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
                .send()
                .await
                .map_err(|error| classify(error, "the dead-letter queue cannot be read", ErrorKind::Unavailable))?;
            let messages = answer.attributes.unwrap_or_default();
            let messages = messages.get(&QueueAttributeName::ApproximateNumberOfMessages);
            parked += messages.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(parked)
    }

    /// The mean time from an object's creation to its commit, by the daemon's metric.
    pub(super) fn mean_freshness(&self) -> Duration {
        let metrics = self.metrics.render();
        let sum = |suffix: &str| progress::sum(&metrics, &format!("{}_{suffix}", names::FRESHNESS_SECONDS), "");
        Duration::from_secs_f64(sum("sum") / sum("count").max(1.0))
    }
}

pub(super) async fn put(client: &aws_sdk_s3::Client, object: Object) -> Result<()> {
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

/// A number of the first row; 0 for anything else.
pub(super) fn number(rows: &Rows, column: usize) -> u64 {
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
