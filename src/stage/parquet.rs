//! Parquet as Redshift reads it: v1 pages, PLAIN or dictionary, zstd or snappy.
//!
//! Row groups are encoded by themselves ([`RowGroup`]) and appended to a file ([`ParquetFile`]) when they are complete, so that many open
//! files cost one row group in memory and not one each.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::drain::Drain;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Compression;

/// How many values of a column are looked at to decide whether a dictionary profits it.
const SAMPLE: usize = 2_048;

/// A dictionary profits a column of which at most one value in so many is distinct: above it, it is built and then thrown away.
const REPEATS: usize = 4;

/// The bytes of a page before compression, about: what is encoded and compressed stays in a core's own cache, and a group of many columns small.
const PAGE_BYTES: usize = 128 << 10;

/// A row group being encoded.
pub(super) struct RowGroup {
    schema: SchemaRef,
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

/// A row group that is complete.
pub(super) struct EncodedGroup {
    chunks: Vec<ArrowColumnChunk>,
    /// The number of its rows.
    pub(super) rows: u64,
    /// Its encoded and compressed bytes.
    pub(super) bytes: u64,
}

impl RowGroup {
    /// An empty group whose encodings suit `sample`, its first rows.
    pub(super) fn new(schema: SchemaRef, compression: Compression, sample: &RecordBatch) -> Result<Self> {
        let mut properties = properties(compression)?.into_builder();
        for (field, array) in schema.fields().iter().zip(sample.columns()) {
            let path = || ColumnPath::from(field.name().as_str());
            if repeats(array.as_ref()) {
                properties = properties.set_column_dictionary_enabled(path(), true);
            }
            // The least and greatest of texts are dear to find, and next to no query is spared a chunk by them.
            if *field.data_type() == DataType::Utf8 {
                properties = properties.set_column_statistics_enabled(path(), EnabledStatistics::None);
            }
        }
        let template = file(&schema, properties.build(), io::sink())?;
        let columns =
            ArrowRowGroupWriterFactory::new(&template, schema.clone()).create_column_writers(0).map_err(failed)?;
        Ok(RowGroup { schema, columns, rows: 0 })
    }

    /// Adds rows.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut writers = self.columns.iter_mut();
        for (field, array) in self.schema.fields().iter().zip(rows.columns()) {
            for leaf in compute_leaves(field, array).map_err(failed)? {
                if let Some(writer) = writers.next() {
                    writer.write(&leaf).map_err(failed)?;
                }
            }
        }
        self.rows += rows.num_rows();
        Ok(())
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// About the bytes that the group takes: those of complete pages as compressed, those of pages in progress as encoded.
    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum()
    }

    /// The group, complete.
    pub(super) fn finish(self) -> Result<EncodedGroup> {
        let chunks: Vec<ArrowColumnChunk> = self
            .columns
            .into_iter()
            .map(ArrowColumnWriter::close)
            .collect::<std::result::Result<_, _>>()
            .map_err(failed)?;
        let bytes = chunks.iter().map(|chunk| chunk.close().bytes_written).sum();
        Ok(EncodedGroup { chunks, rows: self.rows as u64, bytes })
    }
}

/// A Parquet file to which complete row groups are appended.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<Drain>,
    drain: Drain,
}

impl ParquetFile {
    /// An empty file.
    pub(super) fn new(schema: &SchemaRef, compression: Compression) -> Result<Self> {
        let drain = Drain::default();
        Ok(ParquetFile { writer: file(schema, properties(compression)?, drain.clone())?, drain })
    }

    /// Appends a group.
    pub(super) fn append(&mut self, group: EncodedGroup) -> Result<()> {
        let mut writer = self.writer.next_row_group().map_err(failed)?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut writer).map_err(failed)?;
        }
        writer.close().map_err(failed)?;
        Ok(())
    }

    /// The bytes that are ready and not yet taken.
    pub(super) fn take(&self) -> Vec<u8> {
        self.drain.take()
    }

    /// Completes the file; gives the bytes not yet taken.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.writer.finish().map_err(failed)?;
        Ok(self.drain.take())
    }
}

/// A whole file of a few rows, compressed with zstd.
pub(super) fn whole(rows: &RecordBatch) -> Result<Vec<u8>> {
    let mut group = RowGroup::new(rows.schema(), Compression::Zstd, rows)?;
    group.write(rows)?;
    let mut file = ParquetFile::new(&rows.schema(), Compression::Zstd)?;
    file.append(group.finish()?)?;
    file.finish()
}

fn file<W: io::Write + Send>(
    schema: &SchemaRef,
    properties: WriterProperties,
    to: W,
) -> Result<SerializedFileWriter<W>> {
    let root = ArrowSchemaConverter::new().convert(schema).map_err(failed)?.root_schema_ptr();
    SerializedFileWriter::new(to, root, Arc::new(properties)).map_err(failed)
}

fn properties(compression: Compression) -> Result<WriterProperties> {
    let codec = match compression {
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd | Compression::Gzip => Codec::ZSTD(ZstdLevel::try_new(1).map_err(failed)?),
    };
    Ok(WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(codec)
        .set_dictionary_enabled(false)
        // Those of a chunk serve who reads the files as an external table; those of pages serve nobody here.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_created_by(concat!("tidegate ", env!("CARGO_PKG_VERSION")).to_owned())
        .build())
}

/// Whether few of the column's first values are distinct.
fn repeats(array: &dyn Array) -> bool {
    let sampled = array.len().min(SAMPLE);
    let mut distinct: HashSet<&[u8]> = HashSet::new();
    let mut seen = 0;
    let data;
    match (array.data_type(), array.data_type().primitive_width()) {
        (DataType::Utf8, _) => {
            let texts = array.as_string::<i32>();
            for row in (0..sampled).filter(|row| texts.is_valid(*row)) {
                distinct.insert(texts.value(row).as_bytes());
                seen += 1;
            }
        }
        (_, Some(width)) => {
            data = array.to_data();
            let Some(buffer) = data.buffers().first() else { return false };
            let values = buffer.as_slice().chunks_exact(width).skip(data.offset());
            for (_, value) in values.take(sampled).enumerate().filter(|(row, _)| array.is_valid(*row)) {
                distinct.insert(value);
                seen += 1;
            }
        }
        _ => return false,
    }
    // Of a handful of values nothing is learned, and nothing is lost by a dictionary.
    seen > 0 && (distinct.len() * REPEATS <= seen || seen < 8)
}

fn failed(error: ParquetError) -> Error {
    Error::caused(ErrorKind::Io, "rows could not be encoded as Parquet", error)
}
