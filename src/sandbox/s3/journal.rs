//! The log of a bucket: one JSON line for each change, appended before the change is answered.
//!
//! The page cache survives the death of the process, so an answered change survives SIGKILL; a line that was
//! cut short belongs to a change that nobody was told of, and is dropped at the next start.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::notification::Rule;
use super::state::Versioning;
use super::version::{Part, Upload, Version};
use crate::error::{Error, ErrorKind, Result};

/// A change of a bucket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Record {
    /// The bucket was made; always the first line.
    Created {
        /// Milliseconds since 1970.
        at: i64,
        region: Option<String>,
        /// The last sequencer given out, when the line was written by a compaction.
        #[serde(default)]
        sequencer: u64,
    },
    Versioning {
        status: Versioning,
    },
    Notifications {
        rules: Vec<Rule>,
    },
    /// A version became its key's newest; in place of the null version if it is a null version itself.
    Put {
        version: Version,
        /// The multipart upload that ended with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upload: Option<String>,
    },
    /// A version is gone for good.
    Removed {
        key: String,
        id: Option<String>,
        sequencer: u64,
    },
    UploadStarted {
        upload: Upload,
    },
    PartUploaded {
        upload: String,
        number: i32,
        part: Part,
    },
    UploadAborted {
        upload: String,
    },
}

/// The open log.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    len: u64,
}

impl Journal {
    /// Replaces the log at `path`, if any, by `records`; atomic.
    pub(super) fn create(path: &Path, records: impl Iterator<Item = Record>) -> Result<Journal> {
        let new = path.with_extension("new");
        let mut writer = BufWriter::new(File::create(&new)?);
        for record in records {
            writer.write_all(&line(&record)?)?;
        }
        writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        std::fs::rename(&new, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        let len = file.metadata()?.len();
        Ok(Journal { file, len })
    }

    /// Opens the log at `path` and returns its records; a last line that was cut short is dropped.
    pub(super) fn open(path: &Path) -> Result<(Journal, Vec<Record>)> {
        let text = std::fs::read(path)?;
        let mut records = Vec::new();
        let mut len = 0;
        for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.last() != Some(&b'\n') {
                break;
            }
            let record = serde_json::from_slice(line).map_err(|error| {
                let at = format!("{}:{}", path.display(), number + 1);
                Error::caused(ErrorKind::Corrupt, format!("{at}: a damaged line; remove the bucket's folder"), error)
            })?;
            records.push(record);
            len += line.len() as u64;
        }
        let file = OpenOptions::new().append(true).open(path)?;
        file.set_len(len)?;
        Ok((Journal { file, len }, records))
    }

    /// Appends a record; after an error the log is as it was.
    pub(super) fn append(&mut self, record: &Record) -> Result<()> {
        let line = line(record)?;
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.len)?;
            return Err(error.into());
        }
        self.len += line.len() as u64;
        Ok(())
    }
}

fn line(record: &Record) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)
        .map_err(|error| Error::caused(ErrorKind::Io, "a record of the bucket's log cannot be written", error))?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
