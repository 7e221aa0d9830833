//! COPY into a real table.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use serde_json::Value;

use super::support::{House, copy_sql};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_thousand_rows_load_in_seconds() {
    let house = House::new().await;
    house.rows("CREATE TABLE t (a BIGINT, b VARCHAR(32), c INTEGER)").await;
    let n = 200_000;
    house.stage(vec![
        ("a", Arc::new(Int64Array::from_iter_values(0..n)) as ArrayRef),
        ("b", Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("row {i}"))))),
        ("c", Arc::new(Int32Array::from_iter_values((0..n).map(|i| i as i32)))),
    ]);
    let started = Instant::now();
    let described = house.copy("t").await;
    assert_eq!(described["ResultRows"], n, "{described}");
    eprintln!("COPY of {n} rows: {:?}", started.elapsed());
    assert_eq!(house.rows("SELECT COUNT(*), SUM(a), MAX(LEN(b)) FROM t").await, ["200000|19999900000|10"]);
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_copy_leaves_the_table_alone_and_says_why_in_the_system_tables() {
    let house = House::new().await;
    house.rows("CREATE TABLE public.t (a INTEGER, b VARCHAR(3))").await;
    let column = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let numbers = |n: i32| Arc::new(Int32Array::from_iter_values(0..n)) as ArrayRef;
    house.stage(vec![("a", numbers(2)), ("b", column(vec!["abc", "né!"]))]);
    let failed = house.batch(&["INSERT INTO t VALUES (9, 'x')", &copy_sql("public.t (a, b)")]).await;
    assert_eq!(
        failed["SubStatements"][1]["Error"],
        "ERROR: Load into table 't' failed. Check 'sys_load_error_detail' system table for details."
    );
    assert_eq!(house.rows("SELECT COUNT(*) FROM t").await, ["0"]);
    let query = &failed["SubStatements"][1]["RedshiftQueryId"];
    let detail = house
        .rows(&format!("SELECT trim(file_name), line_number, column_name, column_type, column_length, error_code, error_message FROM sys_load_error_detail WHERE query_id = {query}"))
        .await;
    assert_eq!(detail, ["s3://staging/part-0.parquet|2|b|varchar|3|1204|String length exceeds DDL length"]);
    let history = |id: &Value| {
        format!(
            "SELECT table_name, status, loaded_rows, source_file_count, error_count FROM pg_catalog.sys_load_history WHERE query_id = {id}"
        )
    };
    assert_eq!(house.rows(&history(query)).await, ["t|aborted|0|0|1"]);

    assert_eq!(house.copy("nowhere").await["Error"], "ERROR: Cannot COPY into nonexistent table nowhere");
    assert_eq!(house.copy("t (a, c)").await["Error"], "ERROR: column \"c\" of relation \"t\" does not exist");

    house.stage(vec![("b", column(vec!["abc", "ñ!"])), ("a", numbers(2))]);
    let loaded = house.batch(&[&copy_sql("t (b, a)"), "SELECT pg_last_copy_count()", "SELECT pg_last_copy_id()"]).await;
    let id = |n: usize| format!("{}:{n}", loaded["Id"].as_str().unwrap());
    assert_eq!(house.result(&id(2)).await, ["2"]);
    assert_eq!(house.result(&id(3)).await, [loaded["SubStatements"][0]["RedshiftQueryId"].to_string()]);
    assert_eq!(house.rows(&history(&loaded["SubStatements"][0]["RedshiftQueryId"])).await, ["t|completed|2|1|0"]);
    assert_eq!(house.rows("SELECT a, b FROM t ORDER BY a").await, ["0|abc", "1|ñ!"]);
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_keeps_every_value_of_every_type() {
    let house = House::new().await;
    house
        .rows("CREATE TABLE t (id BIGINT IDENTITY(0,1), d DECIMAL(38,10), e DECIMAL(5,0), day DATE, ts TIMESTAMP, tz TIMESTAMPTZ, ok BOOLEAN, f REAL, g DOUBLE PRECISION, c CHAR(4), s SUPER)")
        .await;
    let decimals = |values: Vec<Option<i128>>, p, s| {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(p, s).unwrap()) as ArrayRef
    };
    let largest = 10_i128.pow(38) - 1;
    house.stage(vec![
        ("d", decimals(vec![Some(-largest), Some(1), Some(123_450_000_000_000), None], 38, 10)),
        ("e", decimals(vec![Some(0), Some(99_999), Some(-10_000), None], 5, 0)),
        ("day", Arc::new(Date32Array::from(vec![Some(0), Some(-719_162), Some(20_000), None]))),
        ("ts", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(-1), Some(1_700_000_000_123_456), None]))),
        ("tz", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(-1), Some(1), None]).with_timezone("UTC"))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), None]))),
        ("f", Arc::new(Float32Array::from(vec![Some(1.5), Some(-0.25), Some(f32::NAN), None]))),
        ("g", Arc::new(Float64Array::from(vec![Some(0.1), Some(1e300), Some(f64::NEG_INFINITY), None]))),
        ("c", Arc::new(StringArray::from(vec![Some("ab"), Some("abcd"), Some(""), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("text"), Some("q\"q"), Some("[1]"), None]))),
    ]);
    let loaded = house.run(&format!("{} SERIALIZETOJSON", copy_sql("t"))).await;
    assert_eq!(loaded["Status"], "FINISHED", "{loaded}");
    insta::assert_snapshot!(house.rows("SELECT * FROM t ORDER BY id").await.join("\n"));
    house.redshift.close().await.unwrap();
}
