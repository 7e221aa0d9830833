//! SQS in the sandbox, as the clients of AWS see it.

use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use tempfile::TempDir;
use tidegate::sandbox::{NotificationShape, Options, Sandbox};

use crate::support::python;

async fn start(data: &Path) -> (Sandbox, Client) {
    let listen = ([127, 0, 0, 1], 0).into();
    let notifications = NotificationShape::S3;
    let options = Options { listen, data: data.to_owned(), postgres_url: None, notifications, copy_endpoint: None };
    let sandbox = Sandbox::start(options).await.unwrap();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "key", None, None, "test"))
        .endpoint_url(sandbox.endpoint())
        .build();
    (sandbox, Client::from_conf(config))
}

async fn sandbox() -> (TempDir, Sandbox, Client) {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client) = start(folder.path()).await;
    (folder, sandbox, client)
}

async fn create(client: &Client, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
    let mut request = client.create_queue().queue_name(name);
    for (name, value) in attributes {
        request = request.attributes(name.clone(), *value);
    }
    request.send().await.unwrap().queue_url.unwrap()
}

async fn send(client: &Client, queue: &str, body: &str) -> String {
    client.send_message().queue_url(queue).message_body(body).send().await.unwrap().message_id.unwrap()
}

async fn receive(client: &Client, queue: &str) -> Vec<Message> {
    let receive = client.receive_message().queue_url(queue).max_number_of_messages(10);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.message_attribute_names("All").send().await.unwrap().messages.unwrap_or_default()
}

async fn attribute(client: &Client, queue: &str, name: QueueAttributeName) -> String {
    let answer = client.get_queue_attributes().queue_url(queue).attribute_names(name.clone()).send().await.unwrap();
    answer.attributes.unwrap()[&name].clone()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body().unwrap()).collect()
}

fn system<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

