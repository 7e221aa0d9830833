//! One SQS queue and its dead-letter queue.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Reason;
use crate::aws::classify;
use crate::backoff;
use crate::config::Queue;
use crate::error::{Error, ErrorKind, Result};
use crate::telemetry::metrics as names;

/// The most messages that SQS gives, deletes or changes in one call.
const BATCH: usize = 10;

/// Calls under way at once to delete messages.
const CONCURRENT_DELETES: usize = 8;

/// How many refusals within a call's messages are borne, and the first wait behind one.
const SEND_TRIES: u32 = 50;
const SEND_WAIT: Duration = Duration::from_millis(100);

/// Identifies a message through all its deliveries.
pub type MessageId = Arc<str>;

/// A message as received: hidden from other consumers until its lease ends.
#[derive(Debug, Clone)]
pub struct Message {
    /// The message, the same at each delivery.
    pub id: MessageId,
    /// This delivery of it.
    pub receipt: String,
    /// The body.
    pub body: String,
    /// The group, on a FIFO queue.
    pub group: Option<String>,
    /// How often the message was received, this time included.
    pub receive_count: u32,
    /// When the message was sent.
    pub sent_at: Option<Timestamp>,
}

/// How many messages a queue has, by SQS's own, approximate count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting to be received.
    pub visible: u64,
    /// Received and neither deleted nor visible again.
    pub in_flight: u64,
    /// Not to be received yet.
    pub delayed: u64,
}

/// A queue and its dead-letter queue.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: aws_sdk_sqs::Client,
    name: &'static str,
    config: Queue,
}

impl SqsQueue {
    /// The queue that `config` names; `name` labels its metrics: `events` or `loads`.
    pub fn new(client: aws_sdk_sqs::Client, name: &'static str, config: Queue) -> Self {
        SqsQueue { client, name, config }
    }

    /// The name in metrics and logs.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How long a received message stays hidden unless its lease is renewed.
    pub fn visibility(&self) -> Duration {
        self.config.visibility
    }

