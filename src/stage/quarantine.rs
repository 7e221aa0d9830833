//! Rejected records, as JSON lines with their reason.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::error::Result;
use crate::model::{BatchId, ObjectEntry, Reject};

/// The quarantine file of one batch, growing compressed in memory.
pub struct Quarantine {
    encoder: GzEncoder<Vec<u8>>,
    rows: u64,
}

/// One line of the file; its columns are those of the external table in `sql/quarantine.sql`.
#[derive(Serialize)]
struct Line<'a> {
    batch: BatchId,
    object_id: &'a str,
    bucket: &'a str,
    object_key: &'a str,
    version_id: Option<&'a str>,
    record: u64,
    line: Option<u64>,
    byte_offset: Option<u64>,
    column: Option<&'a str>,
    rule: &'static str,
    message: &'a str,
    /// The record, where it is UTF-8.
    raw: Option<&'a str>,
    /// The record in base64, where it is not.
    raw_base64: Option<String>,
}

impl Quarantine {
    /// A file without records.
    pub fn new() -> Self {
        Quarantine { encoder: GzEncoder::new(Vec::new(), Compression::fast()), rows: 0 }
    }

    /// Adds the rejected records of an object.
    ///
    /// # Errors
    /// None in memory; the signature is that of writing.
    pub fn add(&mut self, batch: BatchId, object: &ObjectEntry, rejects: &[Reject]) -> Result<()> {
        for reject in rejects {
            let raw = std::str::from_utf8(&reject.raw).ok();
            let line = Line {
                batch,
                object_id: &object.id,
                bucket: &object.bucket,
                object_key: &object.key,
                version_id: object.version.as_deref(),
                record: reject.place.record,
                line: reject.place.line,
                byte_offset: reject.place.offset,
                column: reject.column.as_deref(),
                rule: reject.rule.as_str(),
                message: &reject.message,
                raw,
                raw_base64: raw.is_none().then(|| STANDARD.encode(&reject.raw)),
            };
            serde_json::to_writer(&mut self.encoder, &line).map_err(std::io::Error::from)?;
            self.encoder.write_all(b"\n")?;
            self.rows += 1;
        }
        Ok(())
    }

    /// The compressed file; `None` if there are no records.
    ///
    /// # Errors
    /// None in memory; the signature is that of writing.
    pub fn finish(self) -> Result<Option<Vec<u8>>> {
        let bytes = self.encoder.finish()?;
        Ok((self.rows > 0).then_some(bytes))
    }
}

impl Default for Quarantine {
    fn default() -> Self {
        Quarantine::new()
    }
}
