//! Reading one object: from its announcement to typed rows, on one blocking thread beside the download.

use std::io::{self, Read};
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::{Buf, Bytes};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::runtime::Runtime;
use crate::config::Captures;
use crate::decode::{Line, Lines, json_object};
use crate::decompress::{self, Bounds, error_of};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ObjectEntry, ObjectId, ObjectRef, Reject, Removal, Rule, StagedFile, Value};
use crate::normalize::{Refusal, Rows};
use crate::object::ObjectStream;
use crate::schema::value::{Cell, Violation};
use crate::stage::{Area, PartFile, Store};
use crate::telemetry::metrics as names;

/// Rows are handed on in pieces of about this many bytes.
const PIECE_BYTES: usize = 4 << 20;

/// Rows are handed on in pieces of at most this many.
const PIECE_ROWS: usize = 64 * 1024;

/// The raw bytes of an object's rejects that are kept, in all; beyond it the records themselves are left out.
const REJECTED_BYTES: usize = 4 << 20;

/// The longest message of a reject, in bytes.
const MESSAGE_BYTES: usize = 512;

/// An object that one pipeline wants.
pub(super) struct Job {
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
    pub(super) entry: ObjectEntry,
    /// Its rows, of a small object.
    pub(super) rows: Vec<RecordBatch>,
    /// The bytes of `rows` in memory.
    pub(super) bytes: u64,
    /// Its rows, of a large object: files of its own.
    pub(super) files: Vec<StagedFile>,
    pub(super) rejects: Vec<Reject>,
}

/// Where objects too large for memory are written.
#[derive(Clone)]
pub(super) struct Spill {
    pub(super) store: Store,
    pub(super) area: Area,
    /// The bytes of one object's rows that are held in memory.
    pub(super) buffer_bytes: usize,
}

/// What the decoding thread says at its end.
struct Summary {
    read: u64,
    staged: u64,
    rejects: Vec<Reject>,
    rejected: u64,
    decompressed: u64,
}

