//! From an object's stored bytes to checked rows, on a blocking thread; the same for intake and for trying a pipeline out.

use std::io::Read;
use std::sync::Arc;

use super::collect::{Collector, HandOn, Summary};
use super::runtime::Runtime;
use crate::config::OnUnknownField;
use crate::decode::{self, Before, Input};
use crate::decompress::{self, Bounds, Hints};
use crate::error::{Error, Result};
use crate::model::{Codec, Origin, RandomAccess, RecordSink};
use crate::telemetry::metrics as names;

/// An object whose bytes arrive.
pub(super) struct Stored<'a, R> {
    pub(super) origin: &'a Origin,
    /// Its identity, in text.
    pub(super) id: String,
    pub(super) content_encoding: Option<String>,
    pub(super) bytes: R,
    pub(super) threads: Threads,
}

/// On how many threads an object's bytes become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// The caller's alone.
    One,
    /// One decompresses, ahead of the caller's, which decodes and checks.
    Two,
}

/// What is done about fields that no column takes, where they are to become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewFields {
    /// They are looked for.
    Discover,
    /// They are ignored.
    Ignore,
}

/// Decompresses, decodes and checks an object, and hands its rows on in pieces.
///
/// # Errors
/// Those for which the object is parked whole, those of reading it, and those of `hand_on`.
pub(super) fn decode<'a, R: Read + Send + 'a>(
    runtime: &'a Runtime,
    stored: Stored<'a, R>,
    new_fields: NewFields,
    hand_on: &'a mut HandOn<'a>,
) -> Result<Summary> {
    let Stored { origin, id, content_encoding, bytes, threads } = stored;
    let mut collector = collector(runtime, origin, id, new_fields, hand_on);
    let decompressed = records(runtime, origin, content_encoding.as_deref(), bytes, threads, &mut collector)?;
    collector.finish(decompressed)
}

/// Decodes and checks an object of a format whose index stands at its end, and hands its rows on in pieces.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_file<'a>(
    runtime: &'a Runtime,
    origin: &'a Origin,
    id: String,
    file: Arc<dyn RandomAccess>,
    new_fields: NewFields,
    hand_on: &'a mut HandOn<'a>,
) -> Result<Summary> {
    let mut collector = collector(runtime, origin, id, new_fields, hand_on);
    let (source, fields) = (&runtime.pipeline.source, runtime.plan.fields());
    let decompressed = decode::decode(source, fields, Input::Random(file), &mut collector)?;
    collector.finish(decompressed)
}

fn collector<'a>(
    runtime: &'a Runtime,
    origin: &'a Origin,
    id: String,
    new_fields: NewFields,
    hand_on: &'a mut HandOn<'a>,
) -> Collector<'a> {
    let collector = Collector::new(runtime, origin, id, hand_on);
    match new_fields {
        NewFields::Discover if runtime.pipeline.source.on_unknown_field == OnUnknownField::Evolve => {
            collector.discovering()
        }
        NewFields::Discover | NewFields::Ignore => collector,
    }
}

/// Decompresses and decodes an object, and hands each of its records to `sink`; gives its bytes after decompression.
///
/// # Errors
/// Those for which the object is parked whole, those of reading it, and those of the sink.
pub(super) fn records<'a>(
    runtime: &'a Runtime,
    origin: &Origin,
    content_encoding: Option<&str>,
    bytes: impl Read + Send + 'a,
    threads: Threads,
    sink: &mut dyn RecordSink,
) -> Result<u64> {
    let source = &runtime.pipeline.source;
    let bounds = Bounds {
        bytes: source.max_object_bytes,
        expansion: source.max_expansion,
        time: source.max_read_time,
        window: source.max_window,
    };
    let key = &origin.object.key;
    let hints = Hints { declared: source.compression, content_encoding, key };
    let opened = decompress::open(bytes, &hints, bounds)?;
    if let Some(mismatch) = opened.mismatch {
        metrics::counter!(names::CODEC_MISMATCHES, "pipeline" => runtime.name().to_owned()).increment(1);
        tracing::warn!(pipeline = runtime.name(), object.key = key, %mismatch, "an object is not compressed as is said of it");
    }
    if opened.codec == Codec::Zip && decode::needs_single_entries(&source.format) {
        let (mut entries, mut before) = (opened.entries, Before::default());
        while entries.next_entry().map_err(Error::of_read)?.is_some() {
            let entry = Box::new(entries.by_ref());
            before = decode::decode_entry(source, runtime.plan.fields(), entry, before, sink)?;
        }
        return Ok(before.bytes());
    }
    let joined = opened.entries.joined(source.characters.encoding.line_end());
    let mut decode =
        |stream: Box<dyn Read + 'a>| decode::decode(source, runtime.plan.fields(), Input::Stream(stream), sink);
    match threads {
        Threads::One => decode(Box::new(joined)),
        Threads::Two => decompress::ahead(joined, |reader| decode(Box::new(reader))),
    }
}

#[cfg(test)]
mod tests;
