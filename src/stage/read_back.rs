//! Staged rows, read back from S3 a row group at a time, so that a file of any size takes bounded memory.

use arrow_array::RecordBatch;
use bytes::{Buf, Bytes};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::{Store, parse_url};
use crate::error::{Error, ErrorKind, Result};
use crate::model::StagedFile;

/// The end of a file that is read for its footer: enough for a hundred row groups of a hundred columns.
const FOOTER: u64 = 2 << 20;

/// Rows of a piece.
const PIECE_ROWS: usize = 4_096;

/// A Parquet file of the staging area that is being read back.
pub struct ReadBack {
    store: Store,
    key: String,
    bytes: u64,
    metadata: ArrowReaderMetadata,
    group: usize,
}

impl ReadBack {
    /// Reads a file's footer; `None` if it is not Parquet.
    ///
    /// # Errors
    /// Those of S3, or `Corrupt` if the file is not what was staged.
    pub async fn open(store: Store, file: &StagedFile) -> Result<Option<ReadBack>> {
        let Some((_, key)) = parse_url(&file.url).filter(|(_, key)| key.ends_with(".parquet")) else {
            return Ok(None);
        };
        let start = file.bytes.saturating_sub(FOOTER);
        let window = Window { bytes: file.bytes, start, piece: store.get_range(key, start, file.bytes).await? };
        let metadata =
            ArrowReaderMetadata::load(&window, Default::default()).map_err(|error| corrupt(&file.url, error))?;
        Ok(Some(ReadBack { store, key: key.to_owned(), bytes: file.bytes, metadata, group: 0 }))
    }

    /// The next row group, as pieces that are decoded one after the other; `None` at the file's end.
    ///
    /// # Errors
    /// Those of S3, or `Corrupt`.
    pub async fn next(&mut self) -> Result<Option<impl Iterator<Item = Result<RecordBatch>> + Send + use<>>> {
        let groups = self.metadata.metadata().row_groups();
        let Some(group) = groups.get(self.group) else { return Ok(None) };
        let ranges = group.columns().iter().map(|column| column.byte_range());
        let (start, end) =
            ranges.fold((self.bytes, 0), |(start, end), (at, length)| (start.min(at), end.max(at + length)));
        let piece = self.store.get_range(&self.key, start, end).await?;
        let window = Window { bytes: self.bytes, start, piece };
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(window, self.metadata.clone())
            .with_row_groups(vec![self.group])
            .with_batch_size(PIECE_ROWS)
            .build()
            .map_err(|error| corrupt(&self.key, error))?;
        self.group += 1;
        let key = self.key.clone();
        Ok(Some(reader.map(move |piece| piece.map_err(|error| corrupt(&key, error)))))
    }
}

/// The part of a file that was fetched.
struct Window {
    bytes: u64,
    start: u64,
    piece: Bytes,
}

impl Window {
    fn from(&self, at: u64) -> parquet::errors::Result<Bytes> {
        let skipped = at.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        let inside = skipped.filter(|skipped| *skipped <= self.piece.len());
        inside.map(|skipped| self.piece.slice(skipped..)).ok_or_else(|| outside(at))
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Window {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let from = self.from(start)?;
        if length > from.len() { Err(outside(start)) } else { Ok(from.slice(..length)) }
    }
}

fn outside(at: u64) -> ParquetError {
    ParquetError::EOF(format!("byte {at} is outside of what was read of the file"))
}

fn corrupt(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(ErrorKind::Corrupt, format!("the staged file {what} cannot be read back"), error)
}
