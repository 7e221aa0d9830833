//! What a FIFO queue has accepted lately, so that a repeated send is recognised.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::queue::Position;
use super::time::Time;

/// How long a repeated send counts as a duplicate.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// What makes two sends the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The message group, where the queue's `DeduplicationScope` is `messageGroup`.
    pub(crate) group: Option<String>,
    pub(crate) id: String,
}

/// A send that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) message_id: String,
    pub(crate) position: Position,
    pub(crate) until: Time,
}

/// The sends of the last five minutes, whether or not their messages still exist.
#[derive(Debug, Default)]
pub(crate) struct Window {
    accepted: HashMap<Key, Accepted>,
    ends: VecDeque<(Time, Key)>,
}

impl Window {
    /// The earlier send with this key, if it is still in the window.
    pub(crate) fn find(&self, key: &Key, now: Time) -> Option<&Accepted> {
        self.accepted.get(key).filter(|accepted| accepted.until > now)
    }

    /// Remembers a send.
    pub(crate) fn note(&mut self, key: Key, accepted: Accepted) {
        self.ends.push_back((accepted.until, key.clone()));
        self.accepted.insert(key, accepted);
    }

    /// Forgets what has left the window.
    pub(crate) fn settle(&mut self, now: Time) {
        while let Some((until, key)) = self.ends.front() {
            if *until > now {
                return;
            }
            if self.accepted.get(key).is_some_and(|accepted| accepted.until <= now) {
                self.accepted.remove(key);
            }
            self.ends.pop_front();
        }
    }

    /// All that is remembered.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Accepted)> {
        self.accepted.iter()
    }
}
