//! Reading the selected records of one object again: from their object, or as they were corrected.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};
use tokio_util::sync::CancellationToken;

use super::select::Selected;
use super::{Piece, StillInvalid};
use crate::config::Format;
use crate::decode::{self, Input};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Extra, ObjectEntry, ObjectId, ObjectRef, Origin, Place, RandomAccess, Raw, RecordSink, Rule, Value,
};
use crate::normalize::{OBJECT_COLUMN, Rows};
use crate::object::{ObjectFile, ObjectStream};
use crate::pipeline::decoding::{Threads, records};
use crate::pipeline::runtime::Runtime;
use crate::schema::value::Cell;

/// Rows are handed on in pieces of about this many bytes.
const PIECE_BYTES: usize = 4 << 20;

/// Records are handed on in pieces of at most this many.
const PIECE_RECORDS: usize = 4_096;

/// Reads the records; gives those that are still invalid.
pub(super) async fn read(
    s3: aws_sdk_s3::Client,
    runtime: Arc<Runtime>,
    selected: Selected,
    pieces: mpsc::Sender<Piece>,
) -> Result<Vec<StillInvalid>> {
    let Some(captures) = runtime.pipeline.source.key.matches(&selected.object.key) else {
        let message = format!("the pipeline takes no key like {} any more", selected.object.key);
        return Err(Error::new(ErrorKind::Malformed, message));
    };
    let (corrected, from_source): (BTreeMap<_, _>, BTreeMap<_, _>) =
        selected.records.into_iter().partition(|(_, (_, corrected))| corrected.is_some());
    let origin = Origin { object: selected.object.clone(), captures };
    let input = if from_source.is_empty() {
        None
    } else {
        Some(open(s3, selected.object.clone(), &runtime.pipeline.source.format).await?)
    };
    let reading = move || {
        let mut sink = Sink::new(&runtime, &origin, selected.id, pieces);
        if let Some(stored) = input {
            sink.wanted = from_source.into_iter().map(|(record, (place, _))| (record, place)).collect();
            sink.read_source(stored)?;
        }
        for (place, raw) in corrected.into_values() {
            sink.corrected(place, raw.unwrap_or_default())?;
        }
        sink.finish()
    };
    tokio::task::spawn_blocking(reading)
        .await
        .unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "decoding an object again ended early", error)))
}

/// The stored bytes of the version that was read first.
enum Stored {
    /// From the first to the last, how many they are, and their Content-Encoding.
    Stream(Box<dyn std::io::Read + Send>, u64, Option<String>),
    /// From anywhere.
    File(Arc<ObjectFile>),
}

async fn open(s3: aws_sdk_s3::Client, object: ObjectRef, format: &Format) -> Result<Stored> {
    if decode::needs_random_access(format) {
        // A replay that is given up ends with its process.
        return Ok(Stored::File(Arc::new(ObjectFile::open(s3, object, CancellationToken::new()).await?)));
    }
    let stream = ObjectStream::open(s3, object).await?;
    let (size, encoding) = (stream.size(), stream.content_encoding().map(str::to_owned));
    let chunks = stream::unfold(Some(stream), |stream| async {
        let mut stream = stream?;
        match stream.next().await {
            Ok(Some(chunk)) => Some((Ok::<Bytes, std::io::Error>(chunk), Some(stream))),
            Ok(None) => None,
            Err(error) => Some((Err(std::io::Error::other(error)), None)),
        }
    });
    Ok(Stored::Stream(Box::new(SyncIoBridge::new(StreamReader::new(Box::pin(chunks)))), size, encoding))
}

/// Makes rows of the records that are wanted, and passes over the others.
struct Sink<'a> {
    runtime: &'a Runtime,
    origin: &'a Origin,
    object: String,
    /// The object's stored size.
    size: u64,
    pieces: mpsc::Sender<Piece>,
    /// The records still to come.
    wanted: BTreeMap<u64, Place>,
    /// The place of the corrected record that is being decoded.
    instead: Option<Place>,
    rows: Rows,
    entries: Vec<ObjectEntry>,
    invalid: Vec<StillInvalid>,
}

impl<'a> Sink<'a> {
    fn new(runtime: &'a Runtime, origin: &'a Origin, object: String, pieces: mpsc::Sender<Piece>) -> Self {
        Sink {
            runtime,
            origin,
            size: origin.object.size.unwrap_or(0),
            pieces,
            wanted: BTreeMap::new(),
            instead: None,
            // Each row gets the identity of its record when the rows are handed on.
            rows: Rows::new(runtime.schema.clone(), object.clone()),
            object,
            entries: Vec::new(),
            invalid: Vec::new(),
        }
    }

