use proptest::prelude::*;

use super::*;

fn text(text: &str, column_type: &str) -> Result<Cell<'static>, Rule> {
    text_as(text, column_type, TimeParse::Iso)
}

fn text_as(text: &str, column_type: &str, parse: TimeParse) -> Result<Cell<'static>, Rule> {
    let column_type = column_type.parse().expect("a type");
    coerce(Value::Text(Cow::Borrowed(text)), column_type, &parse)
        .map(Cell::into_owned)
        .map_err(|violation| violation.rule)
}

fn number(digits: &str, column_type: &str) -> Result<Cell<'static>, Rule> {
    let column_type = column_type.parse().expect("a type");
    coerce(Value::Number(digits), column_type, &TimeParse::Iso)
        .map(Cell::into_owned)
        .map_err(|violation| violation.rule)
}

#[test]
fn integers_are_exact_and_in_range() {
    assert_eq!(number("17850.0", "integer"), Ok(Cell::Int(17850)));
    assert_eq!(number("17850.5", "integer"), Err(Rule::Type));
    assert_eq!(number("1.5e3", "integer"), Ok(Cell::Int(1500)));
    assert_eq!(number("-32768", "smallint"), Ok(Cell::Int(-32768)));
    assert_eq!(number("32768", "smallint"), Err(Rule::Range));
    assert_eq!(number("9223372036854775807", "bigint"), Ok(Cell::Int(i64::MAX)));
    assert_eq!(number("9223372036854775808", "bigint"), Err(Rule::Range));
    assert_eq!(text(" 5 ", "integer"), Ok(Cell::Int(5)));
    for bad in ["", " ", "-", "5x", "0x10", "1e", "1e99999999", "١"] {
        assert_eq!(text(bad, "integer"), Err(Rule::Type), "{bad:?}");
    }
    assert_eq!(number("1e4000", "integer"), Err(Rule::Range));
}

#[test]
fn decimals_never_pass_through_a_float() {
    assert_eq!(number("0.1", "decimal(38,20)"), Ok(Cell::Decimal(10_000_000_000_000_000_000)));
    let most = "99999999999999999999999999999999999999";
    assert_eq!(number(most, "decimal(38,0)"), Ok(Cell::Decimal(most.parse().expect("38 digits"))));
    assert_eq!(number("5.25", "decimal(2,1)"), Err(Rule::Length));
    assert_eq!(number("5.20", "decimal(2,1)"), Ok(Cell::Decimal(52)));
    assert_eq!(number("100", "decimal(4,2)"), Err(Rule::Length));
    assert_eq!(number("-99.99", "decimal(4,2)"), Ok(Cell::Decimal(-9999)));
    assert_eq!(number("1e-2", "decimal(4,2)"), Ok(Cell::Decimal(1)));
    assert_eq!(number("0e300", "decimal(4,2)"), Ok(Cell::Decimal(0)));
}

#[test]
fn floats_are_finite() {
    assert_eq!(number("1e308", "double precision"), Ok(Cell::Float(1e308)));
    assert_eq!(number("1e309", "double precision"), Err(Rule::Range));
    assert_eq!(number("1e39", "real"), Err(Rule::Range));
    assert_eq!(text("NaN", "double precision"), Err(Rule::Type));
    assert_eq!(text("inf", "real"), Err(Rule::Type));
}

#[test]
fn texts_are_measured_in_bytes_and_hold_no_nul() {
    assert_eq!(text("déjà", "varchar(6)"), Ok(Cell::Text("déjà".into())));
    assert_eq!(text("déjà", "varchar(5)"), Err(Rule::Length));
    assert_eq!(text("déjà", "char(10)"), Err(Rule::Character));
    assert_eq!(text("a\0b", "varchar(10)"), Err(Rule::Character));
    assert_eq!(number("1.50", "varchar(10)"), Ok(Cell::Text("1.50".into())));
}

#[test]
fn times_are_microseconds_or_refused() {
    let micros = 1_441_932_418_771_000;
    assert_eq!(text("2015-09-11T00:46:58.771Z", "timestamp"), Ok(Cell::Micros(micros)));
    assert_eq!(text("2015-09-11 00:46:58.771", "timestamp"), Ok(Cell::Micros(micros)));
    assert_eq!(text("2015-09-11T02:46:58.771+02:00", "timestamptz"), Ok(Cell::Micros(micros)));
    assert_eq!(text("2015-09-11", "timestamp"), Ok(Cell::Micros(1_441_929_600_000_000)));
    assert_eq!(text("2015-09-11T00:46:58.7710001Z", "timestamp"), Err(Rule::Range));
    assert_eq!(text("2015-09-31", "date"), Err(Rule::Type));
    assert_eq!(text("2015-09-11T00:00:00", "date"), Err(Rule::Type), "a time of day is not dropped silently");
    assert_eq!(text("1970-01-02", "date"), Ok(Cell::Date(1)));
    assert_eq!(text("1969-12-31", "date"), Ok(Cell::Date(-1)));
    assert_eq!(text("9999-12-31", "date"), Ok(Cell::Date(2_932_896)));
}

