//! Settling messages: deleting, parking and releasing them, in batches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::inflight::{InFlight, ObjectKey, Outcome, Work};
use crate::backoff;
use crate::failpoint;
use crate::queue::{Leases, Message, MessageId, Reason, SqsQueue};
use crate::telemetry::metrics as names;

/// How often a call that settles messages is tried before they are left to the end of their visibility.
const TRIES: u32 = 5;

/// Where stages report how objects ended.
#[derive(Clone)]
pub(super) struct Settler {
    inflight: Arc<Mutex<InFlight>>,
    leases: Leases,
    settled: mpsc::Sender<(Message, Outcome)>,
}

impl Settler {
    /// A settler, and the receiver for [`run`].
    pub(super) fn new(leases: Leases) -> (Self, mpsc::Receiver<(Message, Outcome)>) {
        let (settled, receiver) = mpsc::channel(1_024);
        (Settler { inflight: Arc::default(), leases, settled }, receiver)
    }

    /// Keeps the lease on a message that was received and is not admitted yet.
    pub(super) fn hold(&self, message: &Message) {
        self.leases.hold(message);
    }

    /// Holds a message until `objects` are settled; gives the objects that nobody reads yet.
    pub(super) async fn admit(
        &self,
        message: Message,
        outcome: Outcome,
        objects: &[ObjectKey],
    ) -> Vec<(Work, CancellationToken)> {
        self.leases.hold(&message);
        let admitted = self.lock().admit(message, outcome, objects);
        if let Some(settled) = admitted.settled {
            self.send(settled).await;
        }
        admitted.start
    }

    /// Reports how an object ended.
    pub(super) async fn settle(&self, work: Work, outcome: Outcome) {
        let settled = self.lock().settle(work, &outcome);
        for message in settled {
            self.send(message).await;
        }
    }

    /// Stops the work for a message whose lease is lost.
    pub(super) fn lose(&self, id: &MessageId) {
        self.lock().lose(id);
    }

    /// How many messages wait for their objects.
    pub(super) fn held(&self) -> usize {
        self.lock().len()
    }

    /// Releases every message that still waits; for the end of the process.
    pub(super) async fn release_all(&self) {
        let waiting = self.lock().drain();
        for message in waiting {
            self.send((message, Outcome::Release(Duration::ZERO))).await;
        }
    }

    async fn send(&self, settled: (Message, Outcome)) {
        if self.settled.send(settled).await.is_err() {
            tracing::debug!("a message is left to the end of its visibility: the process is stopping");
        }
    }

    fn lock(&self) -> MutexGuard<'_, InFlight> {
        // A panic within a change can at worst leave a message unsettled, which its visibility timeout mends.
        self.inflight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Settles messages until every [`Settler`] is gone.
pub(super) async fn run(queue: SqsQueue, leases: Leases, mut settled: mpsc::Receiver<(Message, Outcome)>) {
    let mut waiting = Vec::new();
    while settled.recv_many(&mut waiting, 200).await > 0 {
        let mut deletes: Vec<String> = Vec::new();
        let mut parks: Vec<(Message, Reason)> = Vec::new();
        let mut releases: BTreeMap<Duration, Vec<String>> = BTreeMap::new();
        for (mut message, outcome) in waiting.drain(..) {
            // The lease ends before the call: one renewed on a deleted message would look like a lost one.
            match outcome {
                Outcome::Done => deletes.push(leases.end(&message)),
                Outcome::Park(reason) => {
                    message.receipt = leases.end(&message);
                    parks.push((message, reason));
                }
                Outcome::Release(delay) => releases.entry(delay).or_default().extend(leases.give_up(&message)),
            }
        }
        delete(&queue, &deletes).await;
        for (message, reason) in parks {
            park(&queue, &message, &reason).await;
        }
        for (delay, receipts) in releases {
            release(&queue, &receipts, delay).await;
        }
    }
}

/// Deletes messages. Those that cannot be deleted come again, and are then found to be loaded already.
pub(super) async fn delete(queue: &SqsQueue, receipts: &[String]) {
    if receipts.is_empty() {
        return;
    }
    let mut waiting = receipts.to_vec();
    for _ in 0..TRIES {
        let Some(refused) = persist("delete", || queue.delete(&waiting)).await else { break };
        count(queue, "deleted", waiting.len() - refused.len());
        waiting = refused;
        if waiting.is_empty() {
            break;
        }
        tokio::time::sleep(backoff::delay(1, Duration::from_millis(200), Duration::from_secs(5))).await;
    }
    if waiting.is_empty() {
        if queue.name() == "events" {
            failpoint::passed("intake.events-deleted");
        } else {
            failpoint::passed("load.messages-deleted");
        }
    }
}

/// Parks a message; if that fails it is not deleted, and comes again.
pub(super) async fn park(queue: &SqsQueue, message: &Message, reason: &Reason) {
    if persist("park", || queue.park(message, reason)).await.is_some() {
        count(queue, "parked", 1);
    }
}

/// Parks a message as several, each a part of what it asked for; if that fails it is not deleted, and comes again.
pub(super) async fn park_parts(queue: &SqsQueue, message: &Message, parts: &[(String, Reason)]) {
    if persist("park", || queue.park_parts(message, parts)).await.is_some() {
        count(queue, "parked", 1);
    }
}

/// Makes messages visible again after `delay`.
pub(super) async fn release(queue: &SqsQueue, receipts: &[String], delay: Duration) {
    if receipts.is_empty() {
        return;
    }
    if persist("release", || queue.change_visibility(receipts, delay)).await.is_some() {
        count(queue, "released", receipts.len());
    }
}

async fn persist<T, F: Future<Output = crate::error::Result<T>>>(
    what: &'static str,
    call: impl Fn() -> F,
) -> Option<T> {
    for failures in 1.. {
        match call().await {
            Ok(value) => return Some(value),
            Err(error) if failures < TRIES => {
                metrics::counter!(names::RETRIES, "operation" => what).increment(1);
                tracing::debug!(%error, what, "trying again");
                tokio::time::sleep(backoff::delay(failures, Duration::from_millis(200), Duration::from_secs(5))).await;
            }
            Err(error) => {
                tracing::error!(%error, what, "messages are left to the end of their visibility, and come again");
                break;
            }
        }
    }
    None
}

fn count(queue: &SqsQueue, outcome: &'static str, messages: usize) {
    metrics::counter!(names::MESSAGES_SETTLED, "queue" => queue.name(), "outcome" => outcome)
        .increment(messages as u64);
}
