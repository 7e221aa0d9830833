//! A pipeline's copy for Firehose: rows or rejects of staged batches, or what became of batches.
//!
//! Nothing waits for it but what `block` allows: it takes notes of staged files, a few bytes each, into a bounded channel, and a
//! task of its own reads the files back and sends them. So a batch is on its way to the warehouse, and its events are acknowledged,
//! before the copy begins. What does not fit into the channel is dropped and counted; with `block`, after the next batch of the same
//! pipeline waited to be closed for a while. A loader never waits.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio_util::sync::CancellationToken;

use crate::backoff;
use crate::config::{Firehose, OnFull, TeeOf};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::firehose::{Packed, Packer, Shape, Stream, rows};
use crate::load::BatchFates;
use crate::model::{Manifest, StagedFile};
use crate::stage::{ReadBack, Store, parse_url};
use crate::telemetry::metrics as names;

/// The longest that `block` waits for room, at each batch.
const LONGEST_BLOCK: Duration = Duration::from_secs(10);

/// How often a staged file is tried to be read back.
const TRIES: u32 = 5;

/// Where the batches of a pipeline are noted.
pub(super) struct Tee {
    pipeline: String,
    what: TeeOf,
    on_full: OnFull,
    jobs: mpsc::Sender<Job>,
}

/// What is to be sent.
struct Job {
    lines: u64,
    source: Source,
}

enum Source {
    Files { files: Vec<StagedFile>, shapes: Vec<Shape> },
    Quarantine(String),
    Line(String),
}

impl Tee {
    /// A tee, and the task that sends; the task ends, once all that is noted is sent, after `end`.
    pub(super) fn new(
        pipeline: &str,
        config: &Firehose,
        client: aws_sdk_firehose::Client,
        store: Store,
        end: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (jobs, receiver) = mpsc::channel(config.buffer);
        let stream = Stream::new(client, &config.stream, pipeline);
        for outcome in ["delivered", "dropped"] {
            stream.count(outcome, 0);
        }
        let tee = Tee { pipeline: pipeline.to_owned(), what: config.what, on_full: config.on_full, jobs };
        (tee, send(pipeline.to_owned(), stream, store, receiver, end))
    }

    /// A batch is durable, its load is asked for, and its events are acknowledged.
    pub(super) async fn staged(&self, manifest: &Manifest) {
        let counts = manifest.counts();
        let job = match (self.what, &manifest.quarantine) {
            (TeeOf::Rows, _) => {
                let shapes = manifest.columns.iter().map(|column| shape(&column.sql_type)).collect();
                Job { lines: counts.staged, source: Source::Files { files: manifest.files.clone(), shapes } }
            }
            (TeeOf::Rejects, Some(url)) => Job { lines: counts.rejected, source: Source::Quarantine(url.clone()) },
            (TeeOf::Rejects, None) => return,
            (TeeOf::Batches, _) => {
                let line = json!({
                    "event": "staged", "pipeline": self.pipeline, "batch": manifest.batch, "objects": manifest.objects.len(),
                    "read": counts.read, "rejected": counts.rejected, "staged": counts.staged, "files": manifest.files.len(),
                    "bytes": manifest.bytes(), "opened_at": manifest.opened_at, "closed_at": manifest.closed_at,
                });
                Job { lines: 1, source: Source::Line(line.to_string()) }
            }
        };
        if job.lines == 0 {
            return;
        }
        match self.on_full {
            OnFull::Drop => self.offer(job),
            OnFull::Block => match self.jobs.send_timeout(job, LONGEST_BLOCK).await {
                Ok(()) => {}
                Err(SendTimeoutError::Timeout(job) | SendTimeoutError::Closed(job)) => self.dropped(job.lines),
            },
        }
        self.export();
    }

    /// A batch, or a part of one, is committed.
    pub(super) fn loaded(&self, fates: &BatchFates) {
        if self.what != TeeOf::Batches {
            return;
        }
        let line = json!({
            "event": "loaded", "pipeline": self.pipeline, "batch": fates.batch, "load": fates.token,
            "already_loaded": fates.already_loaded, "inserted": fates.inserted, "updated": fates.updated,
            "unchanged": fates.unchanged, "superseded": fates.superseded, "loaded_at": jiff::Timestamp::now(),
        });
        self.offer(Job { lines: 1, source: Source::Line(line.to_string()) });
        self.export();
    }

    fn offer(&self, job: Job) {
        if let Err(TrySendError::Full(job) | TrySendError::Closed(job)) = self.jobs.try_send(job) {
            self.dropped(job.lines);
        }
    }

    fn dropped(&self, lines: u64) {
        tracing::warn!(pipeline = self.pipeline, lines, "no room for Firehose; dropped");
        metrics::counter!(names::FIREHOSE_LINES, "pipeline" => self.pipeline.clone(), "outcome" => "dropped")
            .increment(lines);
    }

