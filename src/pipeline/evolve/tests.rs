use super::*;
use crate::config::Column;
use crate::model::Value;
use crate::testing::{column, pipeline};

fn configured(columns: Vec<Column>) -> Arc<Runtime> {
    let mut pipeline = pipeline(columns);
    pipeline.source.on_unknown_field = OnUnknownField::Evolve;
    Arc::new(Runtime::new(0, pipeline, 1))
}

fn entry(column: &str, field: &str, sql_type: &str) -> (String, Option<(Agreed, ColumnType)>) {
    let agreed = Agreed {
        version: Agreed::VERSION,
        field: field.to_owned(),
        column: column.to_owned(),
        sql_type: sql_type.to_owned(),
        object: "s3://landing/a".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    };
    (column.to_owned(), Some((agreed, sql_type.parse().expect("a type"))))
}

fn names(runtime: &Runtime) -> Vec<&str> {
    runtime.pipeline.columns.iter().map(|column| column.name.as_str()).collect()
}

fn extras<'a>(fields: &[(&'a str, Value<'a>)]) -> Vec<Extra<'a>> {
    fields.iter().map(|(name, value)| Extra { name: (*name).into(), value: value.clone() }).collect()
}

#[test]
fn in_whichever_order_processes_learn_of_columns_they_end_with_the_same() {
    let entries = [entry("b", "B", "bigint"), entry("a", "A", "boolean"), entry("c", "C", "super")];
    let of = |order: [usize; 3]| {
        let configured = configured(vec![column("id", "bigint")]);
        for at in order {
            install(&configured, vec![entries[at].clone()]);
        }
        install(&configured, Vec::new())
    };
    let (first, second) = (of([0, 1, 2]), of([2, 1, 0]));
    assert_eq!(names(&first), ["id", "a", "b", "c"]);
    assert_eq!(first.manifest_columns(), second.manifest_columns());
    assert_eq!(first.schema, second.schema);
}

#[test]
fn nothing_new_makes_no_new_version_and_none_is_the_configured_one() {
    let configured = configured(vec![column("id", "bigint")]);
    assert!(Arc::ptr_eq(&install(&configured, Vec::new()), &configured));
    let first = install(&configured, vec![entry("a", "A", "bigint")]);
    assert!(!Arc::ptr_eq(&first, &configured));
    assert!(Arc::ptr_eq(&install(&configured, vec![entry("a", "A", "bigint")]), &first));
}

#[test]
fn what_the_configuration_declares_meanwhile_wins_over_the_registry() {
    let declared = Column { from: ColumnSource::Field("Color".to_owned()), ..column("colour", "varchar(8)") };
    let configured = configured(vec![declared, column("size", "integer")]);
    let entries = vec![entry("color", "Color", "bigint"), entry("size", "Size", "bigint"), entry("x", "x", "bigint")];
    assert_eq!(names(&install(&configured, entries)), ["colour", "size", "x"]);
}

#[test]
fn only_a_field_whose_column_is_free_is_new_and_the_first_value_with_a_type_decides() {
    let configured = configured(vec![column("id", "bigint"), column("user_id", "bigint")]);
    let runtime = install(&configured, vec![("odd".to_owned(), None)]);
    let mut discovery = Discovery::new(&runtime);
    assert!(!discovery.look(&extras(&[
        ("color", Value::Null),
        ("user-id", Value::Bool(true)),
        ("odd", Value::Bool(true)),
        ("---", Value::Bool(true)),
    ])));
    assert!(discovery.look(&extras(&[("color", Value::Number("1")), ("Color", Value::Bool(true))])));
    assert!(discovery.look(&extras(&[("color", Value::Text("red".into()))])), "it has one from then on");
    let expected = NewField { field: "color".into(), column: "color".into(), column_type: ColumnType::BigInt };
    assert_eq!(discovery.finish(), [expected]);
}

#[test]
fn the_columns_that_are_added_are_bounded_by_their_number_and_by_their_names() {
    let many = |length: usize| -> usize {
        let configured = configured(vec![column("id", "bigint")]);
        let mut discovery = Discovery::new(&configured);
        let fields: Vec<String> = (0..2_000).map(|at| format!("{at:0>length$}")).collect();
        for field in &fields {
            discovery.look(&extras(&[(field.as_str(), Value::Bool(true))]));
        }
        assert!(discovery.looked_at.len() <= MOST_LOOKED_AT);
        discovery.finish().len()
    };
    assert_eq!(many(5), MOST_ADDED);
    // With the `_` before the digit and four bytes each, beside `id`.
    assert_eq!(many(100), (MOST_NAME_BYTES - 6) / 105);
}
