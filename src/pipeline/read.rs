//! Reading one object: from its announcement to typed rows, on a blocking thread beside the download.
//!
//! A small object is downloaded first, so that the thread has nothing to wait for. A large one is decompressed, decoded, and encoded at the
//! same time, each on a thread of its own: where memory lets no second one be read beside it, it still takes three cores.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::{Buf, Bytes};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::budget::ReadShare;
use super::collect::Summary;
use super::decoding::{NewFields, Stored, Threads, decode, decode_file};
use super::evolve;
use super::runtime::Runtime;
use super::spill::{Spill, Spilling};
use crate::config::Captures;
use crate::decode::needs_random_access;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    ObjectEntry, ObjectId, ObjectRef, Origin, PartitionValue, RandomAccess, Reject, Removal, StagedFile,
};
use crate::object::{ObjectFile, ObjectStream};
use crate::telemetry::metrics as names;

/// An object of at most so many stored bytes is downloaded whole before it is decoded.
const SMALL: u64 = 64 << 10;

/// An object of at least so many is decompressed on a thread of its own. Those below it leave memory for others, which take the other cores.
const LARGE: u64 = 4 << 20;

/// An object that one pipeline wants.
pub(super) struct Job {
    /// The pipeline as it is configured.
    pub(super) runtime: Arc<Runtime>,
    pub(super) object: ObjectRef,
    pub(super) id: ObjectId,
    pub(super) captures: Captures,
    /// What is gone, if the event says so; there is nothing to read then.
    pub(super) removal: Option<Removal>,
    pub(super) cancel: CancellationToken,
}

/// An object that was read whole.
pub(super) struct ReadObject {
    /// The version of the pipeline with which it was read.
    pub(super) runtime: Arc<Runtime>,
    pub(super) entry: ObjectEntry,
    /// Its rows, of a small object.
    pub(super) rows: Vec<RecordBatch>,
    /// The bytes of `rows` in memory.
    pub(super) bytes: u64,
    /// Its rows, of a large object: files of its own.
    pub(super) files: Vec<StagedFile>,
    pub(super) rejects: Vec<Reject>,
    /// The partition of its rows; empty where data files are not partitioned.
    pub(super) partition: Vec<PartitionValue>,
    /// What it takes of the memory's budget, until its rows are encoded.
    pub(super) share: ReadShare,
}

/// Reads an object whole, or not at all: what was spilled of one that fails is aborted.
pub(super) async fn read(client: aws_sdk_s3::Client, spill: &Spill, job: &Job, share: ReadShare) -> Result<ReadObject> {
    if job.removal.is_some() {
        return Ok(removed(job, share));
    }
    let partition = job.runtime.partition(&job.captures)?;
    let runtime = evolve::current(&job.runtime, &spill.store, &spill.area).await?;
    let mut buffer =
        Buffer { spill, job, runtime, share, partition, rows: Vec::new(), bytes: 0, all_bytes: 0, part: None };
    let finished = tokio::select! {
        finished = read_rows(&client, &mut buffer) => finished,
        () = job.cancel.cancelled() => Err(Error::new(ErrorKind::Stopping, "the work on the object was stopped")),
    };
    match finished {
        Ok((summary, size)) => buffer.finish(summary, size).await,
        Err(error) => {
            if let Some(part) = buffer.part {
                part.abort().await;
            }
            Err(error)
        }
    }
}

/// Reads the object's rows; where it brings fields that are to become columns, again with these.
async fn read_rows(client: &aws_sdk_s3::Client, buffer: &mut Buffer<'_>) -> Result<(Summary, u64)> {
    for round in 0.. {
        let new_fields = if round < evolve::MOST_ROUNDS { NewFields::Discover } else { NewFields::Ignore };
        let (mut summary, size) = match needs_random_access(&buffer.runtime.pipeline.source.format) {
            true => file(client.clone(), buffer, new_fields).await?,
            false => stream(client.clone(), buffer, new_fields).await?,
        };
        let fields = std::mem::take(&mut summary.new_fields);
        if fields.is_empty() {
            return Ok((summary, size));
        }
        buffer.clear().await;
        let (job, Spill { store, area, .. }) = (buffer.job, buffer.spill);
        buffer.runtime = evolve::learn(&job.runtime, store, area, &job.object.uri(), fields).await?;
    }
    Err(nobody_listens())
}

