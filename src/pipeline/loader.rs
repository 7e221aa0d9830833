//! Load: from the loads queue to committed rows.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::prepare::prepare;
use super::runtime::Runtime;
use super::settle;
use crate::backoff;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::failpoint;
use crate::load::{Ledger, LoadFiles, Report, Token, Warehouse, first_group, is_missing_relation, plan};
use crate::model::{LoadMessage, Manifest};
use crate::queue::{Leases, Message, Reason, SqsQueue};
use crate::stage::{Area, LEDGER_COLUMNS, Store, copy_manifest, read_manifest};
use crate::telemetry::metrics as names;

/// Loads of different pipelines that run at the same time.
const CONCURRENT_LOADS: usize = 4;

/// The longest that a load is put off after transient faults.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// What the loader works with.
pub(super) struct Loader {
    pub(super) loads: SqsQueue,
    pub(super) store: Store,
    pub(super) area: Area,
    pub(super) warehouse: Warehouse,
    pub(super) runtimes: Vec<Arc<Runtime>>,
    pub(super) leases: Leases,
    /// The pipelines whose tables are known to exist.
    pub(super) prepared: Mutex<HashSet<usize>>,
    /// What stops the loader for good.
    pub(super) fatal: Mutex<Option<Error>>,
}

/// A batch that waits for its load, with its message.
struct Waiting {
    message: Message,
    manifest: Manifest,
}

impl Loader {
    /// Runs until `shutdown`, then ends the loads that have begun.
    ///
    /// # Errors
    /// Only `Fatal` ones.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let loader = Arc::new(self);
        let (lost_sender, mut lost) = mpsc::channel(64);
        let leases_end = CancellationToken::new();
        let renewing = tokio::spawn(loader.leases.clone().renew(loader.loads.clone(), lost_sender, leases_end.clone()));
        // A load whose lease is lost runs on: the lock and the ledger make another one of the same batches a no-op.
        let losing = tokio::spawn(async move { while lost.recv().await.is_some() {} });

