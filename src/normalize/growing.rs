//! One growing column, of which the newest values can be taken back.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};

use crate::model::Piece;
use crate::schema::ColumnType;
use crate::schema::value::Cell;

/// A column of rows that were not taken yet.
///
/// Arrow's own builders cannot take values back, which a row that turns out to be wrong in its last field needs.
#[derive(Debug)]
pub(super) struct Growing {
    values: Values,
    rows: usize,
    /// Which values there are; empty as long as none is missing.
    valid: Vec<bool>,
}

#[derive(Debug)]
enum Values {
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int128(Vec<i128>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Bool(Vec<bool>),
    Text { bytes: Vec<u8>, ends: Vec<i32> },
}

impl Growing {
    /// An empty column of the Arrow type in which a column's values are staged.
    pub(super) fn new(data_type: &DataType) -> Self {
        let values = match data_type {
            DataType::Int16 => Values::Int16(Vec::new()),
            DataType::Int32 | DataType::Date32 => Values::Int32(Vec::new()),
            DataType::Int64 | DataType::Timestamp(..) => Values::Int64(Vec::new()),
            DataType::Decimal128(..) => Values::Int128(Vec::new()),
            DataType::Float32 => Values::Float32(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Boolean => Values::Bool(Vec::new()),
            _ => Values::Text { bytes: Vec::new(), ends: Vec::new() },
        };
        Growing { values, rows: 0, valid: Vec::new() }
    }

    /// The number of values.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Adds a cell, and says how many bytes it takes. A cell of another kind than the column's cannot come from the plan that made both; it
    /// would be stored as null.
    #[inline]
    pub(super) fn push(&mut self, cell: &Cell<'_>) -> usize {
        match (&mut self.values, cell) {
            (Values::Text { .. }, Cell::Text(text)) => return self.push_text(text.as_bytes().into()),
            // Both were checked against the type's range.
            (Values::Int16(values), Cell::Int(value)) => match i16::try_from(*value) {
                Ok(value) => values.push(value),
                Err(_) => return self.push_null(),
            },
            (Values::Int32(values), Cell::Int(value)) => match i32::try_from(*value) {
                Ok(value) => values.push(value),
                Err(_) => return self.push_null(),
            },
            (Values::Int64(values), Cell::Int(value) | Cell::Micros(value)) => values.push(*value),
            (Values::Int32(values), Cell::Date(days)) => values.push(*days),
            (Values::Int128(values), Cell::Decimal(units)) => values.push(*units),
            (Values::Float32(values), Cell::Float(value)) => values.push(*value as f32),
            (Values::Float64(values), Cell::Float(value)) => values.push(*value),
            (Values::Bool(values), Cell::Bool(value)) => values.push(*value),
            _ => return self.push_null(),
        }
        self.mark_valid();
        8
    }

    /// Adds a whole number, or a moment; one that is not in the range of the column's type would be stored as null.
    #[inline(always)]
    pub(super) fn push_int(&mut self, value: i64) {
        match &mut self.values {
            Values::Int64(values) => values.push(value),
            Values::Int32(values) if i32::try_from(value).is_ok() => values.push(value as i32),
            Values::Int16(values) if i16::try_from(value).is_ok() => values.push(value as i16),
            _ => {
                self.push_null();
                return;
            }
        }
        self.mark_valid();
    }

    /// Adds a decimal number, in units of its last place.
    #[inline(always)]
    pub(super) fn push_units(&mut self, units: i128) {
        match &mut self.values {
            Values::Int128(values) => values.push(units),
            _ => {
                self.push_null();
                return;
            }
        }
        self.mark_valid();
    }

    /// Adds true or false.
    #[inline(always)]
    pub(super) fn push_bool(&mut self, value: bool) {
        match &mut self.values {
            Values::Bool(values) => values.push(value),
            _ => {
                self.push_null();
                return;
            }
        }
        self.mark_valid();
    }

    /// Adds a text; it must be UTF-8 when the column is taken.
    #[inline(always)]
    pub(super) fn push_text(&mut self, text: Piece<'_>) -> usize {
        let Values::Text { bytes, ends } = &mut self.values else { return self.push_null() };
        if !append_block::<32>(bytes, text) && !append_block::<64>(bytes, text) {
            bytes.extend_from_slice(text.bytes());
        }
        // A piece is taken long before its texts are 2 GiB: a row has at most 4 MB.
        ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.mark_valid();
        text.len() + 4
    }

    /// Adds the absence of a value.
    #[inline]
    pub(super) fn push_null(&mut self) -> usize {
        let before = self.rows;
        self.rows += 1;
        match &mut self.values {
            Values::Int16(values) => values.push(0),
            Values::Int32(values) => values.push(0),
            Values::Int64(values) => values.push(0),
            Values::Int128(values) => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Bool(values) => values.push(false),
            Values::Text { bytes, ends } => ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX)),
        }
        if self.valid.is_empty() {
            self.valid.resize(before, true);
        }
        self.valid.push(false);
        4
    }

