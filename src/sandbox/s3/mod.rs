//! S3 over a folder.

use std::path::Path;
use std::sync::Arc;

use s3s::S3;
use s3s::service::{S3Service, S3ServiceBuilder};

use super::sqs::Sqs;
use crate::error::Result;

/// The buckets of a sandbox.
pub(crate) struct Store {
    #[expect(dead_code, reason = "the service is built beside this commit")]
    queues: Arc<Sqs>,
}

impl Store {
    /// Opens the buckets in `folder`.
    pub(crate) fn open(_folder: &Path, queues: Arc<Sqs>) -> Result<Store> {
        Ok(Store { queues })
    }

    /// The whole body of an object's newest version, for COPY; `None` if there is none. Blocking.
    #[expect(dead_code, reason = "the service is built beside this commit")]
    pub(crate) fn read(&self, _bucket: &str, _key: &str) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

struct Handler {
    #[expect(dead_code, reason = "the service is built beside this commit")]
    store: Arc<Store>,
}

impl S3 for Handler {}

/// The S3 protocol over a store: any access key is accepted.
pub(crate) fn service(store: Arc<Store>) -> S3Service {
    S3ServiceBuilder::new(Handler { store }).build()
}
