//! SQS over memory, with a journal on disk.
//!
//! `queue` is the state machine of one queue: it takes the time and does no I/O. `registry` holds all queues behind one
//! lock and writes what changed to the `journal`; `operations` reads the requests of the JSON protocol and words the
//! replies; here is what needs a clock and a runtime: the dispatch, the long poll and the move tasks.
//!
//! Unlike AWS, a queue's name can be used again at once after the queue was deleted, a queue can be purged more often
//! than once a minute, `ReceiveRequestAttemptId` and policies have no effect, a standard queue delivers in order of
//! arrival, counts are exact, and the query protocol is not spoken.

mod deduplication;
mod journal;
mod message;
mod moves;
mod name;
mod operations;
mod order;
mod queue;
mod refusal;
mod registry;
mod settings;
#[cfg(test)]
mod tests;
mod time;

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::message::Draft;
use self::moves::{Next, TaskId};
use self::name::QueueName;
use self::operations::moves::StartMove;
use self::operations::receive::{ReceiveMessage, Reception};
use self::operations::{Answer, moves as move_tasks, queues, receipts, send};
use self::refusal::{Code, Refusal};
use self::registry::{Registry, message_id};
use self::time::Time;
use super::wire::Reply;
use crate::error::Result;

/// The queues of a sandbox.
pub(crate) struct Sqs {
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for one operation at a time, never while waiting.
    registry: Mutex<Registry>,
    /// Ends the move tasks.
    closing: CancellationToken,
}

