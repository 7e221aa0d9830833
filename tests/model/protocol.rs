//! The commit protocol as a state machine: queues, intakes, loaders and a warehouse, of which any step may be the next.
//!
//! What is left out allows no less than the code does:
//! - Time. What a dead process held is visible at once; a lease that runs out while its holder works is a fault. Whoever takes the
//!   message later takes it in a later state.
//! - A process that gives up and releases what it holds is one that dies: the messages come again, and nothing else remains of it.
//! - A reply that is lost leads to the same call again. Of those that are idempotent by their nature (PUT, delete) nothing is seen;
//!   for the two others (the load message, the submission) the model forgets that SQS drops the second message and that the
//!   token leads to the first statement: the protocol must do without.
//! - A stale receipt deletes its message all the same; where SQS refuses it, that is as if its process had died before.
//! - Leases run out only as faults that are counted. That a heartbeat keeps them is for tests of the processes to show.

use stateright::{Model, Property};

use crate::actions::Action;
use crate::state::{At, Event, Intake, LoadStep, Loader, Objects, Phase, ROWS, State, Transaction, has};

/// How the protocol is built: as it is, or deliberately wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    Right,
    /// Events are deleted before the manifest is durable.
    AcknowledgesFirst,
    /// The loader records the objects in a transaction of its own, after that of the rows.
    LedgerApart,
    /// The rows are committed statement by statement.
    StatementsApart,
    /// A message is deleted before its copy is in the dead-letter queue.
    DeletesBeforeParking,
    /// Nothing keeps two transactions apart.
    NoLock,
}

/// A protocol of some size.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    pub(crate) build: Build,
    pub(crate) objects: u8,
    /// How many messages announce each object.
    pub(crate) events: u8,
    pub(crate) intakes: u8,
    pub(crate) loaders: u8,
    /// Whether the loads queue is FIFO: in their order, and none while another of the group is in flight.
    pub(crate) fifo: bool,
    /// How many faults of any kind may happen in all.
    pub(crate) faults: u8,
    /// Objects that intake cannot read.
    pub(crate) corrupt: Objects,
    /// Objects whose rows the warehouse refuses.
    pub(crate) refused: Objects,
    /// Whether an operator mends what is parked, and redrives it.
    pub(crate) operator: bool,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let announced = (0..self.objects).flat_map(|object| (0..self.events).map(move |_| object));
        vec![State {
            events: announced.map(|object| Event { object, at: At::Visible, redriven: false }).collect(),
            loads: Vec::new(),
            intakes: vec![Intake::default(); usize::from(self.intakes)],
            loaders: vec![Loader::default(); usize::from(self.loaders)],
            transactions: Vec::new(),
            rows: vec![0; usize::from(self.objects)],
            ledger: 0,
            parked_events: 0,
            parked_loads: 0,
            mended: false,
            faults: self.faults,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if self.unseen(state, actions) {
            return;
        }
        (0..state.intakes.len()).for_each(|at| self.intake_actions(state, at, actions));
        (0..state.loaders.len()).for_each(|at| self.loader_actions(state, at, actions));
        self.warehouse_actions(state, actions);
        self.faults_of_queues(state, actions);
        self.redrives(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Intake(at, step, event) => self.take_intake_step(&mut state, at, step, event),
            Action::Loader(at, step, loads) => self.take_loader_step(&mut state, at, step, loads),
            Action::Lock(_) | Action::Commit(_) => self.take_warehouse_step(&mut state, &action),
            Action::RedriveEvent { .. } | Action::RedriveLoad { .. } => self.redrive(&mut state, &action),
            fault => self.fail(&mut state, &fault),
        }
        state.forget();
        state.order(self.fifo);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            always("no object twice", |_, state| state.rows.iter().all(|rows| *rows <= ROWS)),
            always("no object half", |_, state| state.rows.iter().all(|rows| rows % ROWS == 0)),
            always("what the ledger has is in the target", |model, state| {
                (0..model.objects).all(|object| !has(state.ledger, object) || state.is_whole(object))
            }),
            always("acknowledged implies durable", |_, state| {
                let mut acknowledged = state.events.iter().filter(|event| event.at == At::Gone);
                acknowledged.all(|event| state.is_durable(event.object) || state.is_redriven(event.object))
            }),
            always("only what is poison is parked", |model, state| {
                let mut batches = state.parked_batches();
                state.parked_events & !model.corrupt == 0 && batches.all(|objects| model.refused & objects != 0)
            }),
            // Every path ends (a check of its own sees to it), so what holds at every end comes to pass.
            always("at the end each object is loaded or parked", |model, state| {
                let settled = (0..model.objects).all(|object| state.is_whole(object) || state.is_parked(object));
                settled && state.is_drained() || !model.is_at_end(state)
            }),
        ];
        // What a check must have come by, or it has checked nothing.
        if self.faults > 0 {
            properties.extend([
                sometimes("a transaction finds an object that the ledger has", |_, state| {
                    let replays = |transaction: &Transaction| match transaction.phase {
                        Phase::Running { loaded_before, .. } => loaded_before & transaction.objects != 0,
                        _ => false,
                    };
                    state.transactions.iter().any(replays)
                }),
                sometimes("two transactions are there at once", |_, state| state.transactions.len() > 1),
            ]);
        }
        if self.faults > 0 && self.loaders > 1 {
            properties.push(sometimes("two loaders hold the same load", |_, state| {
                let [one, other] = state.loaders.as_slice() else { return false };
                one.waiting.iter().any(|load| other.waiting.contains(load))
            }));
        }
        if u32::from(self.objects) > 1 + self.corrupt.count_ones() || self.operator {
            properties.push(sometimes("two batches share a transaction", |_, state| {
                let submitted = |loader: &Loader| matches!(loader.step, LoadStep::Submitted(_));
                state.loaders.iter().any(|loader| loader.group > 1 && submitted(loader))
            }));
        }
        if self.corrupt != 0 {
            properties.push(sometimes("an event is parked", |_, state| state.parked_events != 0));
        }
        if self.refused != 0 {
            properties.push(sometimes("a batch is parked", |_, state| state.parked_loads != 0));
        }
        properties
    }
}

impl Protocol {
    /// Whether nothing can happen any more.
    pub(crate) fn is_at_end(&self, state: &State) -> bool {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.is_empty()
    }
}

/// With the types said once.
fn always(name: &'static str, condition: fn(&Protocol, &State) -> bool) -> Property<Protocol> {
    Property::always(name, condition)
}

fn sometimes(name: &'static str, condition: fn(&Protocol, &State) -> bool) -> Property<Protocol> {
    Property::sometimes(name, condition)
}
