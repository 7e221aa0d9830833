//! Groups of rows, encoded by themselves, and the files that they are appended to; one for each form of file.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

use super::drain::Drain;
use super::parquet::{EncodedGroup, ParquetFile, RowGroup};
use super::text;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Compression, Form, StagedFormat};

/// Rows of a row group: larger ones cost the same CPU and more memory.
const GROUP_ROWS: usize = 64 * 1024;

/// Bytes of a group, which is held in memory: wide rows end it sooner.
const GROUP_BYTES: usize = 8 << 20;

/// What a group that is to open a file should become: above the least size of a file, as its size is only estimated.
const OPENING_BYTES: f64 = 1_300_000.0;

/// The most that an opening group may take before compression, however well it compresses.
const MOST_OPENING_BYTES: f64 = (16 << 20) as f64;

/// Rows are encoded in steps of so many, and of about so many bytes, after each of which the group's size is looked at.
const STEP_ROWS: usize = 8_192;
const STEP_BYTES: usize = 1 << 20;

/// Encodes the group in progress.
pub(super) struct Encoder {
    schema: SchemaRef,
    nested: Vec<bool>,
    format: StagedFormat,
    group: InProgress,
    /// Whether more files than one are wanted.
    spreads: bool,
    /// How many bytes of a group, as it is measured in progress, became how many of a file.
    raw: u64,
    stored: u64,
}

enum InProgress {
    Empty,
    Parquet(RowGroup),
    Text { bytes: Vec<u8>, rows: u64 },
}

/// A complete group.
pub(super) enum Group {
    Parquet { group: EncodedGroup, raw: u64 },
    Text { bytes: Vec<u8>, rows: u64 },
}

impl Group {
    /// The number of rows.
    pub(super) fn rows(&self) -> u64 {
        match self {
            Group::Parquet { group, .. } => group.rows,
            Group::Text { rows, .. } => *rows,
        }
    }

    /// The bytes by which the group was measured in progress.
    pub(super) fn raw_bytes(&self) -> u64 {
        match self {
            Group::Parquet { raw, .. } => *raw,
            Group::Text { bytes, .. } => bytes.len() as u64,
        }
    }
}

impl Encoder {
    /// No group yet.
    pub(super) fn new(schema: SchemaRef, nested: Vec<bool>, format: StagedFormat, spreads: bool) -> Self {
        Encoder { schema, nested, format, group: InProgress::Empty, spreads, raw: 0, stored: 0 }
    }

    /// How many rows to add at once.
    pub(super) fn step(&self, rows: &RecordBatch) -> usize {
        let row_bytes = rows.get_array_memory_size() / rows.num_rows().max(1);
        STEP_ROWS.min((STEP_BYTES / row_bytes.max(1)).max(1))
    }

