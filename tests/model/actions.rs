//! What may happen next.

use crate::protocol::{Build, Protocol};
use crate::state::{At, Intake, LoadStep, Loader, Objects, Phase, State, has};

/// The most messages that a receiver takes together: of events into a batch, of loads into a transaction.
const TOGETHER: usize = 2;

/// The steps of intake, named as in `tidegate::failpoint::STEPS`. What is written before the manifest is seen by nobody.
pub(crate) const INTAKE: &[&str] = &[
    "intake.received",
    "intake.object-read",
    "intake.part-written",
    "intake.quarantine-written",
    "intake.objects-written",
    "intake.manifest-written",
    "intake.load-sent",
    "intake.events-deleted",
];

/// The same with the acknowledgement where it must not be.
const ACKNOWLEDGING_FIRST: &[&str] = &[
    "intake.received",
    "intake.object-read",
    "intake.events-deleted",
    "intake.part-written",
    "intake.quarantine-written",
    "intake.objects-written",
    "intake.manifest-written",
    "intake.load-sent",
];

/// What may happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A step of an intake; of the receipt, which event.
    Intake(usize, &'static str, Option<usize>),
    /// A step of a loader; of the receipt, which loads.
    Loader(usize, &'static str, Vec<usize>),
    /// The call was made and its reply lost: it will be made again.
    LostReply(&'static str, usize),
    CrashIntake(usize),
    CrashLoader(usize),
    /// The lease on an event ran out while its holder works; or SQS delivers it twice, even after its deletion.
    EventAgain(usize),
    /// The lease on a load ran out while its holder works.
    LoadAgain(usize),
    /// The warehouse: a transaction gets the lock, is committed, or is aborted through no fault of its own.
    Lock(usize),
    Commit(usize),
    Abort(usize),
    /// The operator moves back what is parked; interrupted, the copy stays.
    RedriveEvent {
        object: u8,
        interrupted: bool,
    },
    RedriveLoad {
        objects: Objects,
        interrupted: bool,
    },
}

impl Protocol {
    /// The next step that nobody sees, if there is one: it commutes with all that others do, so it is enough to take it first.
    /// Its process may die before it.
    pub(crate) fn unseen(&self, state: &State, actions: &mut Vec<Action>) -> bool {
        for (at, intake) in state.intakes.iter().enumerate() {
            if let Some(step) = self.unseen_step(intake) {
                actions.push(Action::Intake(at, step, None));
                if state.faults > 0 {
                    actions.push(Action::CrashIntake(at));
                }
                return true;
            }
        }
        for (at, loader) in state.loaders.iter().enumerate() {
            let unseen = match loader.step {
                LoadStep::Received | LoadStep::ManifestsRead => true,
                LoadStep::Submitted(at) => {
                    state.transactions[at].phase == Phase::Committed && self.build != Build::LedgerApart
                }
                LoadStep::CopyManifestsWritten | LoadStep::Committed => false,
            };
            if unseen && !loader.waiting.is_empty() && loader.parking.is_none() {
                self.loader_actions(state, at, actions);
                return true;
            }
        }
        false
    }

    pub(crate) fn intake_steps(&self) -> &'static [&'static str] {
        if self.build == Build::AcknowledgesFirst { ACKNOWLEDGING_FIRST } else { INTAKE }
    }

    /// The next step of an intake, if it only writes what nobody sees yet.
    fn unseen_step(&self, intake: &Intake) -> Option<&'static str> {
        let next = *self.intake_steps().get(intake.step + 1)?;
        // Before the objects are read it may also receive more.
        let full = intake.held.count_ones() == TOGETHER as u32;
        let unseen = (intake.step > 0 || full) && next != "intake.load-sent" && next != "intake.events-deleted";
        (intake.held != 0 && intake.parking.is_none() && unseen).then_some(next)
    }

    pub(crate) fn poison(&self, state: &State, objects: Objects) -> bool {
        !state.mended && self.refused & objects != 0
    }

    /// How many of the waiting loads go into one transaction: as `tidegate::load::first_group`, no object twice.
    pub(crate) fn group(&self, state: &State, loader: &Loader) -> usize {
        if loader.single > 0 {
            return 1;
        }
        let mut objects = 0;
        let fits = |load: &&usize| {
            let more = state.loads[**load].objects;
            let apart = objects & more == 0;
            objects |= more;
            apart
        };
        loader.waiting.iter().take_while(fits).count()
    }

    pub(crate) fn intake_actions(&self, state: &State, at: usize, actions: &mut Vec<Action>) {
        let intake = &state.intakes[at];
        if let Some(parking) = intake.parking {
            actions.push(Action::Intake(at, if parking.first_done { "park: delete" } else { "park: copy" }, None));
        } else {
            if intake.step == 0 && intake.held.count_ones() < TOGETHER as u32 {
                let visible = state.events.iter().enumerate().filter(|(_, event)| event.at == At::Visible);
                actions.extend(visible.map(|(event, _)| Action::Intake(at, INTAKE[0], Some(event))));
            }
            if let (false, Some(next)) = (intake.held == 0, self.intake_steps().get(intake.step + 1)) {
                actions.push(Action::Intake(at, next, None));
                if state.faults > 0 && *next == "intake.load-sent" {
                    actions.push(Action::LostReply(next, at));
                }
            }
        }
        if state.faults > 0 && intake.held != 0 {
            actions.push(Action::CrashIntake(at));
        }
    }

    pub(crate) fn loader_actions(&self, state: &State, at: usize, actions: &mut Vec<Action>) {
        let loader = &state.loaders[at];
        if loader.waiting.is_empty() {
            actions.extend(self.receivable(state).into_iter().map(|loads| Action::Loader(at, "load.received", loads)));
            return;
        }
        let step = |name| Action::Loader(at, name, Vec::new());
        if let Some(parking) = loader.parking {
            actions.push(step(if parking.first_done { "park: delete" } else { "park: copy" }));
        } else {
            match loader.step {
                LoadStep::Received => actions.push(step("load.manifests-read")),
                LoadStep::ManifestsRead => actions.push(step("load.copy-manifests-written")),
                LoadStep::CopyManifestsWritten => {
                    actions.push(step("load.submitted"));
                    if state.faults > 0 {
                        actions.push(Action::LostReply("load.submitted", at));
                    }
                }
                LoadStep::Submitted(transaction) => match state.transactions[transaction].phase {
                    Phase::Committed => actions.push(step("load.committed")),
                    Phase::Refused => actions.push(step("refused")),
                    Phase::Aborted => actions.push(step("put off")),
                    Phase::Waiting | Phase::Running { .. } => {}
                },
                LoadStep::Committed => actions.push(step("load.messages-deleted")),
            }
        }
        if state.faults > 0 {
            actions.push(Action::CrashLoader(at));
        }
    }

    /// What a loader may be given.
    fn receivable(&self, state: &State) -> Vec<Vec<usize>> {
        let left: Vec<usize> = (0..state.loads.len()).filter(|load| state.loads[*load].at != At::Gone).collect();
        let visible = |load: &usize| state.loads[*load].at == At::Visible;
        if self.fifo {
            let free = left.iter().all(visible);
            let most = if free { left.len().min(TOGETHER) } else { 0 };
            return (1..=most).map(|count| left[..count].to_vec()).collect();
        }
        let visible: Vec<usize> = left.into_iter().filter(visible).collect();
        let alone = visible.iter().map(|load| vec![*load]);
        let pairs = visible.iter().flat_map(|one| visible.iter().map(move |other| vec![*one, *other]));
        alone.chain(pairs.filter(|pair| pair[0] != pair[1])).collect()
    }

    pub(crate) fn warehouse_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let locked = state.transactions.iter().any(|transaction| matches!(transaction.phase, Phase::Running { .. }));
        for (at, transaction) in state.transactions.iter().enumerate() {
            match transaction.phase {
                Phase::Waiting if !locked || self.build == Build::NoLock => actions.push(Action::Lock(at)),
                Phase::Running { .. } => {
                    actions.push(Action::Commit(at));
                    if state.faults > 0 {
                        actions.push(Action::Abort(at));
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn faults_of_queues(&self, state: &State, actions: &mut Vec<Action>) {
        if state.faults == 0 {
            return;
        }
        let again = state.events.iter().enumerate().filter(|(_, event)| event.at != At::Visible);
        actions.extend(again.map(|(event, _)| Action::EventAgain(event)));
        let again = state.loads.iter().enumerate().filter(|(_, load)| load.at == At::Held);
        actions.extend(again.map(|(load, _)| Action::LoadAgain(load)));
    }

    pub(crate) fn redrives(&self, state: &State, actions: &mut Vec<Action>) {
        if !self.operator {
            return;
        }
        let interrupted = [false, true].into_iter().take(1 + usize::from(state.faults > 0));
        for interrupted in interrupted {
            let events = (0..self.objects).filter(|object| has(state.parked_events, *object));
            actions.extend(events.map(|object| Action::RedriveEvent { object, interrupted }));
            actions.extend(state.parked_batches().map(|objects| Action::RedriveLoad { objects, interrupted }));
        }
    }
}
