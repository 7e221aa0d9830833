//! What there is: messages, processes, transactions, the target and its ledger.

/// A set of objects: one bit for each.
pub(crate) type Objects = u8;

/// The rows of an object: more than one, so that half of it can be seen.
pub(crate) const ROWS: u8 = 2;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum At {
    Visible,
    /// In flight; who holds it says so itself, as several may.
    Held,
    Gone,
}

/// A message that announces an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) object: u8,
    pub(crate) at: At,
    /// Whether it comes from the dead-letter queue.
    pub(crate) redriven: bool,
}

/// A message that asks for the load of a batch, which exists: its manifest is written before.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Load {
    pub(crate) objects: Objects,
    pub(crate) at: At,
}

/// An intake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Intake {
    /// The events that it holds, by bit.
    pub(crate) held: u8,
    /// The last of its steps that is done, where it holds any.
    pub(crate) step: usize,
    pub(crate) parking: Option<Parking>,
}

/// A loader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Loader {
    /// The loads that it holds, in their order.
    pub(crate) waiting: Vec<usize>,
    pub(crate) step: LoadStep,
    /// How many of them are loaded together now.
    pub(crate) group: usize,
    /// How many are loaded by themselves, because they failed together.
    pub(crate) single: usize,
    pub(crate) parking: Option<Parking>,
}

/// The last step of a loader that is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum LoadStep {
    #[default]
    Received,
    ManifestsRead,
    CopyManifestsWritten,
    Submitted(usize),
    Committed,
}

/// Parking has two calls: the copy, and the deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Parking {
    pub(crate) message: usize,
    pub(crate) first_done: bool,
}

/// A transaction: it goes on by itself, whatever becomes of who submitted it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Transaction {
    pub(crate) objects: Objects,
    pub(crate) phase: Phase,
}

/// How far a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// For the lock.
    Waiting,
    /// With the lock; the rows of the objects that the ledger has are dropped.
    Running {
        loaded_before: Objects,
        /// Only of statements that are committed one by one: the first has been.
        begun: bool,
    },
    Committed,
    Refused,
    Aborted,
}

/// All that there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) events: Vec<Event>,
    pub(crate) loads: Vec<Load>,
    pub(crate) intakes: Vec<Intake>,
    pub(crate) loaders: Vec<Loader>,
    pub(crate) transactions: Vec<Transaction>,
    /// Rows in the target, by object.
    pub(crate) rows: Vec<u8>,
    pub(crate) ledger: Objects,
    /// The objects whose events are in the dead-letter queue; a second copy of one says no more.
    pub(crate) parked_events: Objects,
    /// The batches in the other one: a bit for each set of objects.
    pub(crate) parked_loads: u32,
    pub(crate) mended: bool,
    pub(crate) faults: u8,
}

/// The numbers of a set's bits.
pub(crate) fn bits(set: u8) -> impl Iterator<Item = usize> {
    (0..8).filter(move |at| set & (1 << at) != 0)
}

pub(crate) fn has(objects: Objects, object: u8) -> bool {
    objects & (1 << object) != 0
}

impl Loader {
    /// The first `count` loads are settled: on to the others, if there are any.
    pub(crate) fn go_on_behind(&mut self, count: usize) {
        self.waiting.drain(..count);
        self.group = 0;
        self.single = self.single.saturating_sub(1);
        self.step = if self.waiting.is_empty() { LoadStep::Received } else { LoadStep::ManifestsRead };
        if self.waiting.is_empty() {
            self.single = 0;
        }
    }
}

impl State {
    /// The batch of an intake: each object once, however many events announce it.
    pub(crate) fn send_load(&mut self, intake: usize) {
        let objects = bits(self.intakes[intake].held).fold(0, |all, event| all | 1 << self.events[event].object);
        self.loads.push(Load { objects, at: At::Visible });
    }

    /// A transaction of the loads that a loader loads together; gives its number.
    pub(crate) fn submit(&mut self, loader: usize) -> usize {
        let loader = &self.loaders[loader];
        let group = &loader.waiting[..loader.group];
        let objects = group.iter().fold(0, |all, load| all | self.loads[*load].objects);
        self.transactions.push(Transaction { objects, phase: Phase::Waiting });
        self.transactions.len() - 1
    }

    /// Makes a load visible again, unless somebody deleted it meanwhile.
    pub(crate) fn release(&mut self, load: usize) {
        if self.loads[load].at == At::Held {
            self.loads[load].at = At::Visible;
        }
    }

