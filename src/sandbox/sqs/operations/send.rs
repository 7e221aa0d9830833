//! SendMessage and SendMessageBatch.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::Answer;
use super::batch::Batch;
use crate::sandbox::sqs::message::{Attributes, Draft, WireValue, md5_of, md5_of_attributes};
use crate::sandbox::sqs::name::QueueName;
use crate::sandbox::sqs::queue::Queue;
use crate::sandbox::sqs::refusal::{Code, Refusal};
use crate::sandbox::sqs::registry::{Registry, message_id};
use crate::sandbox::sqs::settings::SIZE_LIMIT;
use crate::sandbox::sqs::time::Time;

/// A request to send a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Send {
    queue_url: Option<String>,
    #[serde(default)]
    message_body: String,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, WireValue>>,
    message_system_attributes: Option<BTreeMap<String, WireValue>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

impl Send {
    fn draft(self) -> Result<Draft, Refusal> {
        Ok(Draft {
            body: self.message_body,
            attributes: parse(self.message_attributes.unwrap_or_default())?,
            system_attributes: parse(self.message_system_attributes.unwrap_or_default())?,
            group: self.message_group_id,
            deduplication: self.message_deduplication_id,
            delay_seconds: self.delay_seconds,
        })
    }
}

fn parse(wire: BTreeMap<String, WireValue>) -> Result<Attributes, Refusal> {
    wire.into_iter()
        .map(|(name, value)| match value.try_into() {
            Ok(value) => Ok((name, value)),
            Err(reason) => Err(Refusal::new(
                Code::InvalidParameterValue,
                format!("The message attribute '{name}' is invalid: {reason}"),
            )),
        })
        .collect()
}

/// Sends one message.
pub(crate) fn send(registry: &mut Registry, now: Time, mut request: Send) -> Answer {
    let name = QueueName::from_url(request.queue_url.take().as_deref())?;
    let queue = &mut registry.get(&name)?.queue;
    enqueue(queue, now, request.draft()?)
}

/// Sends up to ten messages.
pub(crate) fn send_batch(registry: &mut Registry, now: Time, batch: Batch<Send>) -> Answer {
    let name = QueueName::from_url(batch.queue_url.as_deref())?;
    let queue = &mut registry.get(&name)?.queue;
    batch.check()?;
    let size: usize = batch.entries.iter().map(|entry| entry.request.message_body.len()).sum();
    let size = size + batch.entries.iter().map(|entry| attributes_size(&entry.request)).sum::<usize>();
    if size > SIZE_LIMIT {
        return Err(Refusal::new(
            Code::BatchRequestTooLong,
            format!("Batch requests cannot be longer than {SIZE_LIMIT} bytes. You have sent {size} bytes."),
        ));
    }
    batch.run(|request| enqueue(queue, now, request.draft()?))
}

fn attributes_size(request: &Send) -> usize {
    let attributes = request.message_attributes.iter().flatten();
    attributes.map(|(name, value)| name.len() + value.size()).sum()
}

fn enqueue(queue: &mut Queue, now: Time, draft: Draft) -> Answer {
    let mut answer = json!({ "MD5OfMessageBody": md5_of(draft.body.as_bytes()) });
    if !draft.attributes.is_empty() {
        answer["MD5OfMessageAttributes"] = json!(md5_of_attributes(&draft.attributes));
    }
    if !draft.system_attributes.is_empty() {
        answer["MD5OfMessageSystemAttributes"] = json!(md5_of_attributes(&draft.system_attributes));
    }
    let sent = queue.send(now, message_id(), draft)?;
    answer["MessageId"] = json!(sent.message_id);
    if queue.settings().fifo {
        answer["SequenceNumber"] = json!(super::receive::sequence_number(sent.position));
    }
    Ok(answer)
}
