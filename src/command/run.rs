//! `tidegate run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use crate::aws::Clients;
use crate::config;
use crate::error::Result;
use crate::pipeline::{Daemon, Role};
use crate::telemetry::{http, logging, metrics};

/// Run the daemon.
///
/// Consumes S3 notifications, stages micro-batches, and loads them, until SIGTERM or SIGINT; then it finishes or
/// releases what it holds.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service's configuration; pipelines are in the folder beside it.
    #[arg(long, default_value = "tidegate.toml")]
    config: PathBuf,
    /// What this process does.
    #[arg(long, value_enum, default_value = "all")]
    role: RoleArgument,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArgument {
    /// Intake and load.
    All,
    /// From events to staged batches.
    Intake,
    /// From staged batches to rows in Redshift.
    Load,
}

pub(super) async fn run(arguments: Arguments, log_format: logging::LogFormat) -> Result<ExitCode> {
    logging::init(log_format, "info,aws_config=warn");
    let config = match config::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    super::plan::check_sizes(&config)?;
    let role = match arguments.role {
        RoleArgument::All => Role::All,
        RoleArgument::Intake => Role::Intake,
        RoleArgument::Load => Role::Load,
    };
    let handle = metrics::install()?;
    let listener = http::listen(config.service.http.listen).await?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving metrics");
    }
    let shutdown = CancellationToken::new();
    tokio::spawn(stop_at_signal(shutdown.clone()));
    let daemon = Daemon::new(config, Clients::from_environment().await, role);
    let http_end = CancellationToken::new();
    let serving = tokio::spawn(http::serve(listener, handle, daemon.ready(), http_end.clone()));
    let ended = daemon.run(shutdown).await;
    http_end.cancel();
    if let Err(error) = serving.await {
        tracing::error!(%error, "serving metrics ended early");
    }
    ended?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Begins the shutdown at the first SIGTERM or SIGINT; a second one ends the process at once, as by default.
pub(super) async fn stop_at_signal(shutdown: CancellationToken) {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM will end the process at once");
            return;
        }
    };
    for first in [true, false] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        if first {
            tracing::info!("stopping: finishing what is held");
            shutdown.cancel();
        }
    }
    std::process::exit(130);
}
