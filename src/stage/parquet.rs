//! Parquet as Redshift reads it: v1 pages, PLAIN or dictionary, zstd.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::error::{Error, ErrorKind, Result};

/// Rows of a row group: larger ones cost the same CPU and more memory.
const ROW_GROUP_ROWS: usize = 64 * 1024;

/// Bytes of a row group, which is held in memory: wide rows end it sooner.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Encodes one Parquet file piece by piece: what is encoded so far can be taken away while the rest is being written.
pub(super) struct Encoder {
    writer: ArrowWriter<Drain>,
    drain: Drain,
    rows: u64,
}

/// A writer whose bytes can be taken from outside.
#[derive(Clone, Default)]
struct Drain(Arc<Mutex<Vec<u8>>>);

impl Write for Drain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Encoder {
    /// An encoder of an empty file.
    pub(super) fn new(schema: SchemaRef) -> Result<Self> {
        let level = ZstdLevel::try_new(1).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_created_by(concat!("tidegate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let drain = Drain::default();
        let writer = ArrowWriter::try_new(drain.clone(), schema, Some(properties)).map_err(failed)?;
        Ok(Encoder { writer, drain, rows: 0 })
    }

    /// Encodes rows.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.rows += rows.num_rows() as u64;
        self.writer.write(rows).map_err(failed)
    }

    /// The rows written so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes of the row groups that are complete and not yet taken.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.drain.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Completes the file; gives the bytes not yet taken.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.writer.finish().map_err(failed)?;
        Ok(self.take())
    }
}

fn failed(error: ParquetError) -> Error {
    Error::caused(ErrorKind::Io, "rows could not be encoded as Parquet", error)
}
