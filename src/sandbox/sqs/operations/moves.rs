//! StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask.

use serde::Deserialize;
use serde_json::json;

use super::Answer;
use crate::sandbox::sqs::moves::{RATE_LIMIT, TaskId};
use crate::sandbox::sqs::name::QueueName;
use crate::sandbox::sqs::refusal::Refusal;
use crate::sandbox::sqs::registry::Registry;
use crate::sandbox::sqs::time::Time;

/// A request to move a dead-letter queue's messages.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StartMove {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

/// A request for the latest tasks of a source.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListMoves {
    source_arn: Option<String>,
    max_results: Option<i64>,
}

/// A request to stop a task.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CancelMove {
    task_handle: Option<String>,
}

/// Starts a task: its id, for whoever drives it, and the reply.
pub(crate) fn start(
    registry: &mut Registry,
    now: Time,
    request: &StartMove,
) -> Result<(TaskId, serde_json::Value), Refusal> {
    let source = QueueName::from_arn_parameter("SourceArn", request.source_arn.as_deref())?;
    let destination = request.destination_arn.as_deref();
    let destination = destination.map(|arn| QueueName::from_arn_parameter("DestinationArn", Some(arn))).transpose()?;
    let rate = request.max_number_of_messages_per_second.map(|rate| {
        u32::try_from(rate).ok().filter(|rate| (1..=RATE_LIMIT).contains(rate)).ok_or_else(|| {
            let reason = format!("Must be between 1 and {RATE_LIMIT}.");
            Refusal::invalid("MaxNumberOfMessagesPerSecond", rate, &reason)
        })
    });
    let (id, handle) = registry.start_move(now, source, destination, rate.transpose()?)?;
    Ok((id, json!({ "TaskHandle": handle })))
}

/// Lists the latest tasks of a source.
pub(crate) fn list(registry: &mut Registry, _now: Time, request: ListMoves) -> Answer {
    let source = QueueName::from_arn_parameter("SourceArn", request.source_arn.as_deref())?;
    let max = request.max_results.unwrap_or(1);
    let max = usize::try_from(max).ok().filter(|max| (1..=10).contains(max));
    let max = max.ok_or_else(|| {
        Refusal::invalid("MaxResults", request.max_results.unwrap_or(1), "Must be between 1 and 10, if provided.")
    })?;
    Ok(json!({ "Results": registry.list_moves(&source, max)? }))
}

/// Stops a task.
pub(crate) fn cancel(registry: &mut Registry, _now: Time, request: CancelMove) -> Answer {
    let handle = request.task_handle.ok_or_else(|| Refusal::missing("TaskHandle"))?;
    Ok(json!({ "ApproximateNumberOfMessagesMoved": registry.cancel_move(&handle)? }))
}
