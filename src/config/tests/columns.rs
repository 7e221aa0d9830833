use super::{SERVICE, assert_refused, columns, load_two, with_columns};
use crate::config::ColumnSource;
use crate::schema::ColumnType;
use crate::schema::value::{Cell, TimeParse};

#[test]
fn columns_keep_the_order_of_the_file_however_they_are_written() {
    let columns = columns(
        "z = \"bigint\"\ny.type = \"date\"\ny.required = true\n[columns.b]\ntype = \"super\"\n[columns.a]\ntype = \"real\"",
    );
    let read: Vec<(&str, ColumnType)> =
        columns.iter().map(|column| (column.name.as_str(), column.column_type)).collect();
    let expected =
        [("z", ColumnType::BigInt), ("y", ColumnType::Date), ("b", ColumnType::Super), ("a", ColumnType::Real)];
    assert_eq!(read, expected);
    assert!(columns[1].required);
}

#[test]
fn a_column_comes_from_the_capture_or_field_of_its_name() {
    let columns = columns(
        r#"
        day = "date"
        number = { from = "part", type = "bigint" }
        again = { from = "{part}", type = "varchar(9)" }
        reviewerID = "varchar(9)"
        "Zähler.neu" = { type = "bigint" }
        other = { from = "re.viewer", type = "bigint" }"#,
    );
    let read: Vec<(&str, &ColumnSource)> = columns.iter().map(|column| (column.name.as_str(), &column.from)).collect();
    let field = |name: &str| ColumnSource::Field(name.to_owned());
    assert_eq!(
        read,
        [
            ("day", &ColumnSource::Capture(0)),
            ("number", &ColumnSource::Capture(1)),
            ("again", &ColumnSource::Capture(1)),
            ("reviewerid", &field("reviewerID")),
            ("zähler.neu", &field("Zähler.neu")),
            ("other", &field("re.viewer")),
        ]
    );
}

#[test]
fn bounds_keep_their_digits() {
    let columns = columns(
        r#"
        a = { type = "decimal(38,20)", min = 0.10000000000000000001, max = 1_000.5 }
        b = { type = "decimal(38,0)", max = "99999999999999999999999999999999999999" }
        c = { type = "bigint", min = 0x10, max = 9_223_372_036_854_775_807 }
        d = { type = "double", min = -1e3 }
        e = { type = "varchar(4)", min = "a" }"#,
    );
    assert_eq!(columns[0].min, Some(Cell::Decimal(10_000_000_000_000_000_001)));
    assert_eq!(columns[0].max, Some(Cell::Decimal(100_050_000_000_000_000_000_000)));
    assert_eq!(columns[1].max, Some(Cell::Decimal(10_i128.pow(38) - 1)));
    assert_eq!((&columns[2].min, &columns[2].max), (&Some(Cell::Int(16)), &Some(Cell::Int(i64::MAX))));
    assert_eq!(columns[3].min, Some(Cell::Float(-1_000.0)));
    assert_eq!(columns[4].min, Some(Cell::Text("a".into())));
}

#[test]
fn bounds_of_times_are_iso_or_epoch_numbers() {
    let columns = columns(
        r#"
        a = { type = "date", min = "1970-01-02", max = 1970-01-03 }
        b = { type = "timestamp", parse = "epoch-seconds", min = 1, max = 1970-01-01T00:00:02Z }
        c = { type = "timestamptz", parse = "%d.%m.%Y", min = "1970-01-01T01:00:00+01:00" }"#,
    );
    assert_eq!((&columns[0].min, &columns[0].max), (&Some(Cell::Date(1)), &Some(Cell::Date(2))));
    let micros = |micros| Some(Cell::Micros(micros));
    assert_eq!((&columns[1].min, &columns[1].max), (&micros(1_000_000), &micros(2_000_000)));
    assert_eq!(columns[2].min, micros(0));
}