/// Reads an object whole, or not at all: what was spilled of one that fails is aborted.
pub(super) async fn read(client: aws_sdk_s3::Client, spill: &Spill, job: &Job) -> Result<ReadObject> {
    if job.removal.is_some() {
        return Ok(removed(job));
    }
    let mut buffer = Buffer { spill, job, rows: Vec::new(), bytes: 0, all_bytes: 0, part: None };
    let finished = tokio::select! {
        finished = stream(client, &mut buffer) => finished,
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

/// Downloads, decodes and collects at the same time; gives the sums and the stored size.
async fn stream(client: aws_sdk_s3::Client, buffer: &mut Buffer<'_>) -> Result<(Summary, u64)> {
    let job = buffer.job;
    let mut object = ObjectStream::open(client, job.object.clone()).await?;
    let (chunk_sender, chunks) = mpsc::channel(4);
    let (piece_sender, mut pieces) = mpsc::channel(2);
    let (runtime, captures, id) = (job.runtime.clone(), job.captures.clone(), job.id.to_string());
    let decoding = tokio::task::spawn_blocking(move || decode(&runtime, &captures, id, chunks, &piece_sender));

    let download = async {
        loop {
            let chunk = object.next().await;
            let last = !matches!(chunk, Ok(Some(_)));
            if let Ok(Some(bytes)) = &chunk {
                metrics::counter!(names::BYTES, "pipeline" => job.runtime.name().to_owned(), "stage" => "read")
                    .increment(bytes.len() as u64);
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
    let summary = decoding
        .await
        .unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "decoding an object ended early", error)));
    // Where staging failed, the decoder only saw that nobody listens any more.
    collected?;
    if object.resumed() > 0 {
        metrics::counter!(names::READ_RESUMED, "pipeline" => job.runtime.name().to_owned()).increment(object.resumed());
    }
    Ok((summary?, object.size()))
}

/// The entry of a removal: an object without bytes and rows.
fn removed(job: &Job) -> ReadObject {
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
    ReadObject { entry, rows: Vec::new(), bytes: 0, files: Vec::new(), rejects: Vec::new() }
}

/// The rows of one object, in memory until they are too many.
struct Buffer<'a> {
    spill: &'a Spill,
    job: &'a Job,
    rows: Vec<RecordBatch>,
    bytes: usize,
    all_bytes: u64,
    part: Option<PartFile>,
}

impl Buffer<'_> {
    async fn add(&mut self, piece: RecordBatch) -> Result<()> {
        let bytes = piece.get_array_memory_size();
        self.bytes += bytes;
        self.all_bytes += bytes as u64;
        self.rows.push(piece);
        if self.bytes > self.spill.buffer_bytes {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let part = match self.part.take() {
            Some(part) => part,
            None => {
                let Spill { store, area, .. } = self.spill;
                let key = area.data_file(self.job.runtime.name(), jiff::Timestamp::now());
                PartFile::new(store.clone(), area, key, self.job.runtime.schema.clone())?
            }
        };
        self.bytes = 0;
        self.part = Some(part.write(std::mem::take(&mut self.rows)).await?);
        Ok(())
    }

    async fn finish(mut self, summary: Summary, size: u64) -> Result<ReadObject> {
        let mut files = Vec::new();
        if self.part.is_some() {
            self.flush().await?;
            if let Some(part) = self.part.take() {
                files.extend(part.finish().await?);
            }
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
        Ok(ReadObject { entry, rows: self.rows, bytes: self.all_bytes, files, rejects: summary.rejects })
    }
}

/// Decompresses, decodes and normalises an object; runs on a blocking thread.
fn decode(
    runtime: &Runtime,
    captures: &[String],
    id: String,
    chunks: mpsc::Receiver<Result<Option<Bytes>>>,
    pieces: &mpsc::Sender<RecordBatch>,
) -> Result<Summary> {
    let source = &runtime.pipeline.source;
    let bounds = Bounds { bytes: source.max_object_bytes, expansion: source.max_expansion, time: source.max_read_time };
    let (_, reader) =
        decompress::open(Chunks { chunks, chunk: Bytes::new(), ended: false }, bounds).map_err(error_of)?;
    let mut lines = Lines::new(reader, source.max_record_bytes);
    let mut rows = Rows::new(runtime.schema.clone(), runtime.plan.columns(), id);
    let mut summary = Summary { read: 0, staged: 0, rejects: Vec::new(), rejected: 0, decompressed: 0 };
    let mut kept = 0;
    let mut slots: Vec<Option<Value<'static>>> = Vec::new();
    let mut cells: Vec<Cell<'static>> = Vec::new();
    let rejects = &runtime.pipeline.rejects;
    while let Some(line) = lines.next_line().map_err(error_of)? {
        summary.read += 1;
        // The two vectors keep their memory from line to line, though what they borrow changes.
        let mut line_slots = recycle(slots);
        let mut line_cells = recycle(cells);
        match check(runtime, captures, &line, &mut line_slots, &mut line_cells) {
            Ok(()) => {
                rows.push(&line_cells, line.number);
                summary.staged += 1;
            }
            Err(refusal) => {
                summary.rejected += 1;
                if summary.rejected > rejects.max_rows {
                    return Err(too_many(&summary, &format!("max_rows = {}", rejects.max_rows)));
                }
                let raw = &line.bytes[..line.bytes.len().min(Reject::RAW_LIMIT)];
                let raw = if kept < REJECTED_BYTES { raw.to_vec() } else { Vec::new() };
                kept += raw.len();
                summary.rejects.push(Reject {
                    record: line.number,
                    offset: line.offset,
                    column: refusal.column,
                    rule: refusal.violation.rule,
                    message: cut(refusal.violation.message),
                    raw,
                });
            }
        }
        slots = recycle(line_slots);
        cells = recycle(line_cells);
        if rows.bytes() >= PIECE_BYTES || rows.len() >= PIECE_ROWS {
            pieces.blocking_send(rows.take()?).map_err(|_| nobody_listens())?;
        }
    }
    if !rows.is_empty() {
        pieces.blocking_send(rows.take()?).map_err(|_| nobody_listens())?;
    }
    if summary.rejected as f64 > rejects.max_share * summary.read as f64 {
        return Err(too_many(&summary, &format!("max_share = {}", rejects.max_share)));
    }
    summary.decompressed = lines.offset();
    Ok(summary)
}

/// Makes the row of a line, in `cells`.
fn check<'a>(
    runtime: &Runtime,
    captures: &'a [String],
    line: &Line<'a>,
    slots: &mut Vec<Option<Value<'a>>>,
    cells: &mut Vec<Cell<'a>>,
) -> std::result::Result<(), Refusal> {
    let refuse = |rule, message: String| Refusal { column: None, violation: Violation::new(rule, message) };
    if line.too_long {
        let most = runtime.pipeline.source.max_record_bytes;
        return Err(refuse(Rule::RecordSize, format!("the record is longer than max_record_bytes = {most}")));
    }
    let text = std::str::from_utf8(line.bytes)
        .map_err(|error| refuse(Rule::Encoding, format!("the record is not UTF-8: {error}")))?;
    let unknown = json_object(text, runtime.plan.fields(), slots).map_err(|error| refuse(Rule::Syntax, error.0))?;
    runtime.plan.row(slots, captures, unknown.as_deref(), cells)
}

/// The message, cut where a parser has put the whole record into it.
fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        let end = (0..=MESSAGE_BYTES).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}

fn too_many(summary: &Summary, limit: &str) -> Error {
    let first = summary.rejects.first().map_or_else(String::new, |reject| {
        let column = reject.column.as_deref().map(|column| format!(", column {column}")).unwrap_or_default();
        format!("; the first is record {}{column}, {}: {}", reject.record, reject.rule.as_str(), reject.message)
    });
    let message =
        format!("{} of {} records are rejected, more than {limit} allows{first}", summary.rejected, summary.read);
    Error::new(ErrorKind::TooManyRejects, message)
}

fn nobody_listens() -> Error {
    Error::new(ErrorKind::Stopping, "the work on the object was stopped")
}

/// The same vector, emptied, for elements that borrow something else.
fn recycle<A, B>(mut elements: Vec<A>) -> Vec<B> {
    elements.clear();
    // Collecting in place keeps the allocation; there is nothing to convert.
    elements.into_iter().filter_map(|_| None).collect()
}

/// The chunks of a download as a `Read`: an error of the download, or its end before the object's, is an error of the reader.
struct Chunks {
    chunks: mpsc::Receiver<Result<Option<Bytes>>>,
    chunk: Bytes,
    ended: bool,
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
