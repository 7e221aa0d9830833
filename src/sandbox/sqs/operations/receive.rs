//! ReceiveMessage: what is asked, and how a delivered message is shown. The waiting is in [`super::super::Sqs`].

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::receipts;
use crate::sandbox::sqs::message::{Attributes, Message, md5_of, md5_of_attributes};
use crate::sandbox::sqs::name::QueueName;
use crate::sandbox::sqs::queue::{Position, Receipt, Receive, Stored};
use crate::sandbox::sqs::refusal::Refusal;
use crate::sandbox::sqs::registry::Registry;
use crate::sandbox::sqs::settings::VISIBILITY_LIMIT;
use crate::sandbox::sqs::time::Time;

/// Who sent the messages, in the form of an IAM user's unique id.
const SENDER: &str = "AIDASANDBOXTIDEGATE00";

/// A request to receive messages.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

/// A receive whose parameters are valid.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) name: QueueName,
    /// How long to wait for a message.
    pub(crate) wait: Duration,
    receive: Receive,
    system_names: Vec<String>,
    names: Vec<String>,
}

impl Reception {
    /// Checks the parameters, and takes the queue's defaults for those that are not given.
    pub(crate) fn parse(registry: &mut Registry, request: ReceiveMessage) -> Result<Reception, Refusal> {
        let name = QueueName::from_url(request.queue_url.as_deref())?;
        let settings = registry.get(&name)?.queue.settings();
        let max = between("MaxNumberOfMessages", request.max_number_of_messages.unwrap_or(1), 1, 10)?;
        let wait = request.wait_time_seconds.map(|wait| between("WaitTimeSeconds", wait, 0, 20)).transpose()?;
        let visibility = request.visibility_timeout;
        let visibility =
            visibility.map(|timeout| between("VisibilityTimeout", timeout, 0, VISIBILITY_LIMIT)).transpose()?;
        Ok(Reception {
            wait: wait.map_or(settings.wait, Duration::from_secs),
            receive: Receive {
                max: usize::try_from(max).unwrap_or(1),
                visibility: visibility.map_or(settings.visibility_timeout, Duration::from_secs),
                can_redrive: false,
            },
            name,
            system_names: [request.attribute_names, request.message_system_attribute_names].concat(),
            names: request.message_attribute_names,
        })
    }

    /// Receives what there is; `None` if there is nothing.
    pub(crate) fn attempt(&self, registry: &mut Registry, now: Time) -> Result<Option<Value>, Refusal> {
        let received = registry.receive(now, &self.name, self.receive)?;
        if received.is_empty() {
            return Ok(None);
        }
        let messages: Vec<Value> = received.iter().map(|(receipt, stored)| self.render(*receipt, stored)).collect();
        Ok(Some(json!({ "Messages": messages })))
    }

    fn render(&self, receipt: Receipt, stored: &Stored) -> Value {
        let message = &stored.message;
        let mut rendered = json!({
            "MessageId": message.id,
            "ReceiptHandle": receipts::handle(&self.name, receipt),
            "MD5OfBody": md5_of(message.body.as_bytes()),
            "Body": message.body,
        });
        let system = self.system_attributes(receipt.position, stored);
        if !system.is_empty() {
            rendered["Attributes"] = Value::Object(system);
        }
        let attributes: BTreeMap<_, _> = self.attributes(&message.attributes);
        if !attributes.is_empty() {
            // The digest is of what is returned, which is what a client can check.
            rendered["MD5OfMessageAttributes"] = json!(md5_of_attributes(attributes.clone()));
            rendered["MessageAttributes"] = json!(attributes);
        }
        rendered
    }

    fn attributes<'a>(
        &self,
        attributes: &'a Attributes,
    ) -> BTreeMap<&'a String, &'a super::super::message::AttributeValue> {
        let asked = |name: &str| {
            self.names.iter().any(|wanted| match wanted.strip_suffix(".*") {
                Some(prefix) => name.starts_with(prefix),
                None => wanted == "All" || wanted == name,
            })
        };
        attributes.iter().filter(|(name, _)| asked(name)).collect()
    }

    fn system_attributes(&self, position: Position, stored: &Stored) -> Map<String, Value> {
        let Stored { message, custody, .. } = stored;
        let first_received = custody.first_received.map(|time| time.millis().to_string());
        let all = [
            ("SenderId", Some(SENDER.to_owned())),
            ("SentTimestamp", Some(message.sent.millis().to_string())),
            ("ApproximateReceiveCount", Some(custody.receives.to_string())),
            ("ApproximateFirstReceiveTimestamp", first_received),
            ("SequenceNumber", self.name.is_fifo().then(|| sequence_number(position))),
            ("MessageDeduplicationId", message.deduplication.clone()),
            ("MessageGroupId", message.group.clone()),
            ("AWSTraceHeader", trace_header(message)),
            ("DeadLetterQueueSourceArn", message.dead_letter_source.clone()),
        ];
        let asked = |name: &str| self.system_names.iter().any(|wanted| wanted == "All" || wanted == name);
        let asked = all.into_iter().filter(|(name, _)| asked(name));
        asked.filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?)))).collect()
    }
}

/// The number by which a FIFO queue orders a message: 20 digits, so that it sorts as text too.
pub(super) fn sequence_number(position: Position) -> String {
    format!("{position:020}")
}

fn trace_header(message: &Message) -> Option<String> {
    message.system_attributes.get("AWSTraceHeader").and_then(|value| value.text()).map(str::to_owned)
}

fn between(parameter: &str, value: i64, least: i64, most: i64) -> Result<u64, Refusal> {
    if (least..=most).contains(&value) {
        return Ok(value.unsigned_abs());
    }
    let reason = format!("Must be between {least} and {most}, if provided.");
    Err(Refusal::invalid(parameter, value, &reason))
}
