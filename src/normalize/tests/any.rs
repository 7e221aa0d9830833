//! What holds of any values.

use arrow_array::Array;
use proptest::prelude::*;

use crate::config::{Case, Column, Texts};
use crate::model::Value;
use crate::normalize::{Plan, Rows};
use crate::schema::value::{Cell, Reading, TimeParse};
use crate::testing::{column, origin, pipeline};

const TYPES: [&str; 18] = [
    "smallint",
    "integer",
    "bigint",
    "decimal(38,20)",
    "decimal(3,0)",
    "real",
    "double precision",
    "boolean",
    "char(3)",
    "varchar(9)",
    "date",
    "timestamp",
    "timestamptz",
    "time",
    "timetz",
    "varbyte(5)",
    "interval year to month",
    "interval day to second",
];

/// A value of any format: texts near to numbers and times, and what typed formats give.
fn values() -> impl Strategy<Value = Value<'static>> {
    let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        "-?[0-9]{1,40}(\\.[0-9]{0,25})?([eE]-?[0-9]{1,3})?".prop_map(move |text| Value::Number(leaked(text))),
        "[ -~é\u{0}]{0,20}".prop_map(|text| Value::Text(text.into())),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9.]{2,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
            .prop_map(|text| Value::Text(text.into())),
        "-?P[0-9DHMSTWY.]{0,12}".prop_map(|text| Value::Text(text.into())),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        (any::<i128>(), 0_u8..40).prop_map(|(units, scale)| Value::Decimal { units, scale }),
        any::<i32>().prop_map(Value::Date),
        any::<i64>().prop_map(Value::TimeOfDay),
        any::<i64>().prop_map(Value::Micros),
        any::<i64>().prop_map(Value::Nanos),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Bytes(bytes.into())),
        Just(Value::Json("[1,{}]".into())),
    ]
}

fn texts() -> impl Strategy<Value = Texts> {
    (any::<[bool; 4]>(), prop::option::of(prop_oneof![Just(Case::Lower), Just(Case::Upper)])).prop_map(
        |([strip_nul, trim, empty_as_null, truncate], case)| Texts {
            strip_nul,
            trim,
            empty_as_null,
            null_values: vec!["0".to_owned()],
            case,
            split: None,
            max_bytes: None,
            truncate,
        },
    )
}

proptest! {
    #[test]
    fn a_value_is_rejected_or_becomes_a_cell_that_its_column_holds(
        value in values(),
        column_type in prop::sample::select(TYPES.to_vec()),
        texts in texts(),
        strict: bool,
        epoch: bool,
    ) {
        let parse = if epoch { TimeParse::EpochMillis } else { TimeParse::Iso };
        let reading = Reading { strict, non_finite: true, ..Reading::default() };
        let columns = vec![Column { texts, parse, reading, ..column("c", column_type) }];
        let plan = Plan::new(&pipeline(columns.clone()));
        let (origin, mut cells) = (origin([]), Vec::new());
        if plan.row(&[Some(value)], &origin, &[], &mut cells).is_ok() {
            let mut rows = Rows::new(Rows::schema(&columns), "0".to_owned());
            rows.push(&cells, 1);
            let batch = rows.take().expect("the cells fit");
            // A cell of another kind than its column's would have become a null.
            prop_assert_eq!(batch.column(0).is_null(0), cells[0] == Cell::Null);
            if let (Cell::Text(text), Some(most)) = (&cells[0], columns[0].column_type.staged().text_bytes()) {
                prop_assert!(text.len() <= most && !text.contains('\0'), "{text:?} in {most} bytes");
            }
        }
    }
}
