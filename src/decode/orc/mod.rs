//! Apache ORC: stripe by stripe, of which only the wanted columns are read.

mod tail;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_schema::{DataType, Field, FieldRef, Fields as ArrowFields, Schema, UnionFields};
use bytes::Bytes;
use orc_rust::ArrowReaderBuilder;
use orc_rust::projection::ProjectionMask;
use orc_rust::reader::ChunkReader;

use self::tail::{Compression, Tail};
use super::arrow_rows::{ArrowRows, Hint};
use super::guarded::guarded;
use super::ranged::{self, Ranged};
use crate::config::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldIndex, RandomAccess, RecordSink};

/// The rows of a batch: the crate copies a text of a dictionary for each of them.
const BATCH_ROWS: usize = 1024;

/// The largest stripe, of which the wanted columns are held as they are stored; writers make them of 64 MiB.
const MAX_STRIPE: u64 = 256 << 20;

/// Hands each row to `sink`; gives the bytes of the values read.
///
/// Timestamps are read as decimals of nanoseconds: Arrow's own hold the years 1677 to 2262 only, and one beyond would cost the object.
///
/// # Errors
/// `Corrupt` if the object is no ORC file, or is damaged; `TooLarge` beyond the bounds of the source; those of reading and of the sink.
pub(super) fn decode(
    object: Arc<dyn RandomAccess>,
    source: &Source,
    fields: &FieldIndex,
    sink: &mut dyn RecordSink,
) -> Result<u64> {
    let object = Ranged::new(object, source.max_read_time);
    let Tail { compression, largest_stripe } = tail::read(&object)?;
    if largest_stripe > MAX_STRIPE {
        let message = format!("a stripe of {largest_stripe} bytes is larger than the 256 MiB that are held in memory");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let damaged = |panic: String| object.failed("the ORC file is damaged", panic);
    let checking = Arc::new(AtomicBool::new(false));
    let streams = Streams { object: object.clone(), compression, checking: checking.clone() };
    let builder = guarded(|| ArrowReaderBuilder::try_new(streams))
        .map_err(damaged)?
        .map_err(|error| object.failed("the ORC file is damaged", error))?;
    checking.store(true, Ordering::Relaxed);

    let metadata = builder.file_metadata();
    let root = metadata.root_data_type();
    let wanted = |name: &str| fields.wants_extras() || fields.fields().get(name).is_some();
    let mut columns: Vec<usize> = Vec::new();
    for column in root.children() {
        if wanted(column.name()) {
            columns.push(column.data_type().column_index());
        }
    }
    if columns.is_empty() {
        // Nothing is wanted: one column is read all the same, so that rows are counted by what is there, not by what is claimed.
        columns.extend(root.children().first().map(|column| column.data_type().column_index()));
    }
    let total = metadata.number_of_rows();
    let mask = ProjectionMask::roots(root, columns);
    let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
    let (schema_fields, hints): (Vec<FieldRef>, Vec<Hint>) = builder.schema().fields().iter().map(wide).unzip();
    let builder = builder.with_schema(Arc::new(Schema::new(schema_fields)));
    let mut reader = guarded(|| builder.build()).map_err(damaged)?;

    let mut rows = ArrowRows::new(fields, source, object.length());
    let mut read = 0;
    loop {
        // What a stripe's footer claims is no reason to hold more than the stripe.
        object.allow(largest_stripe);
        let batch = guarded(|| reader.next()).map_err(damaged)?;
        let Some(batch) = batch.transpose().map_err(|error| object.failed("the ORC file is damaged", error))? else {
            break;
        };
        read += batch.num_rows() as u64;
        rows.hand_on(&batch, None, &hints, sink)?;
    }
    if read != total {
        let message = format!("the ORC file holds {read} rows, and its footer says {total}");
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    Ok(rows.bytes())
}

/// The field with its timestamps as decimals.
fn wide(field: &FieldRef) -> (FieldRef, Hint) {
    let (data_type, hint) = wide_type(field.data_type());
    (Arc::new(Field::clone(field).with_data_type(data_type)), hint)
}

fn wide_type(data_type: &DataType) -> (DataType, Hint) {
    match data_type {
        DataType::Timestamp(_, zone) => (DataType::Decimal128(38, 9), Hint::WideNanos { zoned: zone.is_some() }),
        DataType::Struct(fields) => {
            let (fields, hints): (Vec<FieldRef>, _) = fields.iter().map(wide).unzip();
            (DataType::Struct(ArrowFields::from(fields)), Hint::Children(hints))
        }
        DataType::List(field) => {
            let (field, hint) = wide(field);
            (DataType::List(field), Hint::Children(vec![hint]))
        }
        DataType::Map(entries, sorted) => {
            let (entries, hint) = wide(entries);
            (DataType::Map(entries, *sorted), hint)
        }
        DataType::Union(variants, mode) => {
            let mut hints = Vec::new();
            let fields: Vec<(i8, FieldRef)> = variants
                .iter()
                .map(|(id, field)| {
                    let (field, hint) = wide(field);
                    hints.push(hint);
                    (id, field)
                })
                .collect();
            (DataType::Union(UnionFields::from_iter(fields), *mode), Hint::Children(hints))
        }
        other => (other.clone(), Hint::Plain),
    }
}

/// The streams of a file, each checked before the crate decompresses it.
struct Streams {
    object: Ranged,
    compression: Compression,
    /// Off while the tail is read, which was checked before.
    checking: Arc<AtomicBool>,
}

impl ChunkReader for Streams {
    type T = ranged::From;

    fn len(&self) -> u64 {
        self.object.length()
    }

    fn get_read(&self, offset: u64) -> io::Result<ranged::From> {
        Ok(self.object.from(offset))
    }

    fn get_bytes(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        let bytes = self.object.bytes(offset, usize::try_from(length).unwrap_or(usize::MAX))?;
        if self.checking.load(Ordering::Relaxed) {
            self.compression.check(&bytes)?;
        }
        Ok(bytes)
    }
}
