//! The generated SQL on a native PostgreSQL, and what only several connections can show.

use serde_json::json;

use crate::pipelines::{APPEND, UPSERT};
use crate::real_data::amazon_reviews;
use crate::support::daemon::Daemon;
use crate::support::postgres::Server;
use crate::support::sandbox::{Aws, Service, Setup, s3_event};
use crate::support::{LIMIT, eventually};

/// Every other type and rule than those of the other test, and rows of real length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amazon_reviews_are_the_same_on_a_native_server() {
    let Some(server) = Server::start() else { return };
    amazon_reviews(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
}

/// The ids of an object; each overlaps the one before it by half.
fn ids(object: i64) -> std::ops::Range<i64> {
    object * 10..object * 10 + 20
}

/// What an object says of an id. It is no better than others by number: the newest is one or the other of the two.
fn amount(object: i64, id: i64) -> i64 {
    object * 1_000 + id
}

fn changed(object: i64) -> i64 {
    object * 7 % 11
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_at_once_load_every_object_once_though_each_event_comes_twice() {
    let Some(server) = Server::start() else { return };
    let setup = Setup { announce: false, postgres_url: Some(server.url.clone()), ..Setup::default() };
    let aws = Aws::with(setup).await;
    let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
    let mut daemons = [Daemon::start(&aws, &config), Daemon::start(&aws, &config)];

    // Until both have had their part, and then some.
    let mut objects = 0;
    eventually(LIMIT, "both daemons stage objects", async || {
        for object in objects..objects + 10 {
            let key = format!("in/{object}.gz");
            let rows = ids(object)
                .map(|id| json!({ "id": id, "amount": amount(object, id), "note": key, "changed": changed(object) }));
            aws.put_rows(&key, rows).await;
            let event = s3_event(&[aws.record(&key, "2026-11-21T08:00:00.000Z", Some(&format!("{object:04X}"))).await]);
            aws.send_event(&event).await;
            aws.send_event(&event).await;
        }
        objects += 10;
        let mut both = true;
        for daemon in &daemons {
            both &= daemon.metrics().await.value("tidegate_objects_total", &[("outcome", "staged")]) > 0.0;
        }
        both && objects >= 30
    })
    .await;
    for pipeline in ["numbers", "latest"] {
        aws.until_loaded(pipeline, objects as u64).await;
    }
    aws.until_drained().await;

    let all = || (0..objects).flat_map(|object| ids(object).map(move |id| (object, id)));
    let appended: i64 = all().map(|(object, id)| amount(object, id)).sum();
    let numbers = aws.rows("SELECT COUNT(*), SUM(amount) FROM app.numbers").await.remove(0);
    assert_eq!(numbers, [all().count().to_string(), appended.to_string()]);
    let newest: Vec<[String; 3]> = (0..ids(objects - 1).end)
        .map(|id| {
            let about_it = (0..objects).filter(|object| ids(*object).contains(&id));
            let object = about_it.max_by_key(|object| (changed(*object), *object)).unwrap();
            [id.to_string(), amount(object, id).to_string(), format!("in/{object}.gz")]
        })
        .collect();
    assert_eq!(aws.rows("SELECT id, amount, note FROM app.latest ORDER BY id").await, newest);
    for pipeline in ["numbers", "latest"] {
        assert_eq!(aws.loaded(pipeline).await, objects as u64);
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
    for daemon in &mut daemons {
        assert_eq!(daemon.terminate().await.code(), Some(0));
    }
}