        let permits = Arc::new(Semaphore::new(CONCURRENT_LOADS));
        let tasks = TaskTracker::new();
        let stop = shutdown.child_token();
        let mut ended = loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { break Ok(()) };
            match loader.receive(&stop).await {
                Ok(Some(messages)) => {
                    // One receipt may hold several groups: a slow load of one must not hold up another.
                    let permit = Arc::new(permit);
                    for (group, messages) in loader.groups(messages) {
                        let (loader, permit, stop) = (loader.clone(), permit.clone(), stop.clone());
                        tasks.spawn(async move {
                            if let Err(error) = loader.load_group(&group, messages).await {
                                loader.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                                stop.cancel();
                            }
                            drop(permit);
                        });
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        tasks.close();
        tasks.wait().await;
        if let Some(fatal) = loader.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            ended = Err(fatal);
        }
        leases_end.cancel();
        for task in [renewing, losing] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the loader ended early");
            }
        }
        ended
    }

    /// The next messages; `None` at the shutdown.
    async fn receive(&self, shutdown: &CancellationToken) -> Result<Option<Vec<Message>>> {
        let mut failures = 0;
        loop {
            let received = tokio::select! {
                received = self.loads.receive() => received,
                () = shutdown.cancelled() => return Ok(None),
            };
            match received {
                Ok(messages) if messages.is_empty() => failures = 0,
                Ok(messages) => {
                    failpoint::passed("load.received");
                    return Ok(Some(messages));
                }
                Err(error) if error.fault() == Fault::Fatal => return Err(error),
                Err(error) => {
                    failures += 1;
                    metrics::counter!(names::RETRIES, "operation" => "receive").increment(1);
                    tracing::warn!(%error, failures, "no loads could be received; trying again");
                    let delay = backoff::delay(failures, Duration::from_millis(500), Duration::from_secs(30));
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = shutdown.cancelled() => return Ok(None),
                    }
                }
            }
        }
    }

    /// What one receipt gave, by group, the messages of each in their order.
    fn groups(&self, messages: Vec<Message>) -> BTreeMap<String, Vec<Message>> {
        let mut groups: BTreeMap<String, Vec<Message>> = BTreeMap::new();
        for message in messages {
            self.leases.hold(&message);
            groups.entry(message.group.clone().unwrap_or_default()).or_default().push(message);
        }
        groups
    }

    /// Loads the batches of a pipeline. Every message is settled: deleted, parked or put off.
    ///
    /// # Errors
    /// Only `Fatal` ones, after the messages were put off.
    async fn load_group(&self, group: &str, messages: Vec<Message>) -> Result<()> {
        let Some(runtime) = self.runtimes.iter().find(|runtime| runtime.name() == group).cloned() else {
            let error = Error::new(ErrorKind::Configuration, format!("this process has no pipeline {group:?}"));
            tracing::error!(pipeline = group, "batches of a pipeline that this process does not have; another may");
            self.put_off(&messages, &error).await;
            return Ok(());
        };
        let mut waiting = Vec::new();
        let mut messages = messages.into_iter();
        while let Some(message) = messages.next() {
            match self.manifest(&message).await {
                Ok(manifest) => waiting.push(Waiting { message, manifest }),
                Err(error) if error.fault() == Fault::Poison => self.park(&runtime, &message, &error).await,
                Err(error) => {
                    tracing::warn!(pipeline = group, %error, "a batch's manifest could not be read; trying again later");
                    // The order within the group is kept: what comes after waits too.
                    let rest: Vec<Message> = std::iter::once(message).chain(messages).collect();
                    self.put_off(&rest, &error).await;
                    if error.fault() == Fault::Fatal {
                        let waiting: Vec<Message> = waiting.into_iter().map(|batch: Waiting| batch.message).collect();
                        self.put_off(&waiting, &error).await;
                        return Err(error);
                    }
                    break;
                }
            }
        }
        failpoint::passed("load.manifests-read");
        let mut single = 0;
        while !waiting.is_empty() {
            let manifests: Vec<Manifest> = waiting.iter().map(|batch| batch.manifest.clone()).collect();
            let size = if single > 0 { 1 } else { first_group(&manifests) };
            single -= usize::from(single > 0);
            let rest = waiting.split_off(size);
            match self.load(&runtime, &waiting).await {
                Ok(()) => {
                    let receipts: Vec<String> = waiting.iter().map(|batch| self.leases.end(&batch.message)).collect();
                    settle::delete(&self.loads, &receipts).await;
                    waiting = rest;
                }
                Err(error) if (error.fault() == Fault::Poison || error.kind() == ErrorKind::TimedOut) && size > 1 => {
                    // One of them is at fault, or they are too much together: each by itself, so that the others are loaded.
                    tracing::warn!(pipeline = group, batches = size, %error, "a load failed; loading its batches one by one");
                    single = size;
                    waiting.extend(rest);
                }
                Err(error) if error.fault() == Fault::Poison => {
                    for batch in &waiting {
                        self.park(&runtime, &batch.message, &error).await;
                    }
                    waiting = rest;
                }
                Err(error) => {
                    metrics::counter!(names::LOADS, "pipeline" => group.to_owned(), "outcome" => "retried")
                        .increment(1);
                    tracing::warn!(pipeline = group, %error, "a load failed; trying again later");
                    waiting.extend(rest);
                    let messages: Vec<Message> = waiting.into_iter().map(|batch| batch.message).collect();
                    self.put_off(&messages, &error).await;
                    return if error.fault() == Fault::Fatal { Err(error) } else { Ok(()) };
                }
            }
        }
        Ok(())
    }

    async fn manifest(&self, message: &Message) -> Result<Manifest> {
        let body: LoadMessage = serde_json::from_str(&message.body)
            .map_err(|error| Error::caused(ErrorKind::Malformed, "the message is no request for a load", error))?;
        read_manifest(&self.store, &body.manifest).await
    }

    /// Loads batches in one transaction.
    async fn load(&self, runtime: &Runtime, batches: &[Waiting]) -> Result<()> {
        let ledger = Ledger::new(&self.warehouse.config().ledger_schema, runtime.name());
        self.prepare(runtime, &ledger).await?;
        let manifests: Vec<Manifest> = batches.iter().map(|batch| batch.manifest.clone()).collect();
        let attempt = batches.iter().map(|batch| batch.message.receive_count).max().unwrap_or(1);
        // Alone after it failed among others, a batch is another load: its token differs by its batches.
        let token = Token::new(batches.iter().map(|batch| (batch.manifest.batch, batch.message.id.as_ref())), attempt);
        let files = self.write_copy_manifests(runtime, &manifests, &token).await?;
        failpoint::passed("load.copy-manifests-written");
        let statements =
            plan(&runtime.pipeline, self.warehouse.config(), &ledger, LEDGER_COLUMNS, &manifests, &files, &token)?;
        let began = Instant::now();
        let loaded = self.warehouse.transaction(&statements, &token, &format!("tidegate-{}", runtime.name())).await;
        let pipeline = runtime.name().to_owned();
        metrics::histogram!(names::LOAD_SECONDS, "pipeline" => pipeline).record(began.elapsed());
        let rows = match loaded {
            Err(error) if is_missing_relation(error.message()) => {
                // A table was dropped or renamed since it was seen: not the batch's fault, and the next try looks again.
                self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(&runtime.index);
                return Err(Error::caused(ErrorKind::WarehouseForbidden, error.message().to_owned(), error));
            }
            loaded => loaded?,
        };
        failpoint::passed("load.committed");
        let report = Report::read(&rows).ok_or_else(|| {
            Error::new(ErrorKind::WarehouseBusy, "a load was committed, but its report could not be read")
        })?;
        count(runtime, &manifests, &report, &token, began);
        Ok(())
    }

    async fn prepare(&self, runtime: &Runtime, ledger: &Ledger) -> Result<()> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).contains(&runtime.index);
        if !known {
            prepare(&self.warehouse, ledger, runtime).await?;
            self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(runtime.index);
        }
        Ok(())
    }

    async fn write_copy_manifests(
        &self,
        runtime: &Runtime,
        manifests: &[Manifest],
        token: &Token,
    ) -> Result<LoadFiles> {
        // Named by the first batch's day and the token, so that another attempt with the same token writes the same.
        let at = manifests.first().map_or(Timestamp::UNIX_EPOCH, |manifest| manifest.closed_at);
        let key = |what| self.area.copy_manifest(runtime.name(), at, token.as_str(), what);
        let put = async |what: &'static str, body: Vec<u8>| -> Result<String> {
            let key = key(what);
            self.store.put(&key, Bytes::from(body), "application/json").await?;
            Ok(self.area.url(&key))
        };
        let objects = put("objects", copy_manifest(manifests.iter().map(|manifest| &manifest.objects_file))).await?;
        let has_rows = manifests.iter().any(|manifest| !manifest.files.is_empty());
        let rows = match has_rows {
            true => Some(put("rows", copy_manifest(manifests.iter().flat_map(|manifest| &manifest.files))).await?),
            false => None,
        };
        Ok(LoadFiles { rows, objects })
    }

    async fn park(&self, runtime: &Runtime, message: &Message, error: &Error) {
        metrics::counter!(names::LOADS, "pipeline" => runtime.name().to_owned(), "outcome" => "parked").increment(1);
        let subject = serde_json::from_str::<LoadMessage>(&message.body)
            .map_or_else(|_| "an unreadable message".to_owned(), |body| format!("batch {}", body.batch));
        let reason = Reason::of("load", error).about(runtime.name(), subject);
        let message = Message { receipt: self.leases.end(message), ..message.clone() };
        settle::park(&self.loads, &message, &reason).await;
    }

    /// Makes messages visible again later, the later the more often they were received.
    async fn put_off(&self, messages: &[Message], error: &Error) {
        let receives = messages.iter().map(|message| message.receive_count).max().unwrap_or(1);
        let delay = match error.kind() {
            ErrorKind::Stopping => Duration::ZERO,
            _ => backoff::delay(receives, Duration::from_secs(2), LONGEST_DELAY),
        };
        let receipts: Vec<String> = messages.iter().filter_map(|message| self.leases.give_up(message)).collect();
        settle::release(&self.loads, &receipts, delay).await;
    }
}

