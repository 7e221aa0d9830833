//! The types that Parquet lacks: each value has one text, from which the same value is read again.

use proptest::prelude::*;

use super::super::*;
use super::{text, text_as};

fn cell(text: &str) -> Result<Cell<'static>, Rule> {
    Ok(Cell::Text(text.to_owned().into()))
}

fn binary(text: &str, form: BinaryText) -> Result<Cell<'static>, Rule> {
    let reading = Reading { binary: form, ..Reading::default() };
    coerce_as(Value::Text(text.into()), ColumnType::Varbyte(4), &TimeParse::Iso, &reading)
        .map(Cell::into_owned)
        .map_err(|violation| violation.rule)
}

#[test]
fn times_of_day_have_one_form_whose_order_is_theirs() {
    assert_eq!(text("8:05", "time"), Err(Rule::Type), "a clock has two digits");
    assert_eq!(text("08:05", "time"), cell("08:05:00.000000"));
    assert_eq!(text(" 23:59:59.999999 ", "time"), cell("23:59:59.999999"));
    assert_eq!(text("23:59:59.9999991", "time"), Err(Rule::Range));
    for bad in ["24:00", "12", "12:60", "2026-01-01T10:00", "10:00Z", "10:00+01:00", "", "::::::"] {
        assert_eq!(text(bad, "time"), Err(Rule::Type), "{bad:?}");
    }
    let twelve = TimeParse::Formats(vec!["%I:%M %p".into()]);
    assert_eq!(text_as("3:05 PM", "time", twelve), cell("15:05:00.000000"));
    assert!(clock_format_problem("%Y-%m-%d").is_some() && clock_format_problem("%H:%M").is_none());
}

#[test]
fn times_with_an_offset_are_stored_in_utc() {
    assert_eq!(text("01:00+02:00", "timetz"), cell("23:00:00.000000+00"));
    assert_eq!(text("23:30-0130", "timetz"), cell("01:00:00.000000+00"));
    assert_eq!(text("10:00:00.5Z", "timetz"), cell("10:00:00.500000+00"));
    assert_eq!(text("10:00", "timetz"), cell("10:00:00.000000+00"));
    for bad in ["10:00+", "10:00+1", "10:00+25:00", "10:00Zx", "+10:00"] {
        assert_eq!(text(bad, "timetz"), Err(Rule::Type), "{bad:?}");
    }
}

#[test]
fn bytes_are_hexadecimal_or_base64_and_counted() {
    assert_eq!(binary("00fFa0", BinaryText::Hex), cell("00ffa0"));
    assert_eq!(binary("AP+g", BinaryText::Base64), cell("00ffa0"));
    assert_eq!(binary("AP8", BinaryText::Base64), cell("00ff"), "padding may be left out");
    assert_eq!(binary("", BinaryText::Hex), cell(""));
    assert_eq!(binary("0", BinaryText::Hex), Err(Rule::Type));
    assert_eq!(binary("0g", BinaryText::Hex), Err(Rule::Type));
    assert_eq!(binary("?", BinaryText::Base64), Err(Rule::Type));
    assert_eq!(binary("0011223344", BinaryText::Hex), Err(Rule::Length));
    assert_eq!(text(&"ab".repeat(32_767), "varbyte(1000000)").map(|_| ()), Ok(()));
    assert_eq!(text(&"ab".repeat(32_768), "varbyte(1000000)"), Err(Rule::Length), "what staging holds");
    let typed = coerce(Value::Bytes(vec![0, 255].into()), ColumnType::Varbyte(4), &TimeParse::Iso);
    assert_eq!(typed, Ok(Cell::Text("00ff".into())));
}