#[test]
fn epochs_are_exact_in_each_unit() {
    let micros = |digits: &str, parse| text_as(digits, "timestamp", parse);
    assert_eq!(micros("1158019200", TimeParse::EpochSeconds), Ok(Cell::Micros(1_158_019_200_000_000)));
    assert_eq!(micros("1158019200.25", TimeParse::EpochSeconds), Ok(Cell::Micros(1_158_019_200_250_000)));
    assert_eq!(micros("1540919166796.0", TimeParse::EpochMillis), Ok(Cell::Micros(1_540_919_166_796_000)));
    assert_eq!(micros("7", TimeParse::EpochMicros), Ok(Cell::Micros(7)));
    assert_eq!(micros("7.5", TimeParse::EpochMicros), Err(Rule::Range));
    assert_eq!(micros("1e30", TimeParse::EpochSeconds), Err(Rule::Range));
    assert_eq!(micros("soon", TimeParse::EpochSeconds), Err(Rule::Type));
}

#[test]
fn strftime_formats_are_tried_in_order() {
    let parse = || TimeParse::Formats(vec!["%m %d, %Y".into(), "%m/%d/%Y %H:%M".into()]);
    assert_eq!(text_as("09 12, 2006", "date", parse()), Ok(Cell::Date(13_403)));
    assert_eq!(text_as("09 1, 2006", "date", parse()), Ok(Cell::Date(13_392)), "a day without its zero");
    assert_eq!(text_as("12/1/2010 8:26", "timestamp", parse()), Ok(Cell::Micros(1_291_191_960_000_000)));
    assert_eq!(text_as("2010-12-01", "timestamp", parse()), Err(Rule::Type));
    assert_eq!(format_problem("%m/%d/%Y %H:%M"), None);
    assert!(format_problem("%H:%M").is_some());
    assert!(format_problem("%Q%!").is_some());
}

#[test]
fn booleans_take_the_usual_words() {
    assert_eq!(text("TRUE", "boolean"), Ok(Cell::Bool(true)));
    assert_eq!(number("0", "boolean"), Ok(Cell::Bool(false)));
    assert_eq!(text("maybe", "boolean"), Err(Rule::Type));
    assert_eq!(coerce(Value::Bool(true), ColumnType::Integer, &TimeParse::Iso).map_err(|v| v.rule), Err(Rule::Type));
}

#[test]
fn super_takes_any_json_that_json_parse_takes() {
    let json = |value| coerce(value, ColumnType::Super, &TimeParse::Iso).map_err(|violation| violation.rule);
    assert_eq!(json(Value::Json("[3, 3]".into())), Ok(Cell::Text("[3, 3]".into())));
    assert_eq!(json(Value::Text("a\"b".into())), Ok(Cell::Text(r#""a\"b""#.into())));
    assert_eq!(json(Value::Number("1.50")), Ok(Cell::Text("1.50".into())));
    assert_eq!(json(Value::Json(r#"{"a":"\u0000"}"#.into())), Err(Rule::Character));
    assert_eq!(json(Value::Json(r#"{"a":"\ud800"}"#.into())), Err(Rule::Character));
    assert_eq!(json(Value::Json(r#"{"a":"\\u0000"}"#.into())), Ok(Cell::Text(r#"{"a":"\\u0000"}"#.into())));
    let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
    assert_eq!(json(Value::Json(deep.as_str().into())), Err(Rule::Range));
    let long = format!("[{}]", "1,".repeat(40_000) + "1");
    assert_eq!(json(Value::Json(long.as_str().into())), Err(Rule::Length));
    assert_eq!(
        coerce(Value::Json("[1]".into()), ColumnType::Varchar(9), &TimeParse::Iso).map_err(|v| v.rule),
        Err(Rule::Type)
    );
}

proptest! {
    #[test]
    fn every_integer_reads_back(value: i64) {
        prop_assert_eq!(number(&value.to_string(), "bigint"), Ok(Cell::Int(value)));
    }

    #[test]
    fn every_decimal_reads_back(units in -99_999_999_999_999_999_i128..=99_999_999_999_999_999, scale in 0_u8..=17) {
        let sign = if units < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", units.unsigned_abs(), width = usize::from(scale) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
        let written = format!("{sign}{whole}.{fraction}");
        prop_assert_eq!(number(&written, &format!("decimal(17,{scale})")), Ok(Cell::Decimal(units)));
    }

    #[test]
    fn every_microsecond_of_four_digit_years_reads_back(micros in -62_135_596_800_000_000_i64..253_402_207_200_000_000) {
        let written = jiff::Timestamp::from_microsecond(micros).expect("in range").to_string();
        prop_assert_eq!(text(&written, "timestamp"), Ok(Cell::Micros(micros)));
    }

    #[test]
    fn no_text_makes_any_type_panic(any in ".{0,40}") {
        for kind in ["smallint", "decimal(5,2)", "real", "boolean", "char(3)", "date", "timestamp", "super"] {
            let _ = text(&any, kind);
            let _ = text_as(&any, kind, TimeParse::EpochSeconds);
        }
    }
}
