//! Decoding: from decompressed bytes to records of untyped values.
//!
//! Takes an [`Input`], on a blocking thread; hands every record, with its place, to a [`RecordSink`]. A record that is not of the format
//! is refused by itself; only a failing read, a damaged container, or an error of the sink ends the object.

mod fast_json;
mod json_lines;
mod lines;
mod scan;

use std::io::Read;
use std::sync::Arc;

use crate::config::{Format, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldIndex, RandomAccess, RecordSink};

pub use fast_json::JsonScanner;
pub use json_lines::{Syntax, json_object};
pub use lines::{Line, Lines};

/// The bytes of an object.
pub enum Input<'r> {
    /// Decompressed, from the first to the last; for formats that are read in order.
    Stream(Box<dyn Read + 'r>),
    /// As stored, from anywhere; for formats whose index stands at their end.
    Random(Arc<dyn RandomAccess>),
}

/// Whether objects of a format are read from anywhere, [as stored](Input::Random), and not as a stream.
pub fn needs_random_access(format: &Format) -> bool {
    match format {
        Format::JsonLines => false,
    }
}

/// Decodes an object as its pipeline's source says, and hands every record to `sink`; gives the bytes read, after decompression.
///
/// # Errors
/// `Corrupt` if the object as a whole is not of its format; those of the reader and of the sink.
pub fn decode(source: &Source, fields: &FieldIndex, input: Input<'_>, sink: &mut dyn RecordSink) -> Result<u64> {
    match (&source.format, input) {
        (Format::JsonLines, Input::Stream(reader)) => json_lines::decode(reader, source.max_record_bytes, fields, sink),
        (_, Input::Random(_)) => Err(Error::new(ErrorKind::Configuration, "the format is read as a stream")),
    }
}

/// The same vector, emptied, for elements that borrow something else.
fn recycle<A, B>(mut elements: Vec<A>) -> Vec<B> {
    elements.clear();
    // Collecting in place keeps the allocation; there is nothing to convert.
    elements.into_iter().filter_map(|_| None).collect()
}

#[cfg(test)]
mod tests;
