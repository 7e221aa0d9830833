//! A column of an Arrow batch, from which single values are taken.

use std::borrow::Cow;
use std::fmt::Display;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    Array, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, GenericBinaryArray, GenericStringArray, PrimitiveArray,
    StringViewArray,
};
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, NullBuffer, i256};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use super::super::json_text::NotText;
use super::super::typed::{Unfit, interval, moment};
use super::Hint;
use crate::model::{Rule, Value};

/// A column, or what is nested in one, its type resolved once a batch.
pub(super) struct Column<'a> {
    nulls: Option<NullBuffer>,
    pub(super) kind: Kind<'a>,
}

/// What a column holds.
pub(super) enum Kind<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float16(&'a PrimitiveArray<Float16Type>),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal32(&'a [i32], i8),
    Decimal64(&'a [i64], i8),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    Utf8(&'a GenericStringArray<i32>),
    LargeUtf8(&'a GenericStringArray<i64>),
    Utf8View(&'a StringViewArray),
    Binary(&'a GenericBinaryArray<i32>),
    LargeBinary(&'a GenericBinaryArray<i64>),
    BinaryView(&'a BinaryViewArray),
    FixedBinary(&'a FixedSizeBinaryArray),
    Uuid(&'a FixedSizeBinaryArray),
    Days(&'a [i32]),
    DayMillis(&'a [i64]),
    TimeSeconds(&'a [i32]),
    TimeMillis(&'a [i32]),
    TimeMicros(&'a [i64]),
    TimeNanos(&'a [i64]),
    Moment {
        values: &'a [i64],
        unit: TimeUnit,
        zoned: bool,
    },
    /// INT96 of Parquet, read in two units of which either alone loses something: see [`super::super::parquet`].
    MomentTwice {
        micros: &'a [i64],
        nanos: &'a [i64],
    },
    /// Nanoseconds since 1970 that need more than 64 bits, as ORC has them.
    WideNanos {
        values: &'a [i128],
        zoned: bool,
    },
    Duration(&'a [i64], TimeUnit),
    YearMonth(&'a [i32]),
    DayTime(&'a [IntervalDayTime]),
    MonthDayNano(&'a [IntervalMonthDayNano]),
    Struct(Vec<(&'a str, Column<'a>)>),
    List {
        spans: Spans<'a>,
        items: Box<Column<'a>>,
    },
    Map {
        offsets: &'a [i32],
        keys: Box<Column<'a>>,
        values: Box<Column<'a>>,
    },
    Dictionary {
        keys: Vec<usize>,
        values: Box<Column<'a>>,
    },
    Union {
        type_ids: &'a [i8],
        offsets: Option<&'a [i32]>,
        children: Vec<(i8, Column<'a>)>,
    },
    Unsupported(&'a DataType),
}

/// Where the items of each list are.
pub(super) enum Spans<'a> {
    Offsets32(&'a [i32]),
    Offsets64(&'a [i64]),
    Views32(&'a [i32], &'a [i32]),
    Views64(&'a [i64], &'a [i64]),
    Fixed(usize),
}

impl Spans<'_> {
    /// The places of the items of the list at `row`.
    pub(super) fn at(&self, row: usize) -> std::ops::Range<usize> {
        match self {
            Spans::Offsets32(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Spans::Offsets64(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Spans::Views32(offsets, sizes) => offsets[row] as usize..(offsets[row] + sizes[row]) as usize,
            Spans::Views64(offsets, sizes) => offsets[row] as usize..(offsets[row] + sizes[row]) as usize,
            Spans::Fixed(length) => row * length..(row + 1) * length,
        }
    }
}

impl<'a> Column<'a> {
    /// The column of `array`; `twin` holds the same values with their INT96 in nanoseconds.
    pub(super) fn new(array: &'a dyn Array, twin: Option<&'a dyn Array>, hint: &Hint) -> Self {
        Column { nulls: array.nulls().cloned(), kind: kind(array, twin, hint) }
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Whether the moments of the column are instants, and not local times.
    pub(super) fn zoned(&self) -> bool {
        matches!(self.kind, Kind::Moment { zoned: true, .. } | Kind::WideNanos { zoned: true, .. })
    }

    /// The value at `row`; what is nested as JSON text.
    pub(super) fn value(&self, row: usize) -> Result<Value<'a>, Unfit> {
        if self.is_null(row) {
            return Ok(Value::Null);
        }
        Ok(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(array) => Value::Bool(array.value(row)),
            Kind::Int8(values) => Value::Int(values[row].into()),
            Kind::Int16(values) => Value::Int(values[row].into()),
            Kind::Int32(values) => Value::Int(values[row].into()),
            Kind::Int64(values) => Value::Int(values[row]),
            Kind::UInt8(values) => Value::Int(values[row].into()),
            Kind::UInt16(values) => Value::Int(values[row].into()),
            Kind::UInt32(values) => Value::Int(values[row].into()),
            Kind::UInt64(values) => match i64::try_from(values[row]) {
                Ok(value) => Value::Int(value),
                Err(_) => Value::Decimal { units: values[row].into(), scale: 0 },
            },
            Kind::Float16(array) => Value::Float(array.value(row).to_f64()),
            Kind::Float32(values) => Value::Float(values[row].into()),
            Kind::Float64(values) => Value::Float(values[row]),
            Kind::Decimal32(values, scale) => decimal(values[row].into(), *scale)?,
            Kind::Decimal64(values, scale) => decimal(values[row].into(), *scale)?,
            Kind::Decimal128(values, scale) => decimal(values[row], *scale)?,
            Kind::Decimal256(values, scale) => match values[row].to_i128() {
                Some(units) => decimal(units, *scale)?,
                None => return Err(Unfit::new(Rule::Length, "a decimal has more than 38 digits")),
            },
            Kind::Utf8(array) => Value::Text(Cow::Borrowed(array.value(row))),
            Kind::LargeUtf8(array) => Value::Text(Cow::Borrowed(array.value(row))),
            Kind::Utf8View(array) => Value::Text(Cow::Borrowed(array.value(row))),
            Kind::Binary(array) => Value::Bytes(Cow::Borrowed(array.value(row))),
            Kind::LargeBinary(array) => Value::Bytes(Cow::Borrowed(array.value(row))),
            Kind::BinaryView(array) => Value::Bytes(Cow::Borrowed(array.value(row))),
            Kind::FixedBinary(array) => Value::Bytes(Cow::Borrowed(array.value(row))),
            Kind::Uuid(array) => match uuid::Uuid::from_slice(array.value(row)) {
                Ok(uuid) => Value::Text(Cow::Owned(uuid.to_string())),
                Err(_) => Value::Bytes(Cow::Borrowed(array.value(row))),
            },
            Kind::Days(values) => Value::Date(values[row]),
            Kind::DayMillis(values) => match i32::try_from(values[row].div_euclid(86_400_000)) {
                Ok(days) if values[row].rem_euclid(86_400_000) == 0 => Value::Date(days),
                _ => moment(i128::from(values[row]) * 1_000_000)?,
            },
            Kind::TimeSeconds(values) => Value::TimeOfDay(i64::from(values[row]) * 1_000_000),
            Kind::TimeMillis(values) => Value::TimeOfDay(i64::from(values[row]) * 1_000),
            Kind::TimeMicros(values) => Value::TimeOfDay(values[row]),
            Kind::TimeNanos(values) if values[row] % 1_000 == 0 => Value::TimeOfDay(values[row] / 1_000),
            Kind::TimeNanos(values) => {
                let message = format!("a time of {} ns since midnight is finer than microseconds", values[row]);
                return Err(Unfit::new(Rule::Range, message));
            }
            Kind::Moment { values, unit, .. } => moment(i128::from(values[row]) * nanos_each(*unit))?,
            Kind::MomentTwice { micros, nanos } => {
                // Nanoseconds wrap beyond 1677 to 2262; their difference to the microseconds does not.
                let rest = nanos[row].wrapping_sub(micros[row].wrapping_mul(1_000));
                moment(i128::from(micros[row]) * 1_000 + i128::from(rest))?
            }
            Kind::WideNanos { values, .. } => moment(values[row])?,
            Kind::Duration(values, unit) => owned(interval(0, 0, i128::from(values[row]) * nanos_each(*unit))),
            Kind::YearMonth(values) => owned(interval(values[row].into(), 0, 0)),
            Kind::DayTime(values) => {
                let IntervalDayTime { days, milliseconds } = values[row];
                owned(interval(0, days.into(), i128::from(milliseconds) * 1_000_000))
            }
            Kind::MonthDayNano(values) => {
                let IntervalMonthDayNano { months, days, nanoseconds } = values[row];
                owned(interval(months.into(), days.into(), nanoseconds.into()))
            }
            Kind::Struct(_) | Kind::List { .. } | Kind::Map { .. } => {
                let mut text = String::new();
                super::nested::write(self, row, NotText::Refused, &mut text)?;
                Value::Json(Cow::Owned(text))
            }
            Kind::Dictionary { keys, values } => match keys.get(row) {
                Some(key) => values.value(*key)?,
                None => Value::Null,
            },
            Kind::Union { .. } => match self.variant(row) {
                Some((child, row)) => child.value(row)?,
                None => Value::Null,
            },
            Kind::Unsupported(data_type) => {
                return Err(Unfit::new(Rule::Type, format!("values of Arrow's type {data_type} cannot be loaded")));
            }
        })
    }

    /// Which of a union's columns holds its value at `row`, and where.
    pub(super) fn variant(&self, row: usize) -> Option<(&Column<'a>, usize)> {
        let Kind::Union { type_ids, offsets, children } = &self.kind else { return None };
        let at = offsets.map_or(row, |offsets| offsets[row] as usize);
        children.iter().find(|(id, _)| *id == type_ids[row]).map(|(_, child)| (child, at))
    }
}

fn owned(text: impl Display) -> Value<'static> {
    Value::Text(Cow::Owned(text.to_string()))
}

fn nanos_each(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

fn decimal(units: i128, scale: i8) -> Result<Value<'static>, Unfit> {
    if let Ok(scale) = u8::try_from(scale) {
        return Ok(Value::Decimal { units, scale });
    }
    let factor = 10_i128.checked_pow(u32::from(scale.unsigned_abs()));
    match factor.and_then(|factor| units.checked_mul(factor)) {
        Some(units) => Ok(Value::Decimal { units, scale: 0 }),
        None => Err(Unfit::new(Rule::Length, "a decimal has more than 38 digits")),
    }
}

fn kind<'a>(array: &'a dyn Array, twin: Option<&'a dyn Array>, hint: &Hint) -> Kind<'a> {
    match array.data_type() {
        DataType::Null => Kind::Null,
        DataType::Boolean => Kind::Bool(array.as_boolean()),
        DataType::Int8 => Kind::Int8(array.as_primitive::<Int8Type>().values()),
        DataType::Int16 => Kind::Int16(array.as_primitive::<Int16Type>().values()),
        DataType::Int32 => Kind::Int32(array.as_primitive::<Int32Type>().values()),
        DataType::Int64 => Kind::Int64(array.as_primitive::<Int64Type>().values()),
        DataType::UInt8 => Kind::UInt8(array.as_primitive::<UInt8Type>().values()),
        DataType::UInt16 => Kind::UInt16(array.as_primitive::<UInt16Type>().values()),
        DataType::UInt32 => Kind::UInt32(array.as_primitive::<UInt32Type>().values()),
        DataType::UInt64 => Kind::UInt64(array.as_primitive::<UInt64Type>().values()),
        DataType::Float16 => Kind::Float16(array.as_primitive::<Float16Type>()),
        DataType::Float32 => Kind::Float32(array.as_primitive::<Float32Type>().values()),
        DataType::Float64 => Kind::Float64(array.as_primitive::<Float64Type>().values()),
        DataType::Decimal32(_, scale) => Kind::Decimal32(array.as_primitive::<Decimal32Type>().values(), *scale),
        DataType::Decimal64(_, scale) => Kind::Decimal64(array.as_primitive::<Decimal64Type>().values(), *scale),
        DataType::Decimal128(_, scale) => {
            let values = array.as_primitive::<Decimal128Type>().values();
            match hint {
                Hint::WideNanos { zoned } => Kind::WideNanos { values, zoned: *zoned },
                _ => Kind::Decimal128(values, *scale),
            }
        }
        DataType::Decimal256(_, scale) => Kind::Decimal256(array.as_primitive::<Decimal256Type>().values(), *scale),
        DataType::Utf8 => Kind::Utf8(array.as_string()),
        DataType::LargeUtf8 => Kind::LargeUtf8(array.as_string()),
        DataType::Utf8View => Kind::Utf8View(array.as_string_view()),
        DataType::Binary => Kind::Binary(array.as_binary()),
        DataType::LargeBinary => Kind::LargeBinary(array.as_binary()),
        DataType::BinaryView => Kind::BinaryView(array.as_binary_view()),
        DataType::FixedSizeBinary(16) if *hint == Hint::Uuid => Kind::Uuid(array.as_fixed_size_binary()),
        DataType::FixedSizeBinary(_) => Kind::FixedBinary(array.as_fixed_size_binary()),
        DataType::Date32 => Kind::Days(array.as_primitive::<Date32Type>().values()),
        DataType::Date64 => Kind::DayMillis(array.as_primitive::<Date64Type>().values()),
        DataType::Time32(TimeUnit::Second) => Kind::TimeSeconds(array.as_primitive::<Time32SecondType>().values()),
        DataType::Time32(_) => Kind::TimeMillis(array.as_primitive::<Time32MillisecondType>().values()),
        DataType::Time64(TimeUnit::Microsecond) => {
            Kind::TimeMicros(array.as_primitive::<Time64MicrosecondType>().values())
        }
        DataType::Time64(_) => Kind::TimeNanos(array.as_primitive::<Time64NanosecondType>().values()),
        DataType::Timestamp(unit, zone) => {
            let values: &[i64] = match unit {
                TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
            };
            let nanos = twin.and_then(|twin| twin.as_primitive_opt::<TimestampNanosecondType>());
            match (unit, nanos) {
                (TimeUnit::Microsecond, Some(nanos)) => Kind::MomentTwice { micros: values, nanos: nanos.values() },
                _ => Kind::Moment { values, unit: *unit, zoned: zone.is_some() },
            }
        }
        DataType::Duration(unit) => {
            let values: &[i64] = match unit {
                TimeUnit::Second => array.as_primitive::<DurationSecondType>().values(),
                TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().values(),
                TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().values(),
                TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().values(),
            };
            Kind::Duration(values, *unit)
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            Kind::YearMonth(array.as_primitive::<IntervalYearMonthType>().values())
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            Kind::DayTime(array.as_primitive::<IntervalDayTimeType>().values())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Kind::MonthDayNano(array.as_primitive::<IntervalMonthDayNanoType>().values())
        }
        _ => nested_kind(array, twin, hint),
    }
}

/// The kinds that hold others.
fn nested_kind<'a>(array: &'a dyn Array, twin: Option<&'a dyn Array>, hint: &Hint) -> Kind<'a> {
    match array.data_type() {
        DataType::Struct(fields) => {
            let twin = twin.and_then(|twin| twin.as_struct_opt());
            let columns = array.as_struct().columns().iter().zip(fields).enumerate().map(|(at, (column, field))| {
                let twin = twin.map(|twin| twin.column(at).as_ref());
                (field.name().as_str(), Column::new(column, twin, hint.child(at)))
            });
            Kind::Struct(columns.collect())
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let twin = twin.and_then(|twin| twin.as_list_opt::<i32>()).map(|twin| twin.values().as_ref());
            let items = Box::new(Column::new(list.values(), twin, hint.child(0)));
            Kind::List { spans: Spans::Offsets32(list.value_offsets()), items }
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let twin = twin.and_then(|twin| twin.as_list_opt::<i64>()).map(|twin| twin.values().as_ref());
            let items = Box::new(Column::new(list.values(), twin, hint.child(0)));
            Kind::List { spans: Spans::Offsets64(list.value_offsets()), items }
        }
        DataType::ListView(_) => {
            let list = array.as_list_view::<i32>();
            let items = Box::new(Column::new(list.values(), None, hint.child(0)));
            Kind::List { spans: Spans::Views32(list.value_offsets(), list.value_sizes()), items }
        }
        DataType::LargeListView(_) => {
            let list = array.as_list_view::<i64>();
            let items = Box::new(Column::new(list.values(), None, hint.child(0)));
            Kind::List { spans: Spans::Views64(list.value_offsets(), list.value_sizes()), items }
        }
        DataType::FixedSizeList(_, length) => {
            let list = array.as_fixed_size_list();
            let twin = twin.and_then(|twin| twin.as_fixed_size_list_opt()).map(|twin| twin.values().as_ref());
            let items = Box::new(Column::new(list.values(), twin, hint.child(0)));
            Kind::List { spans: Spans::Fixed(usize::try_from(*length).unwrap_or(0)), items }
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let twin = twin.and_then(|twin| twin.as_map_opt());
            let keys = Column::new(map.keys(), twin.map(|twin| twin.keys().as_ref()), hint.child(0));
            let values = Column::new(map.values(), twin.map(|twin| twin.values().as_ref()), hint.child(1));
            Kind::Map { offsets: map.value_offsets(), keys: Box::new(keys), values: Box::new(values) }
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            Kind::Dictionary { keys, values: Box::new(Column::new(dictionary.values(), None, hint)) }
        }
        DataType::Union(fields, _) => {
            let union = array.as_union();
            let children = fields.iter().enumerate().map(|(at, (id, _))| {
                let child: &'a dyn Array = union.child(id);
                (id, Column::new(child, None, hint.child(at)))
            });
            let offsets = union.offsets().map(|offsets| &offsets[..]);
            Kind::Union { type_ids: union.type_ids(), offsets, children: children.collect() }
        }
        other => Kind::Unsupported(other),
    }
}