    #[inline(always)]
    fn mark_valid(&mut self) {
        self.rows += 1;
        if !self.valid.is_empty() {
            self.valid.push(true);
        }
    }

    /// The value in `row`, of a column of this type; `None` if there is no such row, or it holds a text that is no UTF-8.
    pub(super) fn cell(&self, row: usize, column_type: ColumnType) -> Option<Cell<'_>> {
        if self.valid.get(row) == Some(&false) {
            return Some(Cell::Null);
        }
        let moment = matches!(column_type, ColumnType::Timestamp | ColumnType::TimestampTz);
        Some(match &self.values {
            Values::Int16(values) => Cell::Int(i64::from(*values.get(row)?)),
            Values::Int32(values) if column_type == ColumnType::Date => Cell::Date(*values.get(row)?),
            Values::Int32(values) => Cell::Int(i64::from(*values.get(row)?)),
            Values::Int64(values) if moment => Cell::Micros(*values.get(row)?),
            Values::Int64(values) => Cell::Int(*values.get(row)?),
            Values::Int128(values) => Cell::Decimal(*values.get(row)?),
            Values::Float32(values) => Cell::Float(f64::from(*values.get(row)?)),
            Values::Float64(values) => Cell::Float(*values.get(row)?),
            Values::Bool(values) => Cell::Bool(*values.get(row)?),
            Values::Text { bytes, ends } => {
                let start = row.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
                let text = bytes.get(start as usize..*ends.get(row)? as usize)?;
                Cell::Text(Cow::Borrowed(std::str::from_utf8(text).ok()?))
            }
        })
    }

    /// Takes back all values behind the first `rows`.
    pub(super) fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Int16(values) => values.truncate(rows),
            Values::Int32(values) => values.truncate(rows),
            Values::Int64(values) => values.truncate(rows),
            Values::Int128(values) => values.truncate(rows),
            Values::Float32(values) => values.truncate(rows),
            Values::Float64(values) => values.truncate(rows),
            Values::Bool(values) => values.truncate(rows),
            Values::Text { bytes, ends } => {
                ends.truncate(rows);
                bytes.truncate(ends.last().map_or(0, |end| *end as usize));
            }
        }
        self.valid.truncate(rows);
        self.rows = self.rows.min(rows);
    }

    /// The values as an array of `data_type`, leaving none.
    ///
    /// # Errors
    /// Where they do not fit the type, such as texts that are no UTF-8.
    pub(super) fn take(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let nulls = (!self.valid.is_empty()).then(|| NullBuffer::new(bits(&self.valid)));
        self.valid.clear();
        self.rows = 0;
        Ok(match &mut self.values {
            Values::Int16(values) => Arc::new(Int16Array::try_new(emptied(values), nulls)?),
            Values::Int32(values) if *data_type == DataType::Date32 => {
                Arc::new(Date32Array::try_new(emptied(values), nulls)?)
            }
            Values::Int32(values) => Arc::new(Int32Array::try_new(emptied(values), nulls)?),
            Values::Int64(values) => match data_type {
                DataType::Timestamp(_, zone) => {
                    let array = TimestampMicrosecondArray::try_new(emptied(values), nulls)?;
                    Arc::new(array.with_timezone_opt(zone.clone()))
                }
                _ => Arc::new(Int64Array::try_new(emptied(values), nulls)?),
            },
            Values::Int128(values) => {
                Arc::new(Decimal128Array::try_new(emptied(values), nulls)?.with_data_type(data_type.clone()))
            }
            Values::Float32(values) => Arc::new(Float32Array::try_new(emptied(values), nulls)?),
            Values::Float64(values) => Arc::new(Float64Array::try_new(emptied(values), nulls)?),
            Values::Bool(values) => {
                let array = BooleanArray::new(bits(values), nulls);
                values.clear();
                Arc::new(array)
            }
            Values::Text { bytes, ends } => {
                let mut offsets = Vec::with_capacity(ends.len() + 1);
                offsets.push(0);
                offsets.extend_from_slice(ends);
                ends.clear();
                let (room, texts) = (bytes.len(), std::mem::take(bytes));
                bytes.reserve(room);
                Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), Buffer::from_vec(texts), nulls)?)
            }
        })
    }
}

