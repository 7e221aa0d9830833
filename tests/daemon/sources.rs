//! What sources do to those who read them: connections that stand still, keys and times in every spelling, messages that come again.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::json;

use crate::exactly_once::rows;
use crate::pipelines::APPEND;
use crate::support::daemon::{Daemon, Start};
use crate::support::fault_proxy::{Fault, FaultProxy, Plan};
use crate::support::peers::Peer;
use crate::support::sandbox::{Aws, Service, Setup};
use crate::support::{LIMIT, eventually};

/// What goes wrong elsewhere, row 4: no read timeout on GetObject; half-open sockets park every worker until a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_4_a_read_that_stands_still_is_given_up_and_resumed_at_its_offset() {
    let aws = Aws::start().await;
    // The first GET is the check at the start, which lists the staging area.
    let script = vec![("S3 GET", 1..2, Fault::Stall)];
    let proxy = FaultProxy::start(&aws.endpoints.s3, Plan::Scripted(script)).await;
    let service = Service { limits: "concurrent_objects = 1".to_owned(), ..Service::default() };
    let config = aws.configure(&service, &[APPEND]);
    let intake = proxy.before(Start::new(&aws, &config)).role("intake").spawn();
    aws.put_rows("in/a.gz", rows(0..2_000)).await;
    aws.until_depth(&aws.queues.loads, 1).await;
    let metrics = intake.metrics().await;
    assert_eq!(metrics.value("tidegate_records_total", &[("outcome", "staged")]), 2_000.0);
    assert_eq!(metrics.value("tidegate_reads_resumed_total", &[]), 1.0);
    aws.until_depth(&aws.queues.events, 0).await;
    aws.assert_nothing_parked().await;
}

/// What goes wrong elsewhere, row 18: mixed-case JSON keys arrive as NULL; nanosecond timestamps are refused by COPY.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_18_keys_keep_their_case_and_what_is_finer_than_microseconds_is_quarantined() {
    const PIPELINE: &str = r#"
name = "cases"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
user_id = { from = "userId", type = "bigint", required = true }
other_id = { from = "userID", type = "bigint" }
at = { from = "eventTime", type = "timestamp" }
[target]
table = "app.cases"
mode = "append"
create = true
"#;
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[PIPELINE]);
    let _daemon = Daemon::start(&aws, &config);
    let lines = [
        json!({ "userId": 1, "userID": 10, "eventTime": "2026-11-21T08:00:00.123456Z" }),
        json!({ "userId": 2, "USERID": 20, "eventTime": "2026-11-21T08:00:00.123456000Z" }),
        json!({ "userId": 3, "eventTime": "2026-11-21T08:00:00.123456789Z" }),
    ];
    aws.put_rows("in/a.gz", lines).await;
    aws.until_loaded("cases", 1).await;
    aws.until_drained().await;
    let at = "2026-11-21 08:00:00.123456";
    let found = aws.rows("SELECT user_id, other_id, at FROM app.cases ORDER BY user_id").await;
    assert_eq!(found, [["1", "10", at], ["2", "NULL", at]]);
    let quarantined = aws.quarantine("cases").await;
    assert_eq!(quarantined.len(), 1, "{quarantined:?}");
    assert_eq!((&quarantined[0]["record"], &quarantined[0]["column"]), (&json!(3), &json!("at")));
}

/// What goes wrong elsewhere, row 25: the queue that tests use never redelivers, so tests prove nothing. The sandbox's queues and
/// those of a server that nobody here wrote do the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_25_a_queue_delivers_again_what_is_not_deleted_in_the_sandbox_as_elsewhere() {
    delivers_again(&Aws::with(Setup { announce: false, ..Setup::default() }).await).await;
    if let Some(peer) = Peer::ministack() {
        let setup =
            Setup { s3: Some(peer.endpoint()), sqs: Some(peer.endpoint()), announce: false, ..Setup::default() };
        delivers_again(&Aws::with(setup).await).await;
    }
}

async fn delivers_again(aws: &Aws) {
    for queue in [&aws.queues.events, &aws.queues.loads] {
        let send = aws.clients.sqs.send_message().queue_url(queue).message_body("body");
        let fifo = queue.ends_with(".fifo").then(|| "one".to_owned());
        send.set_message_group_id(fifo.clone()).set_message_deduplication_id(fifo).send().await.unwrap();
        let first = receive(aws, queue).await.expect("a message");
        let received = Instant::now();
        assert!(receive(aws, queue).await.is_none(), "{queue}: it is hidden");
        let mut second = None;
        eventually(LIMIT, "the message again", async || {
            second = receive(aws, queue).await;
            second.is_some()
        })
        .await;
        assert!(received.elapsed() >= Duration::from_millis(1_500), "{queue}: not before its visibility ends");
        let second = second.unwrap();
        assert_eq!((&first.message_id, &first.body), (&second.message_id, &second.body), "{queue}");
        assert_ne!(first.receipt_handle, second.receipt_handle, "{queue}");
        let count = MessageSystemAttributeName::ApproximateReceiveCount;
        assert_eq!(second.attributes.as_ref().unwrap()[&count], "2", "{queue}");
        let delete = aws.clients.sqs.delete_message().queue_url(queue);
        delete.receipt_handle(second.receipt_handle.unwrap()).send().await.unwrap();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert!(receive(aws, queue).await.is_none(), "{queue}: what is deleted does not come again");
    }
}

/// One message, hidden for 2 s from now on.
async fn receive(aws: &Aws, queue: &str) -> Option<Message> {
    let receive = aws.clients.sqs.receive_message().queue_url(queue).visibility_timeout(2);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.send().await.unwrap().messages.unwrap_or_default().pop()
}
