//! `tidegate sandbox`: AWS on one machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::run::stop_at_signal;
use crate::error::{Error, ErrorKind, Result};
use crate::sandbox::{NotificationShape, Options, Sandbox};
use crate::telemetry::logging;

/// Serve S3, SQS and the Redshift Data API on one loopback port.
///
/// Any AWS client talks to it once AWS_ENDPOINT_URL is set; any access key is accepted. State is kept in the data folder.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4566")]
    listen: SocketAddr,
    /// The folder for buckets, queues and database; it is created if missing.
    #[arg(long, default_value = "tidegate-data/sandbox")]
    data: PathBuf,
    /// A PostgreSQL server to use instead of the embedded one, such as postgres://user@127.0.0.1/dev. May also come from
    /// TIDEGATE_SANDBOX_POSTGRES_URL, so that a password needs not stand in the arguments.
    #[arg(long, env = "TIDEGATE_SANDBOX_POSTGRES_URL", hide_env_values = true)]
    postgres_url: Option<String>,
    /// The endpoint of another S3 from which COPY reads, where this sandbox serves only the warehouse.
    #[arg(long)]
    copy_endpoint: Option<String>,
    /// A file to write, as JSON, when the sandbox serves.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// The form of S3's notifications.
    #[arg(long, value_enum, default_value = "s3")]
    notifications: Shape,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shape {
    /// As S3 sends them to a queue.
    S3,
    /// As an SNS topic between bucket and queue wraps them.
    Sns,
    /// As EventBridge sends them.
    #[value(name = "eventbridge")]
    EventBridge,
}

pub(super) async fn run(arguments: Arguments, log_format: logging::LogFormat) -> Result<ExitCode> {
    logging::init(log_format, "info,s3s=off");
    let options = Options {
        listen: arguments.listen,
        data: arguments.data.clone(),
        postgres_url: arguments.postgres_url,
        copy_endpoint: arguments.copy_endpoint,
        notifications: match arguments.notifications {
            Shape::S3 => NotificationShape::S3,
            Shape::Sns => NotificationShape::Sns,
            Shape::EventBridge => NotificationShape::EventBridge,
        },
    };
    let sandbox = Sandbox::start(options).await?;
    let endpoint = sandbox.endpoint();
    println!(
        "Tidegate sandbox: S3, SQS and the Redshift Data API on {endpoint}\nData in {}\n",
        arguments.data.display()
    );
    println!("{}", examples(&endpoint));
    if let Some(path) = &arguments.ready_file {
        let body = json!({ "endpoint": endpoint, "pid": std::process::id() }).to_string();
        // By a rename: whoever waits for the file never sees half of it.
        let partial = path.with_extension("partial");
        let written = std::fs::write(&partial, body).and_then(|()| std::fs::rename(&partial, path));
        written.map_err(|error| {
            Error::caused(ErrorKind::Io, format!("cannot write the ready file {}", path.display()), error)
        })?;
    }
    let shutdown = CancellationToken::new();
    tokio::spawn(stop_at_signal(shutdown.clone()));
    shutdown.cancelled().await;
    sandbox.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// What to type next.
pub(super) fn examples(endpoint: &str) -> String {
    format!(
        "export AWS_ENDPOINT_URL={endpoint} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any\n\
         aws s3 ls\n\
         aws sqs list-queues\n\
         aws redshift-data execute-statement --workgroup-name sandbox --database dev --sql 'SELECT 1'\n"
    )
}
