use jiff::tz::TimeZone;

use super::super::*;

fn berlin(text: &str, column_type: &str, parse: TimeParse) -> Result<Cell<'static>, Violation> {
    let zone = TimeZone::get("Europe/Berlin").expect("the database of time zones");
    let reading = Reading { time_zone: Some(zone), ..Reading::default() };
    let column_type = column_type.parse().expect("a type");
    coerce_as(Value::Text(Cow::Borrowed(text)), column_type, &parse, &reading).map(Cell::into_owned)
}

#[test]
fn a_text_without_an_offset_is_of_the_columns_time_zone() {
    let micros = 1_774_000_800_000_000; // 2026-03-20T10:00:00Z
    for (text, parse) in [
        ("2026-03-20 11:00:00", TimeParse::Iso),
        ("2026-03-20T10:00:00Z", TimeParse::Iso),
        ("2026-03-20T05:00:00-05:00", TimeParse::Iso),
        ("20.03.2026 11:00", TimeParse::Formats(vec!["%d.%m.%Y %H:%M".into()])),
        ("1774000800", TimeParse::EpochSeconds),
    ] {
        assert_eq!(berlin(text, "timestamp", parse), Ok(Cell::Micros(micros)), "{text}");
    }
    assert_eq!(berlin("2026-07-01 12:00:00", "timestamptz", TimeParse::Iso), Ok(Cell::Micros(1_782_900_000_000_000)));
}

#[test]
fn a_local_time_that_clocks_showed_twice_or_never_is_refused() {
    for text in ["2026-03-29 02:30:00", "2026-10-25 02:30:00"] {
        let violation = berlin(text, "timestamp", TimeParse::Iso).expect_err(text);
        assert_eq!(violation.rule, Rule::Range);
        assert!(violation.message.contains("Europe/Berlin"), "{}", violation.message);
    }
    assert!(berlin("2026-10-25T02:30:00+01:00", "timestamp", TimeParse::Iso).is_ok(), "an offset tells which");
    assert!(berlin("2026-03-29 03:00:00", "timestamp", TimeParse::Iso).is_ok());
}

#[test]
fn the_day_of_a_moment_is_that_of_the_zone_and_a_written_day_stays() {
    let day = |days| Ok(Cell::Date(days));
    // 2026-03-20T23:30:00Z is the 21st in Berlin.
    assert_eq!(berlin("1774049400", "date", TimeParse::EpochSeconds), day(20_533));
    assert_eq!(berlin("2026-03-20", "date", TimeParse::Iso), day(20_532));
    assert_eq!(berlin("2026-03-29 02:30", "date", TimeParse::Formats(vec!["%Y-%m-%d %H:%M".into()])), day(20_541));
}

#[test]
fn a_day_or_moment_of_a_typed_format_beyond_the_years_of_texts_is_refused() {
    let rule = |value, column_type| coerce(value, column_type, &TimeParse::Iso).map_err(|violation| violation.rule);
    for days in [i32::MIN, i32::MAX] {
        for column_type in [ColumnType::Date, ColumnType::Timestamp, ColumnType::Varchar(30), ColumnType::Super] {
            assert_eq!(rule(Value::Date(days), column_type), Err(Rule::Range), "{column_type}");
        }
    }
    for micros in [i64::MIN, i64::MAX] {
        for column_type in [ColumnType::Timestamp, ColumnType::Varchar(30)] {
            assert_eq!(rule(Value::Micros(micros), column_type), Err(Rule::Range), "{column_type}");
        }
    }
    assert_eq!(rule(Value::Date(20_000), ColumnType::Timestamp), Ok(Cell::Micros(1_728_000_000_000_000)));
}
