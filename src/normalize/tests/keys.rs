//! What each key of a column means.

use super::{check, text};
use crate::config::{Case, Column, ColumnSource, Mask, ObjectField, Secret, Texts};
use crate::model::{Rule, Sequencer, Value};
use crate::normalize::Plan;
use crate::schema::value::{BinaryText, Cell, Reading, TimeParse};
use crate::testing::{column, origin, pipeline};

fn one(column: Column, value: Option<Value<'static>>) -> Result<Cell<'static>, Rule> {
    let row = check(vec![column], vec![value]).map_err(|(_, rule)| rule)?;
    Ok(row.into_iter().next().expect("one column"))
}

fn with_texts(column_type: &str, texts: Texts) -> Column {
    Column { texts, ..column("c", column_type) }
}

fn cell(text: &str) -> Result<Cell<'static>, Rule> {
    Ok(Cell::Text(text.to_owned().into()))
}

#[test]
fn texts_change_in_the_documented_order() {
    let texts = Texts {
        strip_nul: true,
        trim: true,
        empty_as_null: true,
        null_values: vec!["NA".to_owned()],
        case: Some(Case::Lower),
        ..Texts::default()
    };
    let column = || with_texts("varchar(9)", texts.clone());
    assert_eq!(one(column(), text(" \0 A\0b \0")), cell("ab"));
    assert_eq!(one(column(), text(" \0 ")), Ok(Cell::Null), "NULs go first, then blanks, then nothing is left");
    assert_eq!(one(column(), text(" NA ")), Ok(Cell::Null), "null values are looked for after the trim");
    assert_eq!(one(column(), text("na")), cell("na"), "and before the case is changed");
    let upper = with_texts("varchar(9)", Texts { case: Some(Case::Upper), ..Texts::default() });
    assert_eq!(one(upper, text("straße")), cell("STRASSE"));
}

#[test]
fn without_any_key_a_text_stays_as_it_is() {
    assert_eq!(one(column("c", "varchar(9)"), text(" A ")), cell(" A "));
    assert_eq!(one(column("c", "varchar(9)"), text("")), cell(""));
    assert_eq!(one(column("c", "varchar(9)"), text("a\0")), Err(Rule::Character));
}

#[test]
fn null_values_are_texts_and_digits() {
    let column = || with_texts("integer", Texts { null_values: vec!["-999".to_owned()], ..Texts::default() });
    assert_eq!(one(column(), Some(Value::Number("-999"))), Ok(Cell::Null));
    assert_eq!(one(column(), text("-999")), Ok(Cell::Null));
    assert_eq!(one(column(), Some(Value::Number("-999.0"))), Ok(Cell::Int(-999)));
}

#[test]
fn a_default_stands_for_what_is_absent_null_or_made_null_and_satisfies_required() {
    let column = || Column {
        required: true,
        default: Some(Cell::Int(-1)),
        min: Some(Cell::Int(0)),
        ..with_texts("integer", Texts { empty_as_null: true, ..Texts::default() })
    };
    for value in [None, Some(Value::Null), text("")] {
        assert_eq!(one(column(), value), Ok(Cell::Int(-1)), "no check looks at a default");
    }
    assert_eq!(one(column(), text("-1")), Err(Rule::Min));
}

#[test]
fn a_text_is_cut_only_on_request_and_between_characters() {
    let texts = |max_bytes, truncate| Texts { max_bytes, truncate, ..Texts::default() };
    assert_eq!(one(with_texts("varchar(9)", texts(Some(4), false)), text("abcde")), Err(Rule::Length));
    assert_eq!(one(with_texts("varchar(9)", texts(Some(4), true)), text("abcde")), cell("abcd"));
    assert_eq!(one(with_texts("varchar(4)", texts(None, true)), text("abé€")), cell("abé"));
    assert_eq!(one(with_texts("varchar(4)", texts(None, true)), text("€€")), cell("€"));
    assert_eq!(one(with_texts("varchar(9)", texts(Some(4), true)), text("abcd")), cell("abcd"));
    let trimmed = Texts { trim: true, ..texts(Some(4), true) };
    assert_eq!(one(with_texts("varchar(9)", trimmed), text("   abcd")), cell("abcd"), "the trim comes first");
}

#[test]
fn one_of_compares_typed_values() {
    let stars = Column { one_of: Some(vec![Cell::Decimal(10), Cell::Decimal(25)]), ..column("c", "decimal(2,1)") };
    assert_eq!(one(stars.clone(), text("2.50")), Ok(Cell::Decimal(25)));
    assert_eq!(one(stars.clone(), text("2.6")), Err(Rule::OneOf));
    assert_eq!(one(stars, None), Ok(Cell::Null));
    let page = Column { one_of: Some(vec![Cell::Text("Home".into())]), ..column("c", "varchar(9)") };
    assert_eq!(one(page, text("home")), Err(Rule::OneOf));
}