    /// Forgets what nobody can ask about any more: fewer states, and none that differ only by it.
    pub(crate) fn forget(&mut self) {
        for at in (0..self.loads.len()).rev() {
            let held = self.loaders.iter().any(|loader| loader.waiting.contains(&at));
            if self.loads[at].at == At::Gone && !held {
                self.loads.remove(at);
                for load in self.loaders.iter_mut().flat_map(|loader| &mut loader.waiting) {
                    *load -= usize::from(*load > at);
                }
                for parking in self.loaders.iter_mut().filter_map(|loader| loader.parking.as_mut()) {
                    parking.message -= usize::from(parking.message > at);
                }
            }
        }
        for at in (0..self.transactions.len()).rev() {
            let awaited = self.loaders.iter().any(|loader| loader.step == LoadStep::Submitted(at));
            let ended = !matches!(self.transactions[at].phase, Phase::Waiting | Phase::Running { .. });
            if ended && !awaited {
                self.transactions.remove(at);
                for loader in &mut self.loaders {
                    if let LoadStep::Submitted(transaction) = &mut loader.step {
                        *transaction -= usize::from(*transaction > at);
                    }
                }
            }
        }
    }

    /// Orders what is of a kind: two states that differ only by which of two like processes does what are one.
    pub(crate) fn order(&mut self, fifo: bool) {
        self.intakes.sort_unstable();
        self.loaders.sort_unstable();
        if !fifo {
            self.order_loads();
        }
        for at in 1..self.events.len() {
            // Events of one object; few, so that a simple sort will do.
            let mut at = at;
            while at > 0 && self.likeness(at) < self.likeness(at - 1) {
                self.events.swap(at, at - 1);
                for intake in &mut self.intakes {
                    let (one, other) = (intake.held >> at & 1, intake.held >> (at - 1) & 1);
                    intake.held &= !(0b11 << (at - 1));
                    intake.held |= one << (at - 1) | other << at;
                    if let Some(parking) = &mut intake.parking {
                        parking.message = match parking.message {
                            message if message == at => at - 1,
                            message if message == at - 1 => at,
                            message => message,
                        };
                    }
                }
                at -= 1;
            }
        }
        self.intakes.sort_unstable();
    }

    /// Orders loads where nobody keeps their order.
    fn order_loads(&mut self) {
        let mut order: Vec<usize> = (0..self.loads.len()).collect();
        let holders =
            |load: usize| self.loaders.iter().map(move |loader| loader.waiting.iter().position(|at| *at == load));
        order.sort_by_cached_key(|load| (self.loads[*load].clone(), holders(*load).collect::<Vec<_>>()));
        self.loads = order.iter().map(|load| self.loads[*load].clone()).collect();
        let place = |load: usize| order.iter().position(|at| *at == load).unwrap_or(load);
        for loader in &mut self.loaders {
            loader.waiting.iter_mut().for_each(|load| *load = place(*load));
            if let Some(parking) = &mut loader.parking {
                parking.message = place(parking.message);
            }
        }
        self.loaders.sort_unstable();
    }

    /// By what an event differs from others of its object.
    fn likeness(&self, at: usize) -> (Event, u8) {
        let holders = self.intakes.iter().fold(0, |holders, intake| holders << 1 | intake.held >> at & 1);
        (self.events[at], holders)
    }

    /// The batches in the dead-letter queue, each as its objects.
    pub(crate) fn parked_batches(&self) -> impl Iterator<Item = Objects> {
        (0..32).filter(|objects| self.parked_loads & (1 << objects) != 0)
    }

    /// Whether an object waits in a dead-letter queue.
    pub(crate) fn is_parked(&self, object: u8) -> bool {
        has(self.parked_events, object) || self.parked_batches().any(|objects| has(objects, object))
    }

    /// Whether no message and no transaction is left.
    pub(crate) fn is_drained(&self) -> bool {
        self.loads.is_empty() && self.transactions.is_empty() && self.events.iter().all(|event| event.at == At::Gone)
    }

    /// Whether all rows of an object are in the target.
    pub(crate) fn is_whole(&self, object: u8) -> bool {
        self.rows[usize::from(object)] == ROWS
    }

    /// Whether an event of the object came back from where it was parked.
    pub(crate) fn is_redriven(&self, object: u8) -> bool {
        self.events.iter().any(|event| event.object == object && event.redriven && event.at != At::Gone)
    }

    /// Whether an object is where no crash reaches it: in the target, parked, or in a batch that is asked for.
    pub(crate) fn is_durable(&self, object: u8) -> bool {
        let asked_for = |load: &Load| load.at != At::Gone && has(load.objects, object);
        self.is_whole(object) || self.is_parked(object) || self.loads.iter().any(asked_for)
    }
}
