//! The generated SQL on a native PostgreSQL, and what only several connections can show.

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Daemon;
use crate::support::postgres::Server;
use crate::support::sandbox::{Aws, Service, Setup, s3_event};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_at_once_load_every_object_once_though_each_event_comes_twice() {
    let Some(server) = Server::start() else { return };
    let setup = Setup { announce: false, postgres_url: Some(server.url.clone()), ..Setup::default() };
    let aws = Aws::with(setup).await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let mut daemons = [Daemon::start(&aws, &config), Daemon::start(&aws, &config)];
    const OBJECTS: i64 = 30;
    for object in 0..OBJECTS {
        let key = format!("in/{object}.gz");
        // Each overlaps its neighbours by half.
        aws.put_rows(&key, rows(object * 10..object * 10 + 20)).await;
        let event = s3_event(&[aws.record(&key, "2026-11-21T08:00:00.000Z", Some(&format!("{object:04X}"))).await]);
        aws.send_event(&event).await;
        aws.send_event(&event).await;
    }
    for pipeline in ["numbers", "latest"] {
        aws.until_loaded(pipeline, OBJECTS as u64).await;
    }
    aws.until_drained().await;
    let appended: i64 = (0..OBJECTS).flat_map(|object| object * 10..object * 10 + 20).sum();
    let numbers = aws.rows("SELECT COUNT(*), SUM(id) FROM app.numbers").await.remove(0);
    assert_eq!(numbers, [(OBJECTS * 20).to_string(), appended.to_string()]);
    let ids = OBJECTS * 10 + 10;
    let latest = aws.rows("SELECT COUNT(*), COUNT(DISTINCT id), SUM(id) FROM app.latest").await.remove(0);
    assert_eq!(latest, [ids.to_string(), ids.to_string(), (0..ids).sum::<i64>().to_string()]);
    for pipeline in ["numbers", "latest"] {
        assert_eq!(aws.loaded(pipeline).await, OBJECTS as u64);
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
    for daemon in &mut daemons {
        assert_eq!(daemon.terminate().await.code(), Some(0));
    }
}
