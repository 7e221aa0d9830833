//! A data file written elsewhere than to S3: for benches, and for trying a pipeline out.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::group::{Encoder, FileEncoder, Group};
use crate::error::Result;
use crate::model::StagedFormat;

/// One data file, encoded as those of a batch are.
pub struct LocalFile<W> {
    encoder: Encoder,
    file: FileEncoder,
    rows: u64,
    to: W,
}

impl<W: Write> LocalFile<W> {
    /// A file of rows of `schema`, of whose columns `nested` hold JSON, written to `to`.
    ///
    /// # Errors
    /// Those of encoding.
    pub fn new(schema: SchemaRef, nested: Vec<bool>, format: StagedFormat, to: W) -> Result<Self> {
        let file = FileEncoder::new(&schema, format)?;
        Ok(LocalFile { encoder: Encoder::new(schema, nested, format, false), file, rows: 0, to })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Those of encoding and of `to`.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut at = 0;
        while at < rows.num_rows() {
            let taken = self.encoder.step(rows).min(rows.num_rows() - at);
            self.encoder.write(&rows.slice(at, taken))?;
            at += taken;
            if self.encoder.is_full(false)
                && let Some(group) = self.encoder.cut()?
            {
                self.append(group)?;
            }
        }
        Ok(())
    }

    /// Completes the file; gives what it was written to, and the number of its rows.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(mut self) -> Result<(W, u64)> {
        if let Some(group) = self.encoder.cut()? {
            self.append(group)?;
        }
        self.to.write_all(&self.file.finish()?)?;
        self.to.flush()?;
        Ok((self.to, self.rows))
    }

    fn append(&mut self, group: Group) -> Result<()> {
        self.rows += group.rows();
        let bytes = self.file.append(group)?;
        Ok(self.to.write_all(&bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn a_local_file_has_the_rows_in_order_over_several_groups() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
        let rows = RecordBatch::try_from_iter([("n", numbers)]).expect("fits");
        let mut file =
            LocalFile::new(rows.schema(), vec![false], StagedFormat::default(), Vec::new()).expect("encodes");
        file.write(&rows).expect("encodes");
        file.write(&rows.slice(0, 1)).expect("encodes");
        let (bytes, count) = file.finish().expect("encodes");
        assert_eq!(count, 100_001);
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).expect("Parquet");
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let read: Vec<i64> = reader
            .build()
            .expect("Parquet")
            .flat_map(|rows| rows.expect("Parquet").column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect();
        assert!(read.into_iter().eq((0..100_000).chain([0])));
    }
}
