//! From an object's stored bytes to checked rows, on a blocking thread; the same for intake and for trying a pipeline out.

use std::io::Read;

use super::collect::{Collector, HandOn, Summary};
use super::runtime::Runtime;
use crate::decode::{self, Input};
use crate::decompress::{self, Bounds, Hints};
use crate::error::Result;
use crate::model::Origin;
use crate::telemetry::metrics as names;

/// An object whose bytes arrive.
pub(super) struct Stored<'a, R> {
    pub(super) origin: &'a Origin,
    /// Its identity, in text.
    pub(super) id: String,
    pub(super) content_encoding: Option<String>,
    pub(super) bytes: R,
}

/// Decompresses, decodes and checks an object, and hands its rows on in pieces.
///
/// # Errors
/// Those for which the object is parked whole, those of reading it, and those of `hand_on`.
pub(super) fn decode<'a, R: Read + Send + 'a>(
    runtime: &'a Runtime,
    stored: Stored<'a, R>,
    hand_on: &'a mut HandOn<'a>,
) -> Result<Summary> {
    let source = &runtime.pipeline.source;
    let bounds = Bounds {
        bytes: source.max_object_bytes,
        expansion: source.max_expansion,
        time: source.max_read_time,
        window: source.max_window,
    };
    let key = &stored.origin.object.key;
    let hints = Hints { declared: source.compression, content_encoding: stored.content_encoding.as_deref(), key };
    let opened = decompress::open(stored.bytes, &hints, bounds)?;
    if let Some(mismatch) = opened.mismatch {
        metrics::counter!(names::CODEC_MISMATCHES, "pipeline" => runtime.name().to_owned()).increment(1);
        tracing::warn!(pipeline = runtime.name(), object.key = key, %mismatch, "an object is not compressed as is said of it");
    }
    let input = Input::Stream(Box::new(opened.entries.joined(b"\n")));
    let mut collector = Collector::new(runtime, stored.origin, stored.id, hand_on);
    let decompressed = decode::decode(source, runtime.plan.fields(), input, &mut collector)?;
    collector.finish(decompressed)
}
