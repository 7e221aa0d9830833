//! What comes of what happens.

use crate::actions::Action;
use crate::protocol::{Build, Protocol};
use crate::state::{At, Event, Intake, Load, LoadStep, Loader, Parking, Phase, ROWS, State, Transaction, bits, has};

impl Protocol {
    pub(crate) fn take_intake_step(&self, state: &mut State, at: usize, step: &str, event: Option<usize>) {
        if let Some(event) = event {
            state.events[event].at = At::Held;
            let object = state.events[event].object;
            let intake = &mut state.intakes[at];
            intake.held |= 1 << event;
            if !state.mended && has(self.corrupt, object) {
                intake.parking = Some(Parking { message: event, first_done: false });
            }
            return;
        }
        match step {
            "park: copy" | "park: delete" => {
                let Some(Parking { message, first_done }) = state.intakes[at].parking else { return };
                if first_done == (self.build == Build::DeletesBeforeParking) {
                    state.parked_events |= 1 << state.events[message].object;
                } else {
                    state.events[message].at = At::Gone;
                }
                let intake = &mut state.intakes[at];
                intake.parking = (!first_done).then_some(Parking { message, first_done: true });
                if first_done {
                    intake.held &= !(1 << message);
                }
            }
            "intake.load-sent" => {
                state.send_load(at);
                state.intakes[at].step += 1;
            }
            "intake.events-deleted" => {
                for event in bits(state.intakes[at].held) {
                    state.events[event].at = At::Gone;
                }
                state.intakes[at].step += 1;
            }
            _ => state.intakes[at].step += 1,
        }
        if state.intakes[at].step + 1 == self.intake_steps().len() {
            state.intakes[at] = Intake::default();
        }
    }

    pub(crate) fn take_loader_step(&self, state: &mut State, at: usize, step: &str, loads: Vec<usize>) {
        match step {
            "load.received" => {
                for load in &loads {
                    state.loads[*load].at = At::Held;
                }
                state.loaders[at] = Loader { waiting: loads, ..Loader::default() };
            }
            "load.manifests-read" => state.loaders[at].step = LoadStep::ManifestsRead,
            "load.copy-manifests-written" => {
                let group = self.group(state, &state.loaders[at]);
                let loader = &mut state.loaders[at];
                loader.group = group;
                loader.step = LoadStep::CopyManifestsWritten;
            }
            "load.submitted" => {
                let transaction = state.submit(at);
                state.loaders[at].step = LoadStep::Submitted(transaction);
            }
            "load.committed" => {
                if let (Build::LedgerApart, LoadStep::Submitted(transaction)) = (self.build, state.loaders[at].step) {
                    state.ledger |= state.transactions[transaction].objects;
                }
                state.loaders[at].step = LoadStep::Committed;
            }
            "load.messages-deleted" => {
                let group = state.loaders[at].group;
                for load in state.loaders[at].waiting[..group].iter().copied() {
                    state.loads[load].at = At::Gone;
                }
                state.loaders[at].go_on_behind(group);
            }
            "refused" => {
                let loader = &mut state.loaders[at];
                if loader.group > 1 {
                    loader.single = loader.group;
                    loader.step = LoadStep::ManifestsRead;
                } else {
                    loader.parking = Some(Parking { message: loader.waiting[0], first_done: false });
                }
            }
            "put off" => {
                for load in std::mem::take(&mut state.loaders[at]).waiting {
                    state.release(load);
                }
            }
            "park: copy" | "park: delete" => {
                let Some(Parking { message, first_done }) = state.loaders[at].parking else { return };
                if first_done == (self.build == Build::DeletesBeforeParking) {
                    state.parked_loads |= 1 << state.loads[message].objects;
                } else {
                    state.loads[message].at = At::Gone;
                }
                let loader = &mut state.loaders[at];
                loader.parking = (!first_done).then_some(Parking { message, first_done: true });
                if first_done {
                    loader.go_on_behind(1);
                }
            }
            _ => unreachable!("{step} is no step of a loader"),
        }
    }

    pub(crate) fn take_warehouse_step(&self, state: &mut State, action: &Action) {
        match *action {
            Action::Lock(at) => {
                state.transactions[at].phase = Phase::Running { loaded_before: state.ledger, begun: false };
            }
            Action::Commit(at) => {
                let Transaction { objects, phase: Phase::Running { loaded_before, begun } } = state.transactions[at]
                else {
                    return;
                };
                if self.poison(state, objects) {
                    state.transactions[at].phase = Phase::Refused;
                    return;
                }
                let apart = self.build == Build::StatementsApart;
                for object in (0..self.objects).filter(|object| has(objects & !loaded_before, *object)) {
                    state.rows[usize::from(object)] += if apart { ROWS / 2 } else { ROWS };
                }
                if apart && !begun {
                    state.transactions[at].phase = Phase::Running { loaded_before, begun: true };
                    return;
                }
                if self.build != Build::LedgerApart {
                    state.ledger |= objects;
                }
                state.transactions[at].phase = Phase::Committed;
            }
            Action::Abort(at) => state.transactions[at].phase = Phase::Aborted,
            _ => {}
        }
    }

    /// The cause is mended, and a message moves back: the copy first, and the deletion only if nothing interrupts it.
    pub(crate) fn redrive(&self, state: &mut State, action: &Action) {
        state.mended = true;
        match *action {
            Action::RedriveEvent { object, interrupted } => {
                state.events.push(Event { object, at: At::Visible, redriven: true });
                if !interrupted {
                    state.parked_events &= !(1 << object);
                }
                state.faults -= u8::from(interrupted);
            }
            Action::RedriveLoad { objects, interrupted } => {
                state.loads.push(Load { objects, at: At::Visible });
                if !interrupted {
                    state.parked_loads &= !(1 << objects);
                }
                state.faults -= u8::from(interrupted);
            }
            _ => {}
        }
    }

    /// One of the faults that are counted.
    pub(crate) fn fail(&self, state: &mut State, fault: &Action) {
        state.faults -= 1;
        match *fault {
            Action::LostReply("intake.load-sent", at) => state.send_load(at),
            Action::LostReply(_, at) => {
                state.submit(at);
            }
            Action::CrashIntake(at) => {
                for event in bits(std::mem::take(&mut state.intakes[at]).held) {
                    if state.events[event].at == At::Held {
                        state.events[event].at = At::Visible;
                    }
                }
            }
            Action::CrashLoader(at) => {
                for load in std::mem::take(&mut state.loaders[at]).waiting {
                    state.release(load);
                }
            }
            Action::EventAgain(event) => state.events[event].at = At::Visible,
            Action::LoadAgain(load) => state.loads[load].at = At::Visible,
            ref abort => self.take_warehouse_step(state, abort),
        }
    }
}
