//! Leases on messages: renewed for as long as a message is held, lost ones reported.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Message, MessageId, SqsQueue};
use crate::telemetry::metrics as names;

/// Leases renewed by one call: as many as SQS takes.
const RENEWED_AT_ONCE: usize = 10;

/// Calls under way at once: 20,000 messages then take 1,250 round trips a pass.
const CONCURRENT_RENEWALS: usize = 16;

/// How often the number of messages held is exported.
const SAMPLE_EVERY: Duration = Duration::from_secs(2);

/// The messages that this process holds of one queue.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    held: Arc<Mutex<HashMap<MessageId, String>>>,
}

impl Leases {
    /// No messages held.
    pub fn new() -> Self {
        Leases::default()
    }

    /// Holds a message from now on; of a message held already, the newer receipt counts.
    pub fn hold(&self, message: &Message) {
        self.lock().insert(message.id.clone(), message.receipt.clone());
    }

    /// Holds a message no longer, whose work is done; gives the receipt by which it is to be deleted or parked.
    ///
    /// It may have been delivered again meanwhile, and then only the newer receipt can settle it: by the old one it would stay, and its
    /// work be done again and again.
    pub fn end(&self, message: &Message) -> String {
        self.lock().remove(&message.id).unwrap_or_else(|| message.receipt.clone())
    }

    /// Holds a message no longer, whose work is to be done again; gives the receipt by which it is to be released, or `None` where it
    /// was delivered again: the work of that delivery goes on under its own lease.
    pub fn give_up(&self, message: &Message) -> Option<String> {
        let mut held = self.lock();
        match held.get(&message.id) {
            Some(current) if *current != message.receipt => None,
            _ => {
                held.remove(&message.id);
                Some(message.receipt.clone())
            }
        }
    }

    /// How many messages are held.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no message is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Renews every lease at a third of the queue's visibility timeout until `stop`; sends the messages whose lease is lost.
    ///
    /// A lost lease means that another process may hold the message: its work is to be stopped, and it must not be settled.
    pub async fn renew(self, queue: SqsQueue, lost: mpsc::Sender<MessageId>, stop: CancellationToken) {
        let mut renewals = tokio::time::interval(queue.visibility() / 3);
        renewals.tick().await;
        let mut samples = tokio::time::interval(SAMPLE_EVERY);
        loop {
            tokio::select! {
                _ = renewals.tick() => {}
                _ = samples.tick() => {
                    metrics::gauge!(names::MESSAGES_HELD, "queue" => queue.name()).set(self.len() as f64);
                    continue;
                }
                () = stop.cancelled() => return,
            }
            let ids: Vec<MessageId> = self.lock().keys().cloned().collect();
            let renewing = stream::iter(ids.chunks(RENEWED_AT_ONCE))
                .for_each_concurrent(CONCURRENT_RENEWALS, |ids| self.renew_some(&queue, ids, &lost));
            tokio::select! {
                () = renewing => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn renew_some(&self, queue: &SqsQueue, ids: &[MessageId], lost: &mpsc::Sender<MessageId>) {
        // Read only now: what was settled meanwhile must not be hidden again.
        let held: Vec<(MessageId, String)> = {
            let held = self.lock();
            ids.iter().filter_map(|id| held.get(id).map(|receipt| (id.clone(), receipt.clone()))).collect()
        };
        let receipts: Vec<String> = held.iter().map(|(_, receipt)| receipt.clone()).collect();
        let refused = match queue.change_visibility(&receipts, queue.visibility()).await {
            Ok(refused) => refused,
            Err(error) => {
                tracing::warn!(queue = queue.name(), %error, "leases could not be renewed; trying again");
                return;
            }
        };
        for (id, receipt) in held.iter().filter(|(_, receipt)| refused.contains(receipt)) {
            if self.lose(id, receipt) {
                metrics::counter!(names::LEASES_LOST, "queue" => queue.name()).increment(1);
                tracing::warn!(queue = queue.name(), message.id = %id, "lost the lease on a message");
                if lost.send(id.clone()).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Whether the lease was still held by that receipt: it may have been settled or renewed by a redelivery meanwhile.
    fn lose(&self, id: &MessageId, receipt: &str) -> bool {
        let mut held = self.lock();
        let ours = held.get(id).is_some_and(|current| current == receipt);
        if ours {
            held.remove(id);
        }
        ours
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<MessageId, String>> {
        // A panic elsewhere leaves the map whole: each change is one insert or remove.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(receipt: &str) -> Message {
        Message {
            id: "m".into(),
            receipt: receipt.into(),
            body: String::new(),
            group: None,
            receive_count: 1,
            sent_at: None,
        }
    }

    #[test]
    fn what_is_done_is_settled_by_the_newest_receipt() {
        let leases = Leases::new();
        leases.hold(&delivery("old"));
        leases.hold(&delivery("new"));
        assert_eq!(leases.end(&delivery("old")), "new");
        assert!(leases.is_empty());
        assert_eq!(leases.end(&delivery("new")), "new", "of a lease that was lost, its own");
    }

    #[test]
    fn what_is_given_up_leaves_a_newer_delivery_its_lease() {
        let leases = Leases::new();
        leases.hold(&delivery("old"));
        leases.hold(&delivery("new"));
        assert_eq!(leases.give_up(&delivery("old")), None);
        assert_eq!(leases.len(), 1);
        assert_eq!(leases.give_up(&delivery("new")).as_deref(), Some("new"));
        assert!(leases.is_empty());
    }
}
