use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use regex::Regex;

use super::*;
use crate::config::{Column, ColumnSource, Mask};
use crate::model::{Rule, Value};
use crate::schema::value::{Cell, TimeParse};
use crate::testing::{column, origin, pipeline};

fn check(
    columns: Vec<Column>,
    values: Vec<Option<Value<'static>>>,
) -> Result<Vec<Cell<'static>>, (Option<String>, Rule)> {
    let plan = Plan::new(&pipeline(columns));
    let mut row = Vec::new();
    let origin = origin([]);
    plan.row(&values, &origin, &[], &mut row).map_err(|refusal| (refusal.column, refusal.violation.rule))?;
    Ok(row.into_iter().map(Cell::into_owned).collect())
}

fn text(text: &'static str) -> Option<Value<'static>> {
    Some(Value::Text(Cow::Borrowed(text)))
}

#[test]
fn a_required_column_refuses_null_and_absence() {
    let required = || Column { required: true, ..column("asin", "varchar(16)") };
    assert_eq!(check(vec![required()], vec![None]), Err((Some("asin".into()), Rule::Required)));
    assert_eq!(check(vec![required()], vec![Some(Value::Null)]), Err((Some("asin".into()), Rule::Required)));
    assert_eq!(check(vec![column("asin", "varchar(16)")], vec![None]), Ok(vec![Cell::Null]));
}

#[test]
fn pattern_min_and_max_are_checked_on_the_typed_value() {
    let pattern = Column { pattern: Some(Regex::new("^[A-Z0-9]{10}$").expect("valid")), ..column("a", "varchar(16)") };
    assert_eq!(check(vec![pattern.clone()], vec![text("B00012345X")]), Ok(vec![Cell::Text("B00012345X".into())]));
    assert_eq!(check(vec![pattern], vec![text("b0")]), Err((Some("a".into()), Rule::Pattern)));
    let stars = Column { min: Some(Cell::Decimal(10)), max: Some(Cell::Decimal(50)), ..column("s", "decimal(2,1)") };
    for (digits, rule) in [("0.9", Some(Rule::Min)), ("1", None), ("5.0", None), ("5.1", Some(Rule::Max))] {
        let refused = check(vec![stars.clone()], vec![Some(Value::Number(digits))]).err().map(|(_, rule)| rule);
        assert_eq!(refused, rule, "{digits}");
    }
}

#[test]
fn a_mask_stores_the_digest_and_never_the_text() {
    let masked = Column { mask: Some(Mask::Sha256), ..column("email_hash", "char(64)") };
    let digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    assert_eq!(check(vec![masked.clone()], vec![text("foo")]), Ok(vec![Cell::Text(digest.into())]));
    assert_eq!(check(vec![masked], vec![Some(Value::Json("[]".into()))]), Err((Some("email_hash".into()), Rule::Type)));
}

#[test]
fn captures_of_the_key_fill_their_columns() {
    let mut columns = vec![column("day", "date")];
    columns[0].from = ColumnSource::Capture(0);
    let plan = Plan::new(&pipeline(columns));
    let mut row = Vec::new();
    let origin = origin(["2026-11-21"]);
    plan.row(&[], &origin, &[], &mut row).expect("valid");
    assert_eq!(row, [Cell::Date(20_778)]);
}

#[test]
fn several_columns_may_take_one_field() {
    let mut columns = vec![column("t", "varchar(40)"), column("at", "timestamp")];
    columns[0].from = ColumnSource::Field("ts".into());
    columns[1].from = ColumnSource::Field("ts".into());
    columns[1].parse = TimeParse::EpochSeconds;
    let row = check(columns, vec![Some(Value::Number("7"))]).expect("valid");
    assert_eq!(row, [Cell::Text("7".into()), Cell::Micros(7_000_000)]);
}

/// What goes wrong elsewhere, row 17: 65,535-byte limits crash a load or drop rows silently.
#[test]
fn row_17_bytes_over_the_columns_length_are_rejected_with_column_and_rule() {
    let long: &'static str = Box::leak("é".repeat(33_000).into_boxed_str());
    assert_eq!(check(vec![column("t", "varchar(65535)")], vec![text(long)]), Err((Some("t".into()), Rule::Length)));
    assert_eq!(check(vec![column("t", "super")], vec![text(long)]), Err((Some("t".into()), Rule::Length)));
    let most: &'static str = Box::leak("x".repeat(65_535).into_boxed_str());
    let columns: Vec<Column> = (0..62).map(|n| column(&format!("c{n}"), "varchar(65535)")).collect();
    assert_eq!(check(columns, (0..62).map(|_| text(most)).collect()), Err((None, Rule::RowSize)));
}

#[test]
fn rows_become_columns_of_exactly_the_declared_types_with_their_lineage() {
    let columns = [column("d", "decimal(5,2)"), column("at", "timestamptz"), column("t", "varchar(9)")];
    let schema = Rows::schema(&columns);
    let mut rows = Rows::new(schema.clone(), "00ff".into());
    rows.push(&[Cell::Decimal(150), Cell::Micros(5), Cell::Text("x".into())], 3);
    rows.push(&[Cell::Null, Cell::Null, Cell::Null], 9);
    assert_eq!(rows.len(), 2);
    let batch = rows.take().expect("fits");
    assert!(rows.is_empty() && rows.bytes() == 0);
    assert_eq!(batch.schema(), schema);
    assert_eq!(batch.column(0).as_primitive::<Decimal128Type>().value(0), 150);
    assert_eq!(batch.column(1).as_primitive::<TimestampMicrosecondType>().value(0), 5);
    assert_eq!(batch.column(2).null_count(), 1);
    assert_eq!(batch.column(3).as_string::<i32>().value(1), "00ff");
    assert_eq!(batch.column(4).as_primitive::<Int64Type>().values(), &[3, 9]);
}