/// Reads the wanted parts, decodes and collects at the same time; gives the sums and the stored size.
async fn file(client: aws_sdk_s3::Client, buffer: &mut Buffer<'_>, new_fields: NewFields) -> Result<(Summary, u64)> {
    let job = buffer.job;
    let file = ObjectFile::open(client, job.object.clone(), job.cancel.clone()).await?;
    let size = file.len();
    let (piece_sender, mut pieces) = mpsc::channel(2);
    let (runtime, id) = (buffer.runtime.clone(), job.id.to_string());
    let origin = Origin { object: job.object.clone(), captures: job.captures.clone() };
    let decoding = tokio::task::spawn_blocking(move || {
        let mut hand_on = |piece| piece_sender.blocking_send(piece).map_err(|_| nobody_listens());
        decode_file(&runtime, &origin, id, Arc::new(file), new_fields, &mut hand_on)
    });
    let mut collected = Ok(());
    while let (true, Some(piece)) = (collected.is_ok(), pieces.recv().await) {
        collected = buffer.add(piece).await;
    }
    drop(pieces);
    let summary = ended(decoding.await);
    collected?;
    Ok((summary?, size))
}

/// Downloads, decodes and collects at the same time; gives the sums and the stored size.
async fn stream(client: aws_sdk_s3::Client, buffer: &mut Buffer<'_>, new_fields: NewFields) -> Result<(Summary, u64)> {
    let job = buffer.job;
    let mut object = ObjectStream::open(client, job.object.clone()).await?;
    // A size of 0 may be one that the server does not say.
    let whole = match object.size() {
        1..=SMALL => Some(whole(job, &mut object).await?),
        _ => None,
    };
    let threads = if object.size() >= LARGE { Threads::Two } else { Threads::One };
    let (chunk_sender, chunks) = mpsc::channel(4);
    let (piece_sender, mut pieces) = mpsc::channel(2);
    let (runtime, id) = (buffer.runtime.clone(), job.id.to_string());
    let mut origin = Origin { object: job.object.clone(), captures: job.captures.clone() };
    // The key as it was found, where the event left two readings open.
    object.key().clone_into(&mut origin.object.key);
    let content_encoding = object.content_encoding().map(str::to_owned);
    let small = whole.is_some();
    let _permit = match small {
        true => buffer.spill.decoders.acquire().await.ok(),
        false => None,
    };
    let decoding = tokio::task::spawn_blocking(move || {
        let bytes: Box<dyn Read + Send> = match whole {
            Some(bytes) => Box::new(Cursor::new(bytes)),
            None => Box::new(Chunks::new(chunks)),
        };
        let mut hand_on = |piece| piece_sender.blocking_send(piece).map_err(|_| nobody_listens());
        decode(&runtime, Stored { origin: &origin, id, content_encoding, bytes, threads }, new_fields, &mut hand_on)
    });

    let download = async {
        if small {
            return object;
        }
        loop {
            let chunk = object.next().await;
            let last = !matches!(chunk, Ok(Some(_)));
            if let Ok(Some(bytes)) = &chunk {
                count_read(job, bytes.len());
            }
            // The decoder may have ended first, at an error of its own.
            if chunk_sender.send(chunk).await.is_err() || last {
                break;
            }
        }
        drop(chunk_sender);
        object
    };
    let collect = async move {
        // Where adding fails, `pieces` is dropped with this future's end, and the decoder finds that nobody listens.
        while let Some(piece) = pieces.recv().await {
            buffer.add(piece).await?;
        }
        Ok(())
    };
    let (object, collected): (ObjectStream, Result<()>) = tokio::join!(download, collect);
    let summary = ended(decoding.await);
    // Where staging failed, the decoder only saw that nobody listens any more.
    collected?;
    if object.resumed() > 0 {
        metrics::counter!(names::READ_RESUMED, "pipeline" => job.runtime.name().to_owned()).increment(object.resumed());
    }
    Ok((summary?, object.size()))
}

/// Downloads a small object.
async fn whole(job: &Job, object: &mut ObjectStream) -> Result<Bytes> {
    // Nearly always, it comes in one piece.
    let mut bytes = object.next().await?.unwrap_or_default();
    while let Some(next) = object.next().await? {
        bytes = [bytes, next].concat().into();
    }
    count_read(job, bytes.len());
    Ok(bytes)
}

fn count_read(job: &Job, bytes: usize) {
    metrics::counter!(names::BYTES, "pipeline" => job.runtime.name().to_owned(), "stage" => "read")
        .increment(bytes as u64);
}