    /// Adds rows to the group in progress.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        if matches!(self.group, InProgress::Empty) {
            self.group = match self.format.form {
                Form::Parquet => {
                    InProgress::Parquet(RowGroup::new(self.schema.clone(), self.format.compression, rows)?)
                }
                Form::Csv | Form::Json => InProgress::Text { bytes: Vec::new(), rows: 0 },
            };
        }
        match &mut self.group {
            InProgress::Parquet(group) => group.write(rows),
            InProgress::Text { bytes, rows: count } => {
                *count += rows.num_rows() as u64;
                match self.format.form {
                    Form::Json => text::json(rows, &self.nested, bytes),
                    Form::Csv | Form::Parquet => text::csv(rows, bytes),
                }
            }
            InProgress::Empty => Ok(()),
        }
    }

    /// Whether the group is to be ended; one that may open a file is ended as soon as it is large enough for that.
    pub(super) fn is_full(&self, opening: bool) -> bool {
        let (rows, bytes) = match &self.group {
            InProgress::Empty => return false,
            InProgress::Parquet(group) => (group.rows(), group.bytes()),
            InProgress::Text { bytes, .. } => (0, bytes.len()),
        };
        if self.spreads && opening {
            return bytes as f64 >= (OPENING_BYTES * self.ratio()).min(MOST_OPENING_BYTES);
        }
        rows >= GROUP_ROWS || bytes >= GROUP_BYTES
    }

    /// The group in progress, complete; `None` if it has no rows.
    pub(super) fn cut(&mut self) -> Result<Option<Group>> {
        Ok(match std::mem::replace(&mut self.group, InProgress::Empty) {
            InProgress::Empty => None,
            InProgress::Parquet(group) => {
                let raw = group.bytes() as u64;
                Some(Group::Parquet { group: group.finish()?, raw })
            }
            InProgress::Text { bytes, rows } => Some(Group::Text { bytes, rows }),
        })
    }

    /// How many bytes of a file the group will be.
    pub(super) fn expected_bytes(&self, group: &Group) -> u64 {
        match group {
            Group::Parquet { group, .. } => group.bytes,
            Group::Text { bytes, .. } => (bytes.len() as f64 / self.ratio()) as u64,
        }
    }

    /// Notes what became of a group's bytes.
    pub(super) fn learn(&mut self, raw: u64, stored: u64) {
        self.raw += raw;
        self.stored += stored;
    }

    /// The bytes held in memory, about.
    pub(super) fn held(&self) -> u64 {
        match &self.group {
            InProgress::Empty => 0,
            InProgress::Parquet(group) => group.bytes() as u64,
            InProgress::Text { bytes, .. } => bytes.capacity() as u64,
        }
    }

    /// How many bytes in progress make one of a file.
    fn ratio(&self) -> f64 {
        match self.stored {
            // Nothing is known yet, or a compressor still holds what it was given.
            ..65_536 => 1.0,
            stored => (self.raw as f64 / stored as f64).max(1.0),
        }
    }
}

/// A file to which groups are appended.
pub(super) enum FileEncoder {
    Parquet(ParquetFile),
    Gzip(GzEncoder<Drain>, Drain),
    Zstd(ZstdEncoder<'static, Drain>, Drain),
    /// All its bytes are taken.
    Closed,
}

impl FileEncoder {
    /// An empty file.
    pub(super) fn new(schema: &SchemaRef, format: StagedFormat) -> Result<Self> {
        let drain = Drain::default();
        Ok(match (format.form, format.compression) {
            (Form::Parquet, compression) => FileEncoder::Parquet(ParquetFile::new(schema, compression)?),
            // One stream a file: that Redshift reads several in a row is not documented.
            (_, Compression::Gzip) => {
                FileEncoder::Gzip(GzEncoder::new(drain.clone(), flate2::Compression::fast()), drain)
            }
            (_, Compression::Zstd | Compression::Snappy) => {
                FileEncoder::Zstd(ZstdEncoder::new(drain.clone(), 1)?, drain)
            }
        })
    }

    /// Appends a group; gives the bytes that are ready.
    pub(super) fn append(&mut self, group: Group) -> Result<Vec<u8>> {
        match (self, group) {
            (FileEncoder::Parquet(file), Group::Parquet { group, .. }) => {
                file.append(group)?;
                Ok(file.take())
            }
            (FileEncoder::Gzip(encoder, drain), Group::Text { bytes, .. }) => {
                encoder.write_all(&bytes)?;
                Ok(drain.take())
            }
            (FileEncoder::Zstd(encoder, drain), Group::Text { bytes, .. }) => {
                encoder.write_all(&bytes)?;
                Ok(drain.take())
            }
            _ => Err(Error::new(ErrorKind::Io, "rows were encoded in another form than their file's")),
        }
    }

    /// Completes the file; gives the bytes not yet taken.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>> {
        match std::mem::replace(self, FileEncoder::Closed) {
            FileEncoder::Parquet(file) => file.finish(),
            FileEncoder::Gzip(encoder, drain) => {
                encoder.finish()?;
                Ok(drain.take())
            }
            FileEncoder::Zstd(encoder, drain) => {
                encoder.finish()?;
                Ok(drain.take())
            }
            FileEncoder::Closed => Ok(Vec::new()),
        }
    }
}