#[test]
fn times_are_read_as_parse_says() {
    let columns = columns(
        r#"
        a = { type = "timestamp", parse = "iso" }
        b = { type = "timestamp", parse = "epoch-millis" }
        c = { type = "timestamptz", parse = "epoch-micros" }
        d = { type = "date", parse = "%Y%m%d" }
        e = { type = "timestamp", parse = ["%d/%b/%Y:%H:%M:%S %z", "%Y-%m-%d"] }"#,
    );
    let formats = |formats: &[&str]| TimeParse::Formats(formats.iter().map(ToString::to_string).collect());
    let read: Vec<&TimeParse> = columns.iter().map(|column| &column.parse).collect();
    let expected = [
        &TimeParse::Iso,
        &TimeParse::EpochMillis,
        &TimeParse::EpochMicros,
        &formats(&["%Y%m%d"]),
        &formats(&["%d/%b/%Y:%H:%M:%S %z", "%Y-%m-%d"]),
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_column_that_cannot_work_is_refused_with_a_remedy() {
    let long = format!("{} = \"bigint\"", "n".repeat(128));
    let cases = [
        ("a = \"text\"", "Redshift turns `text` into 256 bytes", "varchar(32)"),
        ("a = { type = \"varchar(70000)\" }", "1 to 65535", "varchar(32)"),
        ("a = { type = \"geometry\" }", "no type that can be loaded", "varchar(32)"),
        ("a = { required = true }", "`type` is missing in column `a`", "add `type = "),
        ("a = { tpye = \"bigint\" }", "unknown key `tpye` in column `a`", "did you mean `type`?"),
        ("a = { type = \"bigint\", default = 0 }", "unknown key `default`", "`from`, `type`, `required`"),
        ("a = 1", "column `a` has neither a type nor keys", "write its type"),
        ("a = { type = \"bigint\", required = \"yes\" }", "must be true or false", "required = true"),
        ("a = { type = \"bigint\", from = \"\" }", "`from` is empty", "name of the record's field"),
        ("a = { type = \"bigint\", from = \"{dya}\" }", "`{dya}` is no capture", "the captures are `day`, `part`"),
        ("_tidegate_row = \"bigint\"", "reserved for lineage", "rename"),
        ("_Tidegate_x = \"bigint\"", "reserved for lineage", "rename"),
        ("\"\" = \"bigint\"", "a name is empty", "rename"),
        (long.as_str(), "has 128 bytes", "rename"),
        ("Asin = \"bigint\"\nasin = \"bigint\"", "column `asin` stands twice", "the first is at"),
        ("asin = \"bigint\"\nasin = \"bigint\"", "`asin` stands twice", "the first `asin` is at"),
        ("a = { type = \"bigint\", parse = \"iso\" }", "but the column is bigint", "remove `parse`"),
        ("a = { type = \"date\", parse = \"epoch\" }", "a strftime format contains `%`", "\"epoch-seconds\""),
        ("a = { type = \"date\", parse = [] }", "empty list", "strftime"),
        ("a = { type = \"date\", parse = [\"iso\"] }", "a strftime format contains `%`", "strftime"),
        ("a = { type = \"date\", parse = \"%H:%M\" }", "does not say a whole date", "strftime"),
        ("a = { type = \"date\", parse = \"%Y-%E\" }", "the format cannot work", "strftime"),
        ("a = { type = \"date\", parse = 1 }", "must be a text", "quotes"),
        ("a = { type = \"bigint\", pattern = \"a\" }", "`pattern` is for texts", "`min` and `max`"),
        ("a = { type = \"varchar(9)\", pattern = \"(\" }", "no regular expression: unclosed group", "regex"),
        ("a = { type = \"varchar(9)\", pattern = '(\\w{1,200}){200}' }", "more than 1 MiB", "regex"),
        ("a = { type = \"varchar(63)\", mask = \"sha256\" }", "64 hexadecimal digits", "char(64)"),
        ("a = { type = \"bigint\", mask = \"sha256\" }", "but the column is bigint", "char(64)"),
        ("a = { type = \"char(64)\", mask = \"md5\" }", "`md5`, which this version", "choose `sha256`"),
        ("a = { type = \"boolean\", min = true }", "needs values that have an order", "remove `min`"),
        ("a = { type = \"super\", max = 1 }", "needs values that have an order", "remove `max`"),
        ("a = { type = \"smallint\", max = 32768 }", "outside what smallint holds", "hold exactly"),
        ("a = { type = \"bigint\", min = 1.5 }", "has a fraction", "hold exactly"),
        ("a = { type = \"decimal(3,1)\", min = 0.25 }", "more digits", "hold exactly"),
        ("a = { type = \"double\", min = nan }", "is no number", "hold exactly"),
        ("a = { type = \"varchar(9)\", min = 1 }", "is a number, but the column is varchar(9)", "quotes"),
        ("a = { type = \"bigint\", min = [1] }", "must be a number, a text or a time", "the column could hold"),
        ("a = { type = \"date\", min = \"01.02.2026\" }", "is no date", "ISO 8601"),
        ("a = { type = \"bigint\", min = 5, max = 4 }", "`max` is below `min`", "`min` is at"),
    ];
    for (line, message, remedy) in cases {
        assert_refused(line, load_two(SERVICE, &with_columns(line)), message, remedy);
    }
}

#[test]
fn a_table_has_at_most_1598_columns_of_its_own() {
    let lines = |number: usize| (0..number).map(|at| format!("c{at} = \"bigint\"\n")).collect::<String>();
    assert_eq!(columns(&lines(1_598)).len(), 1_598);
    let result = load_two(SERVICE, &with_columns(&lines(1_599)));
    assert_refused("1,599 columns", result, "there are 1599 columns; a table has at most 1598", "super column");
}
