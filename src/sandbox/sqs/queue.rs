//! One queue as a state machine: it takes the time as a parameter and does no I/O.
//!
//! A message is visible, delayed or in flight, and moves between these states only through [`Queue::set_state`]; what
//! changed is collected as [`Change`]s, from which the registry writes the journal.

#[cfg(test)]
mod properties;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::deduplication::{Accepted, INTERVAL, Key, Window};
use super::message::{Draft, Message, hex};
use super::order::Order;
use super::refusal::{Code, Refusal};
use super::settings::{DELAY_LIMIT, Settings, VISIBILITY_LIMIT};
use super::time::Time;

pub(crate) use stored::{Custody, State, Stored};

/// Where a message stands in its queue: it grows with each message and is never used twice.
pub(crate) type Position = u64;

/// The most messages of a standard queue that can be in flight.
pub(crate) const STANDARD_IN_FLIGHT_LIMIT: usize = 120_000;
/// The most messages of a FIFO queue that can be in flight.
pub(crate) const FIFO_IN_FLIGHT_LIMIT: usize = 20_000;

/// The messages of a queue.
#[derive(Debug)]
pub(crate) struct Queue {
    settings: Settings,
    next: Position,
    messages: BTreeMap<Position, Stored>,
    order: Order,
    /// When each message that is delayed or in flight becomes visible.
    timers: BTreeSet<(Time, Position)>,
    /// The messages by age, for the retention period.
    ages: BTreeSet<(Time, Position)>,
    in_flight: usize,
    window: Window,
    changes: Vec<Change>,
}

/// What the journal must know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Added(Position),
    Custody(Position),
    Removed(Position),
    Purged,
}

/// A send that was accepted, now or, for a duplicate, earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) message_id: String,
    pub(crate) position: Position,
}

/// What is asked of a receive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receive {
    pub(crate) max: usize,
    pub(crate) visibility: Duration,
    /// Whether a dead-letter queue is there to take what was received too often.
    pub(crate) can_redrive: bool,
}

/// What a receive takes out of sight.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) messages: Vec<(Receipt, Stored)>,
    /// Received too often: to be buried in the dead-letter queue.
    pub(crate) dead: Vec<Stored>,
}

/// A delivery of a message: its place, and which of its deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Receipt {
    pub(crate) position: Position,
    pub(crate) delivery: u32,
}

/// Why a receipt does not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiptFault {
    /// A FIFO queue takes a receipt only while it holds its message.
    Expired,
    /// The message was deleted, moved or purged.
    Gone,
    /// The message is visible again, or in flight under a later receipt.
    NotInFlight,
    /// The message would be in flight for more than twelve hours.
    TooLong,
}

/// How many messages are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) delayed: usize,
    pub(crate) in_flight: usize,
}

impl Queue {
    /// A queue without messages.
    pub(crate) fn new(settings: Settings) -> Queue {
        Queue {
            order: Order::new(settings.fifo),
            settings,
            next: 1,
            messages: BTreeMap::new(),
            timers: BTreeSet::new(),
            ages: BTreeSet::new(),
            in_flight: 0,
            window: Window::default(),
            changes: Vec::new(),
        }
    }

    /// The queue's settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the settings; a FIFO queue's delay applies to the messages that wait already.
    pub(crate) fn change_settings(&mut self, now: Time, settings: Settings) {
        self.settle(now);
        self.settings = settings;
        if self.settings.fifo {
            let delayed: Vec<Position> = self.timers.iter().map(|(_, position)| *position).collect();
            for position in delayed {
                let Some(stored) = self.messages.get(&position) else { continue };
                if let State::Delayed { .. } = stored.custody.state {
                    let until = stored.enqueued + self.settings.delay;
                    self.set_state(position, State::Delayed { until });
                    self.changes.push(Change::Custody(position));
                }
            }
        }
        self.settle(now);
    }