    fn read_source(&mut self, stored: Stored) -> Result<()> {
        let (runtime, origin) = (self.runtime, self.origin);
        let read = match stored {
            Stored::Stream(bytes, size, encoding) => {
                self.size = size;
                records(runtime, origin, encoding.as_deref(), bytes, Threads::One, self)
            }
            Stored::File(file) => {
                self.size = file.len();
                decode::decode(&runtime.pipeline.source, runtime.plan.fields(), Input::Random(file), self)
            }
        };
        match read {
            // Ended by the sink: all that was wanted has come.
            Err(error) if error.kind() == ErrorKind::Stopping && self.wanted.is_empty() => Ok(()),
            Err(error) => Err(error),
            Ok(_) => {
                for place in std::mem::take(&mut self.wanted).into_values() {
                    self.still(place, None, "source", "the object has no such record".to_owned());
                }
                Ok(())
            }
        }
    }

    /// Decodes a corrected record, which is one JSON object whatever the pipeline's format.
    fn corrected(&mut self, place: Place, raw: Vec<u8>) -> Result<()> {
        let mut source = self.runtime.pipeline.source.clone();
        source.format = Format::JsonLines;
        self.instead = Some(place);
        decode::decode(&source, self.runtime.plan.fields(), Input::Stream(Box::new(Cursor::new(raw))), self)?;
        if self.instead.take().is_some() {
            self.still(place, None, "source", "the corrected record is empty".to_owned());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<StillInvalid>> {
        self.hand_on()?;
        Ok(self.invalid)
    }

    /// The place of a record in the first reading of its object, if it is wanted.
    fn wanted(&mut self, place: Place) -> Option<Place> {
        match place.record {
            // Only the first of what stands for a corrected record; whatever follows is no part of it.
            1 if self.instead.is_some() => self.instead.take(),
            record => self.wanted.remove(&record),
        }
    }

    /// Whether the record begins where it did; elsewhere, the pipeline's format was changed, and its number means another record.
    fn moved(place: Place, expected: Place) -> bool {
        matches!((place.offset, expected.offset), (Some(found), Some(expected)) if found != expected)
    }

    fn still(&mut self, place: Place, column: Option<String>, rule: &'static str, message: String) {
        let object = self.origin.object.uri();
        self.invalid.push(StillInvalid { object, record: place.record, column, rule, message });
    }

    fn go_on(&self) -> Result<()> {
        let corrected = self.instead.is_none() && self.wanted.is_empty();
        if corrected { Err(Error::new(ErrorKind::Stopping, "all wanted records were read")) } else { Ok(()) }
    }

    fn row(&mut self, place: Place, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        let mut cells: Vec<Cell<'_>> = Vec::new();
        if let Err(refusal) = self.runtime.plan.row(slots, self.origin, extras, &mut cells) {
            self.still(place, refusal.column, refusal.violation.rule.as_str(), refusal.violation.message);
            return Ok(());
        }
        self.rows.push(&cells, place.record);
        let object = &self.origin.object;
        self.entries.push(ObjectEntry {
            id: ObjectId::of_record(&self.object, place.record).to_string(),
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            version: object.version.clone(),
            etag: object.etag.clone(),
            size: self.size,
            sequencer: object.sequencer.clone(),
            event_time: object.event_time,
            read: 1,
            rejected: 0,
            staged: 1,
            removal: None,
        });
        if self.rows.bytes() >= PIECE_BYTES || self.rows.len() >= PIECE_RECORDS {
            self.hand_on()?;
        }
        Ok(())
    }

    fn hand_on(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let entries = std::mem::take(&mut self.entries);
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(entries.iter().map(|entry| entry.id.as_str())));
        let rows = self.rows.take()?;
        let schema = rows.schema();
        let columns = rows.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| if field.name() == OBJECT_COLUMN { &ids } else { column }.clone());
        let rows = RecordBatch::try_new(schema.clone(), columns.collect())
            .map_err(|error| Error::caused(ErrorKind::Configuration, "the rows do not fit their schema", error))?;
        let piece = Piece { rows, entries, captures: self.origin.captures.clone() };
        self.pieces.blocking_send(piece).map_err(|_| Error::new(ErrorKind::Stopping, "nobody takes the rows"))
    }
}

impl RecordSink for Sink<'_> {
    fn record(&mut self, place: Place, _: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        let corrected = self.instead.is_some();
        let Some(first) = self.wanted(place) else { return Ok(()) };
        if !corrected && Self::moved(place, first) {
            self.still(
                first,
                None,
                "source",
                "another record begins there now; was the pipeline's format changed?".to_owned(),
            );
        } else {
            self.row(first, slots, extras)?;
        }
        if corrected { Ok(()) } else { self.go_on() }
    }

    fn refuse(&mut self, place: Place, _: Raw<'_>, rule: Rule, message: String) -> Result<()> {
        let corrected = self.instead.is_some();
        let Some(first) = self.wanted(place) else { return Ok(()) };
        self.still(first, None, rule.as_str(), message);
        if corrected { Ok(()) } else { self.go_on() }
    }
}
