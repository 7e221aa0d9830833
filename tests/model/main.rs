//! The commit protocol, checked exhaustively for small sizes: every order of steps, with any few faults at any place.
//!
//! A check fails with the shortest way to the fault, step by step; a protocol that is built wrong on purpose must be caught.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod actions;
mod protocol;
mod state;
mod steps;

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use actions::Action;
use protocol::{Build, Protocol};
use state::State;
use stateright::{Checker, HasDiscoveries, Model};
use tidegate::failpoint::STEPS;

/// Two objects, each announced twice, two intakes and two loaders, and one fault, whichever and wherever.
const SMALL: Protocol = Protocol {
    build: Build::Right,
    objects: 2,
    events: 2,
    intakes: 2,
    loaders: 2,
    fifo: true,
    faults: 1,
    corrupt: 0,
    refused: 0,
    operator: false,
};

/// Each announced once: two faults instead.
const TWO_FAULTS: Protocol = Protocol { events: 1, faults: 2, ..SMALL };

/// Object 0 cannot be read and object 1 is refused by the warehouse, until an operator mends and redrives them.
const REDRIVEN: Protocol = Protocol { events: 1, corrupt: 0b01, refused: 0b10, operator: true, ..SMALL };

/// Visits every state; panics with the way to one in which a property does not hold.
fn holds(name: &str, protocol: Protocol) {
    let began = Instant::now();
    let checked = protocol.checker().spawn_bfs().join();
    println!("{name}: {} states, {} deep, {:?}", checked.unique_state_count(), checked.max_depth(), began.elapsed());
    checked.assert_properties();
}

/// Asserts that the checker finds a way to break a property; says how long the way is.
fn is_caught(build: Build, protocol: Protocol, property: &'static str) {
    let checked = Protocol { build, ..protocol }.checker();
    let checked = checked.finish_when(HasDiscoveries::AllOf(BTreeSet::from([property]))).spawn_bfs().join();
    let path = checked.discovery(property).unwrap_or_else(|| panic!("{build:?} passes for exact"));
    println!("{build:?}: {} states, caught after {} steps", checked.unique_state_count(), path.into_actions().len());
}

#[test]
fn two_faults_anywhere_leave_each_object_loaded_once() {
    holds("FIFO, two faults", TWO_FAULTS);
}

#[test]
fn objects_announced_twice_are_loaded_once() {
    holds("FIFO, announced twice", SMALL);
}

#[test]
fn without_fifo_the_lock_of_the_ledger_alone_keeps_two_loaders_exact() {
    holds("standard queue, two faults", Protocol { fifo: false, ..TWO_FAULTS });
}

#[test]
fn what_is_poison_is_parked_alone_and_stays_parked() {
    let parked = Protocol { operator: false, ..REDRIVEN };
    holds("an object parked", Protocol { refused: 0, ..parked });
    holds("a batch parked", Protocol { corrupt: 0, ..parked });
    holds("a batch parked, standard queue", Protocol { corrupt: 0, fifo: false, ..parked });
}

#[test]
fn what_is_parked_and_redriven_is_loaded_once() {
    holds("redriven", REDRIVEN);
    holds("a batch redriven, standard queue", Protocol { corrupt: 0, fifo: false, ..REDRIVEN });
}

#[test]
fn acknowledging_before_the_manifest_is_caught() {
    is_caught(Build::AcknowledgesFirst, SMALL, "acknowledged implies durable");
    is_caught(Build::AcknowledgesFirst, TWO_FAULTS, "at the end each object is loaded or parked");
}

#[test]
fn a_ledger_outside_the_transaction_is_caught() {
    is_caught(Build::LedgerApart, TWO_FAULTS, "no object twice");
}

#[test]
fn statements_that_are_no_transaction_are_caught() {
    is_caught(Build::StatementsApart, SMALL, "no object half");
    is_caught(Build::StatementsApart, TWO_FAULTS, "no object twice");
}

#[test]
fn deleting_before_parking_is_caught() {
    is_caught(Build::DeletesBeforeParking, REDRIVEN, "acknowledged implies durable");
    let parked = Protocol { operator: false, ..REDRIVEN };
    is_caught(Build::DeletesBeforeParking, parked, "at the end each object is loaded or parked");
}

#[test]
fn loads_without_a_lock_are_caught_with_fifo_and_without() {
    is_caught(Build::NoLock, TWO_FAULTS, "no object twice");
    is_caught(Build::NoLock, Protocol { fifo: false, ..TWO_FAULTS }, "no object twice");
}

/// Faults are counted, and each other step goes forward: then what holds at every end comes to pass.
#[test]
fn every_way_ends() {
    ends(&Protocol { fifo: false, faults: 1, ..TWO_FAULTS });
    ends(&REDRIVEN);
}

/// Visits all states depth first, and panics at one that leads back to itself.
fn ends(protocol: &Protocol) {
    let mut closed: HashMap<State, bool> = HashMap::new();
    let mut open: Vec<(State, Vec<State>)> = Vec::new();
    for state in protocol.init_states() {
        let next = protocol.next_states(&state);
        closed.insert(state.clone(), false);
        open.push((state, next));
    }
    while let Some((_, next)) = open.last_mut() {
        match next.pop() {
            Some(state) => match closed.get(&state) {
                Some(false) => panic!("a way leads back to {state:#?}"),
                Some(true) => {}
                None => {
                    let next = protocol.next_states(&state);
                    closed.insert(state.clone(), false);
                    open.push((state, next));
                }
            },
            None => {
                let (state, _) = open.pop().unwrap();
                closed.insert(state, true);
            }
        }
    }
    println!("{} states, and no way back", closed.len());
}

#[test]
fn the_steps_of_the_model_are_those_of_the_code() {
    let protocol = Protocol { objects: 1, events: 1, faults: 0, ..SMALL };
    let mut taken = BTreeSet::new();
    let mut states = protocol.init_states();
    while let Some(state) = states.pop() {
        let mut actions = Vec::new();
        protocol.actions(&state, &mut actions);
        for action in actions {
            if let Action::Intake(_, step, _) | Action::Loader(_, step, _) = action {
                taken.insert(step);
            }
            states.extend(protocol.next_state(&state, action));
        }
    }
    assert_eq!(taken, STEPS.iter().copied().collect());
}
