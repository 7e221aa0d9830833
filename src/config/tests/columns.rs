use super::{SERVICE, assert_refused, columns, load_two, load_with, pipeline, with_columns};
use crate::config::{Case, ColumnSource, Mask, ObjectField, Secret};
use crate::schema::ColumnType;
use crate::schema::value::{BinaryText, Cell, TimeParse};

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
fn a_column_comes_from_a_pointer_or_from_what_the_event_says() {
    let columns = columns(
        r#"
        a = { from = "/device/screen/w", type = "bigint" }
        b = { from = "/a~1b/~0c", type = "bigint" }
        c = { from = "/~1slash", type = "bigint" }
        d = { from = "/{day}", type = "bigint" }
        e = { from = "/", type = "bigint" }
        f = { from = "{@event_time}", type = "timestamp" }
        "@timestamp" = "timestamp"
        g = { from = "@key", type = "bigint" }"#,
    );
    let field = |name: &str| ColumnSource::Field(name.to_owned());
    let path = |names: &[&str]| ColumnSource::Path(names.iter().map(ToString::to_string).collect());
    let read: Vec<&ColumnSource> = columns.iter().map(|column| &column.from).collect();
    let expected = [
        &path(&["device", "screen", "w"]),
        &path(&["a/b", "~c"]),
        &field("/slash"),
        &field("{day}"),
        &field(""),
        &ColumnSource::Object(ObjectField::EventTime),
        &field("@timestamp"),
        &field("@key"),
    ];
    assert_eq!(read, expected);
}

#[test]
fn what_values_says_holds_for_every_column_that_does_not_say_otherwise() {
    let text = format!(
        "{}[values]\nstrict = true\ntrim = true\ntime_zone = \"Europe/Berlin\"\nnull_values = [\"NA\"]\n",
        with_columns(
            "a = \"timestamp\"\nb = { type = \"date\", strict = false, time_zone = \"Asia/Tokyo\", null_values = [] }"
        )
    );
    let columns = pipeline(&text).columns;
    let zone = |at: usize| columns[at].reading.time_zone.as_ref().and_then(|zone| zone.iana_name().map(str::to_owned));
    assert_eq!((zone(0).as_deref(), zone(1).as_deref()), (Some("Europe/Berlin"), Some("Asia/Tokyo")));
    assert!(columns[0].reading.strict && columns[0].texts.trim && columns[1].texts.trim);
    assert!(!columns[1].reading.strict && columns[1].texts.null_values.is_empty());
    assert_eq!(columns[0].texts.null_values, ["NA"]);
}

#[test]
fn keys_of_texts_and_values_are_taken() {
    let columns = columns(
        r#"
        a = { type = "varchar(9)", lower = true, max_bytes = 5, truncate = true, one_of = ["x", "y"], default = "x" }
        b = { type = "char(9)", upper = true, strip_nul = true, empty_as_null = true }
        c = { type = "super", split = ",", default = "[]" }
        d = { type = "varbyte(9)", parse = "base64" }
        e = { type = "time", parse = "%I:%M %p", min = "08:00" }
        f = { type = "boolean", default = false, one_of = [true] }
        g = { type = "real", non_finite = true }
        h = { type = "date", default = 1970-01-02 }"#,
    );
    assert_eq!((columns[0].texts.case, columns[0].texts.max_bytes), (Some(Case::Lower), Some(5)));
    assert!(columns[0].texts.truncate && columns[1].texts.strip_nul && columns[1].texts.empty_as_null);
    let text = |text: &str| Cell::Text(text.to_owned().into());
    assert_eq!(columns[0].one_of, Some(vec![text("x"), text("y")]));
    assert_eq!(columns[0].default, Some(text("x")));
    assert_eq!(columns[1].texts.case, Some(Case::Upper));
    assert_eq!((columns[2].texts.split.as_deref(), &columns[2].default), (Some(","), &Some(text("[]"))));
    assert_eq!(columns[3].reading.binary, BinaryText::Base64);
    assert_eq!(columns[4].min, Some(text("08:00:00.000000")));
    assert_eq!((&columns[5].default, &columns[5].one_of), (&Some(Cell::Bool(false)), &Some(vec![Cell::Bool(true)])));
    assert!(columns[6].reading.non_finite);
    assert_eq!(columns[7].default, Some(Cell::Date(1)));
}

