//! Rows as text: every value exact, and null told apart from everything else.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

use crate::stage::text::{csv, json};

fn rows() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("N", Arc::new(Int16Array::from(vec![Some(-7), None]))),
        ("d", Arc::new(Decimal128Array::from(vec![Some(-5), None]).with_precision_and_scale(38, 2).expect("fits"))),
        ("f", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(-1), None]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None]))),
        ("t", Arc::new(StringArray::from(vec![Some("a \"b\",\nc\\N"), Some("")]))),
        ("s", Arc::new(StringArray::from(vec![Some("{\"x\":\n[1.10,null]}"), Some("null")]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("fits")
}

#[test]
fn csv_tells_null_from_the_empty_text_and_keeps_every_digit() {
    let mut out = Vec::new();
    csv(&rows(), &mut out).expect("has a form");
    let expected = "-7,-0.05,0.1,true,1969-12-31,1969-12-31 23:59:59.999999,\"a \"\"b\"\",\nc\\N\",\"{\"\"x\"\":\n[1.10,null]}\"\n\
                    tidegate~null,tidegate~null,tidegate~null,tidegate~null,tidegate~null,tidegate~null,\"\",\"null\"\n";
    assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
}

#[test]
fn json_is_one_object_a_line_with_lower_case_keys_and_nested_supers() {
    let mut out = Vec::new();
    json(&rows(), &[false, false, false, false, false, false, false, true], &mut out).expect("has a form");
    let expected = "{\"n\":-7,\"d\":\"-0.05\",\"f\":\"0.1\",\"b\":true,\"day\":\"1969-12-31\",\"at\":\"1969-12-31 23:59:59.999999\",\
                    \"t\":\"a \\\"b\\\",\\nc\\\\N\",\"s\":{\"x\": [1.10,null]}}\n{\"t\":\"\",\"s\":null}\n";
    assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
}
