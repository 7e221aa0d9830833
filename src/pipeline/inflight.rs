//! Which messages wait for which objects. Pure.
//!
//! A message is settled when every object that it announces is: deleted if all are durable, parked if one is poison, released if one
//! must be tried again. An object announced by several messages is read once, and settles them all.

use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::ObjectId;
use crate::queue::{Message, MessageId, Reason};

/// An object in a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ObjectKey {
    pub(super) pipeline: usize,
    pub(super) id: ObjectId,
}

/// One reading of an object. Where the lease of every message that waited for it was lost, a later message begins another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub(super) key: ObjectKey,
    generation: u64,
}

/// How an object, or all objects of a message, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Durable, or nothing to do: the message can be deleted.
    Done,
    /// Poison: the message goes to the dead-letter queue.
    Park(Reason),
    /// To be tried again after this time: the message is released.
    Release(Duration),
}

impl Outcome {
    /// The outcome of a message with objects that ended in both ways.
    ///
    /// Release comes before park: what is released is delivered again whole, and its poison is parked then.
    fn and(self, other: Outcome) -> Outcome {
        match (self, other) {
            (Outcome::Release(one), Outcome::Release(other)) => Outcome::Release(one.max(other)),
            (release @ Outcome::Release(_), _) | (_, release @ Outcome::Release(_)) => release,
            (park @ Outcome::Park(_), _) | (_, park @ Outcome::Park(_)) => park,
            (Outcome::Done, Outcome::Done) => Outcome::Done,
        }
    }
}

#[derive(Debug)]
struct Held {
    message: Message,
    waiting: usize,
    outcome: Outcome,
}

#[derive(Debug)]
struct Tracked {
    generation: u64,
    messages: Vec<MessageId>,
    cancel: CancellationToken,
}

/// The messages held, and the objects that they wait for.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    messages: HashMap<MessageId, Held>,
    objects: HashMap<ObjectKey, Tracked>,
    /// The number of readings begun.
    generations: u64,
}

/// What is to be done with an admitted message.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// Objects that nobody reads yet, each with the token that stops its work.
    pub(super) start: Vec<(Work, CancellationToken)>,
    /// The message, if it waits for nothing.
    pub(super) settled: Option<(Message, Outcome)>,
}

impl InFlight {
    /// Holds a message until `objects` are settled; `outcome` is that of what it announces beside them.
    pub(super) fn admit(&mut self, message: Message, outcome: Outcome, objects: &[ObjectKey]) -> Admitted {
        let mut admitted = Admitted::default();
        if let Some(held) = self.messages.get_mut(&message.id) {
            // Delivered again while its work goes on: only the newer receipt can settle it.
            held.message = message;
            return admitted;
        }
        let id = message.id.clone();
        let mut waiting = 0;
        for key in objects {
            let tracked = self.objects.entry(*key).or_insert_with(|| {
                let cancel = CancellationToken::new();
                self.generations += 1;
                admitted.start.push((Work { key: *key, generation: self.generations }, cancel.clone()));
                Tracked { generation: self.generations, messages: Vec::new(), cancel }
            });
            if !tracked.messages.contains(&id) {
                tracked.messages.push(id.clone());
                waiting += 1;
            }
        }
        if waiting == 0 {
            admitted.settled = Some((message, outcome));
        } else {
            self.messages.insert(id, Held { message, waiting, outcome });
        }
        admitted
    }

    /// Settles an object; gives the messages that waited for nothing else. A reading that was given up settles nothing.
    pub(super) fn settle(&mut self, work: Work, outcome: &Outcome) -> Vec<(Message, Outcome)> {
        if self.objects.get(&work.key).is_none_or(|tracked| tracked.generation != work.generation) {
            return Vec::new();
        }
        let Some(tracked) = self.objects.remove(&work.key) else { return Vec::new() };
        let mut settled = Vec::new();
        for id in tracked.messages {
            let Some(held) = self.messages.get_mut(&id) else { continue };
            held.waiting -= 1;
            held.outcome = std::mem::replace(&mut held.outcome, Outcome::Done).and(outcome.clone());
            if held.waiting == 0
                && let Some(held) = self.messages.remove(&id)
            {
                settled.push((held.message, held.outcome));
            }
        }
        settled
    }

    /// Forgets a message whose lease was lost, and stops the work on objects for which no other message waits.
    pub(super) fn lose(&mut self, id: &MessageId) {
        self.messages.remove(id);
        self.objects.retain(|_, tracked| {
            tracked.messages.retain(|waiting| waiting != id);
            if tracked.messages.is_empty() {
                tracked.cancel.cancel();
            }
            !tracked.messages.is_empty()
        });
    }

    /// How many messages are held.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Takes all messages that are still held, to be released.
    pub(super) fn drain(&mut self) -> Vec<Message> {
        self.objects.clear();
        self.messages.drain().map(|(_, held)| held.message).collect()
    }
}
