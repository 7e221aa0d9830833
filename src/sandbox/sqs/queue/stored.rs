//! The messages that a queue holds, the four ways to change them, and their way back from the journal.

use serde::{Deserialize, Serialize};

use super::{Accepted, Change, INTERVAL, Key, Message, Position, Queue, Settings, Time};
use crate::sandbox::sqs::order::Presence;

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) message: Message,
    /// From when the retention period counts.
    pub(crate) enqueued: Time,
    pub(crate) custody: Custody,
}

/// What has happened to a message since it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Custody {
    pub(crate) state: State,
    /// How often the message was received: `ApproximateReceiveCount`, which a dead-letter queue continues.
    pub(crate) receives: u32,
    /// How often it was received from this queue, which is what the redrive policy counts.
    pub(crate) receives_here: u32,
    pub(crate) first_received: Option<Time>,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Visible,
    Delayed { until: Time },
    InFlight { since: Time, until: Time },
}

impl Custody {
    /// The custody of a message that was never received.
    pub(crate) fn new(state: State) -> Custody {
        Custody { state, receives: 0, receives_here: 0, first_received: None }
    }

    pub(super) fn count_delivery(&mut self, now: Time) {
        self.receives = self.receives.saturating_add(1);
        self.receives_here = self.receives_here.saturating_add(1);
        self.first_received.get_or_insert(now);
    }
}

impl State {
    /// Whether a receiver holds the message.
    pub(crate) fn is_in_flight(self) -> bool {
        matches!(self, State::InFlight { .. })
    }

    fn presence(self) -> Presence {
        match self {
            State::Visible => Presence::Visible,
            State::Delayed { .. } => Presence::Delayed,
            State::InFlight { .. } => Presence::InFlight,
        }
    }

    fn hidden_until(self) -> Option<Time> {
        match self {
            State::Visible => None,
            State::Delayed { until } | State::InFlight { until, .. } => Some(until),
        }
    }
}

impl Queue {
    /// Adds a message at the end.
    pub(super) fn append(&mut self, stored: Stored) -> Position {
        let position = self.next;
        self.put(position, stored);
        self.changes.push(Change::Added(position));
        position
    }

    /// Puts a message at its position, as `append` and the journal do.
    pub(crate) fn put(&mut self, position: Position, stored: Stored) {
        self.next = self.next.max(position + 1);
        let group = stored.message.group.as_deref().unwrap_or_default();
        self.order.place(position, group, stored.custody.state.presence());
        self.ages.insert((stored.enqueued, position));
        self.timers.extend(stored.custody.state.hidden_until().map(|until| (until, position)));
        self.in_flight += usize::from(stored.custody.state.is_in_flight());
        if let Some(id) = stored.message.deduplication.as_deref() {
            let key = self.key(stored.message.group.as_deref(), id);
            let until = stored.enqueued + INTERVAL;
            self.window.note(key, Accepted { message_id: stored.message.id.clone(), position, until });
        }
        self.messages.insert(position, stored);
    }

    /// Moves a message from one state to another: the only place that does.
    pub(super) fn set_state(&mut self, position: Position, state: State) {
        let Some(stored) = self.messages.get_mut(&position) else { return };
        let before = std::mem::replace(&mut stored.custody.state, state);
        if let Some(until) = before.hidden_until() {
            self.timers.remove(&(until, position));
        }
        self.timers.extend(state.hidden_until().map(|until| (until, position)));
        self.in_flight += usize::from(state.is_in_flight());
        self.in_flight -= usize::from(before.is_in_flight());
        self.order.place(position, stored.message.group.as_deref().unwrap_or_default(), state.presence());
    }

    /// Takes a message out.
    pub(crate) fn remove(&mut self, position: Position) -> Option<Stored> {
        let stored = self.messages.remove(&position)?;
        if let Some(until) = stored.custody.state.hidden_until() {
            self.timers.remove(&(until, position));
        }
        self.in_flight -= usize::from(stored.custody.state.is_in_flight());
        self.ages.remove(&(stored.enqueued, position));
        self.order.remove(position, stored.message.group.as_deref().unwrap_or_default());
        self.changes.push(Change::Removed(position));
        Some(stored)
    }

    /// Restores what happened to a message.
    pub(crate) fn restore_custody(&mut self, position: Position, custody: Custody) {
        self.set_state(position, custody.state);
        if let Some(stored) = self.messages.get_mut(&position) {
            stored.custody = custody;
        }
    }

    /// Restores the settings as they are, and the position from which new messages are numbered.
    pub(crate) fn restore_settings(&mut self, settings: Settings, next: Position) {
        self.settings = settings;
        self.next = self.next.max(next);
    }

    /// Restores an accepted send whose message may be gone.
    pub(crate) fn restore_accepted(&mut self, key: Key, accepted: Accepted) {
        self.window.note(key, accepted);
    }

    /// What changed since this was last asked.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The message at a position.
    pub(crate) fn get(&self, position: Position) -> Option<&Stored> {
        self.messages.get(&position)
    }

    /// All messages, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Position, &Stored)> {
        self.messages.iter().map(|(position, stored)| (*position, stored))
    }

    /// The sends that a repeated one would be compared with.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = (&Key, &Accepted)> {
        self.window.iter()
    }

    /// The position that the next message takes.
    pub(crate) fn next_position(&self) -> Position {
        self.next
    }
}
