//! Replay: rejected records, read again with the pipeline as it is now, and those that are valid staged as a batch of their own.
//!
//! A replayed record is an object of its own to the ledger, whose identity is that of its object and its number within it
//! ([`ObjectId::of_record`]): however often and by whichever file it is replayed, corrected or not, its row is in the target once.

mod reread;
mod select;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use jiff::Timestamp;
use tokio::sync::mpsc;

use self::select::{Selected, Source};
use super::close::{Closer, Filled};
use super::evolve;
use super::runtime::Runtime;
use super::settle::Settler;
use crate::aws::Clients;
use crate::batch::OpenBatch;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::ObjectEntry;
use crate::queue::{Leases, SqsQueue};
use crate::stage::{Area, Quarantine, Store};

/// Records of one batch: each is an entry of the ledger.
const BATCH_RECORDS: usize = 10_000;

/// Bytes of rows of one batch.
const BATCH_BYTES: u64 = 64 << 20;

/// Which rejected records to replay, and how.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// The pipeline; `None` if the quarantine's address says it.
    pub pipeline: Option<String>,
    /// The address of a quarantine file, or of a folder of them; all of the pipeline's if there is none.
    pub quarantine: Option<String>,
    /// Only this day's files, `2026-11-21`.
    pub date: Option<String>,
    /// Only records that broke this rule.
    pub rule: Option<String>,
    /// Lines of a quarantine whose `raw` is the record to be taken instead of the source's.
    pub corrected: Option<Vec<u8>>,
    /// Say what would be staged, and stage nothing.
    pub dry_run: bool,
}

/// What became of the records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The records selected, each counted once.
    pub selected: u64,
    /// Those that are valid now, and staged unless it was a dry run.
    pub valid: u64,
    /// The batches that were staged; their loads are asked for.
    pub batches: Vec<String>,
    /// Those that are still rejected, or whose object cannot be read; they stay in the quarantine.
    pub invalid: Vec<StillInvalid>,
}

/// A record that stays in the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillInvalid {
    /// The object, as `s3://bucket/key`.
    pub object: String,
    /// The record's number.
    pub record: u64,
    /// The column at fault, where there is one.
    pub column: Option<String>,
    /// The rule, or `source` where the record could not be read again.
    pub rule: &'static str,
    /// What was found.
    pub message: String,
}

/// Rows of records that are valid, with the entry of each.
struct Piece {
    rows: RecordBatch,
    entries: Vec<ObjectEntry>,
    captures: Vec<String>,
}

/// Replays rejected records, and asks for the loads of what is valid.
///
/// # Errors
/// `Configuration` for an unknown pipeline or a quarantine that is elsewhere; `Malformed` for a file that is none of a quarantine; the errors
/// of S3 and SQS. What was staged before an error is loaded, and replaying again adds the rest.
pub async fn replay(config: Config, clients: Clients, request: &Replay) -> Result<Replayed> {
    let area = Area::new(config.service.staging.uri.clone());
    let staging = &config.service.staging;
    let store = Store::new(clients.staging.clone(), staging.uri.bucket.clone(), staging.encryption.clone());
    let slices = config.service.warehouse.slices;
    let (name, source) = select::source(&area, request)?;
    let pipeline =
        config.pipelines.into_iter().find(|pipeline| pipeline.name == name).ok_or_else(|| {
            Error::new(ErrorKind::Configuration, format!("the configuration has no pipeline {name:?}"))
        })?;
    let runtime = Arc::new(Runtime::new(0, pipeline, slices));
    let runtime = evolve::current(&runtime, &store, &area).await?;
    let selected = match source {
        Source::Corrected(lines) => select::corrected(&lines, &name, request)?,
        Source::Quarantine(prefix) => select::quarantined(&store, &prefix, &name, request).await?,
    };
    let (settler, _settled) = Settler::new(Leases::new());
    let loads = SqsQueue::new(clients.sqs.clone(), "loads", config.service.queues.loads.clone());
    let closer = Closer { runtime: runtime.clone(), store, area, loads, settler };
    let mut replayed = Replayed { selected: selected.count(), ..Replayed::default() };
    let mut filled = None;
    for object in selected.objects {
        read_object(&clients.s3, &closer, object, request.dry_run, &mut filled, &mut replayed).await?;
    }
    if let Some(filled) = filled {
        stage(&closer, filled, &mut replayed).await?;
    }
    Ok(replayed)
}

/// Reads the selected records of one object, and adds those that are valid to the batch.
async fn read_object(
    s3: &aws_sdk_s3::Client,
    closer: &Closer,
    object: Selected,
    dry_run: bool,
    filled: &mut Option<Filled>,
    replayed: &mut Replayed,
) -> Result<()> {
    let (sender, mut pieces) = mpsc::channel(2);
    let reading = tokio::spawn(reread::read(s3.clone(), closer.runtime.clone(), object.clone(), sender));
    while let Some(piece) = pieces.recv().await {
        replayed.valid += piece.entries.len() as u64;
        if !dry_run {
            add(closer, filled, piece, replayed).await?;
        }
    }
    let read = reading
        .await
        .unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "reading an object again ended early", error)));
    match read {
        Ok(invalid) => replayed.invalid.extend(invalid),
        // The object is gone, replaced or damaged: its records cannot be had but by a corrected file.
        Err(error) if error.fault() == Fault::Poison || error.kind() == ErrorKind::ObjectReplaced => {
            let left = |(record, _): (&u64, _)| StillInvalid {
                object: object.object.uri(),
                record: *record,
                column: None,
                rule: "source",
                message: error.to_string(),
            };
            replayed.invalid.extend(object.records.iter().map(left));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Adds rows to the batch, which is staged when it is large.
async fn add(closer: &Closer, filled: &mut Option<Filled>, piece: Piece, replayed: &mut Replayed) -> Result<()> {
    let Piece { rows, entries, captures } = piece;
    let runtime = &closer.runtime;
    let mut batch = filled.take().unwrap_or_else(|| Filled {
        runtime: runtime.clone(),
        batch: OpenBatch::new(Instant::now(), Timestamp::now()),
        partitions: BTreeMap::new(),
        files: Vec::new(),
        quarantine: Quarantine::new(runtime.name()),
        works: Vec::new(),
        share: None,
    });
    let partition = runtime.partition(&captures)?;
    let files = batch.partitions.remove(&partition).flatten();
    let files = files.unwrap_or_else(|| runtime.data_files(&closer.store, &closer.area, &partition));
    let bytes = rows.get_array_memory_size() as u64;
    batch.partitions.insert(partition, Some(files.write(vec![rows]).await?));
    for (at, entry) in entries.into_iter().enumerate() {
        batch.batch.add(entry, if at == 0 { bytes } else { 0 }, 0);
    }
    if batch.batch.objects().len() >= BATCH_RECORDS || batch.batch.bytes() >= BATCH_BYTES {
        return stage(closer, batch, replayed).await;
    }
    *filled = Some(batch);
    Ok(())
}

async fn stage(closer: &Closer, filled: Filled, replayed: &mut Replayed) -> Result<()> {
    let manifest = closer.make_durable(filled).await?;
    tracing::info!(pipeline = closer.runtime.name(), batch.id = %manifest.batch, records = manifest.objects.len(), "replayed");
    replayed.batches.push(manifest.batch.to_string());
    Ok(())
}