#[test]
fn the_key_of_a_mask_comes_from_the_environment_alone() {
    let load = |mask: &str, key: &str| {
        let pipeline = with_columns(&format!("a = {{ type = \"char(64)\", mask = {mask} }}"));
        let files = [("tidegate.toml", SERVICE.as_bytes()), ("pipelines/p.toml", pipeline.as_bytes())];
        load_with(&files, &[("KEY", key)])
    };
    let key = "0123456789abcdef";
    let config = load("{ sha256 = \"${KEY}\" }", key).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(config.pipelines[0].columns[0].mask, Some(Mask::HmacSha256(Secret::new(key.to_owned()))));
    let cases = [
        ("{ sha256 = \"0123456789abcdef\" }", key, "stands in the file", "${NAME}"),
        ("{ sha256 = \"${KEY}salt${KEY}\" }", key, "stands in the file", "${NAME}"),
        ("{ sha256 = \"${KEY}\" }", "short", "has 5 bytes, and needs 16", "random text"),
        ("{ sha256 = \"${OTHER}\" }", key, "OTHER is not set", "set OTHER"),
        ("{ md5 = \"${KEY}\" }", key, "`sha256` is missing", "`sha256`"),
    ];
    for (mask, key, message, remedy) in cases {
        let result = load(mask, key);
        if let Err((text, _)) = &result {
            assert!(!text.contains(key) || mask.contains(key), "a key is never shown: {text}");
        }
        let (text, problems) = result.expect_err(mask);
        assert!(problems.as_slice()[0].message.contains(message), "{mask}: {text}");
        assert!(text.contains(remedy), "{mask}: {text}");
    }
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
        ("a = { type = \"money\" }", "no type that can be loaded", "varchar(32)"),
        ("a = { type = \"geometry\" }", "only the warehouse can tell", "varchar(32)"),
        ("a = { required = true }", "`type` is missing in column `a`", "add `type = "),
        ("a = { tpye = \"bigint\" }", "unknown key `tpye` in column `a`", "did you mean `type`?"),
        ("a = { type = \"bigint\", fallback = 0 }", "unknown key `fallback`", "`from`, `type`, `required`"),
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
        ("a = { type = \"char(64)\", mask = \"md5\" }", "`md5`, which this version", "`sha256`, `redact` or `last4`"),
        ("a = { type = \"bigint\", mask = \"redact\" }", "a text of 10 bytes", "varchar(10)"),
        ("a = { type = \"char(64)\", mask = \"sha256\", default = \"x\" }", "beside `mask`", "remove one"),
        ("a = { type = \"bigint\", from = \"{@kye}\" }", "nothing that an event says", "did you mean `{@key}`"),
        (
            "a = { type = \"bigint\", from = \"{@loaded_at}\" }",
            "nothing that an event says",
            "the ledger's `loaded_at`",
        ),
        ("a = { type = \"bigint\", from = \"/a~b\" }", "a `~` stands alone", "`~1` is a `/`"),
        ("a = { type = \"bigint\", lower = true }", "`lower` is for texts", "remove `lower`"),
        ("a = { type = \"bigint\", truncate = true }", "`truncate` is for texts", "remove `truncate`"),
        ("a = { type = \"char(9)\", lower = true, upper = true }", "exclude each other", "keep one"),
        ("a = { type = \"char(9)\", max_bytes = 10 }", "but may be 1 to 9", "from 1 to 9"),
        ("a = { type = \"char(9)\", split = \",\" }", "makes an array", "super"),
        ("a = { type = \"super\", split = \"\" }", "`split` is empty", "between the parts"),
        ("a = { type = \"super\", default = \"[\" }", "is no JSON", "quotes of its own"),
        ("a = { type = \"super\", one_of = [1] }", "a super column does not", "remove `one_of`"),
        ("a = { type = \"bigint\", one_of = [] }", "empty list", "name the values"),
        ("a = { type = \"bigint\", one_of = [1, \"x\"] }", "is no number", "hold exactly"),
        ("a = { type = \"bigint\", default = \"x\" }", "`default` is no value of the column", "hold exactly"),
        ("a = { type = \"bigint\", time_zone = \"UTC\" }", "is of local times", "remove `time_zone`"),
        ("a = { type = \"date\", time_zone = \"Mars/Base\" }", "no time zone", "tzdata"),
        ("a = { type = \"bigint\", null_values = \"x\" }", "must be a list", "null_values = ["),
        ("a = { type = \"varbyte(9)\", parse = \"iso\" }", "`iso`, which this version", "`hex` or `base64`"),
        ("a = { type = \"time\", parse = \"%Y-%m-%d\" }", "does not say a time of day", "%I:%M %p"),
        ("a = { type = \"time\", parse = \"epoch-seconds\" }", "a strftime format contains `%`", "iso"),
        ("a = { type = \"interval day to second\", min = \"PT1S\" }", "an order", "remove `min`"),
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
