//! A batch that is refused: what of it is at fault is found by loading less and less of it, and the rest is loaded by that.

use std::collections::{HashMap, HashSet};

use super::super::runtime::Runtime;
use super::Loader;
use super::batches::Waiting;
use super::park::Culprits;
use super::transaction::token;
use crate::config::{Mode, Pipeline, Step};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::load::{Bisect, Narrowed};
use crate::model::{Manifest, StagedFile};
use crate::telemetry::metrics as names;

/// Objects asked for by one query to the ledger: their ids are 35 bytes each of the 100 KB that a statement may have.
const ASKED_AT_ONCE: usize = 2_000;

impl Loader {
    /// Loads what can be loaded of a batch that was refused with `error`, and parks the rest.
    ///
    /// # Errors
    /// Transient and fatal ones: what was loaded by then stays loaded, and the message is still to be settled.
    pub(super) async fn narrow(&self, runtime: &Runtime, waiting: &Waiting, error: Error) -> Result<()> {
        let manifest = &waiting.manifest;
        let by_file = error.kind() == ErrorKind::CopyRefused && !manifest.files.is_empty();
        let objects = manifest.objects.len();
        let divisible = error.kind() != ErrorKind::Malformed && can_be_divided(&runtime.pipeline);
        if objects <= 1 || !divisible {
            self.park(runtime, waiting, Culprits::all(&error)).await;
            return Ok(());
        }
        let batch = manifest.batch;
        tracing::warn!(pipeline = runtime.name(), batch.id = %batch, objects, %error, "a batch was refused; loading it in parts");
        let culprits = match by_file {
            true => self.narrow_by_file(runtime, waiting, error).await?,
            false => self.narrow_by_object(runtime, waiting, error).await?,
        };
        if culprits.objects() < objects {
            metrics::counter!(names::LOADS, "pipeline" => runtime.name().to_owned(), "outcome" => "divided")
                .increment(1);
        }
        self.park(runtime, waiting, culprits).await;
        Ok(())
    }

    async fn narrow_by_object(&self, runtime: &Runtime, waiting: &Waiting, error: Error) -> Result<Culprits> {
        let ids = waiting.manifest.objects.iter().map(|object| object.id.clone()).collect();
        let (end, mut reasons) = self
            .bisect(runtime, waiting, ids, |ids: &[String]| {
                let ids: HashSet<&String> = ids.iter().collect();
                let mut manifest = waiting.manifest.clone();
                manifest.objects.retain(|object| ids.contains(&object.id));
                manifest
            })
            .await?;
        if !end.some_passed {
            return Ok(Culprits::all(&error));
        }
        let mut culprits = Culprits::none();
        for object in end.culprits {
            let reason = reasons.remove(&object).unwrap_or_else(|| error.to_string());
            culprits.add(vec![object], error.kind(), reason);
        }
        let reason = format!("{error}; not tried one by one, as the search for what is at fault took too many loads");
        culprits.add(end.undecided, error.kind(), reason);
        Ok(culprits)
    }

    /// COPY does not say which objects' rows are in a file that it refuses: those are the culprits that are not loaded in the end.
    async fn narrow_by_file(&self, runtime: &Runtime, waiting: &Waiting, error: Error) -> Result<Culprits> {
        let files = &waiting.manifest.files;
        let with = |urls: &[String]| {
            let mut manifest = waiting.manifest.clone();
            manifest.files.retain(|file: &StagedFile| urls.contains(&file.url));
            manifest
        };
        let urls: Vec<String> = files.iter().map(|file| file.url.clone()).collect();
        let (end, reasons) = self.bisect(runtime, waiting, urls.clone(), with).await?;
        // An object with rows in two files is whole only where both are there: all good ones together.
        let bad: HashSet<&String> = end.culprits.iter().chain(&end.undecided).collect();
        let good: Vec<String> = urls.iter().filter(|url| !bad.contains(url)).cloned().collect();
        match self.run_load(runtime, vec![with(&good)], true, &token(std::slice::from_ref(waiting)).part(0)).await {
            Err(refused) if refused.fault() == Fault::Poison => {
                tracing::warn!(pipeline = runtime.name(), %refused, "the files that are not at fault are refused together");
            }
            ended => ended?,
        }
        let reason = end.culprits.iter().find_map(|url| reasons.get(url)).cloned();
        let mut culprits = Culprits::none();
        culprits.add(
            self.not_loaded(runtime, &waiting.manifest).await?,
            error.kind(),
            reason.unwrap_or(error.to_string()),
        );
        Ok(culprits)
    }

    /// Searches among suspects; gives the end, and why each culprit failed alone.
    async fn bisect(
        &self,
        runtime: &Runtime,
        waiting: &Waiting,
        suspects: Vec<String>,
        manifest: impl Fn(&[String]) -> Manifest,
    ) -> Result<(Narrowed<String>, HashMap<String, String>)> {
        let token = token(std::slice::from_ref(waiting));
        let mut bisect = Bisect::new(suspects);
        let mut reasons = HashMap::new();
        let mut number = 0;
        while let Some(set) = bisect.next() {
            number += 1;
            match self.run_load(runtime, vec![manifest(set)], true, &token.part(number)).await {
                Ok(()) => bisect.passed(),
                Err(error) if error.fault() == Fault::Poison => {
                    tracing::debug!(pipeline = runtime.name(), suspects = set.len(), %error, "refused");
                    if let [alone] = set {
                        reasons.insert(alone.clone(), error.to_string());
                    }
                    bisect.failed();
                }
                Err(error) => return Err(error),
            }
        }
        Ok((bisect.end(), reasons))
    }

    /// The objects of a batch that the ledger does not have.
    async fn not_loaded(&self, runtime: &Runtime, manifest: &Manifest) -> Result<Vec<String>> {
        let ledger = self.ledger(runtime);
        let mut missing: Vec<String> = manifest.objects.iter().map(|object| object.id.clone()).collect();
        let all = missing.clone();
        for ids in all.chunks(ASKED_AT_ONCE) {
            let rows = self.observed(self.warehouse.query(&ledger.loaded_query(ids)).await)?;
            let loaded: HashSet<String> = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
            missing.retain(|id| !loaded.contains(id));
        }
        Ok(missing)
    }
}

/// Whether a batch may be loaded in several transactions: only where what one part does leaves alone what another did.
///
/// Not so where a load replaces what was there before, as a partition: its second part would remove the first. Nor where it is
/// compared with all there is, as a full extract, or where steps of the pipeline see it as a whole.
fn can_be_divided(pipeline: &Pipeline) -> bool {
    let has_steps = pipeline.steps.iter().any(|step| matches!(step, Step::Sql { .. }));
    let full_extract = pipeline.target.options.scd2.as_ref().is_some_and(|scd2| scd2.full_extract);
    match pipeline.target.mode {
        Mode::Append | Mode::InsertNew | Mode::Upsert | Mode::ReplaceObject => !has_steps,
        Mode::Scd2 => !has_steps && !full_extract,
        Mode::ReplacePartition | Mode::None => false,
    }
}
