//! Reading an object, and writing its rows, without a queue, a bucket or a warehouse: for benches, and for trying a pipeline out.

use std::io::{Cursor, Read, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use bytes::Bytes;

use super::collect::Summary;
use super::decoding::{NewFields, Stored, Threads, decode, decode_file};
use super::runtime::Runtime;
use super::tee::shape;
use crate::config::Pipeline;
use crate::decode::needs_random_access;
use crate::error::{Error, ErrorKind, Result};
use crate::firehose::{Shape, rows};
use crate::model::{Origin, Reject};
use crate::stage::LocalFile;

/// The columns of lineage, the last of every data file.
const LINEAGE: usize = 2;

/// A pipeline that reads objects from memory.
pub struct Offline {
    runtime: Runtime,
}

/// What became of an object's records.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The records: `read = staged + rejected`.
    pub read: u64,
    /// The rows handed on.
    pub staged: u64,
    /// The records that would go to the quarantine.
    pub rejects: Vec<Reject>,
    /// The object's bytes after decompression.
    pub decompressed: u64,
}

impl Offline {
    /// The pipeline, compiled.
    pub fn new(pipeline: Pipeline) -> Self {
        Offline { runtime: Runtime::new(0, pipeline, 1) }
    }

    /// The columns of the rows: the pipeline's, then the two of lineage.
    pub fn schema(&self) -> arrow_schema::SchemaRef {
        self.runtime.schema.clone()
    }

    /// A data file as intake stages it, for rows that [`read`](Self::read) hands on, written to `to`.
    ///
    /// # Errors
    /// Those of encoding.
    pub fn data_file<W: Write>(&self, to: W) -> Result<LocalFile<W>> {
        LocalFile::new(self.schema(), self.runtime.nested(), self.runtime.pipeline.stage.format, to)
    }

    /// Decompresses, decodes and checks an object just as intake does, and hands its rows on in pieces.
    ///
    /// # Errors
    /// Those for which intake parks the object whole, and those of `hand_on`.
    pub fn read<'a>(
        &'a self,
        origin: &'a Origin,
        stored: impl Read + Send + 'a,
        mut hand_on: impl FnMut(RecordBatch) -> Result<()> + 'a,
    ) -> Result<Decoded> {
        let id = self.runtime.identity(&origin.object).to_string();
        let stored = Stored { origin, id, content_encoding: None, bytes: stored, threads: Threads::One };
        Ok(decode(&self.runtime, stored, NewFields::Ignore, &mut hand_on)?.into())
    }

    /// As [`read`](Self::read), of a whole object in memory and of any format, those included whose index stands at the end; the
    /// object's place among the partitions is checked too.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_whole<'a>(
        &'a self,
        origin: &'a Origin,
        object: Bytes,
        mut hand_on: impl FnMut(RecordBatch) -> Result<()> + 'a,
    ) -> Result<Decoded> {
        self.runtime.partition(&origin.captures)?;
        if !needs_random_access(&self.runtime.pipeline.source.format) {
            return self.read(origin, Cursor::new(object), hand_on);
        }
        let id = self.runtime.identity(&origin.object).to_string();
        Ok(decode_file(&self.runtime, origin, id, Arc::new(object), NewFields::Ignore, &mut hand_on)?.into())
    }

    /// Gives `each` the rows of a piece: the number of the record, and the pipeline's columns as an object of JSON, in their order. Decimals have
    /// all their digits, times are ISO 8601, and what is no number of JSON, as NaN, is null.
    ///
    /// # Errors
    /// None but for a piece that is not of this pipeline.
    pub fn each_row(&self, piece: &RecordBatch, mut each: impl FnMut(u64, &[u8])) -> Result<()> {
        let columns = piece.num_columns().saturating_sub(LINEAGE);
        let records: Vec<i64> = match piece.columns().last().and_then(|last| last.as_primitive_opt::<Int64Type>()) {
            Some(records) => records.values().to_vec(),
            None => Vec::new(),
        };
        let shapes: Vec<Shape> = self.runtime.manifest_columns().iter().map(|column| shape(&column.sql_type)).collect();
        let alone = piece.project(&(0..columns).collect::<Vec<_>>()).map_err(foreign)?;
        let mut numbers = records.into_iter();
        rows(&alone, &shapes, |line| {
            let record = numbers.next().and_then(|record| u64::try_from(record).ok()).unwrap_or_default();
            each(record, line);
        })
    }
}

fn foreign(error: arrow_schema::ArrowError) -> Error {
    Error::caused(ErrorKind::Configuration, "the rows are not of this pipeline", error)
}

impl From<Summary> for Decoded {
    fn from(summary: Summary) -> Self {
        Decoded {
            read: summary.read,
            staged: summary.staged,
            rejects: summary.rejects,
            decompressed: summary.decompressed,
        }
    }
}
