//! The live table against the pipeline: created, evolved, or the load put off with what differs.

use std::process::Command;

use serde_json::json;

use crate::support::daemon::Daemon;
use crate::support::postgres::Server;
use crate::support::sandbox::{Aws, Service, Setup};

fn pipeline(columns: &str, target: &str) -> String {
    format!(
        "name = \"p\"\nfreshness = \"1s\"\n[source]\nbucket = \"landing\"\nkey = \"in/**\"\nformat = \"json-lines\"\n\
         [columns]\n{columns}\n[target]\ntable = \"app.t\"\n{target}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_columns_are_added_and_short_ones_widened_before_the_load() {
    let aws = Aws::start().await;
    let target = "mode = \"upsert\"\nkey = [\"id\"]\ncreate = true\nevolve = true";
    let first = aws.configure(
        &Service::default(),
        &[&pipeline("id = { type = \"bigint\", required = true }\nnote = \"varchar(4)\"", target)],
    );
    let mut daemon = Daemon::start(&aws, &first);
    aws.put_rows("in/a", [json!({ "id": 1, "note": "abcd" })]).await;
    aws.until_loaded("p", 1).await;
    assert_eq!(daemon.terminate().await.code(), Some(0));

    let columns =
        "id = { type = \"bigint\", required = true }\nnote = \"varchar(16)\"\nmore = \"super\"\nat = \"timestamptz\"";
    let second = aws.configure(&Service::default(), &[&pipeline(columns, target)]);
    let _daemon = Daemon::start(&aws, &second);
    aws.put_rows("in/b", [json!({ "id": 2, "note": "abcdefgh", "more": [1], "at": "2026-01-01T00:00:00Z" })]).await;
    aws.until_loaded("p", 2).await;
    let rows = "SELECT id, note, JSON_SERIALIZE(more), at IS NULL FROM app.t ORDER BY id";
    assert_eq!(aws.rows(rows).await, [["1", "abcd", "NULL", "true"], ["2", "abcdefgh", "[1]", "false"]]);
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_cannot_take_the_rows_puts_the_load_off_until_it_is_altered() {
    let aws = Aws::start().await;
    aws.rows("CREATE SCHEMA app").await;
    aws.rows(
        "CREATE TABLE app.t (id INTEGER, note VARCHAR(2), mandatory BIGINT NOT NULL, _tidegate_object VARCHAR(32))",
    )
    .await;
    let config =
        aws.configure(&Service::default(), &[&pipeline("id = \"bigint\"\nnote = \"varchar(8)\"", "mode = \"append\"")]);
    let daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a", [json!({ "id": 1, "note": "a" })]).await;
    let report = "id: declared bigint, but the table's is integer; _tidegate_row: missing, declared bigint; mandatory: NOT NULL without \
                  a default in the table, but not filled by the pipeline";
    daemon.until_logged(report).await;
    let drift = daemon.metrics().await;
    for (kind, number) in [("missing", 1.0), ("type", 1.0), ("unfilled", 1.0), ("shorter", 1.0), ("nullable", 0.0)] {
        assert_eq!(drift.value("tidegate_schema_drift", &[("kind", kind)]), number, "{kind}");
    }
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.t").await, 0);
    for sql in [
        "ALTER TABLE app.t DROP COLUMN mandatory",
        "ALTER TABLE app.t ADD COLUMN _tidegate_row BIGINT",
        "ALTER TABLE app.t ALTER COLUMN id TYPE BIGINT",
    ] {
        aws.rows(sql).await;
    }
    aws.until_loaded("p", 1).await;
    assert_eq!(aws.rows("SELECT id, note FROM app.t").await, [["1", "a"]]);
    aws.until_drained().await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_loaders_evolve_one_table_at_once() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    aws.rows("CREATE SCHEMA app").await;
    aws.rows("CREATE TABLE app.t (id BIGINT)").await;
    // Two pipelines, so that SQS does not keep the two loaders apart.
    let columns: String = (0..30).map(|at| format!("c{at} = \"integer\"\n")).collect();
    let of = |name: &str| {
        pipeline(&format!("id = \"bigint\"\n{columns}"), "mode = \"append\"\nevolve = true")
            .replace("\"p\"", &format!("\"{name}\""))
    };
    let config = aws.configure(&Service::default(), &[&of("one"), &of("two")]);
    let _daemons = [Daemon::start(&aws, &config), Daemon::start(&aws, &config)];
    aws.put_rows("in/a", [json!({ "id": 1, "c0": 2, "c29": 3 })]).await;
    aws.until_loaded("one", 1).await;
    aws.until_loaded("two", 1).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(c0), SUM(c29) FROM app.t").await, [["2", "4", "6"]]);
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_table_is_upserted_in_one_transaction() {
    let aws = Aws::start().await;
    let columns: String = (0..400).map(|at| format!("a_column_{at:03} = \"decimal(12,2)\"\n")).collect();
    let target = "mode = \"upsert\"\nkey = [\"id\"]\ncreate = true";
    let config = aws.configure(
        &Service::default(),
        &[&pipeline(&format!("id = {{ type = \"bigint\", required = true }}\n{columns}"), target)],
    );
    let _daemon = Daemon::start(&aws, &config);
    let row = |id: i64, value: i64| {
        let mut row = json!({ "id": id });
        for at in 0..400 {
            row[format!("a_column_{at:03}")] = json!(value + at);
        }
        row
    };
    aws.put_rows("in/a", (0..20).map(|id| row(id, id))).await;
    aws.until_loaded("p", 1).await;
    aws.put_rows("in/b", (10..30).map(|id| row(id, if id < 15 { id } else { id + 1 }))).await;
    aws.until_loaded("p", 2).await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(a_column_399) FROM app.t").await, [["30", "12420.00"]]);
    let fates = "SELECT SUM(rows_inserted), SUM(rows_updated), SUM(rows_unchanged) FROM tidegate.batches_p";
    assert_eq!(aws.rows(fates).await, [["30", "5", "5"]]);
    aws.assert_nothing_parked().await;
}

#[test]
fn plan_prints_the_sql_of_a_pipeline_and_check_refuses_one_that_is_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], columns: &str, target: &str| {
        std::fs::create_dir_all(folder.path().join("pipelines")).unwrap();
        std::fs::write(folder.path().join("pipelines/p.toml"), pipeline(columns, target)).unwrap();
        let service = "[queues]\nevents = \"https://sqs.eu-west-1.amazonaws.com/1/e\"\nevents_dlq = \"https://sqs.eu-west-1.amazonaws.com/1/ed\"\n\
                       loads = \"https://sqs.eu-west-1.amazonaws.com/1/l.fifo\"\nloads_dlq = \"https://sqs.eu-west-1.amazonaws.com/1/ld.fifo\"\n\
                       [staging]\nuri = \"s3://staging-bucket/t/\"\n[warehouse]\nworkgroup = \"w\"\ndatabase = \"d\"\niam_role = \"default\"\n";
        let config = folder.path().join("tidegate.toml");
        std::fs::write(&config, service).unwrap();
        let output =
            Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments).arg("--config").arg(&config).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(
        &["plan", "--pipeline", "p"],
        "id = { type = \"bigint\", required = true }",
        "mode = \"scd2\"\nkey = [\"id\"]\ncreate = true\n[after]\nsql = [\"ANALYZE {{ target }}\"]\nevery = \"5m\"",
    );
    assert_eq!(code, Some(0), "{err}");
    for part in [
        "-- ===== pipeline p: s3://landing/in/** -> scd2 app.t =====",
        "-- ----- DDL of the ledger, once -----",
        "CREATE TABLE IF NOT EXISTS \"tidegate\".\"versions_p\"",
        "\"effective_to\" timestamp NOT NULL",
        "LOCK TABLE \"app\".\"t\", \"tidegate\".\"batches_p\", \"tidegate\".\"objects_p\", \"tidegate\".\"versions_p\"",
        "COPY tidegate_rows",
        "ANALYZE \"app\".\"t\";",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    let (code, _, err) = run(&["plan", "--pipeline", "q"], "id = \"bigint\"", "mode = \"append\"");
    assert_eq!((code, err.trim()), (Some(2), "error: there is no pipeline \"q\"; there are p"));

    let columns: String = (0..900).map(|at| format!("a_column_{at:04} = \"decimal(12,2)\"\n")).collect();
    let wide = format!("id = {{ type = \"bigint\", required = true }}\n{columns}");
    let (code, _, err) = run(&["check"], &wide, "mode = \"upsert\"\nkey = [\"id\"]");
    assert_eq!(code, Some(2));
    assert!(
        err.contains("pipeline p: a load takes")
            && err.contains("of the Data API takes 100000")
            && err.contains("help: "),
        "{err}"
    );
}
