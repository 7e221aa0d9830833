//! However often an object is announced, it is loaded once.

use serde_json::{Value, json};

use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Daemon;
use crate::support::sandbox::{Aws, Service};

fn rows(ids: std::ops::Range<i64>) -> impl Iterator<Item = Value> {
    ids.map(|id| json!({ "id": id, "amount": id * 2, "note": format!("n{id}"), "changed": id }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_are_put_are_rows_of_every_pipeline_that_wants_them() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let mut daemon = Daemon::start(&aws, &config);
    aws.put_rows("in/a.json.gz", rows(0..10)).await;
    aws.put_rows("in/b.json.gz", rows(5..20)).await;
    aws.until_loaded("numbers", 2).await;
    aws.until_loaded("latest", 2).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(amount) FROM app.numbers").await, [["25", "450"]]);
    assert_eq!(aws.rows("SELECT COUNT(*), SUM(amount) FROM app.latest").await, [["20", "380"]]);
    for pipeline in ["numbers", "latest"] {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
    assert_eq!(daemon.terminate().await.code(), Some(0));
}
