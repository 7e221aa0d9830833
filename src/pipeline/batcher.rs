//! Collecting a pipeline's objects into batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::budget::{Budget, StageShare};
use super::close::{Closer, Filled};
use super::inflight::{Outcome, Work};
use super::read::ReadObject;
use crate::batch::{Collecting, Cut, OpenBatch, cut, deadline};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::PartitionValue;
use crate::stage::Quarantine;
use crate::telemetry::metrics as names;

/// The partitions of a batch that have files of their own; an object of one more goes to the next batch.
const MOST_PARTITIONS: usize = 8;
/// How often an open batch is looked at, at least.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// One pipeline's batches: one that takes objects, and at most one that is being closed.
pub(super) struct Batcher {
    closer: Closer,
    open: Option<Filled>,
    closing: Option<JoinHandle<Result<()>>>,
    budget: Budget,
}

impl Batcher {
    pub(super) fn new(closer: Closer, budget: Budget) -> Self {
        Batcher { closer, open: None, closing: None, budget }
    }

    /// Takes objects until their channel ends, and closes what is open then.
    ///
    /// # Errors
    /// Only `Fatal` ones.
    pub(super) async fn run(mut self, mut objects: mpsc::Receiver<(Work, ReadObject)>) -> Result<()> {
        loop {
            let due = self.open.as_ref().map(|filled| {
                // What is observed changes: an open batch is looked at again soon.
                deadline(filled.batch.opened(), self.collecting().time).min(Instant::now() + LOOK_AGAIN)
            });
            let received = match due {
                None => objects.recv().await,
                Some(due) => tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(due.into()) => {
                        self.cut_if_due().await?;
                        continue;
                    }
                    () = self.budget.pressure() => {
                        if self.open.as_ref().and_then(|filled| filled.share.as_ref()).is_some_and(StageShare::is_large) {
                            self.close(Cut::Memory).await?;
                        }
                        continue;
                    }
                    received = objects.recv() => received,
                },
            };
            match received {
                Some((work, object)) => {
                    if self.would_open_too_many(&object.partition) {
                        self.close(Cut::Partitions).await?;
                    }
                    let has_rows = !object.rows.is_empty() || !object.files.is_empty();
                    let other = |filled: &Filled| has_rows && !Arc::ptr_eq(&filled.runtime, &object.runtime);
                    if self.open.as_ref().is_some_and(other) {
                        self.close(Cut::Schema).await?;
                    }
                    self.add(work, object).await?;
                    self.cut_if_due().await?;
                }
                None => break,
            }
        }
        if self.open.is_some() {
            self.close(Cut::Shutdown).await?;
        }
        self.await_closing().await
    }

    /// For how long a batch may collect, by what is observed now.
    fn collecting(&self) -> Collecting {
        let runtime = &self.closer.runtime;
        runtime.pace.collecting(runtime.name(), runtime.pipeline.freshness)
    }

    fn would_open_too_many(&self, partition: &[PartitionValue]) -> bool {
        self.open.as_ref().is_some_and(|filled| {
            filled.partitions.len() >= MOST_PARTITIONS && !filled.partitions.contains_key(partition)
        })
    }

    /// Adds an object to the open batch. If its rows cannot be written, the batch is given up and its objects are read again.
    async fn add(&mut self, work: Work, object: ReadObject) -> Result<()> {
        let mut filled = self.open.take().unwrap_or_else(|| Filled {
            runtime: object.runtime.clone(),
            batch: OpenBatch::new(Instant::now(), Timestamp::now()),
            partitions: BTreeMap::new(),
            files: Vec::new(),
            quarantine: Quarantine::new(self.closer.runtime.name()),
            works: Vec::new(),
            share: Some(self.budget.stage()),
        });
        filled.works.push(work);
        if filled.batch.holds(&object.entry.id) {
            // Read again after its lease was lost: twice in a batch, its rows could not be told apart.
            self.open = Some(filled);
            return Ok(());
        }
        match append(&self.closer, &mut filled, object).await {
            Ok(()) => {
                self.open = Some(filled);
                Ok(())
            }
            Err(error) => {
                tracing::error!(pipeline = self.closer.runtime.name(), %error, "a batch could not be written; its objects are read again");
                for files in filled.partitions.into_values().flatten() {
                    files.abort().await;
                }
                let delay =
                    crate::backoff::delay(3, std::time::Duration::from_secs(5), std::time::Duration::from_secs(60));
                for work in filled.works {
                    self.closer.settler.settle(work, Outcome::Release(delay)).await;
                }
                if error.fault() == Fault::Fatal { Err(error) } else { Ok(()) }
            }
        }
    }

    async fn cut_if_due(&mut self) -> Result<()> {
        let due = self.open.as_ref().and_then(|filled| {
            cut(&filled.batch, &self.closer.runtime.pipeline.batch, self.collecting(), Instant::now())
        });
        let crowded = self.open.as_mut().is_some_and(|filled| {
            let held = filled.held();
            filled.share.as_mut().is_some_and(|share| share.update(held))
        });
        match due.or(crowded.then_some(Cut::Memory)) {
            Some(why) => self.close(why).await,
            None => Ok(()),
        }
    }

    /// Begins to close the open batch, after the one before it is closed.
    async fn close(&mut self, why: Cut) -> Result<()> {
        self.await_closing().await?;
        if let Some(filled) = self.open.take() {
            self.closing = Some(tokio::spawn(self.closer.clone().close(filled, why)));
        }
        Ok(())
    }

    async fn await_closing(&mut self) -> Result<()> {
        match self.closing.take() {
            None => Ok(()),
            Some(closing) => closing
                .await
                .unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "closing a batch ended early", error))),
        }
    }
}

/// Adds an object's rows, files and rejects to a batch.
async fn append(closer: &Closer, filled: &mut Filled, object: ReadObject) -> Result<()> {
    let Closer { store, area, .. } = closer;
    let runtime = &object.runtime;
    if !object.rows.is_empty() {
        let files = filled.partitions.remove(&object.partition).flatten();
        let files = files.unwrap_or_else(|| runtime.data_files(store, area, &object.partition));
        let files = files.write(object.rows).await?;
        filled.partitions.insert(object.partition, Some(files));
    } else if !object.files.is_empty() {
        filled.partitions.entry(object.partition).or_default();
    }
    filled.files.extend(object.files);
    filled.quarantine.add(filled.batch.id(), &object.entry, &object.rejects)?;
    for reject in &object.rejects {
        let pipeline = runtime.name().to_owned();
        metrics::counter!(names::REJECTS, "pipeline" => pipeline, "rule" => reject.rule.as_str()).increment(1);
    }
    let rejected = object.rejects.iter().map(|reject| reject.raw.len() + reject.message.len()).sum::<usize>();
    filled.batch.add(object.entry, object.bytes, rejected as u64);
    // Its rows are encoded, or few; the batch's own share has them.
    drop(object.share);
    Ok(())
}