#[test]
fn intervals_are_read_from_iso_8601_and_sql() {
    let months = |value: &str| text(value, "interval year to month");
    assert_eq!(months("P1Y2M"), cell("14 months"));
    assert_eq!(months("-1-2"), cell("-14 months"));
    assert_eq!(months("P0M"), cell("0 months"));
    for bad in ["P", "P1D", "P2M1Y", "1-12", "14", "", "P1.5Y"] {
        assert_eq!(months(bad), Err(Rule::Type), "{bad:?}");
    }
    assert_eq!(months("P999999999Y"), Err(Rule::Range));
    let seconds = |value: &str| text(value, "interval day to second");
    let expected = "1 days 2 hours 3 minutes 4.500000 seconds";
    assert_eq!(seconds("P1DT2H3M4.5S"), cell(expected));
    assert_eq!(seconds("1 02:03:04.5"), cell(expected));
    assert_eq!(seconds("-PT90M"), cell("-0 days -1 hours -30 minutes -0.000000 seconds"));
    assert_eq!(seconds("P1W"), cell("7 days 0 hours 0 minutes 0.000000 seconds"));
    for bad in ["P", "PT", "P1DT", "1 02:60:00", "1 02:03:60", "2 hours", "", "PT1.0000001S", "P1M"] {
        assert_eq!(seconds(bad), Err(Rule::Type), "{bad:?}");
    }
    assert_eq!(seconds("P106751992D"), Err(Rule::Range));
}

#[test]
fn floats_take_nan_and_the_infinities_only_where_the_pipeline_says_so() {
    let reading = Reading { non_finite: true, ..Reading::default() };
    let float = |value, reading: &Reading| {
        coerce_as(value, ColumnType::Double, &TimeParse::Iso, reading).map_err(|violation| violation.rule)
    };
    for value in [Value::Number("NaN"), Value::Text("Infinity".into()), Value::Float(f64::NEG_INFINITY)] {
        assert!(float(value.clone(), Reading::DEFAULT).is_err(), "{value:?}");
        assert!(matches!(float(value, &reading), Ok(Cell::Float(float)) if !float.is_finite()));
    }
    assert_eq!(float(Value::Number("1e309"), &reading), Err(Rule::Range), "an overflow is no infinity");
}

proptest! {
    #[test]
    fn every_time_of_day_reads_back(micros in 0_i64..86_400_000_000) {
        let Ok(Cell::Text(written)) = clock::of_day(micros, ColumnType::Time) else { panic!("in range") };
        prop_assert_eq!(text(&written, "time"), cell(&written));
        let typed = coerce(Value::TimeOfDay(micros), ColumnType::TimeTz, &TimeParse::Iso).map_err(|v| v.rule);
        prop_assert_eq!(text(&format!("{written}Z"), "timetz"), typed.map(Cell::into_owned));
    }

    #[test]
    fn every_byte_reads_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let column_type = ColumnType::Varbyte(40);
        let Ok(Cell::Text(hex)) = coerce(Value::Bytes(bytes.into()), column_type, &TimeParse::Iso) else { panic!("fits") };
        prop_assert_eq!(text(&hex, "varbyte(40)"), cell(&hex));
    }

    #[test]
    fn every_interval_reads_back(days in 0_i64..100_000, micros in 0_i64..86_400_000_000, negative: bool) {
        let sign = if negative { "-" } else { "" };
        let seconds = micros / 1_000_000;
        let iso = format!("{sign}P{days}DT{seconds}.{:06}S", micros % 1_000_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        let sql = format!("{sign}{days} {hours:02}:{minutes:02}:{:02}.{:06}", seconds % 60, micros % 1_000_000);
        prop_assert_eq!(text(&iso, "interval day to second"), text(&sql, "interval day to second"));
    }

    #[test]
    fn every_float_reads_back(value in prop::num::f64::NORMAL) {
        prop_assert_eq!(text(&value.to_string(), "double precision"), Ok(Cell::Float(value)));
    }

    #[test]
    fn every_text_reads_back(any in "[^\\x00]{0,20}") {
        prop_assert_eq!(text(&any, "varchar(200)"), cell(&any));
    }

    #[test]
    fn no_text_makes_a_type_that_is_staged_as_text_panic(any in ".{0,40}") {
        for kind in ["time", "timetz", "varbyte(5)", "interval year to month", "interval day to second"] {
            let _ = text(&any, kind);
            let _ = text_as(&any, kind, TimeParse::Formats(vec!["%H:%M".into()]));
        }
        let _ = binary(&any, BinaryText::Base64);
    }
}
