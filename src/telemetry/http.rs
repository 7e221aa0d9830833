//! `/metrics`, `/healthz` and `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};

/// What there is to see, for whoever opens the address in a browser.
const INDEX: &str = "<!doctype html><meta charset=utf-8><title>Tidegate</title><h1>Tidegate</h1><ul>\
    <li><a href=/metrics>/metrics</a>: for Prometheus\
    <li><a href=/healthz>/healthz</a>: 200 while the process runs\
    <li><a href=/readyz>/readyz</a>: 200 once queues and staging area were reached</ul>";

/// Listens on `address`; port 0 takes a free one.
///
/// # Errors
/// `Configuration` if the address cannot be listened on.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!("cannot serve metrics on {address}; choose another http.listen");
        Error::caused(ErrorKind::Configuration, message, error)
    })
}

/// Serves until `shutdown`. `ready` decides `/readyz`.
pub async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    ready: Arc<AtomicBool>,
    shutdown: CancellationToken,
) {
    let router = Router::new()
        .route("/", get(|| async { Html(INDEX) }))
        .route(
            "/metrics",
            get(move || {
                let text = metrics.render();
                async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text) }
            }),
        )
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || {
                let ready = ready.load(Ordering::Acquire);
                async move {
                    if ready {
                        (StatusCode::OK, "ready\n").into_response()
                    } else {
                        (StatusCode::SERVICE_UNAVAILABLE, "not ready: queues or staging area not reached\n")
                            .into_response()
                    }
                }
            }),
        );
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "serving metrics ended");
    }
}
