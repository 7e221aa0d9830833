//! Which messages of a queue can be delivered, and in what order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::queue::Position;

/// What a message's state means for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Visible,
    Delayed,
    InFlight,
}

/// The deliverable messages of a queue.
#[derive(Debug)]
pub(crate) enum Order {
    /// A standard queue's: every visible message, oldest first.
    Arrival(BTreeSet<Position>),
    /// A FIFO queue's: the visible heads of the groups of which nothing is in flight.
    Groups(Groups),
}

/// The message groups of a FIFO queue.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: HashMap<String, Group>,
    /// The groups that can be delivered from, by their first message.
    open: BTreeMap<Position, String>,
}

#[derive(Debug, Default)]
struct Group {
    members: BTreeMap<Position, Presence>,
    in_flight: usize,
    /// Where the group stands in `open`.
    opened_at: Option<Position>,
}

impl Order {
    /// The order of a queue without messages.
    pub(crate) fn new(fifo: bool) -> Order {
        if fifo { Order::Groups(Groups::default()) } else { Order::Arrival(BTreeSet::new()) }
    }

    /// Adds a message, or changes its presence.
    pub(crate) fn place(&mut self, position: Position, group: &str, presence: Presence) {
        match self {
            Order::Arrival(visible) if presence == Presence::Visible => {
                visible.insert(position);
            }
            Order::Arrival(visible) => {
                visible.remove(&position);
            }
            Order::Groups(groups) => groups.update(group, |group| {
                let before = group.members.insert(position, presence);
                group.count(before, Some(presence));
            }),
        }
    }

    /// Removes a message.
    pub(crate) fn remove(&mut self, position: Position, group: &str) {
        match self {
            Order::Arrival(visible) => {
                visible.remove(&position);
            }
            Order::Groups(groups) => groups.update(group, |group| {
                let before = group.members.remove(&position);
                group.count(before, None);
            }),
        }
    }

    /// The messages that one receive may take, in order.
    pub(crate) fn deliverable(&self) -> Box<dyn Iterator<Item = Position> + '_> {
        match self {
            Order::Arrival(visible) => Box::new(visible.iter().copied()),
            Order::Groups(groups) => Box::new(
                groups.open.values().filter_map(|name| groups.groups.get(name)).flat_map(Group::leading_visible),
            ),
        }
    }
}

impl Groups {
    fn update(&mut self, name: &str, change: impl FnOnce(&mut Group)) {
        let group = self.groups.entry(name.to_owned()).or_default();
        change(group);
        let head = group.head();
        if group.opened_at != head {
            if let Some(before) = group.opened_at {
                self.open.remove(&before);
            }
            if let Some(head) = head {
                self.open.insert(head, name.to_owned());
            }
            group.opened_at = head;
        }
        if group.members.is_empty() {
            self.groups.remove(name);
        }
    }
}

impl Group {
    fn count(&mut self, before: Option<Presence>, after: Option<Presence>) {
        self.in_flight += usize::from(after == Some(Presence::InFlight));
        self.in_flight -= usize::from(before == Some(Presence::InFlight));
    }

    fn head(&self) -> Option<Position> {
        if self.in_flight > 0 { None } else { self.leading_visible().next() }
    }

    /// The visible messages before the first that is not.
    fn leading_visible(&self) -> impl Iterator<Item = Position> + '_ {
        self.members.iter().take_while(|(_, presence)| **presence == Presence::Visible).map(|(position, _)| *position)
    }
}