    /// Enqueues a message, unless it repeats one of the last five minutes in a FIFO queue.
    pub(crate) fn send(&mut self, now: Time, message_id: String, draft: Draft) -> Result<Sent, Refusal> {
        self.settle(now);
        draft.check()?;
        if draft.size() > self.settings.maximum_size {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                format!(
                    "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                    self.settings.maximum_size
                ),
            ));
        }
        let delay = self.delay_of(&draft)?;
        let deduplication = self.deduplication_of(&draft)?;
        if let Some(id) = &deduplication
            && let Some(earlier) = self.window.find(&self.key(draft.group.as_deref(), id), now)
        {
            return Ok(Sent { message_id: earlier.message_id.clone(), position: earlier.position });
        }
        let message = Message {
            id: message_id.clone(),
            body: draft.body,
            attributes: draft.attributes,
            system_attributes: draft.system_attributes,
            group: draft.group,
            deduplication,
            sent: now,
            dead_letter_source: None,
        };
        let state = if delay.is_zero() { State::Visible } else { State::Delayed { until: now + delay } };
        let position = self.append(Stored { message, enqueued: now, custody: Custody::new(state) });
        Ok(Sent { message_id, position })
    }

    /// Takes up to `max` messages in flight, and out those that were received too often.
    pub(crate) fn receive(&mut self, now: Time, receive: Receive) -> Result<Received, Refusal> {
        self.settle(now);
        let limit = if self.settings.fifo { FIFO_IN_FLIGHT_LIMIT } else { STANDARD_IN_FLIGHT_LIMIT };
        let room = limit.saturating_sub(self.in_flight);
        if room == 0 && !self.settings.fifo {
            let message = format!("Too many messages in flight: the queue's limit is {limit}.");
            return Err(Refusal::new(Code::OverLimit, message));
        }
        let max = receive.max.min(room);
        let redrive = self.settings.redrive.as_ref().filter(|_| receive.can_redrive);
        let max_receives = redrive.map_or(u32::MAX, |redrive| redrive.max_receives);
        let (mut taken, mut dead) = (Vec::new(), Vec::new());
        for position in self.order.deliverable() {
            if taken.len() == max {
                break;
            }
            let receives = self.messages.get(&position).map_or(0, |stored| stored.custody.receives_here);
            if receives >= max_receives { dead.push(position) } else { taken.push(position) }
        }

        let mut received = Received::default();
        received.dead.extend(dead.into_iter().filter_map(|position| self.remove(position)));
        for position in taken {
            self.set_state(position, State::InFlight { since: now, until: now + receive.visibility });
            let Some(stored) = self.messages.get_mut(&position) else { continue };
            stored.custody.count_delivery(now);
            let receipt = Receipt { position, delivery: stored.custody.receives };
            received.messages.push((receipt, stored.clone()));
            self.changes.push(Change::Custody(position));
        }
        self.settle(now);
        Ok(received)
    }

    /// Deletes the message of the latest receipt. An outdated receipt of a standard queue is answered with success and
    /// does nothing, as is one whose message is gone.
    pub(crate) fn delete(&mut self, now: Time, receipt: Receipt) -> Result<(), ReceiptFault> {
        self.settle(now);
        let Some(stored) = self.messages.get(&receipt.position) else { return Ok(()) };
        let latest = stored.custody.receives == receipt.delivery;
        if self.settings.fifo && !(latest && stored.custody.state.is_in_flight()) {
            return Err(ReceiptFault::Expired);
        }
        if latest {
            self.remove(receipt.position);
        }
        Ok(())
    }

    /// Lets the message of a receipt become visible after `visibility` from now.
    pub(crate) fn change_visibility(
        &mut self,
        now: Time,
        receipt: Receipt,
        visibility: Duration,
    ) -> Result<(), ReceiptFault> {
        self.settle(now);
        let stored = self.messages.get(&receipt.position).ok_or(ReceiptFault::Gone)?;
        let since = match stored.custody.state {
            State::InFlight { since, .. } if stored.custody.receives == receipt.delivery => since,
            _ if self.settings.fifo => return Err(ReceiptFault::Expired),
            _ => return Err(ReceiptFault::NotInFlight),
        };
        let until = now + visibility;
        if until.since(since) > Duration::from_secs(VISIBILITY_LIMIT.unsigned_abs()) {
            return Err(ReceiptFault::TooLong);
        }
        self.set_state(receipt.position, State::InFlight { since, until });
        self.changes.push(Change::Custody(receipt.position));
        self.settle(now);
        Ok(())
    }

    /// Deletes all messages, in flight or not.
    pub(crate) fn purge(&mut self) {
        self.messages.clear();
        self.order = Order::new(self.settings.fifo);
        self.timers.clear();
        self.ages.clear();
        self.in_flight = 0;
        self.changes.push(Change::Purged);
    }

    /// Takes in a message that `source`, an ARN, has given up.
    pub(crate) fn bury(&mut self, now: Time, mut dead: Stored, source: String) {
        self.settle(now);
        dead.message.dead_letter_source = Some(source);
        dead.custody = Custody { state: State::Visible, receives_here: 0, ..dead.custody };
        if self.settings.fifo {
            // A FIFO dead-letter queue counts the retention from the move, and takes two messages with one
            // deduplication id.
            dead.enqueued = now;
            dead.message.deduplication = Some(dead.message.id.clone());
        }
        self.append(dead);
    }

    /// The oldest message that could be received.
    pub(crate) fn first(&mut self, now: Time) -> Option<&Stored> {
        self.settle(now);
        let position = self.order.deliverable().next()?;
        self.messages.get(&position)
    }

    /// Takes out the oldest message that could be received.
    pub(crate) fn take_first(&mut self, now: Time) -> Option<Stored> {
        self.settle(now);
        let position = self.order.deliverable().next()?;
        self.remove(position)
    }

    /// Takes in a message that a move task brings back: it is a new one, with its own id and age.
    pub(crate) fn revive(&mut self, now: Time, message_id: String, mut message: Message) {
        self.settle(now);
        message.id = message_id;
        message.sent = now;
        message.dead_letter_source = None;
        self.append(Stored { message, enqueued: now, custody: Custody::new(State::Visible) });
    }

    /// Lets time pass: removes what is over the retention period, and shows what was hidden long enough.
    pub(crate) fn settle(&mut self, now: Time) {
        while let Some((_, position)) =
            self.ages.first().copied().filter(|(enqueued, _)| *enqueued + self.settings.retention <= now)
        {
            self.remove(position);
        }
        while let Some((_, position)) = self.timers.first().copied().filter(|(until, _)| *until <= now) {
            self.set_state(position, State::Visible);
        }
        self.window.settle(now);
    }

    /// When the next hidden message becomes visible.
    pub(crate) fn next_visible(&self) -> Option<Time> {
        self.timers.first().map(|(until, _)| *until)
    }

    /// Whether a receive would find a message.
    pub(crate) fn has_deliverable(&self) -> bool {
        self.order.deliverable().next().is_some()
    }

    /// The messages in each state.
    pub(crate) fn counts(&mut self, now: Time) -> Counts {
        self.settle(now);
        let visible = self.messages.len() - self.timers.len();
        Counts { visible, delayed: self.timers.len() - self.in_flight, in_flight: self.in_flight }
    }

    fn delay_of(&self, draft: &Draft) -> Result<Duration, Refusal> {
        let Some(seconds) = draft.delay_seconds else { return Ok(self.settings.delay) };
        if !(0..=DELAY_LIMIT).contains(&seconds) {
            let reason = format!("DelaySeconds must be >= 0 and <= {DELAY_LIMIT}.");
            return Err(Refusal::invalid("DelaySeconds", seconds, &reason));
        }
        if self.settings.fifo && seconds != 0 {
            let reason = "The request include parameter that is not valid for this queue type.";
            return Err(Refusal::invalid("DelaySeconds", seconds, reason));
        }
        // A FIFO queue's delay is the queue's alone, else a group would be delivered out of order.
        Ok(if self.settings.fifo { self.settings.delay } else { Duration::from_secs(seconds.unsigned_abs()) })
    }

    fn deduplication_of(&self, draft: &Draft) -> Result<Option<String>, Refusal> {
        if !self.settings.fifo {
            return match &draft.deduplication {
                Some(id) => Err(Refusal::invalid(
                    "MessageDeduplicationId",
                    id,
                    "The request include parameter that is not valid for this queue type.",
                )),
                None => Ok(None),
            };
        }
        if draft.group.is_none() {
            return Err(Refusal::missing("MessageGroupId"));
        }
        match &draft.deduplication {
            Some(id) => Ok(Some(id.clone())),
            None if self.settings.content_based_deduplication => Ok(Some(hex(&Sha256::digest(&draft.body)))),
            None => Err(Refusal::new(
                Code::InvalidParameterValue,
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                 explicitly",
            )),
        }
    }

    fn key(&self, group: Option<&str>, id: &str) -> Key {
        let group = group.filter(|_| self.settings.deduplication_per_group);
        Key { group: group.map(str::to_owned), id: id.to_owned() }
    }
}
