//! Decoding: from decompressed bytes to records of untyped values.
//!
//! Takes an [`Input`], on a blocking thread; hands every record, with its place, to a [`RecordSink`]. A record that is not of the format
//! is refused by itself; only a failing read, a damaged container or document, or an error of the sink ends the object.

mod arrow_rows;
mod avro;
mod context;
mod csv;
mod encoding;
mod entries;
mod fast_json;
mod guarded;
mod json;
mod json_text;
mod lines;
mod orc;
mod parquet;
mod places;
mod python;
mod ranged;
mod scan;
mod text_lines;
mod typed;
mod window;

use std::io::Read;
use std::sync::Arc;

use crate::config::{Format, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldIndex, RandomAccess, RecordSink, TextEncoding};

use context::Context;
pub use encoding::{Invalid, Transcoder, source_length};
pub use entries::{Before, decode_entry};
pub use fast_json::JsonScanner;
pub use json::{Syntax, json_object};
pub use lines::{Line, Lines};
use places::Original;

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
        Format::JsonLines
        | Format::Json(_)
        | Format::Csv(_)
        | Format::Avro
        | Format::PythonLiteral
        | Format::Text(_) => false,
        Format::Parquet | Format::Orc => true,
    }
}

/// Decodes an object as its pipeline's source says, and hands every record to `sink`; gives the bytes read, after decompression.
///
/// # Errors
/// `Corrupt` if the object as a whole is not of its format; those of the reader and of the sink.
pub fn decode(source: &Source, fields: &FieldIndex, input: Input<'_>, sink: &mut dyn RecordSink) -> Result<u64> {
    let wrong = |how: &str| Err(Error::new(ErrorKind::Configuration, format!("the format is read {how}")));
    match (&source.format, input) {
        (Format::Parquet, Input::Random(object)) => parquet::decode(object, source, fields, sink),
        (Format::Orc, Input::Random(object)) => orc::decode(object, source, fields, sink),
        (Format::Parquet | Format::Orc, Input::Stream(_)) => wrong("from anywhere: its index stands at its end"),
        (_, Input::Random(_)) => wrong("as a stream"),
        (Format::Avro, Input::Stream(reader)) => avro::decode(reader, source, fields, sink),
        (_, Input::Stream(reader)) => stream(source, fields, reader, sink).map(|counts| counts.bytes),
    }
}

/// Whether each entry of an archive is decoded [by itself](decode_entry), as it has a header of its own, and not all as one stream.
pub fn needs_single_entries(format: &Format) -> bool {
    matches!(format, Format::Csv(_))
}

/// What a text had.
struct Counts {
    /// Its bytes, as they are stored.
    bytes: u64,
    /// Its lines, of the formats that are decoded [entry by entry](decode_entry).
    lines: u64,
}

/// Decodes UTF-8, whatever the object is encoded in: what is not of its encoding becomes bytes that no UTF-8 has.
fn stream<'r>(
    source: &Source,
    fields: &FieldIndex,
    reader: Box<dyn Read + 'r>,
    sink: &mut dyn RecordSink,
) -> Result<Counts> {
    let reader = Transcoder::new(reader, source.characters.encoding, Invalid::Reject).map_err(Error::of_read)?;
    let (encoding, mark) = (reader.encoding(), reader.mark_length());
    if encoding == TextEncoding::Utf8 && mark == 0 {
        return text(source, fields, reader, sink);
    }
    let original = Original::new(encoding, mark, source.max_record_bytes);
    let reader = original.following(reader);
    let Counts { lines, .. } = text(source, fields, reader, &mut original.placing(sink))?;
    Ok(Counts { bytes: original.length(), lines })
}

fn text(source: &Source, fields: &FieldIndex, reader: impl Read, sink: &mut dyn RecordSink) -> Result<Counts> {
    let context = Context { fields, characters: source.characters, most: source.max_record_bytes };
    let bytes = match &source.format {
        Format::JsonLines => json::decode_lines(reader, &context, sink),
        Format::Json(options) => json::decode_document(reader, &options.records, &context, sink),
        Format::Csv(options) => return csv::decode(reader, options, &context, sink),
        Format::PythonLiteral => python::decode(reader, &context, sink),
        Format::Text(options) => text_lines::decode(reader, options, &context, sink),
        Format::Parquet | Format::Avro | Format::Orc => {
            Err(Error::new(ErrorKind::Configuration, "the format is none of text"))
        }
    }?;
    Ok(Counts { bytes, lines: 0 })
}

/// The same vector, emptied, for elements that borrow something else.
fn recycle<A, B>(mut elements: Vec<A>) -> Vec<B> {
    elements.clear();
    // Collecting in place keeps the allocation; there is nothing to convert.
    elements.into_iter().filter_map(|_| None).collect()
}

#[cfg(test)]
mod tests;
