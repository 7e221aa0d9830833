//! Apache Parquet: row group by row group, of which only the wanted columns are read.

mod footer;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Fields as ArrowFields, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::file::metadata::RowGroupMetaData;
use parquet::schema::types::SchemaDescriptor;

use super::arrow_rows::{ArrowRows, Hint};
use super::guarded::guarded;
use super::ranged::Ranged;
use crate::config::Source;
use crate::error::{Error, Result};
use crate::model::{FieldIndex, RandomAccess, RecordSink};

/// The most rows of a batch.
const BATCH_ROWS: usize = 8 * 1024;

/// What the rows of a batch may take decoded, about.
const BATCH_BYTES: u64 = 4 << 20;

/// Hands each row to `sink`; gives the bytes of the values read.
///
/// Texts and bytes are read as Arrow's views, so that a long value of a dictionary is not copied for each row that has it. INT96 is
/// read twice, in microseconds, which lose digits, and in nanoseconds, which wrap beyond 1677 to 2262: together they are exact.
///
/// # Errors
/// `Corrupt` if the object is no Parquet file, or is damaged; `TooLarge` beyond the bounds of the source; those of reading and of the sink.
pub(super) fn decode(
    object: Arc<dyn RandomAccess>,
    source: &Source,
    fields: &FieldIndex,
    sink: &mut dyn RecordSink,
) -> Result<u64> {
    let object = Ranged::new(object, source.max_read_time);
    let metadata = footer::read(&object)?;
    let mut rows = ArrowRows::new(fields, source, object.length());
    let plan = guarded(|| Plan::new(&metadata, fields))
        .map_err(|panic| damaged(&object, panic))?
        .map_err(|error| damaged(&object, error))?;
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let batch_rows = batch_rows(group, &plan.mask);
        object.read_ahead_for(plan.leaves * if plan.twin.is_some() { 2 } else { 1 });
        let mut reader = plan.open(&object, &plan.main, &plan.mask, at, batch_rows)?;
        let mut twin = match &plan.twin {
            Some((metadata, mask)) => Some(plan.open(&object, metadata, mask, at, batch_rows)?),
            None => None,
        };
        let mut left = group.num_rows();
        while let Some(batch) = next(&object, &mut reader)? {
            let twin = match &mut twin {
                Some(twin) => next(&object, twin)?,
                None => None,
            };
            if twin.as_ref().is_some_and(|twin| twin.num_rows() != batch.num_rows()) {
                return Err(damaged(&object, "columns of different lengths"));
            }
            left -= batch.num_rows() as i64;
            rows.hand_on(&batch, twin.as_ref(), &plan.hints, sink)?;
        }
        // The crate takes a column chunk that ends early for the end of its row group.
        if left != 0 {
            return Err(damaged(&object, format!("row group {at} lacks {left} of its {} rows", group.num_rows())));
        }
    }
    Ok(rows.bytes())
}

fn damaged(object: &Ranged, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    object.failed("the Parquet file is damaged", error)
}

fn next(object: &Ranged, reader: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>> {
    let batch = guarded(|| reader.next()).map_err(|panic| damaged(object, panic))?;
    batch.transpose().map_err(|error| damaged(object, error))
}

/// What is read of a file, and as what.
struct Plan {
    main: ArrowReaderMetadata,
    mask: ProjectionMask,
    /// The number of leaves read.
    leaves: usize,
    hints: Vec<Hint>,
    /// The columns with INT96, in nanoseconds.
    twin: Option<(ArrowReaderMetadata, ProjectionMask)>,
}

impl Plan {
    fn new(
        metadata: &Arc<parquet::file::metadata::ParquetMetaData>,
        fields: &FieldIndex,
    ) -> parquet::errors::Result<Self> {
        let found = ArrowReaderMetadata::try_new(metadata.clone(), ArrowReaderOptions::new())?;
        let parquet_schema = found.parquet_schema();
        let (mut roots, mut hints, mut with_int96) = (Vec::new(), Vec::new(), Vec::new());
        let (mut exact, mut wrapping) = (Vec::new(), Vec::new());
        let mut leaf = 0;
        for (root, field) in found.schema().fields().iter().enumerate() {
            let mut types = Types { schema: parquet_schema, leaf, int96: false };
            let (as_micros, hint) = types.field(field, TimeUnit::Microsecond);
            let (as_nanos, _) = Types { schema: parquet_schema, leaf, int96: false }.field(field, TimeUnit::Nanosecond);
            leaf = types.leaf;
            exact.push(as_micros);
            wrapping.push(as_nanos);
            if !fields.wants_extras() && fields.fields().get(field.name()).is_none() {
                continue;
            }
            roots.push(root);
            hints.push(hint);
            if types.int96 {
                with_int96.push(root);
            }
        }
        if roots.is_empty() && !exact.is_empty() {
            // Nothing is wanted: one column is read all the same, so that rows are counted by what is there, not by what is claimed.
            roots.push(0);
            hints.push(Hint::Plain);
        }
        let with = |fields: Vec<FieldRef>| {
            let schema = Schema::new_with_metadata(fields, found.schema().metadata().clone());
            ArrowReaderMetadata::try_new(metadata.clone(), ArrowReaderOptions::new().with_schema(Arc::new(schema)))
        };
        let mask = ProjectionMask::roots(parquet_schema, roots);
        let leaves = (0..parquet_schema.num_columns()).filter(|leaf| mask.leaf_included(*leaf)).count();
        let twin = match with_int96.is_empty() {
            true => None,
            false => Some((with(wrapping)?, ProjectionMask::roots(parquet_schema, with_int96))),
        };
        Ok(Plan { main: with(exact)?, mask, leaves, hints, twin })
    }

    fn open(
        &self,
        object: &Ranged,
        metadata: &ArrowReaderMetadata,
        mask: &ProjectionMask,
        group: usize,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(object.clone(), metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask.clone())
            .with_batch_size(batch_rows);
        guarded(|| builder.build()).map_err(|panic| damaged(object, panic))?.map_err(|error| damaged(object, error))
    }
}

/// Walks the leaves of a schema in their order, which is the same in Arrow and in Parquet.
struct Types<'a> {
    schema: &'a SchemaDescriptor,
    leaf: usize,
    int96: bool,
}

