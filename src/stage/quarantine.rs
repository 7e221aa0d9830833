//! Rejected records, as JSON lines with their reason.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{BatchId, ObjectEntry, Reject, Sequencer};

/// Lines are compressed so many bytes at a time: each call of the encoder, however small, first clears its output buffer of 32 KiB.
const LINES: usize = 64 << 10;

/// The quarantine file of one batch, growing compressed in memory.
pub struct Quarantine {
    pipeline: String,
    /// Lines that are not compressed yet.
    lines: Vec<u8>,
    encoder: GzEncoder<Vec<u8>>,
    rows: u64,
}

/// One line of a quarantine file; its columns are those of the external table in `sql/quarantine.sql`.
///
/// It has all that is needed to read the record again from its object, and to give its row the place in the order of versions that it would
/// have had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineLine<'a> {
    /// The pipeline, which the file's folder says too.
    #[serde(default)]
    pub pipeline: Cow<'a, str>,
    /// The batch with the object's other rows.
    pub batch: BatchId,
    /// The object's identity.
    pub object_id: Cow<'a, str>,
    /// The bucket's name.
    pub bucket: Cow<'a, str>,
    /// The key, decoded.
    pub object_key: Cow<'a, str>,
    /// The version, on a bucket that keeps versions.
    pub version_id: Option<Cow<'a, str>>,
    /// The entity tag, by which a bucket without versions is read.
    #[serde(default)]
    pub etag: Option<Cow<'a, str>>,
    /// The object's size in bytes, as stored.
    #[serde(default)]
    pub size: Option<u64>,
    /// The order among the events of the key.
    #[serde(default)]
    pub sequencer: Option<Sequencer>,
    /// When the object was created.
    #[serde(default)]
    pub event_time: Timestamp,
    /// The record's number in its object, from 1.
    pub record: u64,
    /// The line on which it begins, in formats of text.
    pub line: Option<u64>,
    /// Where it begins in the decompressed object, where that is known.
    pub byte_offset: Option<u64>,
    /// The column at fault, where there is one.
    pub column: Option<Cow<'a, str>>,
    /// The name of the rule that was broken.
    pub rule: Cow<'a, str>,
    /// What was found and what was expected.
    pub message: Cow<'a, str>,
    /// The record's first bytes, where they are UTF-8.
    pub raw: Option<Cow<'a, str>>,
    /// The same in base64, where they are not.
    #[serde(default)]
    pub raw_base64: Option<Cow<'a, str>>,
}

impl QuarantineLine<'_> {
    /// The record's bytes.
    ///
    /// # Errors
    /// `Malformed` if there are none, or they are no base64.
    pub fn raw(&self) -> Result<Vec<u8>> {
        match (&self.raw, &self.raw_base64) {
            (Some(raw), _) => Ok(raw.as_bytes().to_vec()),
            (None, Some(base64)) => STANDARD
                .decode(base64.as_ref())
                .map_err(|error| Error::caused(ErrorKind::Malformed, "raw_base64 is no base64", error)),
            (None, None) => Err(Error::new(ErrorKind::Malformed, "the line has neither raw nor raw_base64")),
        }
    }
}

impl Quarantine {
    /// A file without records of a pipeline.
    pub fn new(pipeline: &str) -> Self {
        let encoder = GzEncoder::new(Vec::new(), Compression::fast());
        Quarantine { pipeline: pipeline.to_owned(), lines: Vec::new(), encoder, rows: 0 }
    }

    /// Adds the rejected records of an object.
    ///
    /// # Errors
    /// None in memory; the signature is that of writing.
    pub fn add(&mut self, batch: BatchId, object: &ObjectEntry, rejects: &[Reject]) -> Result<()> {
        for reject in rejects {
            // A text that was cut within a character is still one, but for its last bytes.
            let raw = match std::str::from_utf8(&reject.raw) {
                Ok(text) => Some(text),
                Err(error) if reject.raw.len() == Reject::RAW_LIMIT && error.error_len().is_none() => {
                    std::str::from_utf8(&reject.raw[..error.valid_up_to()]).ok()
                }
                Err(_) => None,
            };
            let line = QuarantineLine {
                pipeline: self.pipeline.as_str().into(),
                batch,
                object_id: object.id.as_str().into(),
                bucket: object.bucket.as_str().into(),
                object_key: object.key.as_str().into(),
                version_id: object.version.as_deref().map(Cow::Borrowed),
                etag: object.etag.as_deref().map(Cow::Borrowed),
                size: Some(object.size),
                sequencer: object.sequencer.clone(),
                event_time: object.event_time,
                record: reject.place.record,
                line: reject.place.line,
                byte_offset: reject.place.offset,
                column: reject.column.as_deref().map(Cow::Borrowed),
                rule: reject.rule.as_str().into(),
                message: reject.message.as_str().into(),
                raw: raw.map(Cow::Borrowed),
                raw_base64: raw.is_none().then(|| STANDARD.encode(&reject.raw).into()),
            };
            serde_json::to_writer(&mut self.lines, &line).map_err(std::io::Error::from)?;
            self.lines.push(b'\n');
            self.rows += 1;
            if self.lines.len() >= LINES {
                self.compress()?;
            }
        }
        Ok(())
    }

    fn compress(&mut self) -> Result<()> {
        self.encoder.write_all(&self.lines)?;
        self.lines.clear();
        Ok(())
    }

    /// The bytes held in memory.
    pub fn held(&self) -> u64 {
        (self.encoder.get_ref().capacity() + self.lines.capacity()) as u64
    }

    /// The compressed file; `None` if there are no records.
    ///
    /// # Errors
    /// None in memory; the signature is that of writing.
    pub fn finish(mut self) -> Result<Option<Vec<u8>>> {
        self.compress()?;
        let bytes = self.encoder.finish()?;
        Ok((self.rows > 0).then_some(bytes))
    }
}

/// Reads a quarantine file as it lies in S3, or the same lines without compression, handing each to `take`; `name` is for messages.
///
/// # Errors
/// `Malformed` at the first line that is none of a quarantine, with its number; those of `take`.
pub fn read_quarantine(
    name: &str,
    bytes: &[u8],
    mut take: impl FnMut(QuarantineLine<'static>) -> Result<()>,
) -> Result<()> {
    let compressed = bytes.starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn BufRead + '_> =
        if compressed { Box::new(BufReader::new(MultiGzDecoder::new(bytes))) } else { Box::new(bytes) };
    for (at, line) in reader.lines().enumerate() {
        let malformed = |error| {
            let message = format!("line {} of {name} is no line of a quarantine", at + 1);
            Error::caused(ErrorKind::Malformed, message, error)
        };
        let line = line.map_err(|error| malformed(serde_json::Error::io(error)))?;
        if !line.trim().is_empty() {
            take(serde_json::from_str(&line).map_err(malformed)?)?;
        }
    }
    Ok(())
}