#[tokio::test]
async fn a_message_is_sent_received_once_and_deleted() {
    let (_folder, sandbox, client) = sandbox().await;
    let queue = create(&client, "events", &[]).await;
    let attribute = |kind: &str| MessageAttributeValue::builder().data_type(kind);
    let text = attribute("String").string_value("größer").build().unwrap();
    let bytes = attribute("Binary.gzip").binary_value(Blob::new([0, 159, 146, 150])).build().unwrap();
    let sent = client.send_message().queue_url(&queue).message_body("{\"a\":\"ä\"}");
    let sent = sent.message_attributes("text", text.clone()).message_attributes("bytes", bytes.clone());
    let sent = sent.send().await.unwrap();

    let received = receive(&client, &queue).await;
    let message = received.first().unwrap();
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.body(), Some("{\"a\":\"ä\"}"));
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    let attributes = message.message_attributes().unwrap();
    assert_eq!((&attributes["text"], &attributes["bytes"]), (&text, &bytes));
    assert_eq!(system(message, &MessageSystemAttributeName::ApproximateReceiveCount), Some("1"));
    assert!(system(message, &MessageSystemAttributeName::SentTimestamp).is_some());

    assert!(receive(&client, &queue).await.is_empty(), "it is in flight");
    let handle = message.receipt_handle().unwrap();
    client.delete_message().queue_url(&queue).receipt_handle(handle).send().await.unwrap();
    client.delete_message().queue_url(&queue).receipt_handle(handle).send().await.unwrap();
    let not_visible = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    assert_eq!(self::attribute(&client, &queue, not_visible).await, "0");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn errors_are_those_of_the_sdk() {
    let (_folder, sandbox, client) = sandbox().await;
    let missing = client.get_queue_url().queue_name("nothing").send().await.map_err(SdkError::into_service_error);
    assert!(missing.unwrap_err().is_queue_does_not_exist());

    let queue = create(&client, "events", &[(QueueAttributeName::VisibilityTimeout, "7")]).await;
    let again = client.create_queue().queue_name("events").attributes(QueueAttributeName::VisibilityTimeout, "8");
    assert!(again.send().await.map_err(SdkError::into_service_error).unwrap_err().is_queue_name_exists());

    let garbage = client.delete_message().queue_url(&queue).receipt_handle("garbage").send().await;
    assert!(garbage.map_err(SdkError::into_service_error).unwrap_err().is_receipt_handle_is_invalid());

    send(&client, &queue, "x").await;
    let handle = receive(&client, &queue).await.remove(0).receipt_handle.unwrap();
    let release = client.change_message_visibility().queue_url(&queue).receipt_handle(handle).visibility_timeout(0);
    release.clone().send().await.unwrap();
    let error = release.send().await.map_err(SdkError::into_service_error).unwrap_err();
    assert!(error.is_message_not_inflight());

    let invalid = client.send_message().queue_url(&queue).message_body("\u{2}").send().await;
    assert!(invalid.map_err(SdkError::into_service_error).unwrap_err().is_invalid_message_contents());
    let empty = client.delete_message_batch().queue_url(&queue).set_entries(Some(Vec::new())).send().await;
    assert!(empty.map_err(SdkError::into_service_error).unwrap_err().is_empty_batch_request());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_can_fail_in_part() {
    let (_folder, sandbox, client) = sandbox().await;
    let queue = create(&client, "events", &[]).await;
    let entry =
        |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    let sent = client.send_message_batch().queue_url(&queue);
    let sent = sent.entries(entry("good", "fine")).entries(entry("bad", "\u{b}")).send().await.unwrap();
    assert_eq!(sent.successful().iter().map(|entry| entry.id()).collect::<Vec<_>>(), ["good"]);
    assert_eq!(sent.failed().len(), 1);
    assert_eq!((sent.failed()[0].id(), sent.failed()[0].sender_fault()), ("bad", true));
    assert_eq!(sent.failed()[0].code(), "InvalidMessageContents");

    let handle = receive(&client, &queue).await.remove(0).receipt_handle.unwrap();
    let entry = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let deleted = client.delete_message_batch().queue_url(&queue);
    let deleted = deleted.entries(entry("bad", "garbage")).entries(entry("good", &handle)).send().await.unwrap();
    assert_eq!(deleted.successful().iter().map(|entry| entry.id()).collect::<Vec<_>>(), ["good"]);
    assert_eq!((deleted.failed()[0].id(), deleted.failed()[0].code()), ("bad", "ReceiptHandleIsInvalid"));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_fifo_queue_orders_groups_and_recognises_repeated_sends() {
    let (_folder, sandbox, client) = sandbox().await;
    let queue = create(&client, "loads.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    let send = async |group: &str, body: &str| {
        let send = client.send_message().queue_url(&queue).message_body(body);
        send.message_group_id(group).message_deduplication_id(body).send().await.unwrap()
    };
    let first = send("a", "a1").await;
    send("b", "b1").await;
    send("a", "a2").await;
    let repeated = send("a", "a1").await;
    assert_eq!(repeated.message_id(), first.message_id());
    assert_eq!(repeated.sequence_number(), first.sequence_number());

    let one = client.receive_message().queue_url(&queue).send().await.unwrap().messages.unwrap();
    assert_eq!(bodies(&one), ["a1"]);
    assert_eq!(bodies(&receive(&client, &queue).await), ["b1"], "group a is in flight");
    let handle = one[0].receipt_handle().unwrap();
    client.delete_message().queue_url(&queue).receipt_handle(handle).send().await.unwrap();
    let rest = receive(&client, &queue).await;
    assert_eq!(bodies(&rest), ["a2"]);
    assert_eq!(system(&rest[0], &MessageSystemAttributeName::MessageGroupId), Some("a"));
    assert_eq!(system(&rest[0], &MessageSystemAttributeName::MessageDeduplicationId), Some("a2"));
    assert!(system(&rest[0], &MessageSystemAttributeName::SequenceNumber) > first.sequence_number());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_and_comes_back_by_a_move_task() {
    let (_folder, sandbox, client) = sandbox().await;
    let dead = create(&client, "events-dead", &[]).await;
    let dead_arn = attribute(&client, &dead, QueueAttributeName::QueueArn).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":"2"}}"#);
    let settings = [(QueueAttributeName::RedrivePolicy, policy.as_str()), (QueueAttributeName::VisibilityTimeout, "0")];
    let queue = create(&client, "events", &settings).await;
    let id = send(&client, &queue, "poison").await;
    for _ in 0..2 {
        assert_eq!(bodies(&receive(&client, &queue).await), ["poison"]);
    }
    assert!(receive(&client, &queue).await.is_empty());
    let buried = receive(&client, &dead).await.remove(0);
    assert_eq!(buried.message_id(), Some(id.as_str()));
    assert_eq!(system(&buried, &MessageSystemAttributeName::ApproximateReceiveCount), Some("3"));
    let source = attribute(&client, &queue, QueueAttributeName::QueueArn).await;
    assert_eq!(system(&buried, &MessageSystemAttributeName::DeadLetterQueueSourceArn), Some(source.as_str()));
    let handle = buried.receipt_handle().unwrap();
    let release = client.change_message_visibility().queue_url(&dead).receipt_handle(handle).visibility_timeout(0);
    release.send().await.unwrap();

    client.start_message_move_task().source_arn(&dead_arn).send().await.unwrap();
    let back = client.receive_message().queue_url(&queue).wait_time_seconds(10).send().await.unwrap();
    let back = back.messages.unwrap().remove(0);
    assert_eq!(back.body(), Some("poison"));
    assert_ne!(back.message_id(), Some(id.as_str()), "it is a new message");
    let tasks = client.list_message_move_tasks().source_arn(&dead_arn).send().await.unwrap();
    assert_eq!(tasks.results()[0].approximate_number_of_messages_moved(), 1);
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_long_poll_ends_when_a_message_arrives() {
    let (_folder, sandbox, client) = sandbox().await;
    let queue = create(&client, "events", &[]).await;
    let poll = client.receive_message().queue_url(&queue).wait_time_seconds(20).send();
    let started = Instant::now();
    let (received, _) = tokio::join!(poll, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        send(&client, &queue, "at last").await
    });
    assert_eq!(bodies(&received.unwrap().messages.unwrap()), ["at last"]);
    assert!(started.elapsed() < Duration::from_secs(15), "it did not wait to its end");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_restart_on_another_port_keeps_queues_messages_and_who_holds_them() {
    let (folder, sandbox, client) = sandbox().await;
    let queue = create(&client, "events", &[(QueueAttributeName::VisibilityTimeout, "600")]).await;
    let held = send(&client, &queue, "held").await;
    let handle = receive(&client, &queue).await.remove(0).receipt_handle.unwrap();
    let waiting = send(&client, &queue, "waiting").await;
    sandbox.stop().await.unwrap();

    let (sandbox, client) = start(folder.path()).await;
    // The URL of before, with the port of before.
    assert_eq!(attribute(&client, &queue, QueueAttributeName::VisibilityTimeout).await, "600");
    let received = receive(&client, &queue).await;
    assert_eq!(received.iter().map(|message| message.message_id().unwrap()).collect::<Vec<_>>(), [waiting]);
    let release = client.change_message_visibility().queue_url(&queue).receipt_handle(handle).visibility_timeout(0);
    release.send().await.unwrap();
    let released = receive(&client, &queue).await;
    assert_eq!(released[0].message_id(), Some(held.as_str()));
    assert_eq!(system(&released[0], &MessageSystemAttributeName::ApproximateReceiveCount), Some("2"));
    sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_finds_the_semantics_of_sqs() {
    let (_folder, sandbox, _client) = sandbox().await;
    let endpoint = sandbox.endpoint();
    let limit = Duration::from_secs(120);
    let script = tokio::task::spawn_blocking(move || python::run("sandbox/sqs_semantics.py", &[endpoint], limit));
    if let Some(output) = script.await.unwrap() {
        assert!(output.status.success(), "{}\n{}", output.stdout, output.stderr);
        assert!(output.stdout.ends_with("all checks passed\n"), "{}", output.stdout);
    }
    sandbox.stop().await.unwrap();
}
