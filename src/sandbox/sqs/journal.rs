//! The queues on disk: one file of JSON lines, appended to with each change and rewritten when it has grown.
//!
//! Records are handed to the operating system before the request is answered, so a sandbox that is killed loses
//! nothing that it confirmed. They are not forced to the disk, so a machine that loses power may lose the latest.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::deduplication::{Accepted, Key};
use super::name::QueueName;
use super::queue::{Custody, Position, Stored};
use super::settings::Settings;
use super::time::Time;
use crate::error::{Error, ErrorKind, Result};

/// The journal is rewritten when it has grown by this much, and to twice its size.
const GROWTH: u64 = 16 << 20;

/// A change of the queues.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Record<'a> {
    /// A queue was created, or its description changed.
    Queue {
        queue: Cow<'a, QueueName>,
        settings: Cow<'a, Settings>,
        tags: Cow<'a, BTreeMap<String, String>>,
        created: Time,
        modified: Time,
        next: Position,
    },
    /// A queue was deleted.
    Dropped { queue: Cow<'a, QueueName> },
    /// A message was added.
    Added { queue: Cow<'a, QueueName>, position: Position, stored: Cow<'a, Stored> },
    /// A message was received, or its visibility changed.
    Custody { queue: Cow<'a, QueueName>, position: Position, custody: Custody },
    /// A message was deleted, moved or has expired.
    Removed { queue: Cow<'a, QueueName>, position: Position },
    /// All messages of a queue were deleted.
    Purged { queue: Cow<'a, QueueName> },
    /// A FIFO queue has accepted a send whose message may be gone.
    Accepted { queue: Cow<'a, QueueName>, key: Cow<'a, Key>, accepted: Cow<'a, Accepted> },
}

/// The file that the records are appended to.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    size: u64,
    /// The size at which the journal is to be rewritten.
    rewrite_at: u64,
}

impl Journal {
    /// Opens the journal in `folder`, creating both if missing, and gives each of its records to `replay`.
    ///
    /// A last line without an end was being written when the sandbox was killed; it was not confirmed and is dropped.
    pub(crate) fn open(folder: &Path, mut replay: impl FnMut(Record<'static>)) -> Result<Journal> {
        std::fs::create_dir_all(folder).map_err(|error| failed("create the folder", folder, error))?;
        let path = folder.join("journal.jsonl");
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path);
        let file = file.map_err(|error| failed("open", &path, error))?;
        let mut reader = BufReader::new(&file);
        let (mut line, mut number, mut size) = (Vec::new(), 0_u64, 0_u64);
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(|error| failed("read", &path, error))?;
            if read == 0 {
                break;
            }
            number += 1;
            if !line.ends_with(b"\n") {
                tracing::warn!(path = %path.display(), line = number, "sandbox: dropped an unfinished journal line");
                file.set_len(size).map_err(|error| failed("truncate", &path, error))?;
                break;
            }
            replay(serde_json::from_slice(&line).map_err(|error| {
                let message = format!(
                    "{} line {number} is no record of a queue; move the file away to start with empty queues",
                    path.display()
                );
                Error::caused(ErrorKind::Corrupt, message, error)
            })?);
            size += read as u64;
        }
        Ok(Journal { path, file, size, rewrite_at: size.saturating_mul(2).max(GROWTH) })
    }

    /// Appends records in one write.
    pub(crate) fn append(&mut self, records: &[Record<'_>]) -> Result<()> {
        let mut lines = Vec::new();
        for record in records {
            encode(&mut lines, record)?;
        }
        self.file.write_all(&lines).map_err(|error| failed("write", &self.path, error))?;
        self.size += lines.len() as u64;
        Ok(())
    }

    /// Whether the journal has grown so much that it should be rewritten.
    pub(crate) fn is_long(&self) -> bool {
        self.size >= self.rewrite_at
    }

    /// Replaces the journal by the records that describe the present state.
    pub(crate) fn rewrite<'a>(&mut self, records: impl Iterator<Item = Record<'a>>) -> Result<()> {
        let path = self.path.with_extension("new");
        let file = File::create(&path).map_err(|error| failed("create", &path, error))?;
        let mut writer = BufWriter::new(file);
        let (mut size, mut line) = (0, Vec::new());
        for record in records {
            line.clear();
            encode(&mut line, &record)?;
            writer.write_all(&line).map_err(|error| failed("write", &path, error))?;
            size += line.len() as u64;
        }
        let file = writer.into_inner().map_err(|error| failed("write", &path, error.into_error()))?;
        file.sync_all().map_err(|error| failed("sync", &path, error))?;
        std::fs::rename(&path, &self.path).map_err(|error| failed("replace", &self.path, error))?;
        self.file = file;
        self.size = size;
        self.rewrite_at = size.saturating_mul(2).max(GROWTH);
        Ok(())
    }

    /// Forces what was appended to the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|error| failed("sync", &self.path, error))
    }
}

fn encode(line: &mut Vec<u8>, record: &Record<'_>) -> Result<()> {
    serde_json::to_writer(&mut *line, record)
        .map_err(|error| Error::caused(ErrorKind::Io, "cannot encode a record of the queues' journal", error))?;
    line.push(b'\n');
    Ok(())
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::caused(ErrorKind::Io, format!("cannot {what} {}", path.display()), error)
}
