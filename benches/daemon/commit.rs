//! From a batch's cut to its commit, on the sandbox, against the bare COPY and MERGE of the same rows.

use std::time::Duration;

use aws_sdk_redshiftdata::types::{StatementData, StatusString};
use aws_smithy_types::DateTime;
use serde_json::{Value, json};

use crate::support::daemon::Start;
use crate::support::sandbox::{Aws, STAGING, Service, Setup};
use crate::workload::{Events, Form};

const ROUNDS: u64 = 6;

fn pipeline() -> String {
    let upsert = "mode = \"upsert\"\nkey = [\"event_id\"]\nnewest_by = [\"occurred_at\"]\ncreate = true\n\
                  [batch]\nmax_objects = 1\n";
    include_str!("../workload/events.toml").replace("mode   = \"append\"", upsert)
}

pub async fn seconds(rows: u64) {
    let server = crate::support::postgres::Server::start();
    measure("the embedded PostgreSQL", None, rows).await;
    if let Some(server) = &server {
        measure("a native PostgreSQL", Some(server.url.clone()), rows).await;
    }
}

async fn measure(name: &str, postgres_url: Option<String>, rows: u64) {
    let aws = Aws::with(Setup { postgres_url, ..Setup::default() }).await;
    let config = aws.configure(&Service::default(), &[&pipeline()]);
    let _daemon = Start::new(&aws, &config).spawn();
    println!("{rows} rows, upserted on {name}");
    let (mut wholes, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (body, _) = Events::new(Form::JsonLines, round, 0).gzip(rows);
        aws.put(&format!("events/{round}.gz"), body).await;
        let load = load(&aws, round + 1).await;
        let manifest = manifest(&aws, round as usize + 1).await;
        let cut: jiff::Timestamp = manifest["closed_at"].as_str().unwrap().parse().unwrap();
        let committed = seconds_of(load.updated_at.as_ref());
        let whole = committed - cut.as_millisecond() as f64 / 1e3;
        let transaction = committed - seconds_of(load.created_at.as_ref());
        let bare = bare(&aws, &manifest, round).await;
        // The first load makes tables and ledger.
        let note = if round == 0 { "; with the tables' creation" } else { "" };
        println!(
            "  cut to commit {whole:.3} s, of which the transaction {transaction:.3} s; bare COPY + MERGE {bare:.3} s: {:.2} times that{note}",
            whole / bare
        );
        if round > 0 {
            wholes.push(whole);
            ratios.push(whole / bare);
        }
    }
    println!("  median {:.3} s, {:.2} times the bare SQL", median(&mut wholes), median(&mut ratios));
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.events").await, (rows * ROUNDS) as i64);
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.bare").await, (rows * ROUNDS) as i64);
}

/// The newest load, once the ledger has so many objects; PostgreSQL is seldom asked for them, as that takes its time.
async fn load(aws: &Aws, objects: u64) -> StatementData {
    while aws.loaded("events").await < objects {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let list = aws.clients.redshift.list_statements().statement_name("tidegate-events").status(StatusString::Finished);
    let statements = list.max_results(100).send().await.unwrap().statements;
    // What makes the tables bears the pipeline's name too, and comes before the load.
    statements.into_iter().max_by_key(|statement| statement.created_at.map(|at| at.as_nanos())).unwrap()
}

/// The newest of so many manifests.
async fn manifest(aws: &Aws, batches: usize) -> Value {
    let keys: Vec<String> = aws.keys(STAGING, "tidegate/batches/").await;
    let mut manifests: Vec<&String> = keys.iter().filter(|key| key.ends_with("manifest.json")).collect();
    assert_eq!(manifests.len(), batches);
    // Their names sort by time.
    manifests.sort();
    serde_json::from_slice(&aws.get(STAGING, manifests[batches - 1]).await).unwrap()
}

/// The time of COPY into a temp table and MERGE into a table, of the manifest's files and as one transaction.
async fn bare(aws: &Aws, manifest: &Value, round: u64) -> f64 {
    let files = manifest["files"].as_array().unwrap().iter();
    let entries: Vec<Value> = files
        .map(|file| json!({ "url": file["url"], "mandatory": true, "meta": { "content_length": file["bytes"] } }))
        .collect();
    let key = format!("bare/{round}.json");
    let body = json!({ "entries": entries }).to_string().into_bytes();
    aws.clients.s3.put_object().bucket(STAGING).key(&key).body(body.into()).send().await.unwrap();
    if round == 0 {
        aws.rows("CREATE TABLE app.bare (LIKE app.events)").await;
    }
    let staged = manifest["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap());
    let columns: Vec<&str> = staged.chain(["_tidegate_object", "_tidegate_row"]).collect();
    let listed = columns.join(", ");
    let each = |form: &dyn Fn(&str) -> String| columns.iter().map(|name| form(name)).collect::<Vec<_>>().join(", ");
    let sqls = [
        "CREATE TEMP TABLE bare_rows (LIKE app.bare)".to_owned(),
        format!("COPY bare_rows ({listed}) FROM 's3://{STAGING}/{key}' IAM_ROLE default FORMAT AS PARQUET MANIFEST"),
        format!(
            "MERGE INTO app.bare USING bare_rows s ON app.bare.event_id = s.event_id WHEN MATCHED THEN UPDATE SET {} \
             WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({})",
            each(&|name| format!("{name} = s.{name}")),
            each(&|name| format!("s.{name}")),
        ),
        "DROP TABLE bare_rows".to_owned(),
    ];
    let submit = aws.clients.redshift.batch_execute_statement().workgroup_name("sandbox").database("dev");
    let id = submit.set_sqls(Some(sqls.to_vec())).send().await.unwrap().id.unwrap();
    loop {
        let end = aws.clients.redshift.describe_statement().id(&id).wait_time_seconds(10).send().await.unwrap();
        match end.status() {
            Some(StatusString::Finished) => {
                return seconds_of(end.updated_at.as_ref()) - seconds_of(end.created_at.as_ref());
            }
            Some(StatusString::Failed | StatusString::Aborted) => panic!("{:?}", end.error()),
            _ => {}
        }
    }
}

fn seconds_of(at: Option<&DateTime>) -> f64 {
    at.unwrap().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
