//! Every type there and back: what arrow-rs writes as Parquet and ORC is what comes out.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, DictionaryArray, LargeStringArray, NullArray,
    PrimitiveArray, RecordBatch, StringArray, StringViewArray,
};
use arrow_buffer::i256;
use orc_rust::ArrowWriterBuilder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use tidegate::config::Format;
use tidegate::model::{Rule, Value};

use crate::rows::{Rows, all, shown};

/// Batches of a few rows, so that a file has several pages.
fn parquet(column: ArrayRef) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable([("v", column, true)]).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_data_page_row_count_limit(7)
        .set_write_batch_size(3)
        .set_max_row_group_row_count(Some(20))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn orc(column: ArrayRef) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable([("v", column, true)]).unwrap();
    let mut object = Vec::new();
    let mut writer = ArrowWriterBuilder::new(&mut object, batch.schema()).try_build().unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    object
}

fn values(rows: &Rows) -> Vec<&str> {
    assert_eq!(rows.refused, []);
    rows.records.iter().map(|record| record.get("v")).collect()
}

fn expect<T>(found: &[&str], values: &[Option<T>], each: impl Fn(&T) -> Value<'static>) -> Result<(), TestCaseError> {
    let expected: Vec<String> =
        values.iter().map(|value| value.as_ref().map_or("null".into(), |v| shown(&each(v)))).collect();
    prop_assert_eq!(found, expected);
    Ok(())
}

fn through_parquet<T: ArrowPrimitiveType>(
    values_: &[Option<T::Native>],
    each: impl Fn(&T::Native) -> Value<'static>,
) -> Result<(), TestCaseError>
where
    T::Native: Debug,
    PrimitiveArray<T>: From<Vec<Option<T::Native>>>,
{
    let array: PrimitiveArray<T> = values_.to_vec().into();
    expect(&values(&all(Format::Parquet, parquet(Arc::new(array))).unwrap()), values_, each)
}

fn through_orc<T: ArrowPrimitiveType>(
    values_: &[Option<T::Native>],
    each: impl Fn(&T::Native) -> Value<'static>,
) -> Result<(), TestCaseError>
where
    PrimitiveArray<T>: From<Vec<Option<T::Native>>>,
{
    let array: PrimitiveArray<T> = values_.to_vec().into();
    expect(&values(&all(Format::Orc, orc(Arc::new(array))).unwrap()), values_, each)
}

fn some<T: Arbitrary>() -> impl Strategy<Value = Vec<Option<T>>> {
    prop::collection::vec(any::<Option<T>>(), 1..60)
}

fn int(value: impl Into<i64>) -> Value<'static> {
    Value::Int(value.into())
}

