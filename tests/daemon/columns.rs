//! Columns of every type and source, rules, and the fields that no column takes, through the real binary into tables.

use serde_json::json;

use crate::support::daemon::{Daemon, Start};
use crate::support::sandbox::{Aws, Service};

const TYPES: &str = r#"
name = "types"
freshness = "1s"
[source]
bucket = "landing"
key = "in/{day}/*"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
opens = "time"
closes = "timetz"
digest = { type = "varbyte(8)", parse = "base64" }
age = "interval year to month"
took = "interval day to second"
width = { from = "/device/screen/w", type = "integer" }
day = { from = "{day}", type = "date" }
object_key = { from = "{@key}", type = "varchar(64)" }
size = { from = "{@size}", type = "bigint" }
local = { type = "timestamp", time_zone = "Europe/Berlin" }
tags = { type = "super", split = "," }
page = { type = "varchar(8)", default = "none", lower = true, trim = true, truncate = true }
email = { type = "char(64)", mask = { sha256 = "${TIDEGATE_TEST_KEY}" } }
[target]
table = "app.types"
mode = "append"
create = true
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_parquet_lacks_and_every_source_of_a_value_arrive_as_themselves() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[TYPES]);
    let daemon = Start::new(&aws, &config).env("TIDEGATE_TEST_KEY", "0123456789abcdef").spawn();
    let rows = [
        json!({
            "id": 1, "opens": "08:30", "closes": "01:00:00.25+02:00", "digest": "AP+g", "age": "P1Y2M", "took": "-1 02:03:04.5",
            "device": { "screen": { "w": 800.0 } }, "local": "2026-07-01 12:00:00", "tags": "a,b",
            "page": " HOME-SWEET-HOME ", "email": "a@b",
        }),
        json!({ "id": 2 }),
    ];
    aws.put_rows("in/2026-11-21/a.gz", rows).await;
    aws.until_loaded("types", 1).await;
    let columns =
        "opens, closes, ENCODE(digest, 'hex'), age, took, width, day, object_key, local, tags[1], page, email";
    let found = aws.rows(&format!("SELECT {columns} FROM app.types ORDER BY id")).await;
    // HMAC-SHA-256 of "a@b", by `openssl dgst -sha256 -hmac 0123456789abcdef`.
    let masked = "1a96317a95e681022442aa2a173cf256fdea8657c01f4a5361acc8d55714a11a";
    let first = [
        "08:30:00",
        "23:00:00.25+00",
        "00ffa0",
        "1 year 2 mons",
        "-1 days -02:03:04.5",
        "800",
        "2026-11-21",
        "in/2026-11-21/a.gz",
        "2026-07-01 10:00:00",
        "\"b\"",
        "home-swe",
        masked,
    ];
    let none = "NULL";
    let second = [none, none, none, none, none, none, "2026-11-21", "in/2026-11-21/a.gz", none, none, "none", none];
    assert_eq!(found, [first, second]);
    let truncated = daemon.metrics().await.value("tidegate_values_truncated_total", &[("pipeline", "types")]);
    assert_eq!(truncated, 1.0);
    aws.assert_nothing_parked().await;
}

