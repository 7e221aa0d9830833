//! One port for three services.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{Body, HttpError};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::redshift::{CopyFrom, Redshift};
use super::s3::{Endpoint, NotificationShape, Store};
use super::sqs::Sqs;
use super::wire::Reply;
use crate::error::{Error, ErrorKind, Result};

/// The largest body of a JSON request: above SQS's 1 MiB and the Data API's 100 KB.
const JSON_BODY_LIMIT: usize = 4 << 20;

/// Answers 200 as long as the sandbox serves. No bucket has such a name, so nothing of S3 is hidden.
const HEALTH_PATH: &str = "/_tidegate/health";

/// How long a shutdown waits for the requests in work; a long poll would hold it for up to 20 seconds.
const SHUTDOWN_PATIENCE: Duration = Duration::from_millis(500);

/// The content types of the JSON protocols: of SQS, and of the Redshift Data API.
const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder that holds the buckets, the queues and the embedded database; it is created if missing.
    pub data: PathBuf,
    /// A PostgreSQL server to use instead of the embedded one.
    pub postgres_url: Option<String>,
    /// The shape of the messages by which S3 tells queues of changes.
    pub notifications: NotificationShape,
    /// The endpoint of another S3 from which COPY reads manifests and files; without it, the sandbox's own.
    pub copy_endpoint: Option<String>,
}

/// A running sandbox.
pub struct Sandbox {
    address: SocketAddr,
    services: Arc<Services>,
    shutdown: DropGuard,
    tasks: TaskTracker,
    /// Held as long as the sandbox lives: nobody else may use its folder.
    _lock: File,
}

struct Services {
    s3: Endpoint,
    sqs: Arc<Sqs>,
    redshift: Arc<Redshift>,
}

impl Sandbox {
    /// Opens the state under `options.data`, starts the database, and serves.
    ///
    /// # Errors
    /// When the folder cannot be used, the database does not start, or the port is taken.
    pub async fn start(options: Options) -> Result<Sandbox> {
        let listener = TcpListener::bind(options.listen).await.map_err(|error| {
            Error::caused(ErrorKind::Io, format!("cannot listen on {}; choose another --listen", options.listen), error)
        })?;
        let address = listener.local_addr()?;
        tokio::fs::create_dir_all(&options.data).await.map_err(|error| {
            Error::caused(ErrorKind::Io, format!("cannot create the folder {}", options.data.display()), error)
        })?;
        let lock = lock(&options.data)?;
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();

        let sqs = Sqs::open(&options.data.join("sqs"), format!("http://{address}"))?;
        let (folder, queues) = (options.data.join("s3"), sqs.clone());
        let store = tokio::task::spawn_blocking(move || Store::open(&folder, queues)).await;
        let store = store.map_err(std::io::Error::other)??.with_notifications(options.notifications);
        let store = Arc::new(store);
        let copy_from = match options.copy_endpoint {
            Some(endpoint) => CopyFrom::Endpoint(endpoint),
            None => CopyFrom::Store(store.clone()),
        };
        let redshift = Redshift::start(&options.data.join("postgres"), options.postgres_url, copy_from).await?;
        let services = Arc::new(Services { s3: Endpoint::new(store), sqs, redshift });

        tasks.spawn(accept(listener, services.clone(), shutdown.clone(), tasks.clone()));
        Ok(Sandbox { address, services, shutdown: shutdown.drop_guard(), tasks, _lock: lock })
    }

    /// The endpoint for `AWS_ENDPOINT_URL`, such as `http://127.0.0.1:4566`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops serving, writes the queues to disk and closes the database. A sandbox that is dropped only stops serving.
    ///
    /// # Errors
    /// When the queues cannot be written or the database does not close.
    pub async fn stop(self) -> Result<()> {
        drop(self.shutdown);
        self.tasks.close();
        self.tasks.wait().await;
        self.services.sqs.close()?;
        self.services.redshift.close().await
    }
}

fn lock(data: &Path) -> Result<File> {
    let file = File::create(data.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another sandbox uses the folder {}; choose another --data", data.display());
            Err(Error::new(ErrorKind::Configuration, message))
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

async fn accept(listener: TcpListener, services: Arc<Services>, shutdown: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: give the open connections time to end.
                tracing::warn!(%error, "sandbox: accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        tasks.spawn(serve(stream, services.clone(), shutdown.clone()));
    }
}

async fn serve(stream: TcpStream, services: Arc<Services>, shutdown: CancellationToken) {
    // Without it every small reply waits for the peer's delayed ACK: 45 GETs a second instead of 1,444.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "sandbox: TCP_NODELAY");
    }
    let service = service_fn(|request| dispatch(services.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(SHUTDOWN_PATIENCE, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "sandbox: connection ended");
    }
}

async fn dispatch(
    services: Arc<Services>,
    request: Request<Incoming>,
) -> std::result::Result<Response<Body>, HttpError> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Some(target) = target else {
        if request.method() == Method::GET && request.uri().path() == HEALTH_PATH {
            let services = json!({ "status": "ok", "services": ["s3", "sqs", "redshift-data"] });
            return Ok(response(Reply::ok(&services), "application/json"));
        }
        return services.s3.handle(request).await;
    };
    let body = match Limited::new(request.into_body(), JSON_BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Ok(response(Reply::error("SerializationException", &error.to_string()), JSON_1_0)),
    };
    Ok(match target.split_once('.') {
        Some(("AmazonSQS", operation)) => response(services.sqs.handle(operation, &body).await, JSON_1_0),
        Some(("RedshiftData", operation)) => response(services.redshift.handle(operation, &body).await, JSON_1_1),
        _ => {
            let message = format!("the sandbox has no {target}");
            response(Reply::error("UnknownOperationException", &message), JSON_1_0)
        }
    })
}

fn response(reply: Reply, content_type: &'static str) -> Response<Body> {
    let Reply { status, body, error, query_error } = reply;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let mut add = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    add("content-type", content_type);
    add("x-amzn-requestid", &uuid::Uuid::now_v7().to_string());
    if let Some(code) = error {
        add("x-amzn-query-error", &format!("{};Sender", query_error.as_ref().unwrap_or(&code)));
        add("x-amzn-errortype", &code);
    }
    response
}