impl Sqs {
    /// Opens the queues saved in `folder`, or none.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub(crate) fn open(folder: &Path, endpoint: String) -> Result<Arc<Sqs>> {
        let registry = Mutex::new(Registry::open(folder, endpoint)?);
        Ok(Arc::new(Sqs { shared: Arc::new(Shared { registry, closing: CancellationToken::new() }) }))
    }

    /// Answers one operation of the JSON protocol, such as `ReceiveMessage`.
    pub(crate) async fn handle(&self, operation: &str, body: &[u8]) -> Reply {
        match self.answer(operation, body).await {
            Ok(answer) => Reply::ok(&answer),
            Err(refusal) => refusal.reply(),
        }
    }

    /// Sends a message as a service of AWS would; false if there is no such queue or it does not take the message.
    pub(crate) fn deliver(&self, queue_arn: &str, body: String) -> bool {
        let Some(name) = QueueName::from_arn(queue_arn) else { return false };
        let sent = self.shared.transact(|registry, now| {
            let draft = Draft { body, ..Draft::default() };
            registry.get(&name)?.queue.send(now, message_id(), draft)
        });
        if let Err(refusal) = &sent {
            tracing::warn!(queue = %name, ?refusal, "sandbox: a notification was not delivered");
        }
        sent.is_ok()
    }

    /// Whether there is a queue of this ARN.
    pub(crate) fn queue_exists(&self, queue_arn: &str) -> bool {
        QueueName::from_arn(queue_arn).is_some_and(|name| self.shared.lock().contains(&name))
    }

    /// Ends the move tasks, and forces the queues to the disk.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(crate) fn close(&self) -> Result<()> {
        self.shared.closing.cancel();
        self.shared.lock().sync()
    }

    async fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        match operation {
            "CancelMessageMoveTask" => self.run(body, move_tasks::cancel),
            "ChangeMessageVisibility" => self.run(body, receipts::change_visibility),
            "ChangeMessageVisibilityBatch" => self.run(body, receipts::change_visibility_batch),
            "CreateQueue" => self.run(body, queues::create),
            "DeleteMessage" => self.run(body, receipts::delete),
            "DeleteMessageBatch" => self.run(body, receipts::delete_batch),
            "DeleteQueue" => self.run(body, queues::delete),
            "GetQueueAttributes" => self.run(body, queues::get_attributes),
            "GetQueueUrl" => self.run(body, queues::get_url),
            "ListDeadLetterSourceQueues" => self.run(body, queues::list_dead_letter_sources),
            "ListMessageMoveTasks" => self.run(body, move_tasks::list),
            "ListQueueTags" => self.run(body, queues::list_tags),
            "ListQueues" => self.run(body, queues::list),
            "PurgeQueue" => self.run(body, queues::purge),
            "ReceiveMessage" => self.receive(parse(body)?).await,
            "SendMessage" => self.run(body, send::send),
            "SendMessageBatch" => self.run(body, send::send_batch),
            "SetQueueAttributes" => self.run(body, queues::set_attributes),
            "StartMessageMoveTask" => self.start_move(&parse(body)?),
            "TagQueue" => self.run(body, queues::tag),
            "UntagQueue" => self.run(body, queues::untag),
            "AddPermission" | "RemovePermission" => Err(Refusal::new(
                Code::UnsupportedOperation,
                format!("the sandbox has no {operation}; set the attribute Policy instead"),
            )),
            _ => Err(Refusal::new(Code::UnknownOperation, format!("SQS has no operation {operation}"))),
        }
    }

    fn run<T: DeserializeOwned>(
        &self,
        body: &[u8],
        operation: impl FnOnce(&mut Registry, Time, T) -> Answer,
    ) -> Answer {
        let request = parse(body)?;
        self.shared.transact(|registry, now| operation(registry, now, request))
    }

    /// Receives at once, or as soon as a message arrives, comes back from a receiver or has been delayed long enough.
    async fn receive(&self, request: ReceiveMessage) -> Answer {
        let reception = self.shared.transact(|registry, _| Reception::parse(registry, request))?;
        let deadline = Instant::now() + reception.wait;
        loop {
            let arrivals = self.shared.transact(|registry, _| Ok(registry.get(&reception.name)?.arrivals.clone()))?;
            let mut arrival = pin!(arrivals.notified());
            // From here on no arrival is missed, also between the attempt and the wait.
            arrival.as_mut().enable();
            let (answer, next_visible) = self.shared.transact(|registry, now| {
                let answer = reception.attempt(registry, now)?;
                let next = registry.get(&reception.name)?.queue.next_visible();
                Ok((answer, next.map(|next| Instant::now() + next.since(now))))
            })?;
            if let Some(answer) = answer {
                return Ok(answer);
            }
            if Instant::now() >= deadline {
                return Ok(serde_json::json!({}));
            }
            tokio::select! {
                () = arrival => {}
                () = tokio::time::sleep_until(next_visible.map_or(deadline, |next| next.min(deadline))) => {}
            }
        }
    }

    fn start_move(&self, request: &StartMove) -> Answer {
        let (id, answer) = self.shared.transact(|registry, now| move_tasks::start(registry, now, request))?;
        tokio::spawn(drive_move(self.shared.clone(), id));
        Ok(answer)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an operation and makes what it did durable; also if it was refused, since time may have moved messages.
    fn transact<T>(
        &self,
        operation: impl FnOnce(&mut Registry, Time) -> std::result::Result<T, Refusal>,
    ) -> std::result::Result<T, Refusal> {
        let mut registry = self.lock();
        let result = operation(&mut registry, Time::now());
        registry.commit().map_err(|error| {
            tracing::error!(%error, "sandbox: the queues' journal cannot be written");
            Refusal::new(Code::InternalError, error.to_string())
        })?;
        result
    }
}

/// Carries a move task out; it ends with its last message, when it is cancelled, or when the sandbox closes.
async fn drive_move(shared: Arc<Shared>, id: TaskId) {
    loop {
        let next = shared.transact(|registry, now| {
            // Under the lock, so that nothing is written after `close`.
            Ok(if shared.closing.is_cancelled() { Next::Ended } else { registry.step_move(now, &id) })
        });
        match next {
            Ok(Next::Continue) => tokio::task::yield_now().await,
            Ok(Next::After(pause)) => tokio::time::sleep(pause).await,
            Ok(Next::Ended) | Err(_) => return,
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> std::result::Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(Code::MalformedInput, error.to_string()))
}