const RESCUE: &str = r#"
name = "rescue"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
on_unknown_field = "rescue"
[columns]
id = { type = "bigint", required = true }
quantity = "integer"
[[rule]]
name = "returns say so"
where = "quantity > 0 OR id < 0"
[target]
table = "app.rescue"
mode = "append"
create = true
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_field_is_rescued_counted_once_and_replayed_alike_and_a_broken_rule_is_quarantined() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[RESCUE]);
    let daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a.gz", [json!({ "id": 1, "quantity": 5 })]).await;
    aws.until_loaded("rescue", 1).await;
    let rows = [
        json!({ "id": 2, "color": "red", "box": { "w": 1 } }),
        json!({ "id": 3, "quantity": -1 }),
        json!({ "id": -4, "quantity": -1, "color": null }),
        json!({ "id": 5, "quantity": "many" }),
    ];
    aws.put_rows("in/b.gz", rows).await;
    aws.until_loaded("rescue", 2).await;
    let record = aws.record("in/b.gz", "2026-11-21T10:11:12.000Z", None).await;
    aws.send_event(&json!({ "Records": [record] }).to_string()).await;
    aws.until_drained().await;

    let found = aws.rows("SELECT id, quantity, _rescued FROM app.rescue ORDER BY ABS(id)").await;
    assert_eq!(
        found,
        [["1", "5", "NULL"], ["2", "NULL", r#"{"box": {"w": 1}, "color": "red"}"#], ["-4", "-1", r#"{"color": null}"#]]
    );
    // The event was sent again: the object may have been read twice, and then its rejects stand there twice.
    let mut rejected: Vec<(String, String)> = aws
        .quarantine("rescue")
        .await
        .iter()
        .map(|line| (line["rule"].as_str().unwrap().to_owned(), line["message"].as_str().unwrap().to_owned()))
        .collect();
    rejected.sort();
    rejected.dedup();
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    assert!(rejected[0].0 == "row" && rejected[0].1.contains("returns say so"), "{rejected:?}");
    assert_eq!(rejected[1].0, "type");
    let unknown = daemon.metrics().await.value("tidegate_unknown_fields_total", &[("pipeline", "rescue")]);
    assert_eq!(unknown, 2.0, "each field once, however many records and objects have it");
    let log = daemon.log();
    assert_eq!(log.matches("a field has no column").count(), 2, "{log}");
    assert!(log.contains("values are not of their column's type"), "{log}");
    aws.assert_balanced("rescue").await;
    aws.assert_nothing_parked().await;
}

/// Conditions and what PostgreSQL makes of them, row by row: the same three values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_decided_as_postgresql_decides_them() {
    use tidegate::model::Value;
    use tidegate::schema::condition::{Condition, Operand};
    use tidegate::schema::value::{Cell, TimeParse, coerce};

    let columns = [
        ("i", "integer"),
        ("d", "decimal(10,3)"),
        ("f", "double precision"),
        ("t", "varchar(20)"),
        ("y", "date"),
        ("m", "timestamp"),
        ("b", "boolean"),
    ];
    let rows = [
        ["1", "2.500", "0.5", "C1 a_b", "2026-01-31", "2026-01-31 00:00:00", "true"],
        ["-3", "0.001", "-1e10", " x ", "1969-12-31", "2026-01-31 23:59:59.999999", "false"],
        ["0", "-9999999.999", "0", "", "2000-02-29", "1999-12-31 12:00:00", ""],
        ["2147483647", "0.300", "0.3", "100%", "9999-12-31", "2026-02-01 00:00:00", "true"],
        ["", "", "", "", "", "", ""],
        ["7", "", "1.5", "Näh", "", "2026-01-31 00:00:00", ""],
    ];
    let expressions = [
        "i > 0",
        "i >= 0 AND d < 1",
        "i = 1 OR b",
        "NOT b",
        "b IS NULL",
        "b IS NOT TRUE",
        "b IS UNKNOWN",
        "b = (i > 0)",
        "d = 0.3",
        "d * i > 2.4999",
        "d + i - 1 = 2.5",
        "d - 0.0001 < d",
        "d * d * d > 0",
        "f = 0.3",
        "f > d",
        "f * 2 = i",
        "f / 2 < 0.2",
        "-i < 0",
        "abs(d) > 1",
        "i BETWEEN -3 AND 0",
        "i NOT BETWEEN 0 AND 5",
        "i IN (1, 7)",
        "i IN (1, NULL)",
        "i NOT IN (1, NULL)",
        "d IN (2.5, 0.30)",
        "t LIKE 'C%'",
        "t NOT LIKE '%a%'",
        "t LIKE '_x_'",
        "t ILIKE 'c1%A_B'",
        "t LIKE '%'",
        "t = ''",
        "t < 'D'",
        "length(t) = 3",
        "octet_length(t) = 4",
        "lower(t) = 'c1 a_b'",
        "upper(t) > 'A'",
        "trim(t) = 'x'",
        "ltrim(t) = 'x '",
        "rtrim(t) = ' x'",
        "substring(t, 2, 1) = '1'",
        "substring(t, 0, 3) = 'C1'",
        "substring(t, -1) = t",
        "coalesce(b, i > 0)",
        "coalesce(d, i, 0) > 1",
        "y = '2026-01-31'",
        "y > DATE '2000-01-01'",
        "m = y",
        "m >= '2026-01-31 00:00:00' AND m < TIMESTAMP '2026-02-01'",
        "y IN ('1969-12-31', '2000-02-29')",
        "i > 0 AND (t LIKE 'C%' OR d IS NULL)",
        "NOT (i > 0 OR b)",
        "NULL",
        "i = NULL",
    ];
    let operands =
        columns.map(|(name, column_type)| Operand { name, column_type: column_type.parse().unwrap(), readable: true });
    let aws = Aws::start().await;
    let definition: Vec<String> = columns.iter().map(|(name, column_type)| format!("{name} {column_type}")).collect();
    aws.rows(&format!("CREATE TABLE rules (n integer, {})", definition.join(", "))).await;
    // A text column keeps an empty text; the last but one row is all nulls.
    let is_null = |at: usize, row: usize, text: &str| text.is_empty() && (at != 3 || row == 4);
    for (number, row) in rows.iter().enumerate() {
        let literal = |(at, text): (usize, &&str)| match is_null(at, number, text) {
            true => "NULL".to_owned(),
            false => format!("'{text}'"),
        };
        let literals: Vec<String> = row.iter().enumerate().map(literal).collect();
        aws.rows(&format!("INSERT INTO rules VALUES ({number}, {})", literals.join(", "))).await;
    }
    for expression in expressions {
        let condition =
            Condition::compile(expression, &operands).unwrap_or_else(|refused| panic!("{expression}: {refused:?}"));
        let sql = format!("SELECT CAST(CAST(({expression}) AS BOOLEAN) AS VARCHAR(5)) FROM rules ORDER BY n");
        for ((number, row), expected) in rows.iter().enumerate().zip(aws.rows(&sql).await) {
            let cell = |(at, text): (usize, &&'static str)| match is_null(at, number, text) {
                true => Cell::Null,
                false => coerce(Value::Text((*text).into()), operands[at].column_type, &TimeParse::Iso).unwrap(),
            };
            let cells: Vec<Cell<'_>> = row.iter().enumerate().map(cell).collect();
            let decided = condition.decide(&cells).unwrap().map_or("NULL".to_owned(), |value| value.to_string());
            assert_eq!(decided, expected[0], "{expression} of {row:?}");
        }
    }
}
