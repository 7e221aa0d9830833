//! The Data API as a client sees it, over the embedded engine.
#![allow(clippy::unwrap_used, reason = "tests")]

mod loading;
mod server;
pub(in crate::sandbox::redshift) mod support;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, StringArray};
use serde_json::{Value, json};

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
async fn a_batch_is_one_transaction_unless_it_says_otherwise() {
    let house = House::new().await;
    house.rows("CREATE TABLE t (a INTEGER NOT NULL)").await;

    let failed = house.batch(&["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (NULL)", "SELECT 1"]).await;
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(failed["Error"], "Query #2 failed with ERROR: Cannot insert a NULL value into column a");
    let statuses: Vec<&Value> =
        failed["SubStatements"].as_array().unwrap().iter().map(|each| &each["Status"]).collect();
    assert_eq!(statuses, ["FINISHED", "FAILED", "ABORTED"]);
    assert_eq!(house.rows("SELECT COUNT(*) FROM t").await, ["0"]);

    let each = house
        .end("BatchExecuteStatement", json!({ "Sqls": ["INSERT INTO t VALUES (1)", "SELECT * FROM gone", "INSERT INTO t VALUES (2)"], "ExecutionMode": "AUTO_COMMIT" }))
        .await;
    assert_eq!(each["Status"], "FAILED");
    assert_eq!(each["SubStatements"][1]["Error"], "ERROR: relation \"gone\" does not exist");
    assert_eq!(house.rows("SELECT a FROM t ORDER BY 1").await, ["1", "2"]);

    // TRUNCATE commits itself and all before it; what comes after is a transaction of its own.
    let cut = house
        .batch(&[
            "DELETE FROM t WHERE a = 1",
            "CREATE TABLE kept AS SELECT * FROM t",
            "TRUNCATE t",
            "INSERT INTO t VALUES (3)",
            "SELECT 1/0",
        ])
        .await;
    assert_eq!(cut["Status"], "FAILED");
    assert_eq!(house.rows("SELECT COUNT(*) FROM t").await, ["0"]);
    assert_eq!(house.rows("SELECT a FROM kept").await, ["2"]);

    house.rows("CREATE MATERIALIZED VIEW mv AS SELECT a FROM kept").await;
    for (sql, name) in [
        ("VACUUM", "VACUUM"),
        ("REFRESH MATERIALIZED VIEW mv", "REFRESH MATERIALIZED VIEW"),
        ("ALTER TABLE kept ALTER COLUMN a TYPE BIGINT", "ALTER TABLE ALTER COLUMN"),
    ] {
        let refused = house.batch(&["SELECT 1", sql]).await;
        let expected = format!("ERROR: {name} cannot run inside a transaction block");
        assert_eq!(refused["SubStatements"][1]["Error"], expected);
    }
    house.rows("REFRESH MATERIALIZED VIEW mv").await;
    house.rows("VACUUM FULL kept TO 99 PERCENT").await;
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_submission_has_a_fresh_session_and_the_data_survive_a_restart() {
    let house = House::new().await;
    let made = house
        .batch(&[
            "CREATE TEMP TABLE x (a int)",
            "SET search_path TO pg_catalog",
            "SET query_group TO 'g'",
            "SHOW query_group",
        ])
        .await;
    assert_eq!(made["Status"], "FINISHED", "{made}");
    assert_eq!(house.run("SELECT * FROM x").await["Error"], "ERROR: relation \"x\" does not exist");
    assert_eq!(house.rows("SHOW search_path").await, ["public"]);
    house.rows("CREATE TABLE t AS SELECT 42 AS a").await;
    house.redshift.close().await.unwrap();
    let refused =
        house.call("ExecuteStatement", json!({ "Sql": "SELECT 1", "Database": "dev", "WorkgroupName": "w" })).await;
    assert_eq!(refused.1["__type"], "DatabaseConnectionException");

    let again = House::on(house.folder, None).await;
    assert_eq!(again.rows("SELECT a FROM t").await, ["42"]);
    again.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn redshifts_functions_give_redshifts_values() {
    let house = House::new().await;
    for (sql, expected) in [
        (
            "SELECT DATEADD(month, 1, '2026-01-31'::timestamp), DATEADD(qtr, 1, DATE '2026-01-01'), DATEADD('h', -1, '2026-01-01'::timestamptz)",
            "2026-02-28 00:00:00|2026-04-01 00:00:00|2025-12-31 23:00:00+00",
        ),
        (
            "SELECT DATEDIFF(year, '2025-12-31', '2026-01-01'), DATEDIFF(day, '2026-01-01 23:59', '2026-01-02'), DATEDIFF(hour, '2026-01-01 00:59', '2026-01-01 02:00'), DATEDIFF(ms, '2026-01-01', '2026-01-01 00:00:01.5')",
            "1|1|2|1500",
        ),
        (
            "SELECT NVL(NULL, 'b'), NVL2(NULL::int, 1, 2), LEN('né'), JSON_SERIALIZE(JSON_PARSE('{\"a\": [1]}')), CAN_JSON_PARSE('{'), JSON_EXTRACT_PATH_TEXT('{\"a\":{\"b\":1}}', 'a', 'b')",
            "b|2|2|{\"a\": [1]}|false|1",
        ),
        (
            "SELECT SHA2('abc', 256), CONVERT_TIMEZONE('Europe/Vienna', '2026-07-01 00:00'::timestamp)",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad|2026-07-01 02:00:00",
        ),
        (
            "SELECT STRTOL('fF', 16), STRTOL('-zz', 36), STRTOL('111', 2), STRTOL('fffffffffffffff', 16), STRTOL(SUBSTRING(MD5('1'), 1, 15), 16)",
            "255|-1295|7|1152921504606846975|886263699231969848",
        ),
        ("SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a DESC) FROM (SELECT 1 AS a UNION SELECT 2) q", "2,1"),
        (
            "SELECT * FROM (SELECT 1 AS a, 2 AS b UNION ALL SELECT 1, 3) q QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC) = 1",
            "1|3",
        ),
        (
            "SELECT q.*, r.c FROM (SELECT 1 AS a) q JOIN (SELECT 1 AS a, 5 AS c) r ON q.a = r.a QUALIFY ROW_NUMBER() OVER (ORDER BY c) = 1",
            "1|5",
        ),
        ("SELECT GETDATE() <= SYSDATE + INTERVAL '1 minute', DATEDIFF(day, SYSDATE, GETDATE())", "true|0"),
        ("SELECT 'a\\\\b', 'tab\\there'", "a\\b|tab\there"),
    ] {
        assert_eq!(house.rows(sql).await, [expected], "{sql}");
    }
    let bad = house.run("SELECT JSON_PARSE('{')").await;
    assert!(bad["Error"].as_str().unwrap().contains("8001"), "{bad}");

    house
        .batch(&[
            "CREATE TABLE t (k INT, v INT)",
            "INSERT INTO t VALUES (1, 1)",
            "CREATE TABLE s (k INT, v INT)",
            "INSERT INTO s VALUES (1, 2), (1, 3)",
        ])
        .await;
    let merge = "MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)";
    assert_eq!(house.run(merge).await["Error"], "ERROR: Found multiple matches to update the same tuple.");
    house.rows("UPDATE s SET k = 2").await;
    house.rows(merge).await;
    assert_eq!(house.rows("SELECT k, v FROM t ORDER BY 1, 2").await, ["1|1", "2|2", "2|3"]);
    house
        .batch(&[
            "DELETE FROM s",
            "INSERT INTO s VALUES (1, 9), (1, 9), (4, 4)",
            "MERGE INTO t USING s ON t.k = s.k REMOVE DUPLICATES",
        ])
        .await;
    assert_eq!(house.rows("SELECT k, v FROM t ORDER BY 1, 2").await, ["1|9", "2|2", "2|3", "4|4"]);
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn results_have_typed_fields_and_come_in_pages() {
    let house = House::new().await;
    let one = house.run("SELECT 1::smallint AS a, 2.5::numeric(10,2) AS \"Bee\", 'x'::varchar(9) AS c, true AS d, 0.5::float8 AS e, NULL::int AS f, '{}'::super AS g, 'ab'::varbyte AS h, DATE '2026-01-02' AS i").await;
    let (_, page) = house.call("GetStatementResult", json!({ "Id": one["Id"] })).await;
    assert_eq!(
        page["Records"][0],
        json!([{"longValue":1},{"stringValue":"2.50"},{"stringValue":"x"},{"booleanValue":true},{"doubleValue":0.5},{"isNull":true},{"stringValue":"{}"},{"blobValue":"YWI="},{"stringValue":"2026-01-02"}])
    );
    let columns: Vec<String> = page["ColumnMetadata"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            format!("{}:{}:{}:{}", column["name"], column["typeName"], column["precision"], column["scale"])
                .replace('"', "")
        })
        .collect();
    assert_eq!(
        columns.join(" "),
        "a:int2:5:0 bee:numeric:10:2 c:varchar:9:0 d:bool:1:0 e:float8:17:17 f:int4:10:0 g:super:2147483647:0 h:varbyte:65535:0 i:date:13:0"
    );

    let many = house.run("SELECT n FROM generate_series(1, 2500) AS n").await;
    assert_eq!((&many["ResultRows"], &many["HasResultSet"]), (&json!(2500), &json!(true)));
    let (mut token, mut sizes) = (Value::Null, Vec::new());
    loop {
        let (_, page) = house.call("GetStatementResult", json!({ "Id": many["Id"], "NextToken": token })).await;
        assert_eq!(page["TotalNumRows"], 2500);
        sizes.push(page["Records"].as_array().unwrap().len());
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(sizes, [1000, 1000, 500]);
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_token_makes_a_submission_idempotent_and_parameters_are_checked() {
    let house = House::new().await;
    house.rows("CREATE TABLE t (a VARCHAR(20), b INT)").await;
    let insert = json!({ "Sql": "INSERT INTO t VALUES (:a, :b::int)", "ClientToken": "token-1", "StatementName": "load-1",
        "Parameters": [{ "name": "a", "value": "O'Hara \\ x" }, { "name": "b", "value": "7" }] });
    let first = house.end("ExecuteStatement", insert.clone()).await;
    let second = house.end("ExecuteStatement", insert).await;
    assert_eq!(first["Id"], second["Id"]);
    assert_eq!(first["Status"], "FINISHED", "{first}");
    assert_eq!(house.rows("SELECT a, b FROM t").await, ["O'Hara \\ x|7"]);
    let (_, named) = house.call("ListStatements", json!({ "StatementName": "load", "Status": "FINISHED" })).await;
    assert_eq!(named["Statements"].as_array().unwrap().len(), 1);
    assert_eq!(named["Statements"][0]["Id"], first["Id"]);

    let refusals = [
        (
            "ExecuteStatement",
            json!({ "Sql": "SELECT 1", "Parameters": [{ "name": "a", "value": "1" }] }),
            "Unused parameters: [a]",
        ),
        ("ExecuteStatement", json!({ "Sql": "SELECT 1; SELECT 2" }), "Multiple sql statements are not allowed"),
        ("ExecuteStatement", json!({ "Sql": "SELECT 1", "ClientToken": "x".repeat(65) }), "ClientToken"),
        ("ExecuteStatement", json!({ "Sql": "SELECT 1", "WaitTimeSeconds": 31 }), "WaitTimeSeconds"),
        ("ExecuteStatement", json!({ "Sql": "SELECT 1", "SessionKeepAliveSeconds": 60 }), "Sessions"),
        ("ExecuteStatement", json!({}), "Sql is required"),
        ("BatchExecuteStatement", json!({ "Sqls": [] }), "length between 1 and 40"),
        ("BatchExecuteStatement", json!({ "Sqls": vec!["SELECT 1"; 41] }), "length between 1 and 40"),
        ("BatchExecuteStatement", json!({ "Sqls": ["x".repeat(102_401)] }), "100 KB"),
        ("DescribeStatement", json!({ "Id": "nonsense" }), "regex pattern"),
        ("CancelStatement", json!({ "Id": first["Id"] }), "already in FINISHED state"),
    ];
    for (operation, mut body, message) in refusals {
        body["Database"] = json!("dev");
        body["WorkgroupName"] = json!("w");
        let (status, reply) = house.call(operation, body).await;
        assert_eq!((status, &reply["__type"]), (400, &json!("ValidationException")), "{reply}");
        assert!(reply["Message"].as_str().unwrap().contains(message), "{reply}");
    }
    for (operation, id) in [
        ("DescribeStatement", json!("01234567-0123-0123-0123-0123456789ab")),
        ("GetStatementResult", first["Id"].clone()),
        ("DescribeStatement", json!(format!("{}:1", first["Id"].as_str().unwrap()))),
    ] {
        let (status, reply) = house.call(operation, json!({ "Id": id })).await;
        assert_eq!((status, &reply["__type"]), (400, &json!("ResourceNotFoundException")), "{reply}");
    }
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_returns_at_once_and_one_that_waits_can_be_cancelled() {
    let house = House::new().await;
    let body = |sql: &str| json!({ "Sql": sql, "Database": "dev", "WorkgroupName": "w" });
    let (_, slow) = house.call("ExecuteStatement", body("SELECT COUNT(*) FROM generate_series(1, 3000000)")).await;
    let (_, queued) = house.call("ExecuteStatement", body("CREATE TABLE never (a INT)")).await;
    let (status, cancelled) = house.call("CancelStatement", json!({ "Id": queued["Id"] })).await;
    assert_eq!((status, cancelled["Status"].clone()), (200, json!(true)));
    let ended = |id: &Value| json!({ "Id": id, "WaitTimeSeconds": 30 });
    assert_eq!(house.call("DescribeStatement", ended(&queued["Id"])).await.1["Status"], "ABORTED");
    assert_eq!(house.call("DescribeStatement", ended(&slow["Id"])).await.1["Status"], "FINISHED");
    assert_eq!(house.run("SELECT * FROM never").await["Status"], "FAILED");

    let mut waited = body("SELECT 1");
    waited["WaitTimeSeconds"] = json!(30);
    let (_, reply) = house.call("ExecuteStatement", waited).await;
    assert_eq!((&reply["Status"], &reply["HasResultSet"]), (&json!("FINISHED"), &json!(true)));
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_can_be_listed() {
    let house = House::new().await;
    house.batch(&["CREATE SCHEMA bestsellers", "CREATE TABLE bestsellers.reviews (id BIGINT NOT NULL, name VARCHAR(16) DEFAULT 'x', price DECIMAL(9,2), extra SUPER)", "CREATE VIEW bestsellers.v AS SELECT 1 AS a"]).await;
    let connection = |mut body: Value| {
        body["Database"] = json!("shop");
        body["WorkgroupName"] = json!("w");
        body
    };
    assert_eq!(house.call("ListDatabases", connection(json!({}))).await.1["Databases"], json!(["shop"]));
    let (_, schemas) = house.call("ListSchemas", connection(json!({ "SchemaPattern": "b%" }))).await;
    assert_eq!(schemas["Schemas"], json!(["bestsellers"]));
    let (_, tables) = house.call("ListTables", connection(json!({ "SchemaPattern": "bestsellers" }))).await;
    assert_eq!(
        tables["Tables"],
        json!([{ "schema": "bestsellers", "name": "reviews", "type": "TABLE" }, { "schema": "bestsellers", "name": "v", "type": "VIEW" }])
    );
    let (_, first) =
        house.call("ListTables", connection(json!({ "SchemaPattern": "bestsellers", "MaxResults": 1 }))).await;
    let (_, second) = house
        .call(
            "ListTables",
            connection(json!({ "SchemaPattern": "bestsellers", "MaxResults": 1, "NextToken": first["NextToken"] })),
        )
        .await;
    assert_eq!((&second["Tables"][0]["name"], second.get("NextToken")), (&json!("v"), None));
    let (_, table) =
        house.call("DescribeTable", connection(json!({ "Schema": "bestsellers", "Table": "reviews" }))).await;
    let columns: Vec<String> = table["ColumnList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            format!(
                "{}:{}:{}:{}:{}",
                column["name"], column["typeName"], column["length"], column["scale"], column["nullable"]
            )
            .replace('"', "")
        })
        .collect();
    assert_eq!(columns, ["id:int8:19:0:0", "name:varchar:16:0:1", "price:numeric:9:2:1", "extra:super:2147483647:0:1"]);
    house.redshift.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tables_columns_read_in_the_catalogue_as_redshift_says_them() {
    let house = House::new().await;
    house.rows("CREATE SCHEMA s").await;
    house
        .rows(
            "CREATE TABLE s.t (id BIGINT IDENTITY(0,1), code CHAR(3) NOT NULL, name VARCHAR(64) DEFAULT 'x', amount DECIMAL(12,2), \
             at TIMESTAMP, instant TIMESTAMPTZ, anything SUPER, flag BOOLEAN, small SMALLINT, real REAL, double DOUBLE PRECISION, day DATE)",
        )
        .await;
    let columns = "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, \
                   column_default IS NULL FROM svv_columns WHERE table_schema = 's' AND table_name = 't' ORDER BY ordinal_position";
    assert_eq!(
        house.rows(columns).await,
        [
            "id|bigint|NULL|64|0|NO|false",
            "code|character|3|NULL|NULL|NO|true",
            "name|character varying|64|NULL|NULL|YES|false",
            "amount|numeric|NULL|12|2|YES|true",
            "at|timestamp without time zone|NULL|NULL|NULL|YES|true",
            "instant|timestamp with time zone|NULL|NULL|NULL|YES|true",
            "anything|super|NULL|NULL|NULL|YES|true",
            "flag|boolean|NULL|NULL|NULL|YES|true",
            "small|smallint|NULL|16|0|YES|true",
            "real|real|NULL|24|NULL|YES|true",
            "double|double precision|NULL|53|NULL|YES|true",
            "day|date|NULL|NULL|NULL|YES|true",
        ]
    );
    // How an upsert finds unchanged rows: a set operation takes two NULLs for the same, and a SUPER goes by its bytes.
    let same = "SELECT COUNT(*) FROM (SELECT 1 AS a, JSON_SERIALIZE_TO_VARBYTE(JSON_PARSE('{\"k\": [1]}')) AS b, NULL::int AS c INTERSECT \
                SELECT 1, JSON_SERIALIZE_TO_VARBYTE(JSON_PARSE('{\"k\":[1]}')), NULL::int) x";
    assert_eq!(house.rows(same).await, ["1"]);
}
