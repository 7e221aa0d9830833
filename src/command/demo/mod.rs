//! `tidegate demo`: the whole way on one machine, with a producer or the source of a folder of `pipelines/`, and a reconciliation
//! at the end.

mod house;
mod pipelines;
mod producer;
mod progress;
mod report;
mod reviews;
mod setup;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::telemetry::logging;
use crate::telemetry::metrics as names;
use house::House;
use pipelines::Name;
use report::Report;

/// Show the whole way on this machine: no AWS account, no Docker.
///
/// Starts the sandbox, queues, buckets, a producer of reviews and the daemon in one process, and shows rows arriving in the table. With
/// --pipeline it is one of the five folders of pipelines/ instead, with objects of its source.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show this folder of pipelines/, which is compiled in.
    #[arg(long, value_enum)]
    pipeline: Option<Name>,
    /// End when all is loaded, and exit with 0 only if everything reconciles.
    #[arg(long)]
    once: bool,
    /// Objects that the producer puts at the beginning.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "pipeline")]
    objects: u64,
    /// Records in each object; with --pipeline about so many in a day's, from 50 on.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
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

async fn show(arguments: &Arguments, folder: &Path, handle: PrometheusHandle) -> Result<ExitCode> {
    let scene = match arguments.pipeline {
        Some(name) => pipelines::scene(name),
        None => setup::reviews(),
    };
    let house = House::start(arguments, folder, handle, &scene).await?;
    let outcome = match arguments.pipeline {
        Some(name) => pipelines::play(arguments, &house, name).await,
        None => reviews::play(arguments, &house).await,
    };
    let stopped = house.stop().await;
    let code = outcome?;
    stopped?;
    Ok(code)
}

impl Arguments {
    /// Until when `--once` may take.
    fn limit(&self, began: Instant) -> Option<Instant> {
        self.once.then(|| began + Duration::from_secs(self.timeout))
    }

    fn write(&self, report: &Report) -> Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        std::fs::write(path, report.json())
            .map_err(|error| Error::caused(ErrorKind::Io, format!("cannot write the report {}", path.display()), error))
    }
}