/// Appends a text of at most `N` bytes, where as many can be copied: a copy of known length costs a fraction of one whose length is looked
/// at. Whether it was.
#[inline(always)]
fn append_block<const N: usize>(bytes: &mut Vec<u8>, text: Piece<'_>) -> bool {
    match text.block::<N>() {
        Some(block) if text.len() <= N => {
            let end = bytes.len() + text.len();
            bytes.extend_from_slice(block);
            bytes.truncate(end);
            true
        }
        _ => false,
    }
}

/// One bit for each, as Arrow packs them.
fn bits(values: &[bool]) -> BooleanBuffer {
    // Moves the lowest bit of each of eight bytes into the highest byte, the first byte's lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut packed = Vec::with_capacity(values.len().div_ceil(8));
    let (eights, rest) = values.as_chunks::<8>();
    let word = |eight: &[bool; 8]| (u64::from_le_bytes(eight.map(u8::from)).wrapping_mul(GATHER) >> 56) as u8;
    packed.extend(eights.iter().map(word));
    if !rest.is_empty() {
        packed.push(rest.iter().rev().fold(0, |bits, value| bits << 1 | u8::from(*value)));
    }
    BooleanBuffer::new(Buffer::from_vec(packed), 0, values.len())
}

/// The values, leaving an empty vector with room for as many: the next piece will be about as large.
fn emptied<T>(values: &mut Vec<T>) -> ScalarBuffer<T>
where
    T: arrow_buffer::ArrowNativeType,
{
    let room = values.len();
    ScalarBuffer::from(std::mem::replace(values, Vec::with_capacity(room)))
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_packed_as_arrow_packs_them(values in prop::collection::vec(any::<bool>(), 0..70)) {
            prop_assert_eq!(bits(&values), BooleanBuffer::from(values.as_slice()));
        }

        #[test]
        fn texts_are_theirs_alone_whatever_stands_behind(texts in prop::collection::vec(("[a-z]{0,100}", "[A-Z]{0,70}"), 0..20)) {
            let mut growing = Growing::new(&DataType::Utf8);
            for (text, behind) in &texts {
                growing.push_text(Piece::new(format!("{text}{behind}").as_bytes(), text.len()));
            }
            let array = growing.take(&DataType::Utf8).expect("UTF-8");
            let found: Vec<_> = array.as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
            prop_assert_eq!(found, texts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>());
        }

        #[test]
        fn a_column_taken_leaves_nothing_to_the_next(pieces in prop::collection::vec(prop::collection::vec(any::<Option<bool>>(), 0..40), 1..4)) {
            let mut growing = Growing::new(&DataType::Boolean);
            for piece in pieces {
                for value in &piece {
                    growing.push(&value.map_or(Cell::Null, Cell::Bool));
                }
                let array = growing.take(&DataType::Boolean).expect("booleans");
                prop_assert_eq!(array.as_boolean().iter().collect::<Vec<_>>(), piece);
            }
        }
    }
}
