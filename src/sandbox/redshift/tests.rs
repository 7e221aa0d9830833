//! The Data API as a client sees it, over the embedded engine.

pub(in crate::sandbox::redshift) mod support;

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Int32Array, Int64Array, StringArray};
use serde_json::json;

use support::{House, copy_sql};

#[tokio::test(flavor = "multi_thread")]
async fn a_load_transaction_runs_end_to_end_and_its_last_result_is_fetched_by_sub_statement_id() {
    let house = House::new().await;
    for sql in [
        "CREATE SCHEMA tidegate",
        "CREATE TABLE tidegate.batches_x (batch_id VARCHAR(64) NOT NULL, rows_copied BIGINT ENCODE az64, loaded_at TIMESTAMP) DISTSTYLE ALL",
        "CREATE TABLE tidegate.objects_x (object_id VARCHAR(32) NOT NULL ENCODE zstd, rows_read BIGINT, loaded_at TIMESTAMP, PRIMARY KEY (object_id)) SORTKEY (object_id)",
        "CREATE TABLE public.reviews (reviewer VARCHAR(32), stars INTEGER, helpful SUPER, _tidegate_object VARCHAR(32), _tidegate_row BIGINT) DISTKEY(reviewer) COMPOUND SORTKEY (reviewer, stars)",
    ] {
        house.rows(sql).await;
    }
    let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let objects = house.parquet(
        "s3://staging/objects.parquet",
        vec![("object_id", text(vec!["o1"])), ("rows_read", Arc::new(Int64Array::from(vec![3])) as ArrayRef)],
    );
    house.manifest("s3://staging/objects.manifest", vec![objects]);
    house.stage(vec![
        ("reviewer", text(vec!["a", "b", "a"])),
        ("stars", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("helpful", text(vec!["[0, 1]", "null", "{\"k\":1}"])),
        ("_tidegate_object", text(vec!["o1", "o1", "o1"])),
        ("_tidegate_row", Arc::new(Int64Array::from(vec![1, 2, 3]))),
    ]);
    let copy_rows = copy_sql("tidegate_rows (reviewer, stars, helpful, _tidegate_object, _tidegate_row)");
    let load = |expected: u32| {
        vec![
            "LOCK TABLE \"tidegate\".\"batches_x\", \"tidegate\".\"objects_x\", \"public\".\"reviews\"".to_owned(),
            "CREATE TEMP TABLE tidegate_objects (object_id VARCHAR(32) NOT NULL, rows_read BIGINT)".to_owned(),
            "COPY tidegate_objects (object_id, rows_read) FROM 's3://staging/objects.manifest' IAM_ROLE 'r' FORMAT AS PARQUET MANIFEST".to_owned(),
            "CREATE TEMP TABLE tidegate_rows (reviewer VARCHAR(32), stars INTEGER, helpful VARCHAR(65535), _tidegate_object VARCHAR(32), _tidegate_row BIGINT)".to_owned(),
            copy_rows.clone(),
            format!("SELECT 1 / CASE WHEN COUNT(*) = {expected} THEN 1 ELSE 0 END FROM tidegate_rows"),
            "DELETE FROM tidegate_rows USING \"tidegate\".\"objects_x\" o WHERE tidegate_rows._tidegate_object = o.object_id".to_owned(),
            "CREATE TEMP TABLE tidegate_fates DISTKEY(reviewer) SORTKEY(reviewer) AS SELECT r.*, ROW_NUMBER() OVER (PARTITION BY r.reviewer ORDER BY r._tidegate_row DESC NULLS LAST) AS place FROM tidegate_rows r LEFT JOIN public.reviews t ON t.reviewer = r.reviewer".to_owned(),
            "DELETE FROM tidegate_fates WHERE place > 1".to_owned(),
            "MERGE INTO public.reviews USING tidegate_fates AS s ON reviews.reviewer = s.reviewer WHEN MATCHED THEN UPDATE SET stars = s.stars, helpful = JSON_PARSE(s.helpful) WHEN NOT MATCHED THEN INSERT (reviewer, stars, helpful, _tidegate_object, _tidegate_row) VALUES (s.reviewer, s.stars, JSON_PARSE(s.helpful), s._tidegate_object, s._tidegate_row)".to_owned(),
            "INSERT INTO \"tidegate\".\"objects_x\" SELECT object_id, rows_read, SYSDATE FROM tidegate_objects WHERE object_id NOT IN (SELECT object_id FROM tidegate.objects_x)".to_owned(),
            "INSERT INTO tidegate.batches_x SELECT 'b1', pg_last_copy_count(), SYSDATE".to_owned(),
            "SELECT batch_id, rows_copied FROM \"tidegate\".\"batches_x\" WHERE batch_id IN ('b1')".to_owned(),
        ]
    };
    let failed = house.end("BatchExecuteStatement", json!({ "Sqls": load(42) })).await;
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(failed["SubStatements"][5]["Error"], "ERROR: division by zero");
    assert_eq!(failed["SubStatements"][4]["Status"], "FINISHED");
    assert_eq!(failed["SubStatements"][6]["Status"], "ABORTED");
    assert_eq!(house.rows("SELECT COUNT(*) FROM public.reviews").await, ["0"]);

    for _ in 0..2 {
        let done = house.end("BatchExecuteStatement", json!({ "Sqls": load(3) })).await;
        assert_eq!(done["Status"], "FINISHED", "{done}");
        assert_eq!(done["SubStatements"][4]["ResultRows"], 3);
        let last = format!("{}:13", done["Id"].as_str().unwrap());
        assert_eq!(house.result(&last).await[0], "b1|3");
        house.rows("DELETE FROM tidegate.batches_x").await;
    }
    let rows = house.rows("SELECT reviewer, stars, helpful FROM public.reviews ORDER BY 1").await;
    assert_eq!(rows, ["a|3|{\"k\": 1}", "b|2|null"]);
    house.redshift.close().await.unwrap();
}

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