fn count(runtime: &Runtime, manifests: &[Manifest], report: &Report, token: &Token, began: Instant) {
    let pipeline = runtime.name().to_owned();
    metrics::counter!(names::LOADS, "pipeline" => pipeline.clone(), "outcome" => "committed").increment(1);
    metrics::histogram!(names::LOAD_BATCHES, "pipeline" => pipeline.clone()).record(manifests.len() as f64);
    let now = Timestamp::now();
    let mut fates = [("inserted", 0), ("updated", 0), ("unchanged", 0), ("superseded", 0), ("already_loaded", 0)];
    for manifest in manifests {
        if report.was_loaded_before(manifest.batch, token.as_str()) {
            fates[4].1 += manifest.counts().staged;
            continue;
        }
        for object in &manifest.objects {
            let age = now.duration_since(object.event_time).as_secs_f64().max(0.0);
            metrics::histogram!(names::FRESHNESS_SECONDS, "pipeline" => pipeline.clone()).record(age);
        }
    }
    for batch in report.batches.iter().filter(|batch| batch.token == token.as_str()) {
        let counts = [batch.inserted, batch.updated, batch.unchanged, batch.superseded, batch.already_loaded];
        for (fate, count) in fates.iter_mut().zip(counts) {
            fate.1 += count;
        }
    }
    for (fate, rows) in fates {
        metrics::counter!(names::ROWS_LOADED, "pipeline" => pipeline.clone(), "fate" => fate).increment(rows);
    }
    let [inserted, updated, _, superseded, already_loaded] = fates.map(|(_, rows)| rows);
    tracing::info!(
        pipeline = runtime.name(),
        batches = manifests.len(),
        inserted,
        updated,
        superseded,
        already_loaded,
        seconds = began.elapsed().as_secs_f64(),
        "loaded"
    );
}
