//! Move tasks: the messages of a dead-letter queue on their way back.
//!
//! A task takes what can be received from its source, a step at a time under the registry's lock. Tasks are not in the
//! journal: one that a restart interrupts leaves the rest in the dead-letter queue.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::name::QueueName;
use super::refusal::{Code, Refusal};
use super::registry::{Registry, message_id};
use super::time::Time;

/// The highest rate that can be asked for, in messages a second.
pub(crate) const RATE_LIMIT: u32 = 500;
/// How many tasks of a source are remembered.
const REMEMBERED: usize = 10;
/// The most messages moved in one step, so that the lock is held briefly.
const STEP: u64 = 100;
/// How often a task with a rate looks what it may move.
const TICK: Duration = Duration::from_millis(20);

/// The tasks of all queues, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Moves(Vec<Task>);

/// The id of a move task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskId(String);

#[derive(Debug)]
struct Task {
    id: TaskId,
    source: QueueName,
    /// Where to; `None` for the queue that each message came from.
    destination: Option<QueueName>,
    rate: Option<u32>,
    started: Time,
    status: Status,
    moved: u64,
    to_move: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Running,
    Completed,
    Cancelled,
    Failed(&'static str),
}

/// What a task does after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Continue,
    After(Duration),
    Ended,
}

impl Task {
    fn handle(&self) -> String {
        STANDARD.encode(json!({ "taskId": self.id.0, "sourceArn": self.source.arn() }).to_string())
    }

    /// How many messages may be moved by now.
    fn allowance(&self, now: Time) -> u64 {
        let Some(rate) = self.rate else { return STEP };
        let millis = u64::try_from(now.since(self.started).as_millis()).unwrap_or(u64::MAX);
        (millis.saturating_mul(u64::from(rate)) / 1000).saturating_sub(self.moved).min(STEP)
    }

    fn render(&self) -> Value {
        let (status, failure) = match self.status {
            Status::Running => ("RUNNING", None),
            Status::Completed => ("COMPLETED", None),
            Status::Cancelled => ("CANCELLED", None),
            Status::Failed(reason) => ("FAILED", Some(reason)),
        };
        let mut entry = json!({
            "Status": status,
            "SourceArn": self.source.arn(),
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started.millis(),
        });
        if self.status == Status::Running {
            entry["TaskHandle"] = json!(self.handle());
        }
        if let Some(destination) = &self.destination {
            entry["DestinationArn"] = json!(destination.arn());
        }
        if let Some(rate) = self.rate {
            entry["MaxNumberOfMessagesPerSecond"] = json!(rate);
        }
        if let Some(failure) = failure {
            entry["FailureReason"] = json!(failure);
        }
        entry
    }
}

impl Registry {
    /// Starts a task; its steps are the caller's to drive. Returns the task's id and handle.
    pub(crate) fn start_move(
        &mut self,
        now: Time,
        source: QueueName,
        destination: Option<QueueName>,
        rate: Option<u32>,
    ) -> Result<(TaskId, String), Refusal> {
        require(self, "SourceArn", &source)?;
        if let Some(destination) = &destination {
            require(self, "DestinationArn", destination)?;
            if destination.is_fifo() != source.is_fifo() {
                return Err(invalid("The source queue and destination queue must be of the same queue type."));
            }
            if *destination == source {
                return Err(invalid("The source queue and destination queue must be different."));
            }
        }
        if self.dead_letter_sources(&source).next().is_none() {
            return Err(invalid("Source queue must be configured as a Dead Letter Queue."));
        }
        let mut of_source = self.moves.0.iter().filter(|task| task.source == source);
        if of_source.any(|task| task.status == Status::Running) {
            return Err(invalid(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given \
                 time.",
            ));
        }
        let to_move = self.get(&source)?.queue.counts(now).visible as u64;
        let task = Task {
            id: TaskId(Uuid::now_v7().to_string()),
            source,
            destination,
            rate,
            started: now,
            status: Status::Running,
            moved: 0,
            to_move,
        };
        let answer = (task.id.clone(), task.handle());
        let remembered = self.moves.0.iter().filter(|other| other.source == task.source).count();
        if remembered >= REMEMBERED
            && let Some(oldest) = self.moves.0.iter().position(|other| other.source == task.source)
        {
            self.moves.0.remove(oldest);
        }
        self.moves.0.push(task);
        Ok(answer)
    }

