//! Closing a batch: making it durable, step by step, and asking for its load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use super::budget::StageShare;
use super::inflight::{Outcome, Work};
use super::runtime::Runtime;
use super::settle::Settler;
use crate::backoff;
use crate::batch::{Cut, OpenBatch};
use crate::error::{Fault, Result};
use crate::failpoint;
use crate::model::{LoadMessage, Manifest, PartitionValue, StagedFile};
use crate::queue::SqsQueue;
use crate::stage::{Area, DataFiles, Quarantine, Store, objects_file, write_manifest};
use crate::telemetry::metrics as names;

/// How often a step is tried beyond the SDK's own tries, before the batch's messages are released.
const TRIES: u32 = 6;

/// A batch with its files.
pub(super) struct Filled {
    /// The version of the pipeline with which all its objects were read.
    pub(super) runtime: Arc<Runtime>,
    pub(super) batch: OpenBatch,
    /// Its data files by partition; of those that only large objects have, with files of their own, none.
    pub(super) partitions: BTreeMap<Vec<PartitionValue>, Option<DataFiles>>,
    pub(super) files: Vec<StagedFile>,
    pub(super) quarantine: Quarantine,
    pub(super) works: Vec<Work>,
    /// What it takes of the memory's budget, until it is closed.
    pub(super) share: Option<StageShare>,
}

impl Filled {
    /// The bytes that it holds in memory, about.
    pub(super) fn held(&self) -> u64 {
        self.quarantine.held() + self.partitions.values().flatten().map(DataFiles::held).sum::<u64>()
    }
}

/// What closing a batch needs.
#[derive(Clone)]
pub(super) struct Closer {
    pub(super) runtime: Arc<Runtime>,
    pub(super) store: Store,
    pub(super) area: Area,
    pub(super) loads: SqsQueue,
    pub(super) settler: Settler,
}

impl Closer {
    /// Makes the batch durable and asks for its load; only then are its events acknowledged. If a step fails for good, they are released.
    ///
    /// # Errors
    /// Only `Fatal` ones.
    pub(super) async fn close(self, filled: Filled, cut: Cut) -> Result<()> {
        let works = filled.works.clone();
        let batch = filled.batch.id();
        let began = Instant::now();
        let closed = self.make_durable(filled).await;
        let outcome = match &closed {
            Ok(manifest) => {
                self.count(manifest, cut, began);
                Outcome::Done
            }
            Err(error) => {
                tracing::error!(pipeline = self.runtime.name(), batch.id = %batch, %error, "a batch was not staged; its objects are read again");
                Outcome::Release(backoff::delay(3, Duration::from_secs(5), Duration::from_secs(60)))
            }
        };
        for work in works {
            self.settler.settle(work, outcome.clone()).await;
        }
        if let (Ok(manifest), Some(tee)) = (&closed, self.runtime.tee.get()) {
            tee.staged(manifest).await;
        }
        match closed {
            Err(error) if error.fault() == Fault::Fatal => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the batch's files, its manifest last, and sends the load message.
    pub(super) async fn make_durable(&self, filled: Filled) -> Result<Manifest> {
        // The share is given back at the end of this function.
        let Filled { batch, runtime, partitions: open, mut files, quarantine, share: _share, .. } = filled;
        let name = self.runtime.name();
        let closed_at = Timestamp::now();
        let id = batch.id();
        let opened_at = batch.opened_at();
        let objects = batch.into_objects();
        let mut partitions = Vec::new();
        for (values, open) in open {
            if let Some(open) = open {
                files.extend(open.finish().await?);
            }
            if !values.is_empty() {
                partitions.push(self.runtime.manifest_partition(&self.area, values));
            }
        }
        failpoint::passed("intake.part-written");

        let quarantine = match quarantine.finish()? {
            None => None,
            Some(bytes) => {
                let key = self.area.quarantine(name, closed_at, id);
                let body = Bytes::from(bytes);
                persist("quarantine", || self.store.put(&key, body.clone(), "application/gzip")).await?;
                Some(self.area.url(&key))
            }
        };
        failpoint::passed("intake.quarantine-written");

        let key = self.area.objects_file(name, closed_at, id);
        let body = Bytes::from(objects_file(id, &objects)?);
        persist("objects", || self.store.put(&key, body.clone(), "application/octet-stream")).await?;
        failpoint::passed("intake.objects-written");

        let manifest = Manifest {
            version: Manifest::VERSION,
            batch: id,
            pipeline: name.to_owned(),
            columns: runtime.manifest_columns(),
            files,
            format: self.runtime.pipeline.stage.format,
            partitions,
            objects_file: StagedFile { url: self.area.url(&key), bytes: body.len() as u64, rows: objects.len() as u64 },
            quarantine,
            objects,
            opened_at,
            closed_at,
        };
        let key = self.area.manifest(name, closed_at, id);
        persist("manifest", || write_manifest(&self.store, &key, &manifest)).await?;
        failpoint::passed("intake.manifest-written");

        let manifest_url = self.area.url(&key);
        let message =
            LoadMessage { version: 1, pipeline: name.to_owned(), batch: id, manifest: manifest_url, objects: None };
        let body = serde_json::json!(message).to_string();
        let deduplication = id.to_string();
        persist("send", || self.loads.send(&body, name, &deduplication)).await?;
        self.runtime.pace.sent(Instant::now());
        failpoint::passed("intake.load-sent");
        Ok(manifest)
    }

    fn count(&self, manifest: &Manifest, cut: Cut, began: Instant) {
        let pipeline = self.runtime.name().to_owned();
        let counts = manifest.counts();
        metrics::counter!(names::BATCHES, "pipeline" => pipeline.clone(), "cut" => cut.as_str()).increment(1);
        metrics::histogram!(names::BATCH_ROWS, "pipeline" => pipeline.clone()).record(counts.staged as f64);
        metrics::histogram!(names::STAGE_SECONDS, "pipeline" => pipeline.clone()).record(began.elapsed());
        metrics::counter!(names::OBJECTS, "pipeline" => pipeline.clone(), "outcome" => "staged")
            .increment(manifest.objects.len() as u64);
        for (outcome, records) in [("read", counts.read), ("staged", counts.staged), ("rejected", counts.rejected)] {
            metrics::counter!(names::RECORDS, "pipeline" => pipeline.clone(), "outcome" => outcome).increment(records);
        }
        metrics::counter!(names::BYTES, "pipeline" => pipeline, "stage" => "staged").increment(manifest.bytes());
        tracing::info!(
            pipeline = self.runtime.name(), batch.id = %manifest.batch, objects = manifest.objects.len(), rows = counts.staged,
            rejected = counts.rejected, cut = cut.as_str(), "staged"
        );
    }
}

/// Tries a step again while it fails for a transient reason.
async fn persist<T, F: Future<Output = Result<T>>>(what: &'static str, step: impl Fn() -> F) -> Result<T> {
    let mut failures = 0;
    loop {
        match step().await {
            Ok(value) => return Ok(value),
            Err(error) => {
                failures += 1;
                if error.fault() != Fault::Transient || failures == TRIES {
                    return Err(error);
                }
                metrics::counter!(names::RETRIES, "operation" => what).increment(1);
                tracing::warn!(%error, what, "staging failed; trying again");
                tokio::time::sleep(backoff::delay(failures, Duration::from_millis(200), Duration::from_secs(10))).await;
            }
        }
    }
}