fn moment(nanos: i128) -> Value<'static> {
    match (nanos % 1_000, i64::try_from(nanos)) {
        (0, _) => Value::Micros((nanos / 1_000) as i64),
        (_, nanos) => Value::Nanos(nanos.unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn integers_are_exact(a in some::<i8>(), b in some::<i16>(), c in some::<i32>(), d in some::<i64>(), e in some::<u8>(), f in some::<u16>(), g in some::<u32>()) {
        through_parquet::<Int8Type>(&a, |value| int(*value))?;
        through_parquet::<Int16Type>(&b, |value| int(*value))?;
        through_parquet::<Int32Type>(&c, |value| int(*value))?;
        through_parquet::<Int64Type>(&d, |value| int(*value))?;
        through_parquet::<UInt8Type>(&e, |value| int(*value))?;
        through_parquet::<UInt16Type>(&f, |value| int(*value))?;
        through_parquet::<UInt32Type>(&g, |value| int(*value))?;
        through_orc::<Int8Type>(&a, |value| int(*value))?;
        through_orc::<Int16Type>(&b, |value| int(*value))?;
        through_orc::<Int32Type>(&c, |value| int(*value))?;
        through_orc::<Int64Type>(&d, |value| int(*value))?;
    }

    #[test]
    fn unsigned_integers_above_those_of_64_signed_bits_are_decimals(a in some::<u64>()) {
        through_parquet::<UInt64Type>(&a, |value| match i64::try_from(*value) {
            Ok(value) => Value::Int(value),
            Err(_) => Value::Decimal { units: (*value).into(), scale: 0 },
        })?;
    }

    #[test]
    fn floats_are_exact_nan_and_infinity_included(a in some::<f32>(), b in some::<f64>()) {
        through_parquet::<Float32Type>(&a, |value| Value::Float((*value).into()))?;
        through_parquet::<Float64Type>(&b, |value| Value::Float(*value))?;
        through_orc::<Float32Type>(&a, |value| Value::Float((*value).into()))?;
        through_orc::<Float64Type>(&b, |value| Value::Float(*value))?;
        through_parquet::<Float64Type>(&[Some(f64::NAN), Some(f64::INFINITY), Some(-0.0)], |value| Value::Float(*value))?;
    }

    #[test]
    fn times_are_exact_in_every_unit(a in some::<i32>(), b in some::<i64>(), time in prop::collection::vec(prop::option::of(0..86_400_000_000_i64), 1..60)) {
        let millis: Vec<_> = b.iter().map(|value| value.map(|value| value / 1_000)).collect();
        let seconds: Vec<_> = b.iter().map(|value| value.map(|value| value / 1_000_000)).collect();
        through_parquet::<Date32Type>(&a, |value| Value::Date(*value))?;
        through_parquet::<TimestampSecondType>(&seconds, |value| moment(i128::from(*value) * 1_000_000_000))?;
        through_parquet::<TimestampMillisecondType>(&millis, |value| moment(i128::from(*value) * 1_000_000))?;
        through_parquet::<TimestampMicrosecondType>(&b, |value| moment(i128::from(*value) * 1_000))?;
        through_parquet::<TimestampNanosecondType>(&b, |value| moment((*value).into()))?;
        let short: Vec<_> = time.iter().map(|value| value.map(|value| (value / 1_000) as i32)).collect();
        let whole: Vec<_> = time.iter().map(|value| value.map(|value| (value / 1_000_000) as i32)).collect();
        let nanos: Vec<_> = time.iter().map(|value| value.map(|value| value * 1_000)).collect();
        through_parquet::<Time32SecondType>(&whole, |value| Value::TimeOfDay(i64::from(*value) * 1_000_000))?;
        through_parquet::<Time32MillisecondType>(&short, |value| Value::TimeOfDay(i64::from(*value) * 1_000))?;
        through_parquet::<Time64MicrosecondType>(&time, |value| Value::TimeOfDay(*value))?;
        through_parquet::<Time64NanosecondType>(&nanos, |value| Value::TimeOfDay(*value / 1_000))?;
        let days: Vec<_> = a.iter().map(|value| value.map(|value| i64::from(value / 1_000) * 86_400_000)).collect();
        through_parquet::<Date64Type>(&days, |value| Value::Date((*value / 86_400_000) as i32))?;
        through_orc::<Date32Type>(&a, |value| Value::Date(*value))?;
        // From 1970 on: before, ORC itself loses what lies within a second of it (ORC-763).
        let after: Vec<_> = b.iter().map(|value| value.map(|value| value.unsigned_abs() as i64 & i64::MAX)).collect();
        through_orc::<TimestampNanosecondType>(&after, |value| moment((*value).into()))?;
    }

    #[test]
    fn decimals_of_38_digits_are_exact(a in prop::collection::vec(prop::option::of(-10_i128.pow(38) + 1..10_i128.pow(38)), 1..60), scale in 0..=37_i8) {
        let array = PrimitiveArray::<Decimal128Type>::from(a.clone()).with_precision_and_scale(38, scale).unwrap();
        let rows = all(Format::Parquet, parquet(Arc::new(array))).unwrap();
        expect(&values(&rows), &a, |units| Value::Decimal { units: *units, scale: scale as u8 })?;
    }

    #[test]
    fn texts_bytes_and_booleans_are_exact(a in some::<String>(), b in some::<Vec<u8>>(), c in some::<bool>()) {
        let text = |value: &String| Value::Text(value.clone().into());
        let arrays: [ArrayRef; 4] = [
            Arc::new(StringArray::from(a.clone())),
            Arc::new(LargeStringArray::from(a.clone())),
            Arc::new(StringViewArray::from(a.iter().map(Option::as_deref).collect::<Vec<_>>())),
            Arc::new(a.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>()),
        ];
        for array in arrays {
            expect(&values(&all(Format::Parquet, parquet(array)).unwrap()), &a, text)?;
        }
        let bytes: ArrayRef = Arc::new(BinaryArray::from_iter(b.clone()));
        let each = |value: &Vec<u8>| Value::Bytes(value.clone().into());
        expect(&values(&all(Format::Parquet, parquet(bytes.clone())).unwrap()), &b, each)?;
        expect(&values(&all(Format::Orc, orc(bytes)).unwrap()), &b, each)?;
        let booleans: ArrayRef = Arc::new(BooleanArray::from(c.clone()));
        expect(&values(&all(Format::Parquet, parquet(booleans.clone())).unwrap()), &c, |value| Value::Bool(*value))?;
        expect(&values(&all(Format::Orc, orc(booleans)).unwrap()), &c, |value| Value::Bool(*value))?;
        expect(&values(&all(Format::Orc, orc(Arc::new(StringArray::from(a.clone())))).unwrap()), &a, text)?;
    }
}

#[test]
fn a_column_of_nulls_is_null() {
    assert_eq!(values(&all(Format::Parquet, parquet(Arc::new(NullArray::new(3)))).unwrap()), ["null"; 3]);
}

#[test]
fn a_decimal_of_more_than_38_digits_refuses_its_row_and_no_other() {
    let large = i256::from_i128(i128::MAX).wrapping_mul(i256::from_i128(10));
    let array = PrimitiveArray::<Decimal256Type>::from(vec![i256::from_i128(-5), large, i256::from_i128(7)]);
    let array = array.with_precision_and_scale(60, 2).unwrap();
    let rows = all(Format::Parquet, parquet(Arc::new(array))).unwrap();
    assert_eq!((rows.refused[0].0, rows.refused[0].1, rows.refused.len()), (2, Rule::Length, 1));
    let found: Vec<&str> = rows.records.iter().map(|record| record.get("v")).collect();
    assert_eq!(found, ["decimal -5 2", "decimal 7 2"]);
}

#[test]
fn a_time_of_day_finer_than_microseconds_refuses_its_row() {
    let array = PrimitiveArray::<Time64NanosecondType>::from(vec![1_000, 1_001]);
    let rows = all(Format::Parquet, parquet(Arc::new(array))).unwrap();
    assert_eq!((rows.records.len(), rows.refused[0].0, rows.refused[0].1), (1, 2, Rule::Range));
}

#[test]
fn a_duration_is_a_text_of_iso_8601() {
    let array = PrimitiveArray::<DurationMicrosecondType>::from(vec![90_500_000, -1, 0]);
    let rows = all(Format::Parquet, parquet(Arc::new(array))).unwrap();
    assert_eq!(values(&rows), ["text PT90.5S", "text PT-0.000001S", "text PT0S"]);
}
