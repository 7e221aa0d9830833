//! What a receiver does with a receipt handle: DeleteMessage, ChangeMessageVisibility and their batches.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use super::batch::Batch;
use crate::sandbox::sqs::name::QueueName;
use crate::sandbox::sqs::queue::{Queue, Receipt, ReceiptFault};
use crate::sandbox::sqs::refusal::{Code, Refusal};
use crate::sandbox::sqs::registry::Registry;
use crate::sandbox::sqs::settings::VISIBILITY_LIMIT;
use crate::sandbox::sqs::time::Time;

/// A request to delete a received message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Delete {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

/// A request to let a received message become visible sooner or later.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeVisibility {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

/// Deletes one message.
pub(crate) fn delete(registry: &mut Registry, now: Time, request: Delete) -> Answer {
    let name = QueueName::from_url(request.queue_url.as_deref())?;
    let queue = &mut registry.get(&name)?.queue;
    delete_one(&name, queue, now, &request)
}

/// Deletes up to ten messages.
pub(crate) fn delete_batch(registry: &mut Registry, now: Time, batch: Batch<Delete>) -> Answer {
    let name = QueueName::from_url(batch.queue_url.as_deref())?;
    let queue = &mut registry.get(&name)?.queue;
    batch.run(|request| delete_one(&name, queue, now, &request))
}

/// Changes the visibility of one message.
pub(crate) fn change_visibility(registry: &mut Registry, now: Time, request: ChangeVisibility) -> Answer {
    let name = QueueName::from_url(request.queue_url.as_deref())?;
    let queue = &mut registry.get(&name)?.queue;
    change_one(&name, queue, now, &request)
}

/// Changes the visibility of up to ten messages.
pub(crate) fn change_visibility_batch(registry: &mut Registry, now: Time, batch: Batch<ChangeVisibility>) -> Answer {
    let name = QueueName::from_url(batch.queue_url.as_deref())?;
    let queue = &mut registry.get(&name)?.queue;
    batch.run(|request| change_one(&name, queue, now, &request))
}

fn delete_one(name: &QueueName, queue: &mut Queue, now: Time, request: &Delete) -> Answer {
    let handle = request.receipt_handle.as_deref().ok_or_else(|| Refusal::missing("ReceiptHandle"))?;
    let receipt = parse(name, handle)?;
    queue.delete(now, receipt).map_err(|fault| refuse(fault, handle, 0))?;
    Ok(json!({}))
}

fn change_one(name: &QueueName, queue: &mut Queue, now: Time, request: &ChangeVisibility) -> Answer {
    let handle = request.receipt_handle.as_deref().ok_or_else(|| Refusal::missing("ReceiptHandle"))?;
    let seconds = request.visibility_timeout.ok_or_else(|| Refusal::missing("VisibilityTimeout"))?;
    if !(0..=VISIBILITY_LIMIT).contains(&seconds) {
        let reason = format!("Must be between 0 and {VISIBILITY_LIMIT}, if provided.");
        return Err(Refusal::invalid("VisibilityTimeout", seconds, &reason));
    }
    let receipt = parse(name, handle)?;
    let visibility = Duration::from_secs(seconds.unsigned_abs());
    queue.change_visibility(now, receipt, visibility).map_err(|fault| refuse(fault, handle, seconds))?;
    Ok(json!({}))
}

fn refuse(fault: ReceiptFault, handle: &str, seconds: i64) -> Refusal {
    match fault {
        ReceiptFault::Expired => Refusal::invalid("ReceiptHandle", handle, "The receipt handle has expired."),
        ReceiptFault::Gone => Refusal::invalid(
            "ReceiptHandle",
            handle,
            "Message does not exist or is not available for visibility timeout change.",
        ),
        ReceiptFault::NotInFlight => {
            Refusal::new(Code::MessageNotInflight, "The message referred to is not in flight.")
        }
        ReceiptFault::TooLong => {
            let reason =
                format!("Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_LIMIT} seconds].");
            Refusal::invalid("VisibilityTimeout", seconds, &reason)
        }
    }
}

/// The handle of a receipt: opaque to clients, and only good for its queue.
pub(super) fn handle(name: &QueueName, receipt: Receipt) -> String {
    URL_SAFE_NO_PAD.encode(format!("{name}/{}/{}", receipt.position, receipt.delivery))
}

fn parse(name: &QueueName, handle: &str) -> Result<Receipt, Refusal> {
    let parse = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
        let (position, delivery) = text.strip_prefix(name.as_str())?.strip_prefix('/')?.split_once('/')?;
        Some(Receipt { position: position.parse().ok()?, delivery: delivery.parse().ok()? })
    };
    parse().ok_or_else(|| {
        Refusal::new(
            Code::ReceiptHandleIsInvalid,
            format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
        )
    })
}
