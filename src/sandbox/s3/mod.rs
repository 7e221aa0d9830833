//! S3 over a folder.
//!
//! `s3s` speaks the protocol; what is stored is ours. Each bucket is a folder with a log of its changes
//! (`journal`), from which its state in memory (`state`) is made at the start, and the bodies of its objects in files
//! with names of their own, so that a key is any text. Every write is a record appended under the lock of its bucket
//! (`bucket`); SIGKILL loses nothing that was answered. A change is told to the queues that the bucket's
//! notification configuration names (`notification`, `event`).

mod aws_chunked;
mod body;
mod bucket;
mod buckets;
mod checksum;
mod condition;
mod event;
mod handler;
mod journal;
mod listing;
mod listings;
mod multipart;
mod notification;
mod reads;
mod request;
mod state;
mod store;
mod version;
mod writes;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request, Response};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};

pub use event::NotificationShape;
pub(crate) use store::Store;

/// The Region of buckets that were made without one.
const DEFAULT_REGION: &str = "us-east-1";

/// The S3 protocol over a store: any access key is accepted.
pub(crate) struct Endpoint {
    service: S3Service,
}

impl Endpoint {
    /// Serves the buckets of `store`, with path-style addresses.
    pub(crate) fn new(store: Arc<Store>) -> Endpoint {
        Endpoint { service: S3ServiceBuilder::new(handler::Handler(store)).build() }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// When no reply can be written; the connection is of no use then.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
        let request = request::unsigned(request);
        let id = request::request_id(request.extensions()).to_owned();
        let mut response = self.service.call(request).await?;
        let headers = response.headers_mut();
        if let (Ok(id), Ok(host_id)) = (HeaderValue::from_str(&id), HeaderValue::from_str(&event::host_id(&id))) {
            headers.insert("x-amz-request-id", id);
            headers.insert("x-amz-id-2", host_id);
        }
        Ok(response)
    }
}