    /// Moves what the task may move by now.
    pub(crate) fn step_move(&mut self, now: Time, id: &TaskId) -> Next {
        // Taken out for the step, so that the task and the queues can be changed together.
        let Some(index) = self.moves.0.iter().position(|task| task.id == *id) else { return Next::Ended };
        let mut task = self.moves.0.remove(index);
        let next = self.advance(now, &mut task);
        self.moves.0.insert(index, task);
        next
    }

    fn advance(&mut self, now: Time, task: &mut Task) -> Next {
        if task.status != Status::Running {
            return Next::Ended;
        }
        for _ in 0..task.allowance(now) {
            match self.move_one(now, task) {
                Ok(true) => task.moved += 1,
                Ok(false) => {
                    task.status = Status::Completed;
                    return Next::Ended;
                }
                Err(reason) => {
                    task.status = Status::Failed(reason);
                    return Next::Ended;
                }
            }
        }
        if task.rate.is_some() { Next::After(TICK) } else { Next::Continue }
    }

    /// Moves the oldest message; false if there is none.
    fn move_one(&mut self, now: Time, task: &Task) -> Result<bool, &'static str> {
        const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";
        let source = self.get(&task.source).map_err(|_| NO_QUEUE)?;
        let Some(first) = source.queue.first(now) else { return Ok(false) };
        let origin = first.message.dead_letter_source.as_deref().and_then(QueueName::from_arn);
        let destination = task.destination.clone().or(origin).ok_or("CouldNotDetermineMessageSource")?;
        self.get(&destination).map_err(|_| NO_QUEUE)?;
        let Some(taken) = self.get(&task.source).map_err(|_| NO_QUEUE)?.queue.take_first(now) else {
            return Ok(false);
        };
        self.get(&destination).map_err(|_| NO_QUEUE)?.queue.revive(now, message_id(), taken.message);
        Ok(true)
    }

    /// The latest tasks of a source, newest first.
    pub(crate) fn list_moves(&self, source: &QueueName, max: usize) -> Result<Vec<Value>, Refusal> {
        require(self, "SourceArn", source)?;
        Ok(self.moves.0.iter().rev().filter(|task| task.source == *source).take(max).map(Task::render).collect())
    }

    /// Stops a task, and tells how many messages it has moved; these stay where they are.
    pub(crate) fn cancel_move(&mut self, handle: &str) -> Result<u64, Refusal> {
        let (id, source) = parse_handle(handle).ok_or_else(|| invalid("Value for parameter TaskHandle is invalid."))?;
        let source = QueueName::from_arn_parameter("SourceArn", Some(&source))?;
        require(self, "SourceArn", &source)?;
        let task = self.moves.0.iter_mut().find(|task| task.id.0 == id && task.source == source);
        let task = task.ok_or_else(|| Refusal::new(Code::ResourceNotFound, "Task does not exist."))?;
        if task.status != Status::Running {
            return Err(Refusal::new(
                Code::UnsupportedOperation,
                "Cancelling a message move task that is not in status RUNNING is not supported.",
            ));
        }
        task.status = Status::Cancelled;
        Ok(task.moved)
    }
}

fn parse_handle(handle: &str) -> Option<(String, String)> {
    let handle: Value = serde_json::from_slice(&STANDARD.decode(handle).ok()?).ok()?;
    let field = |name: &str| handle.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((field("taskId")?, field("sourceArn")?))
}

fn require(registry: &Registry, parameter: &str, name: &QueueName) -> Result<(), Refusal> {
    if registry.contains(name) { Ok(()) } else { Err(Refusal::no_such_resource(parameter)) }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(Code::InvalidParameterValue, message)
}
