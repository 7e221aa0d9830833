//! A native PostgreSQL as the engine: what needs more than one connection, and a statement that can be interrupted.

use std::time::{Duration, Instant};

use serde_json::json;

use self::postgres::Server;
use super::support::House;

#[path = "../../../../tests/support/postgres.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of the whole")]
mod postgres;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_server_loads_run_side_by_side_and_a_lock_puts_them_in_line() {
    let Some(server) = Server::start() else { return };
    let house = House::on(tempfile::tempdir().unwrap(), Some(server.url.clone())).await;
    house.rows("CREATE TABLE t (a INT)").await;
    let sleep = || house.run("SELECT pg_sleep(1)");
    let began = Instant::now();
    sleep().await;
    let alone = began.elapsed();
    let began = Instant::now();
    tokio::join!(sleep(), sleep());
    assert!(began.elapsed() < alone.mul_f64(1.8), "one after the other: {:?} and {alone:?}", began.elapsed());

    // Each reads the count under the lock and adds a row; without the lock both would read 0.
    let load = [
        "LOCK t",
        "CREATE TEMP TABLE seen AS SELECT COUNT(*)::int AS n FROM t",
        "SELECT pg_sleep(0.2)",
        "INSERT INTO t SELECT n FROM seen",
    ];
    let (one, other) = tokio::join!(house.batch(&load), house.batch(&load));
    assert_eq!((&one["Status"], &other["Status"]), (&json!("FINISHED"), &json!("FINISHED")), "{one} {other}");
    assert_eq!(house.rows("SELECT a FROM t ORDER BY a").await, ["0", "1"]);

    // Without a lock, who comes second meets what the first has changed.
    let meet = ["SELECT COUNT(*) FROM t", "SELECT pg_sleep(0.3)", "UPDATE t SET a = a + 1"];
    let (one, other) = tokio::join!(house.batch(&meet), house.batch(&meet));
    let failed = if one["Status"] == "FAILED" { &one } else { &other };
    let error = failed["SubStatements"][2]["Error"].as_str().unwrap();
    assert!(error.starts_with("ERROR: 1023") && error.contains("Serializable isolation violation on table"), "{error}");
    assert_eq!(house.rows("SELECT a FROM t ORDER BY a").await, ["1", "2"]);

    let body = |sqls: &[&str]| json!({ "Sqls": sqls, "Database": "dev", "WorkgroupName": "w" });
    let (_, slow) =
        house.call("BatchExecuteStatement", body(&["INSERT INTO t VALUES (7)", "SELECT pg_sleep(60)"])).await;
    while house.call("DescribeStatement", json!({ "Id": slow["Id"] })).await.1["SubStatements"][1]["Status"]
        != "STARTED"
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.call("CancelStatement", json!({ "Id": slow["Id"] })).await.0, 200);
    let (_, ended) = house.call("DescribeStatement", json!({ "Id": slow["Id"], "WaitTimeSeconds": 30 })).await;
    assert_eq!(ended["Status"], "ABORTED", "{ended}");
    assert_eq!(house.rows("SELECT COUNT(*) FROM t").await, ["2"]);

    let late = house.batch(&["SET statement_timeout TO 100", "SELECT pg_sleep(60)"]).await;
    assert_eq!(late["SubStatements"][1]["Error"], "ERROR: canceling statement due to statement timeout");
    assert_eq!(house.rows("SHOW statement_timeout").await, ["0"]);
    assert_eq!(house.rows("SELECT CAN_JSON_PARSE('{'), CAN_JSON_PARSE('{}')").await, ["false|true"]);
    house.redshift.close().await.unwrap();
}
