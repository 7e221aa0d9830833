//! Reading an object, and writing its rows, without a queue, a bucket or a warehouse: for benches, and for trying a pipeline out.

use std::io::{Read, Write};

use arrow_array::RecordBatch;

use super::decoding::{Stored, decode};
use super::runtime::Runtime;
use crate::config::Pipeline;
use crate::error::Result;
use crate::model::{ObjectId, Origin, Reject};
use crate::stage::LocalFile;

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
        let id = ObjectId::of(self.runtime.name(), &origin.object).to_string();
        let stored = Stored { origin, id, content_encoding: None, bytes: stored };
        let summary = decode(&self.runtime, stored, &mut hand_on)?;
        Ok(Decoded {
            read: summary.read,
            staged: summary.staged,
            rejects: summary.rejects,
            decompressed: summary.decompressed,
        })
    }
}