impl Types<'_> {
    /// The field as it is to be read, INT96 in `unit`, and what its type does not say.
    fn field(&mut self, field: &FieldRef, unit: TimeUnit) -> (FieldRef, Hint) {
        let (data_type, hint) = self.data_type(field.data_type(), unit);
        (Arc::new(Field::clone(field).with_data_type(data_type)), hint)
    }

    fn data_type(&mut self, data_type: &DataType, unit: TimeUnit) -> (DataType, Hint) {
        let mut one = |field: &FieldRef| {
            let (field, hint) = self.field(field, unit);
            (field, Hint::Children(vec![hint]))
        };
        match data_type {
            DataType::Struct(fields) => {
                let (fields, hints): (Vec<FieldRef>, _) = fields.iter().map(|field| self.field(field, unit)).unzip();
                (DataType::Struct(ArrowFields::from(fields)), Hint::Children(hints))
            }
            DataType::List(field) => {
                let (field, hint) = one(field);
                (DataType::List(field), hint)
            }
            DataType::LargeList(field) => {
                let (field, hint) = one(field);
                (DataType::LargeList(field), hint)
            }
            DataType::FixedSizeList(field, length) => {
                let (field, hint) = one(field);
                (DataType::FixedSizeList(field, *length), hint)
            }
            DataType::ListView(field) => {
                let (field, hint) = one(field);
                (DataType::ListView(field), hint)
            }
            DataType::LargeListView(field) => {
                let (field, hint) = one(field);
                (DataType::LargeListView(field), hint)
            }
            DataType::Map(entries, sorted) => {
                let (entries, hint) = self.field(entries, unit);
                (DataType::Map(entries, *sorted), hint)
            }
            leaf => self.leaf(leaf, unit),
        }
    }

    fn leaf(&mut self, data_type: &DataType, unit: TimeUnit) -> (DataType, Hint) {
        let at = self.leaf;
        self.leaf += 1;
        if at >= self.schema.num_columns() {
            return (data_type.clone(), Hint::Plain);
        }
        let column = self.schema.column(at);
        let uuid = matches!(column.logical_type_ref(), Some(LogicalType::Uuid));
        let data_type = match data_type {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
            DataType::Timestamp(TimeUnit::Nanosecond, zone) if column.physical_type() == PhysicalType::INT96 => {
                self.int96 = true;
                DataType::Timestamp(unit, zone.clone())
            }
            other => other.clone(),
        };
        (data_type, if uuid { Hint::Uuid } else { Hint::Plain })
    }
}

/// How many rows are decoded at once: fewer where they are wide.
fn batch_rows(group: &RowGroupMetaData, mask: &ProjectionMask) -> usize {
    let bytes: u64 = (0..group.num_columns())
        .filter(|leaf| mask.leaf_included(*leaf))
        .map(|leaf| u64::try_from(group.column(leaf).uncompressed_size()).unwrap_or(0))
        .fold(0, u64::saturating_add);
    let rows = u64::try_from(group.num_rows()).unwrap_or(0);
    let each = (bytes / rows.max(1)).max(1);
    usize::try_from(BATCH_BYTES / each).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS)
}
