//! All buckets of a sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use s3s::{S3Error, S3Result, s3_error};

use super::body;
use super::bucket::{Bucket, Change, no_such_bucket};
use super::event::{Event, NotificationShape, test_message};
use super::notification::Rule;
use super::version::{Version, now};
use crate::error::Result;
use crate::sandbox::sqs::Sqs;

/// The buckets of a sandbox.
pub(crate) struct Store {
    folder: PathBuf,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
    queues: Arc<Sqs>,
    shape: NotificationShape,
}

impl Store {
    /// Opens the buckets in `folder`, which is created if missing. Blocking.
    pub(crate) fn open(folder: &Path, queues: Arc<Sqs>) -> Result<Store> {
        std::fs::create_dir_all(folder)?;
        let mut buckets = BTreeMap::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir()
                && let Ok(name) = entry.file_name().into_string()
                && let Some(bucket) = Bucket::open(entry.path(), name.clone())?
            {
                buckets.insert(name, Arc::new(bucket));
            }
        }
        let buckets = RwLock::new(buckets);
        Ok(Store { folder: folder.to_owned(), buckets, queues, shape: NotificationShape::default() })
    }

    /// Sends notifications in this shape.
    pub(crate) fn with_notifications(self, shape: NotificationShape) -> Store {
        Store { shape, ..self }
    }

    /// The whole body of an object's newest version, for COPY; `None` if there is none. Blocking.
    pub(crate) fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        match self.current(bucket, key) {
            Some((bucket, version)) => Ok(Some(body::read_all(bucket.bodies(), version)?)),
            None => Ok(None),
        }
    }

    /// The size in bytes of an object's newest version; `None` if there is none.
    pub(crate) fn len(&self, bucket: &str, key: &str) -> Result<Option<u64>> {
        let size = |version: Arc<Version>| version.content.as_ref().map(|content| content.size);
        Ok(self.current(bucket, key).and_then(|(_, version)| size(version)))
    }

    fn current(&self, bucket: &str, key: &str) -> Option<(Arc<Bucket>, Arc<Version>)> {
        let bucket = self.bucket(bucket).ok()?;
        let version = bucket.look(|state| state.current(key).cloned())?;
        Some((bucket, version))
    }

    /// A bucket by its name.
    pub(super) fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).cloned().ok_or_else(no_such_bucket)
    }

    /// All buckets, by name.
    pub(super) fn buckets(&self) -> Vec<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Makes a bucket. Blocking.
    pub(super) fn create_bucket(&self, name: &str, region: Option<String>) -> S3Result<()> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        if buckets.contains_key(name) {
            // us-east-1, and it alone, takes it for a success.
            return match region {
                None => Ok(()),
                Some(_) => Err(s3_error!(
                    BucketAlreadyOwnedByYou,
                    "Your previous request to create the named bucket succeeded and you already own it."
                )),
            };
        }
        let bucket =
            Bucket::create(self.folder.join(name), name.to_owned(), region).map_err(S3Error::internal_error)?;
        buckets.insert(name.to_owned(), Arc::new(bucket));
        Ok(())
    }

    /// Removes an empty bucket. Blocking.
    pub(super) fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).ok_or_else(no_such_bucket)?.remove()?;
        buckets.remove(name);
        Ok(())
    }

    /// Tells the queues of a change.
    pub(super) fn notify(&self, bucket: &str, key: &str, change: &Change, request_id: &str) {
        let event = Event {
            name: change.event,
            bucket,
            region: &change.region,
            key,
            version_id: change.version_id.as_deref(),
            sequencer: change.sequencer,
            time: change.time,
            content: change.content.as_ref().map(|(size, etag)| (*size, etag.as_str())),
            request_id,
        };
        for rule in &change.rules {
            self.deliver(rule, bucket, event.message(self.shape, rule));
        }
    }

    /// Sends S3's test message to the queues of `rules`; refused, and nothing sent, if one of them does not exist.
    pub(super) fn test_queues(&self, bucket: &str, rules: &[Rule], request_id: &str) -> S3Result<()> {
        if let Some(absent) = rules.iter().find(|rule| !self.queues.queue_exists(&rule.queue_arn)) {
            let queue = &absent.queue_arn;
            let message = "Unable to validate the following destination configurations";
            return Err(s3_error!(InvalidArgument, "{message}: {queue} does not exist"));
        }
        for rule in rules {
            if let Some(message) = test_message(self.shape, rule, bucket, now(), request_id) {
                self.deliver(rule, bucket, message);
            }
        }
        Ok(())
    }

    /// Sends a message. A queue that is gone is a message lost, as on AWS.
    fn deliver(&self, rule: &Rule, bucket: &str, message: String) {
        if !self.queues.deliver(&rule.queue_arn, message) {
            tracing::warn!(queue = rule.queue_arn, bucket, "sandbox: a notification found no queue");
        }
    }
}