#[test]
fn a_text_is_split_into_an_array() {
    let split = |trim| with_texts("super", Texts { split: Some(",".into()), trim, ..Texts::default() });
    assert_eq!(one(split(false), text("a, \"b\",")), cell(r#"["a"," \"b\"",""]"#));
    assert_eq!(one(split(true), text(" a , b ")), cell(r#"["a","b"]"#));
    assert_eq!(one(split(false), text("")), cell("[]"));
    assert_eq!(one(split(false), Some(Value::Json("[1]".into()))), cell("[1]"), "what is an array already stays");
}

#[test]
fn a_strict_column_takes_only_values_of_its_kind() {
    let strict = |column_type: &str| Column {
        reading: Reading { strict: true, ..Reading::default() },
        ..column("c", column_type)
    };
    assert_eq!(one(column("c", "integer"), text("5")), Ok(Cell::Int(5)), "coercion is on where nothing is said");
    assert_eq!(one(strict("integer"), text("5")), Err(Rule::Type));
    assert_eq!(one(strict("integer"), Some(Value::Number("5.0"))), Ok(Cell::Int(5)));
    assert_eq!(one(strict("varchar(9)"), Some(Value::Number("5"))), Err(Rule::Type));
    assert_eq!(one(strict("varchar(9)"), text("5")), cell("5"));
    assert_eq!(one(strict("varchar(9)"), Some(Value::Bool(true))), Err(Rule::Type));
    assert_eq!(one(strict("boolean"), Some(Value::Number("1"))), Err(Rule::Type));
    assert_eq!(one(strict("boolean"), Some(Value::Bool(true))), Ok(Cell::Bool(true)));
    assert_eq!(one(strict("date"), text("1970-01-02")), Ok(Cell::Date(1)));
    assert_eq!(one(strict("timestamp"), Some(Value::Number("5"))), Err(Rule::Type));
    let epoch = Column { parse: TimeParse::EpochSeconds, ..strict("timestamp") };
    assert_eq!(one(epoch.clone(), Some(Value::Number("5"))), Ok(Cell::Micros(5_000_000)));
    assert_eq!(one(epoch, text("5")), Err(Rule::Type));
    assert_eq!(one(strict("super"), text("5")), cell("\"5\""));
    assert_eq!(one(strict("integer"), None), Ok(Cell::Null));
}

#[test]
fn a_strict_column_takes_a_capture_which_is_always_a_text() {
    let mut part = column("part", "integer");
    part.reading.strict = true;
    part.from = ColumnSource::Capture(0);
    let mut row = Vec::new();
    let origin = origin(["7"]);
    Plan::new(&pipeline(vec![part])).row(&[], &origin, &[], &mut row).expect("valid");
    assert_eq!(row, [Cell::Int(7)]);
}

#[test]
fn masks_store_no_more_than_they_say() {
    let masked = |mask| Column { mask: Some(mask), ..column("c", "varchar(64)") };
    // RFC 4231, test case 2, whose key is shorter than what the configuration takes.
    let keyed = masked(Mask::HmacSha256(Secret::new("Jefe".to_owned())));
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(one(keyed.clone(), text("what do ya want for nothing?")), cell(expected));
    assert_ne!(one(keyed.clone(), text("what do ya want for nothing!")), cell(expected));
    assert_eq!(one(keyed.clone(), None), Ok(Cell::Null), "no value is not masked");
    assert!(!format!("{keyed:?}").contains("Jefe"), "a key is never shown");
    assert_eq!(one(masked(Mask::Redact), text("anything")), cell("[redacted]"));
    assert_eq!(one(masked(Mask::Last4), text("4111111111111234")), cell("************1234"));
    assert_eq!(one(masked(Mask::Last4), text("1234567")), cell("*******"), "four of seven would be most of it");
    assert_eq!(one(masked(Mask::Last4), text("éééééééé")), cell("****éééé"));
    assert_eq!(one(masked(Mask::Last4), Some(Value::Number("4111111111111234"))), cell("************1234"));
}

#[test]
fn checks_look_at_the_value_and_not_at_its_mask() {
    let pattern = regex::Regex::new("^[^@]+@[^@]+$").expect("valid");
    let email = Column { mask: Some(Mask::Sha256), pattern: Some(pattern), ..column("c", "char(64)") };
    assert_eq!(one(email.clone(), text("nobody")), Err(Rule::Pattern));
    assert!(one(email.clone(), text("a@b")).is_ok());
    let long: &'static str = Box::leak(format!("{}@b", "a".repeat(100)).into_boxed_str());
    assert!(one(email, text(long)).is_ok(), "the value may be longer than the column of its digest");
}

#[test]
fn fields_within_fields_and_items_of_arrays_fill_their_columns() {
    let mut columns = vec![column("w", "integer"), column("first", "varchar(9)"), column("device", "super")];
    columns[0].from = ColumnSource::Path(vec!["device".into(), "screen".into(), "w".into()]);
    columns[1].from = ColumnSource::Path(vec!["tags".into(), "0".into()]);
    let plan = Plan::new(&pipeline(columns));
    let mut slots = Vec::new();
    let record = r#"{"device":{"screen":{"w":800}},"tags":["a","b"]}"#;
    crate::decode::json_object(record, plan.fields(), &mut slots).expect("an object");
    let (mut row, origin) = (Vec::new(), origin([]));
    plan.row(&slots, &origin, &[], &mut row).expect("valid");
    let expected = [Cell::Int(800), Cell::Text("a".into()), Cell::Text(r#"{"screen":{"w":800}}"#.into())];
    assert_eq!(row, expected);
}

#[test]
fn names_fold_where_the_source_says_so() {
    let mut pipeline = pipeline(vec![column("UserId", "integer")]);
    pipeline.source.ignore_case = true;
    let plan = Plan::new(&pipeline);
    assert_eq!((plan.fields().get("USERID"), plan.fields().get("userid")), (Some(0), Some(0)));
}

#[test]
fn what_the_event_says_of_the_object_fills_columns_alike_at_every_replay() {
    let named = |field| Column { from: ColumnSource::Object(field), ..column("c", "varchar(64)") };
    let mut columns: Vec<Column> = ObjectField::NAMED.map(|(_, field)| named(field)).into();
    columns.push(Column { column_type: "bigint".parse().expect("valid"), ..named(ObjectField::Size) });
    columns.push(Column { column_type: "timestamp".parse().expect("valid"), ..named(ObjectField::EventTime) });
    let plan = Plan::new(&pipeline(columns));
    let mut origin = origin([]);
    origin.object.sequencer = Sequencer::parse("0055AED6DCD90281E5");
    origin.object.event_time = "2026-11-21T10:11:12.5Z".parse().expect("a time");
    let mut row = Vec::new();
    plan.row(&[], &origin, &[], &mut row).expect("valid");
    let sequencer = format!("{:0<64}", "0055AED6DCD90281E5");
    let text = |text: &str| Cell::Text(text.to_owned().into());
    let expected = [
        text("landing"),
        text("a.gz"),
        text("s3://landing/a.gz"),
        text("10"),
        text("e1"),
        Cell::Null,
        text("2026-11-21T10:11:12.5Z"),
        text(&sequencer),
        Cell::Int(10),
        Cell::Micros(1_795_255_872_500_000),
    ];
    assert_eq!(row, expected);
}

#[test]
fn a_column_is_simple_only_if_nothing_more_is_done_to_its_values() {
    let simple = |column: Column| Plan::new(&pipeline(vec![column])).planned()[0].simple().is_some();
    let plain = || Column { required: true, min: Some(Cell::Int(1)), ..column("c", "integer") };
    assert!(simple(plain()));
    assert!(simple(Column { parse: TimeParse::EpochMillis, ..column("c", "timestamp") }));
    for not in [
        Column { default: Some(Cell::Int(1)), ..plain() },
        Column { one_of: Some(vec![Cell::Int(1)]), ..plain() },
        Column { mask: Some(Mask::Redact), ..column("c", "varchar(64)") },
        Column { pattern: Some(regex::Regex::new("a").expect("valid")), ..column("c", "varchar(64)") },
        Column { reading: Reading { strict: true, ..Reading::default() }, ..plain() },
        Column { reading: Reading { binary: BinaryText::Base64, ..Reading::default() }, ..column("c", "varbyte(9)") },
        with_texts("varchar(9)", Texts { trim: true, ..Texts::default() }),
        with_texts("varchar(9)", Texts { truncate: true, ..Texts::default() }),
        with_texts("varchar(9)", Texts { max_bytes: Some(3), ..Texts::default() }),
        Column { from: ColumnSource::Object(ObjectField::Key), ..column("c", "varchar(9)") },
    ] {
        assert!(!simple(not.clone()), "{not:?}");
    }
}
