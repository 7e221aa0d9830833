//! One load: the staged files of batches, or of parts of one, in one transaction.

use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;

use super::super::runtime::Runtime;
use super::Loader;
use super::batches::Waiting;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::failpoint;
use crate::load::{Ledger, LoadFiles, Report, Token, plan};
use crate::model::{Manifest, StagedFile};
use crate::stage::{LEDGER_COLUMNS, copy_manifest, objects_file};
use crate::telemetry::metrics as names;

/// A submission of a loader that is gone is awaited for so many of its statements' limits, and then cancelled.
const ORPHAN_LIMITS: u32 = 2;

impl Loader {
    /// Loads batches in one transaction.
    pub(super) async fn load(&self, runtime: &Runtime, batches: &[Waiting]) -> Result<()> {
        let attempt = batches.iter().map(|batch| batch.message.receive_count).max().unwrap_or(1);
        if attempt > 1 {
            self.settle_orphans(runtime).await?;
        }
        let manifests: Vec<Manifest> = batches.iter().map(|batch| batch.manifest.clone()).collect();
        let partial = batches.iter().any(|batch| batch.partial);
        self.run_load(runtime, manifests, partial, &token(batches)).await
    }

    /// Loads what the manifests name; of a `partial` load that is one manifest, with only the objects and files to be loaded.
    pub(super) async fn run_load(
        &self,
        runtime: &Runtime,
        mut manifests: Vec<Manifest>,
        partial: bool,
        token: &Token,
    ) -> Result<()> {
        let ledger = self.ledger(runtime);
        let staged = manifests.first().map(|manifest| manifest.columns.as_slice()).unwrap_or_default();
        self.observed(self.prepared.ensure(&self.warehouse, &ledger, runtime, staged).await)?;
        if partial {
            for manifest in &mut manifests {
                manifest.objects_file = self.write_objects(runtime, manifest, token).await?;
            }
        }
        let files = self.write_copy_manifests(runtime, &manifests, partial, token).await?;
        failpoint::passed("load.copy-manifests-written");
        let statements =
            plan(&runtime.pipeline, self.warehouse.config(), &ledger, LEDGER_COLUMNS, &manifests, &files, token)?;
        let began = Instant::now();
        let loaded = self.warehouse.transaction(&statements, token, &statement_name(runtime)).await;
        let pipeline = runtime.name().to_owned();
        metrics::histogram!(names::LOAD_SECONDS, "pipeline" => pipeline).record(began.elapsed());
        let rows = self.observed(loaded).inspect_err(|error| {
            // A table was dropped, renamed or altered since it was seen: the next try looks again.
            if error.kind() == ErrorKind::WarehouseSchema || error.fault() == Fault::Poison {
                self.prepared.forget(runtime);
            }
        })?;
        failpoint::passed("load.committed");
        let report = Report::read(&rows).ok_or_else(|| {
            Error::new(ErrorKind::WarehouseBusy, "a load was committed, but its report could not be read")
        })?;
        count(runtime, &manifests, &report, token, began);
        self.after.committed(runtime);
        self.register(runtime, &manifests).await
    }

    /// The ledger of a pipeline.
    pub(super) fn ledger(&self, runtime: &Runtime) -> Ledger {
        Ledger::new(&self.warehouse.config().ledger_schema, runtime.name())
    }

    /// Awaits the submissions of this pipeline that nobody awaits any more, such as that of a loader that was killed: they hold the
    /// lock. What went wrong elsewhere, row 13: one that runs for too long is cancelled.
    async fn settle_orphans(&self, runtime: &Runtime) -> Result<()> {
        let running = self.warehouse.running(&format!("{}-", statement_name(runtime))).await;
        let running = match running {
            Err(error) if error.kind() == ErrorKind::Permission => {
                // Its own time limit ends it, and the lock makes this load wait for that.
                tracing::warn!(%error, "grant redshift-data:ListStatements, so that statements of dead loaders are found");
                return Ok(());
            }
            running => self.observed(running)?,
        };
        for statement in running {
            tracing::warn!(
                pipeline = runtime.name(),
                statement = statement.name,
                "awaiting the load of another loader"
            );
            let limit = self.warehouse.config().statement_timeout * ORPHAN_LIMITS;
            let ended = self.warehouse.adopt(&statement, limit, Timestamp::now()).await;
            metrics::counter!(
                names::ORPHANS, "pipeline" => runtime.name().to_owned(),
                "outcome" => if ended.is_ok() { "adopted" } else { "cancelled" }
            )
            .increment(1);
            match ended {
                Err(error) if error.kind() != ErrorKind::TimedOut => return Err(error),
                // Cancelled, its locks are free in a moment: this load waits for them.
                _ => {}
            }
        }
        Ok(())
    }

    /// The file of the objects of a partial load.
    async fn write_objects(&self, runtime: &Runtime, manifest: &Manifest, token: &Token) -> Result<StagedFile> {
        let key = self.area.part_objects(runtime.name(), manifest.closed_at, token.as_str());
        let body = Bytes::from(objects_file(manifest.batch, &manifest.objects)?);
        let (bytes, rows) = (body.len() as u64, manifest.objects.len() as u64);
        self.store.put(&key, body, "application/octet-stream").await?;
        Ok(StagedFile { url: self.area.url(&key), bytes, rows })
    }

    async fn write_copy_manifests(
        &self,
        runtime: &Runtime,
        manifests: &[Manifest],
        partial: bool,
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
        Ok(LoadFiles { rows, objects, partial })
    }
}

/// The token of a load of these batches. Alone after it failed among others, a batch is another load: its token differs by its batches.
pub(super) fn token(batches: &[Waiting]) -> Token {
    let attempt = batches.iter().map(|batch| batch.message.receive_count).max().unwrap_or(1);
    Token::new(batches.iter().map(|batch| (batch.manifest.batch, batch.message.id.as_ref())), attempt)
}

/// How the submissions of a pipeline's loads are called; their token follows.
fn statement_name(runtime: &Runtime) -> String {
    format!("tidegate-{}", runtime.name())
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
        let after = now.duration_since(manifest.closed_at);
        runtime.pace.loaded(after.try_into().unwrap_or_default());
        for object in &manifest.objects {
            let age = now.duration_since(object.event_time).as_secs_f64().max(0.0);
            metrics::histogram!(names::FRESHNESS_SECONDS, "pipeline" => pipeline.clone()).record(age);
        }
    }
    for batch in report.batches.iter().filter(|batch| batch.token == token.as_str()) {
        if let Some(tee) = runtime.tee.get() {
            tee.loaded(batch);
        }
        let counts = [batch.inserted, batch.updated, batch.unchanged, batch.superseded, batch.already_loaded];
        for (fate, count) in fates.iter_mut().zip(counts) {
            fate.1 += count;
        }
    }
    for (check, found) in &report.warnings {
        let (pipeline, check) = (pipeline.clone(), check.clone());
        tracing::warn!(pipeline, check, found, "a check does not hold; the load was committed all the same");
        metrics::counter!(names::CHECKS_FAILED, "pipeline" => pipeline, "check" => check).increment(1);
    }
    for (fate, rows) in fates {
        metrics::counter!(names::ROWS_LOADED, "pipeline" => pipeline.clone(), "fate" => fate).increment(rows);
    }
    let [inserted, updated, unchanged, superseded, already_loaded] = fates.map(|(_, rows)| rows);
    tracing::info!(
        pipeline = runtime.name(),
        batches = manifests.len(),
        inserted,
        updated,
        unchanged,
        superseded,
        already_loaded,
        seconds = began.elapsed().as_secs_f64(),
        "loaded"
    );
}
