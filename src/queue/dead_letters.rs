//! A dead-letter queue as an operator sees it: its messages, and their way back.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use jiff::Timestamp;

use crate::aws::classify;
use crate::config::Queue;
use crate::error::{Error, ErrorKind, Result};

/// A dead-letter queue and the queue that its messages came from.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    client: aws_sdk_sqs::Client,
    name: &'static str,
    config: Queue,
}

/// A parked message, hidden from others for a while.
#[derive(Debug, Clone)]
pub struct ParkedMessage {
    /// This message in the dead-letter queue; parked again, it is another.
    pub id: String,
    /// This receipt of it.
    pub receipt: String,
    /// The body, as it was when it could not be dealt with.
    pub body: String,
    /// The group, on a FIFO queue.
    pub group: Option<String>,
    /// When it was parked; of a message that SQS itself moved from a standard queue, when it was first sent.
    pub sent_at: Option<Timestamp>,
    /// Fault, stage, kind, reason, pipeline and subject, as far as it was parked with them.
    pub attributes: BTreeMap<String, String>,
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Messages moved so far.
    pub moved: u64,
    /// Messages to be moved, by SQS's estimate at the start.
    pub of: u64,
    /// Whether it goes on.
    pub running: bool,
    /// Why it ended before its end, if it did.
    pub failure: Option<String>,
}

impl DeadLetters {
    /// The dead-letter queue of the queue that `config` names; `name` is that of the queue: `events` or `loads`.
    pub fn new(client: aws_sdk_sqs::Client, name: &'static str, config: Queue) -> Self {
        DeadLetters { client, name, config }
    }

    /// The URL of the dead-letter queue.
    pub fn address(&self) -> &str {
        &self.config.dead_letter_url
    }

    /// The URL of the queue to which messages go back.
    pub fn destination(&self) -> &str {
        &self.config.url
    }

    /// How many messages it has, by SQS's own, approximate count.
    ///
    /// # Errors
    /// `Fatal` if the queue is missing or forbidden.
    pub async fn len(&self) -> Result<u64> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let mut all = 0;
        for name in names {
            all += self.attribute(self.address(), name).await?.parse::<u64>().unwrap_or(0);
        }
        Ok(all)
    }

    /// Receives up to ten messages and hides them for `hidden`; none if none can be had within a moment.
    ///
    /// On a FIFO queue, what is behind the first ten of a group is not to be had while they are hidden.
    ///
    /// # Errors
    /// As [`classify`] says.
    pub async fn receive(&self, hidden: Duration) -> Result<Vec<ParkedMessage>> {
        let received = self
            .client
            .receive_message()
            .queue_url(self.address())
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .visibility_timeout(hidden.as_secs().min(43_200) as i32)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .send()
            .await
            .map_err(|error| classify(error, self.what("receive from"), ErrorKind::Unavailable))?;
        Ok(received.messages.unwrap_or_default().into_iter().filter_map(parked).collect())
    }

    /// Sends a message back to its queue; it is not deleted here yet.
    ///
    /// On a FIFO queue the deduplication id is this parked message's own: the one that it was first sent with would be
    /// swallowed within five minutes of that. Sent again after an interruption it is the same, and then rightly swallowed.
    ///
    /// # Errors
    /// When the message may not have been sent.
    pub async fn send_back(&self, message: &ParkedMessage) -> Result<()> {
        let mut send = self.client.send_message().queue_url(self.destination()).message_body(&message.body);
        if let Some(group) = &message.group {
            send = send.message_group_id(group).message_deduplication_id(format!("redrive-{}", message.id));
        }
        send.send().await.map_err(|error| classify(error, self.what("send back from"), ErrorKind::Unavailable))?;
        Ok(())
    }

    /// Deletes a message that was sent back.
    ///
    /// # Errors
    /// When it may still be there: it can be sent back a second time then, which loads nothing twice.
    pub async fn delete(&self, message: &ParkedMessage) -> Result<()> {
        self.client
            .delete_message()
            .queue_url(self.address())
            .receipt_handle(&message.receipt)
            .send()
            .await
            .map_err(|error| classify(error, self.what("delete from"), ErrorKind::Unavailable))?;
        Ok(())
    }

    /// Shows messages to others again. What cannot be shown shows itself when it is no longer hidden.
    pub async fn show(&self, receipts: &[String]) {
        for receipt in receipts {
            let shown = self
                .client
                .change_message_visibility()
                .queue_url(self.address())
                .receipt_handle(receipt)
                .visibility_timeout(0)
                .send()
                .await;
            if let Err(error) = shown {
                tracing::debug!(%error, "a parked message stays hidden for a while");
            }
        }
    }

    /// Has SQS move all messages back, by a task of its own that outlives this process.
    ///
    /// The destination is named: SQS knows the origin only of messages that it moved itself.
    ///
    /// # Errors
    /// As [`classify`] says; where a task is running already, too.
    pub async fn move_all(&self) -> Result<()> {
        let source = self.attribute(self.address(), QueueAttributeName::QueueArn).await?;
        let destination = self.attribute(self.destination(), QueueAttributeName::QueueArn).await?;
        self.client
            .start_message_move_task()
            .source_arn(source)
            .destination_arn(destination)
            .send()
            .await
            .map_err(|error| classify(error, self.what("move the messages of"), ErrorKind::Unavailable))?;
        Ok(())
    }

    /// How far the newest move is; `None` if there was none.
    ///
    /// # Errors
    /// As [`classify`] says.
    pub async fn moved(&self) -> Result<Option<Moved>> {
        let source = self.attribute(self.address(), QueueAttributeName::QueueArn).await?;
        let tasks = self
            .client
            .list_message_move_tasks()
            .source_arn(source)
            .max_results(1)
            .send()
            .await
            .map_err(|error| classify(error, self.what("list the moves of"), ErrorKind::Unavailable))?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(tasks.results().first().map(|task| Moved {
            moved: count(task.approximate_number_of_messages_moved()),
            of: count(task.approximate_number_of_messages_to_move().unwrap_or(0)),
            running: matches!(task.status(), Some("RUNNING" | "CANCELLING")),
            failure: task.failure_reason().map(str::to_owned),
        }))
    }

    async fn attribute(&self, url: &str, name: QueueAttributeName) -> Result<String> {
        let answer =
            self.client.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await.map_err(
                |error| classify(error, format!("cannot read the attributes of {url}"), ErrorKind::Unavailable),
            )?;
        let value = answer.attributes.and_then(|mut attributes| attributes.remove(&name));
        value.ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("{url} has no {name:?}")))
    }

    fn what(&self, verb: &str) -> String {
        format!("cannot {verb} the dead-letter queue of {}, {}", self.name, self.address())
    }
}

fn parked(raw: aws_sdk_sqs::types::Message) -> Option<ParkedMessage> {
    let system = raw.attributes.unwrap_or_default();
    let texts = raw.message_attributes.unwrap_or_default().into_iter();
    Some(ParkedMessage {
        id: raw.message_id?,
        receipt: raw.receipt_handle?,
        body: raw.body.unwrap_or_default(),
        group: system.get(&MessageSystemAttributeName::MessageGroupId).cloned(),
        sent_at: system
            .get(&MessageSystemAttributeName::SentTimestamp)
            .and_then(|text| text.parse().ok())
            .and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        attributes: texts.filter_map(|(name, value)| Some((name, value.string_value?))).collect(),
    })
}