    /// Receives up to ten messages, waiting up to 20 s for the first.
    ///
    /// # Errors
    /// As [`classify`] says; `Fatal` if the queue is missing or forbidden.
    pub async fn receive(&self) -> Result<Vec<Message>> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.config.url)
            .max_number_of_messages(BATCH as i32)
            .wait_time_seconds(20)
            .visibility_timeout(seconds(self.config.visibility))
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .send()
            .await
            .map_err(|error| self.failed(error, "receive from"))?;
        let messages: Vec<Message> = received.messages.unwrap_or_default().into_iter().filter_map(message).collect();
        metrics::counter!(names::MESSAGES_RECEIVED, "queue" => self.name).increment(messages.len() as u64);
        let now = Timestamp::now();
        if let Some(oldest) = messages.iter().filter_map(|message| message.sent_at).min() {
            let age = now.duration_since(oldest).as_secs_f64().max(0.0);
            metrics::gauge!(names::QUEUE_OLDEST, "queue" => self.name).set(age);
        }
        Ok(messages)
    }

    /// Deletes messages by their receipts; gives those receipts for which it is worth trying again: SQS reports them with HTTP 200.
    ///
    /// # Errors
    /// When a call fails as a whole: nothing is known of any of the receipts then, which may be tried again.
    pub async fn delete(&self, receipts: &[String]) -> Result<Vec<String>> {
        let calls: Vec<_> = receipts.chunks(BATCH).map(|chunk| self.delete_some(chunk)).collect();
        let calls = stream::iter(calls).buffer_unordered(CONCURRENT_DELETES);
        let refused: Vec<Vec<String>> = calls.try_collect().await?;
        Ok(refused.into_iter().flatten().collect())
    }

    async fn delete_some(&self, receipts: &[String]) -> Result<Vec<String>> {
        let entries = receipts.iter().enumerate().filter_map(|(at, receipt)| {
            DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(receipt).build().ok()
        });
        let answer = self
            .client
            .delete_message_batch()
            .queue_url(&self.config.url)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| self.failed(error, "delete from"))?;
        let mut refused = Vec::new();
        for failed in answer.failed {
            tracing::warn!(queue = self.name, code = %failed.code, reason = failed.message, "a message was not deleted");
            // An expired receipt stays so: the message comes again, and is then found to be done.
            if !failed.sender_fault {
                refused.extend(failed.id.parse::<usize>().ok().and_then(|at| receipts.get(at)).cloned());
            }
        }
        Ok(refused)
    }

    /// Hides messages for `visibility` from now on; gives those receipts whose lease is lost.
    ///
    /// # Errors
    /// When a call fails as a whole.
    pub async fn change_visibility(&self, receipts: &[String], visibility: Duration) -> Result<Vec<String>> {
        let mut lost = Vec::new();
        for chunk in receipts.chunks(BATCH) {
            let entries = chunk.iter().enumerate().filter_map(|(at, receipt)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(at.to_string())
                    .receipt_handle(receipt)
                    .visibility_timeout(seconds(visibility))
                    .build()
                    .ok()
            });
            let answer = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.config.url)
                .set_entries(Some(entries.collect()))
                .send()
                .await
                .map_err(|error| self.failed(error, "change visibility in"))?;
            // A fault of the service says nothing about the lease: the next heartbeat tries again.
            for failed in answer.failed.into_iter().filter(|failed| failed.sender_fault) {
                lost.extend(failed.id.parse::<usize>().ok().and_then(|at| chunk.get(at)).cloned());
            }
        }
        Ok(lost)
    }

    /// Sends a message to a FIFO queue; a second one of the same `deduplication` within five minutes is dropped by SQS.
    ///
    /// # Errors
    /// When the message may not have been sent.
    pub async fn send(&self, body: &str, group: &str, deduplication: &str) -> Result<()> {
        self.client
            .send_message()
            .queue_url(&self.config.url)
            .message_body(body)
            .message_group_id(group)
            .message_deduplication_id(deduplication)
            .send()
            .await
            .map_err(|error| self.failed(error, "send to"))?;
        Ok(())
    }

    /// Sends messages to a standard queue, ten a call; those that SQS refuses one by one, which it reports with HTTP 200, are sent again for a while.
    ///
    /// # Errors
    /// When one may not have been sent; others of `bodies` may have been.
    pub async fn send_all(&self, bodies: &[String]) -> Result<()> {
        for chunk in bodies.chunks(BATCH) {
            let mut left: Vec<usize> = (0..chunk.len()).collect();
            let mut failures = 0;
            while !left.is_empty() {
                let entries = left.iter().filter_map(|at| {
                    SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(&chunk[*at]).build().ok()
                });
                let answer = self
                    .client
                    .send_message_batch()
                    .queue_url(&self.config.url)
                    .set_entries(Some(entries.collect()))
                    .send()
                    .await
                    .map_err(|error| self.failed(error, "send to"))?;
                left.clear();
                for refused in answer.failed {
                    failures += 1;
                    if refused.sender_fault || failures > SEND_TRIES {
                        let why = refused.message.unwrap_or(refused.code);
                        let message = format!("the {} queue refused a message: {why}", self.name);
                        return Err(Error::new(ErrorKind::Unavailable, message));
                    }
                    left.extend(refused.id.parse::<usize>().ok().filter(|at| *at < chunk.len()));
                }
                if !left.is_empty() {
                    metrics::counter!(names::RETRIES, "operation" => "send").increment(1);
                    tokio::time::sleep(backoff::delay(failures, SEND_WAIT, SEND_WAIT * 100)).await;
                }
            }
        }
        Ok(())
    }

    /// Puts a copy of the message, with its reason, into the dead-letter queue, and only then deletes it.
    ///
    /// # Errors
    /// When the copy may not be there (the message is not deleted), or the message could not be deleted.
    pub async fn park(&self, message: &Message, reason: &Reason) -> Result<()> {
        self.park_parts(message, &[(message.body.clone(), reason.clone())]).await
    }

    /// Puts a message for each of `parts` into the dead-letter queue, with its reason, and only then deletes the message itself.
    ///
    /// # Errors
    /// As [`park`](Self::park).
    pub async fn park_parts(&self, message: &Message, parts: &[(String, Reason)]) -> Result<()> {
        for (body, reason) in parts {
            let mut send = self
                .client
                .send_message()
                .queue_url(&self.config.dead_letter_url)
                .message_body(body)
                .set_message_attributes(Some(reason.attributes()));
            if let Some(group) = &message.group {
                // By what it says: a second try may have found other parts, and none may be taken for one of the first.
                let deduplication = format!("{}-{}", message.id, digest(body));
                send = send.message_group_id(group).message_deduplication_id(deduplication);
            }
            send.send().await.map_err(|error| self.failed(error, "park in the dead-letter queue of"))?;
            metrics::counter!(names::PARKED, "queue" => self.name, "stage" => reason.stage, "kind" => reason.kind)
                .increment(1);
            tracing::warn!(
                queue = self.name, message.id = %message.id, pipeline = reason.pipeline, subject = reason.subject,
                stage = reason.stage, fault = reason.fault, kind = reason.kind, reason = %reason.message, "parked"
            );
        }
        self.delete(std::slice::from_ref(&message.receipt)).await?;
        Ok(())
    }

    /// The depths of the queue and of its dead-letter queue.
    ///
    /// # Errors
    /// As [`classify`] says; `Fatal` if either queue is missing or forbidden.
    pub async fn depths(&self) -> Result<(Depth, Depth)> {
        Ok((self.depth(&self.config.url).await?, self.depth(&self.config.dead_letter_url).await?))
    }

    async fn depth(&self, url: &str) -> Result<Depth> {
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesDelayed)
            .send()
            .await
            .map_err(|error| classify(error, format!("cannot read the attributes of {url}"), ErrorKind::Unavailable))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name: QueueAttributeName| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Depth {
            visible: number(QueueAttributeName::ApproximateNumberOfMessages),
            in_flight: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            delayed: number(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
        })
    }

    fn failed<E>(
        &self,
        error: aws_sdk_sqs::error::SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
        verb: &str,
    ) -> Error
    where
        E: aws_sdk_sqs::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        classify(error, format!("cannot {verb} the {} queue {}", self.name, self.config.url), ErrorKind::Unavailable)
    }
}

fn message(raw: aws_sdk_sqs::types::Message) -> Option<Message> {
    let attributes = raw.attributes.unwrap_or_default();
    let sent_at = attributes
        .get(&MessageSystemAttributeName::SentTimestamp)
        .and_then(|text| text.parse().ok())
        .and_then(|millis| Timestamp::from_millisecond(millis).ok());
    Some(Message {
        id: raw.message_id?.into(),
        receipt: raw.receipt_handle?,
        body: raw.body.unwrap_or_default(),
        group: attributes.get(&MessageSystemAttributeName::MessageGroupId).cloned(),
        receive_count: attributes
            .get(&MessageSystemAttributeName::ApproximateReceiveCount)
            .and_then(|text| text.parse().ok())
            .unwrap_or(1),
        sent_at,
    })
}

/// 16 hexadecimal digits that tell bodies apart.
fn digest(body: &str) -> String {
    Sha256::digest(body).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// SQS counts visibility in whole seconds, at most 12 hours.
fn seconds(duration: Duration) -> i32 {
    duration.as_secs().min(43_200) as i32
}