    fn export(&self) {
        let waiting = self.jobs.max_capacity() - self.jobs.capacity();
        metrics::gauge!(names::FIREHOSE_WAITING, "pipeline" => self.pipeline.clone()).set(waiting as f64);
    }
}

/// What a column of this SQL type is in lines of JSON.
pub(super) fn shape(sql_type: &str) -> Shape {
    match sql_type.to_lowercase().as_str() {
        "super" => Shape::Json,
        "timestamptz" => Shape::Utc,
        _ => Shape::Plain,
    }
}

/// Sends what is noted, in its order, until `end`; then what is left.
async fn send(pipeline: String, stream: Stream, store: Store, mut jobs: mpsc::Receiver<Job>, end: CancellationToken) {
    loop {
        let job = tokio::select! {
            biased;
            job = jobs.recv() => job,
            () = end.cancelled() => {
                // Nothing is noted any more: what is there is sent, then `recv` says that it is over.
                jobs.close();
                jobs.recv().await
            }
        };
        let Some(Job { lines, source }) = job else { return };
        let sent = match source {
            Source::Line(line) => put_lines(&stream, std::iter::once(line.into_bytes())).await,
            Source::Quarantine(url) => put_quarantine(&stream, &store, &url).await,
            Source::Files { files, shapes } => put_files(&stream, &store, files, &shapes).await,
        };
        metrics::gauge!(names::FIREHOSE_WAITING, "pipeline" => pipeline.clone()).set(jobs.len() as f64);
        if let Err(error) = sent {
            tracing::error!(pipeline, lines, %error, "a batch could not be read back for Firehose; the rest of it is left out");
            stream.count("dropped", lines);
        }
    }
}

async fn put_lines(stream: &Stream, lines: impl Iterator<Item = Vec<u8>>) -> Result<()> {
    let mut packer = Packer::new();
    for line in lines {
        match packer.push(&line) {
            Ok(Some(call)) => stream.put(call).await,
            Ok(None) => {}
            Err(_) => stream.count("dropped", 1),
        }
    }
    for call in packer.finish() {
        stream.put(call).await;
    }
    Ok(())
}

/// A batch's rejects: as many as memory held when they were written.
async fn put_quarantine(stream: &Stream, store: &Store, url: &str) -> Result<()> {
    let Some((_, key)) = parse_url(url) else { return Ok(()) };
    let bytes = read_again(|| store.get(key)).await?;
    let lines = BufReader::new(GzDecoder::new(bytes.as_ref())).split(b'\n').map_while(std::io::Result::ok);
    put_lines(stream, lines).await
}

/// A batch's rows, decoded on a blocking thread while others are being sent.
async fn put_files(stream: &Stream, store: &Store, files: Vec<StagedFile>, shapes: &[Shape]) -> Result<()> {
    for file in files {
        let opened = read_again(|| ReadBack::open(store.clone(), &file)).await?;
        let Some(mut file) = opened else {
            return Err(Error::new(ErrorKind::Configuration, format!("{} is not Parquet", file.url)));
        };
        // A group at a time: what it gives is sent before the next one is fetched.
        while let Some(pieces) = file.next().await? {
            let (calls, mut ready) = mpsc::channel::<Vec<Packed>>(1);
            let shapes = shapes.to_vec();
            let packing = tokio::task::spawn_blocking(move || pack(pieces, &shapes, &calls));
            while let Some(call) = ready.recv().await {
                stream.put(call).await;
            }
            let too_long =
                packing.await.map_err(|error| Error::caused(ErrorKind::Io, "packing rows ended early", error))??;
            stream.count("dropped", too_long);
        }
    }
    Ok(())
}

/// Packs rows into calls; gives the number of rows that no record can hold.
fn pack(
    pieces: impl Iterator<Item = Result<arrow_array::RecordBatch>>,
    shapes: &[Shape],
    calls: &mpsc::Sender<Vec<Packed>>,
) -> Result<u64> {
    let mut packer = Packer::new();
    let mut too_long = 0;
    for piece in pieces {
        let mut full = Vec::new();
        rows(&piece?, shapes, |line| match packer.push(line) {
            Ok(call) => full.extend(call),
            Err(_) => too_long += 1,
        })?;
        for call in full {
            // Nobody listens only where the process ends.
            if calls.blocking_send(call).is_err() {
                return Ok(too_long);
            }
        }
    }
    for call in packer.finish() {
        if calls.blocking_send(call).is_err() {
            break;
        }
    }
    Ok(too_long)
}

/// Tries again while S3 fails for a transient reason.
async fn read_again<T, F: Future<Output = Result<T>>>(read: impl Fn() -> F) -> Result<T> {
    let mut failures = 0;
    loop {
        match read().await {
            Err(error) if error.fault() == Fault::Transient && failures < TRIES => {
                failures += 1;
                tokio::time::sleep(backoff::delay(failures, Duration::from_millis(200), Duration::from_secs(10))).await;
            }
            ended => return ended,
        }
    }
}
