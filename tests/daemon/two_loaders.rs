//! Two loaders at once on one pipeline, where nothing but the ledger's lock keeps them apart.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::{Daemon, Start};
use crate::support::postgres::Server;
use crate::support::sandbox::{Aws, Service, Setup, s3_event};
use crate::support::{LIMIT, eventually};
use crate::warehouse::{connect, waiting_for_lock};

const OBJECTS: i64 = 30;

/// Each overlaps the one before it by half.
fn ids(object: i64) -> std::ops::Range<i64> {
    object * 10..object * 10 + 20
}

/// With FIFO protection, see `native_postgres.rs`. Without it: every request for a load goes to both loaders, each with a queue of its
/// own, and to one of them in the opposite order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_fifo_protection_two_loaders_of_the_same_batches_in_opposite_orders_are_exact() {
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { announce: false, postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let pipelines = [APPEND, UPSERT].map(|pipeline| format!("{pipeline}\n[batch]\nmax_objects = 1\n"));
    let pipelines = pipelines.each_ref().map(String::as_str);
    let config = aws.configure(&Service::default(), &pipelines);
    // The tables are made by the first load.
    let mut first = Daemon::start(&aws, &config);
    announce(&aws, 0).await;
    for pipeline in ["numbers", "latest"] {
        aws.until_loaded(pipeline, 1).await;
    }
    aws.until_drained().await;
    assert_eq!(first.terminate().await.code(), Some(0));
    let mut intake = Start::new(&aws, &config).role("intake").spawn();
    for object in 1..OBJECTS {
        announce(&aws, object).await;
    }
    aws.until_depth(&aws.queues.events, 0).await;
    assert_eq!(intake.terminate().await.code(), Some(0));

    let queues = [loads_queue(&aws, "first.fifo").await, loads_queue(&aws, "second.fifo").await];
    let requests = take_loads(&aws).await;
    assert!(requests.len() >= 50, "several transactions for each pipeline: {}", requests.len());
    for (number, (group, body)) in requests.iter().enumerate() {
        send_load(&aws, &queues[0], group, body, number).await;
    }
    for (number, (group, body)) in requests.iter().enumerate().rev() {
        send_load(&aws, &queues[1], group, body, number).await;
    }
    // Until both wait for it, nobody gets the lock: they do meet.
    let other = connect(&server).await;
    other.batch_execute("BEGIN; LOCK TABLE app.numbers IN EXCLUSIVE MODE").await.unwrap();
    let mut loaders = ["first.fifo", "second.fifo"].map(|name| {
        let config = aws.configure(&Service::default(), &pipelines);
        let text = std::fs::read_to_string(&config).unwrap().replace("tidegate-loads.fifo", name);
        std::fs::write(&config, text).unwrap();
        Start::new(&aws, &config).role("load").spawn()
    });
    let watcher = connect(&server).await;
    eventually(LIMIT, "two loads that wait for the lock", async || waiting_for_lock(&watcher).await == 2).await;
    other.batch_execute("ROLLBACK").await.unwrap();
    eventually(LIMIT, "both queues empty", async || {
        aws.depth(&queues[0]).await == 0 && aws.depth(&queues[1]).await == 0
    })
    .await;

    let all = || (0..OBJECTS).flat_map(|object| ids(object).map(move |id| (object, id)));
    let mut appended: Vec<Vec<String>> = all().map(|(object, id)| vec![id.to_string(), object.to_string()]).collect();
    appended.sort();
    let mut numbers = aws.rows("SELECT id, amount FROM app.numbers").await;
    numbers.sort();
    assert_eq!(numbers, appended);
    let newest = (0..ids(OBJECTS - 1).end).map(|id| {
        let about_it = (0..OBJECTS).filter(|object| ids(*object).contains(&id));
        let object = about_it.max_by_key(|object| (object * 7 % 11, *object)).unwrap();
        vec![id.to_string(), object.to_string()]
    });
    assert_eq!(aws.rows("SELECT id, amount FROM app.latest ORDER BY id").await, newest.collect::<Vec<_>>());
    for pipeline in ["numbers", "latest"] {
        assert_eq!(aws.loaded(pipeline).await, OBJECTS as u64);
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
    for loader in &mut loaders {
        let metrics = loader.metrics().await;
        // Each had its part, and each found batches that the other had loaded.
        for fate in ["inserted", "already_loaded"] {
            assert!(metrics.value("tidegate_rows_loaded_total", &[("fate", fate)]) > 0.0, "{fate}");
        }
        assert_eq!(loader.terminate().await.code(), Some(0));
    }
}

/// Puts an object and sends its event, twice.
async fn announce(aws: &Aws, object: i64) {
    let key = format!("in/{object}.gz");
    let rows = ids(object).map(|id| json!({ "id": id, "amount": object, "note": key, "changed": object * 7 % 11 }));
    aws.put_rows(&key, rows).await;
    let event = s3_event(&[aws.record(&key, "2026-11-21T08:00:00.000Z", Some(&format!("{object:04X}"))).await]);
    aws.send_event(&event).await;
    aws.send_event(&event).await;
}

async fn loads_queue(aws: &Aws, name: &str) -> String {
    let create = aws.clients.sqs.create_queue().queue_name(name).attributes(QueueAttributeName::FifoQueue, "true");
    create.send().await.unwrap().queue_url.unwrap()
}

/// Takes all requests for loads, each with its group, in their order.
async fn take_loads(aws: &Aws) -> Vec<(String, String)> {
    let group = aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
    let mut taken = Vec::new();
    loop {
        let receive = aws.clients.sqs.receive_message().queue_url(&aws.queues.loads).max_number_of_messages(10);
        let received = receive.message_system_attribute_names(group.clone()).send().await.unwrap();
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            return taken;
        }
        for message in messages {
            let delete = aws.clients.sqs.delete_message().queue_url(&aws.queues.loads);
            delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
            taken.push((message.attributes.unwrap().remove(&group).unwrap(), message.body.unwrap()));
        }
    }
}

async fn send_load(aws: &Aws, queue: &str, group: &str, body: &str, number: usize) {
    let send = aws.clients.sqs.send_message().queue_url(queue).message_body(body).message_group_id(group);
    send.message_deduplication_id(number.to_string()).send().await.unwrap();
}