fn ended(decoding: std::result::Result<Result<Summary>, tokio::task::JoinError>) -> Result<Summary> {
    decoding.unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "decoding an object ended early", error)))
}

/// The entry of a removal: an object without bytes and rows.
fn removed(job: &Job, share: ReadShare) -> ReadObject {
    let object = &job.object;
    let entry = ObjectEntry {
        id: job.id.to_string(),
        bucket: object.bucket.clone(),
        key: object.key.clone(),
        version: object.version.clone(),
        etag: object.etag.clone(),
        size: 0,
        sequencer: object.sequencer.clone(),
        event_time: object.event_time,
        read: 0,
        rejected: 0,
        staged: 0,
        removal: job.removal,
    };
    ReadObject {
        runtime: job.runtime.clone(),
        entry,
        rows: Vec::new(),
        bytes: 0,
        files: Vec::new(),
        rejects: Vec::new(),
        partition: Vec::new(),
        share,
    }
}

/// The rows of one object, in memory until they are too many.
struct Buffer<'a> {
    spill: &'a Spill,
    job: &'a Job,
    /// The version of the pipeline with which the object is read.
    runtime: Arc<Runtime>,
    share: ReadShare,
    partition: Vec<PartitionValue>,
    rows: Vec<RecordBatch>,
    bytes: usize,
    all_bytes: u64,
    /// Its files, once there are too many.
    part: Option<Spilling>,
}

impl Buffer<'_> {
    async fn add(&mut self, piece: RecordBatch) -> Result<()> {
        let bytes = piece.get_array_memory_size();
        self.all_bytes += bytes as u64;
        if let Some(part) = &mut self.part {
            return part.add(piece).await;
        }
        self.bytes += bytes;
        self.rows.push(piece);
        self.share.grow(self.bytes as u64).await;
        if self.bytes <= self.spill.buffer_bytes {
            return Ok(());
        }
        let Spill { store, area, buffer_bytes, .. } = self.spill;
        let files = self.runtime.data_files(store, area, &self.partition);
        let part = self.part.insert(Spilling::new(files, *buffer_bytes));
        self.bytes = 0;
        for piece in std::mem::take(&mut self.rows) {
            part.add(piece).await?;
        }
        Ok(())
    }

    /// Forgets all rows, also those that were written.
    async fn clear(&mut self) {
        self.rows.clear();
        (self.bytes, self.all_bytes) = (0, 0);
        if let Some(part) = self.part.take() {
            part.abort().await;
        }
    }

    async fn finish(mut self, summary: Summary, size: u64) -> Result<ReadObject> {
        let mut files = Vec::new();
        if let Some(part) = self.part.take() {
            files.extend(part.finish().await?);
        }
        let object = &self.job.object;
        let pipeline = self.job.runtime.name().to_owned();
        metrics::counter!(names::BYTES, "pipeline" => pipeline, "stage" => "decompressed")
            .increment(summary.decompressed);
        let entry = ObjectEntry {
            id: self.job.id.to_string(),
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            version: object.version.clone(),
            etag: object.etag.clone(),
            size,
            sequencer: object.sequencer.clone(),
            event_time: object.event_time,
            read: summary.read,
            rejected: summary.rejected,
            staged: summary.staged,
            removal: None,
        };
        Ok(ReadObject {
            runtime: self.runtime,
            entry,
            rows: self.rows,
            bytes: self.all_bytes,
            files,
            rejects: summary.rejects,
            partition: self.partition,
            share: self.share,
        })
    }
}

/// The error of a decoding whose rows nobody takes any more: the object failed elsewhere, or the process stops.
pub(super) fn nobody_listens() -> Error {
    Error::new(ErrorKind::Stopping, "the work on the object was stopped")
}

/// The chunks of a download as a `Read`: an error of the download, or its end before the object's, is an error of the reader.
pub(super) struct Chunks {
    chunks: mpsc::Receiver<Result<Option<Bytes>>>,
    chunk: Bytes,
    ended: bool,
}

impl Chunks {
    pub(super) fn new(chunks: mpsc::Receiver<Result<Option<Bytes>>>) -> Self {
        Chunks { chunks, chunk: Bytes::new(), ended: false }
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.chunks.blocking_recv() {
                Some(Ok(Some(chunk))) => self.chunk = chunk,
                Some(Ok(None)) => self.ended = true,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Err(io::Error::other(nobody_listens())),
            }
        }
        let length = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
