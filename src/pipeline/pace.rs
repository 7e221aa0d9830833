//! What a process observes of the loads of a pipeline, by which its batches are sized.
//!
//! Where this process loads, too, the time from a batch's close to its commit is measured. Where it does not, nothing tells it when
//! a batch of its own is committed: SQS shows the age of the oldest message to CloudWatch alone, and an intake process needs no access
//! to the warehouse, so that it does not ask the ledger. It has the loads queue's depth and the rate at which it sends: by Little's
//! law, their ratio is the time that a batch spends there. Other intake processes send into the same queue, so that it is rather
//! overestimated, and batches are rather cut early: `collecting` bounds what that can cost.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::{Collecting, Observed, Smoothed, Why, collecting};
use crate::queue::Depth;
use crate::telemetry::metrics as names;

/// What is observed of one pipeline.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    measured: Smoothed,
    estimated: Smoothed,
    interval: Smoothed,
    last_sent: Option<Instant>,
    observed: Observed,
}

impl Pace {
    /// A batch was committed so long after its close.
    pub(super) fn loaded(&self, after: Duration) {
        self.lock().measured.add(after);
    }

    /// The load of a batch was asked for.
    pub(super) fn sent(&self, now: Instant) {
        let mut state = self.lock();
        if let Some(last) = state.last_sent.replace(now) {
            state.interval.add(now.duration_since(last));
        }
    }

    /// The queues' depths; `senders` is the number of pipelines, which share the loads queue.
    pub(super) fn sampled(&self, events: Depth, loads: Depth, senders: usize) {
        let mut state = self.lock();
        state.observed.events = events.visible;
        state.observed.loads = loads.visible + loads.in_flight + loads.delayed;
        if let Some(interval) = state.interval.get() {
            let own = state.observed.loads as f64 / senders.max(1) as f64;
            state.estimated.add(Duration::try_from_secs_f64(interval.as_secs_f64() * own).unwrap_or(Duration::MAX));
        }
    }

    /// Whether as many messages are held as may be.
    pub(super) fn held(&self, held: bool) {
        self.lock().observed.held = held;
    }

    /// For how long a batch may collect; exported, too.
    pub(super) fn collecting(&self, pipeline: &str, freshness: Duration) -> Collecting {
        let collecting = {
            let state = self.lock();
            let loading = state.measured.get().or(state.estimated.get());
            collecting(freshness, Observed { loading, ..state.observed })
        };
        metrics::gauge!(names::COLLECTING_SECONDS, "pipeline" => pipeline.to_owned()).set(collecting.time);
        for why in Why::ALL {
            metrics::gauge!(names::COLLECTING_REASON, "pipeline" => pipeline.to_owned(), "reason" => why.as_str())
                .set(if why == collecting.why { 1.0 } else { 0.0 });
        }
        collecting
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves numbers, at worst old ones.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(visible: u64) -> Depth {
        Depth { visible, ..Depth::default() }
    }

    const FRESHNESS: Duration = Duration::from_secs(60);

    #[test]
    fn without_a_loader_of_its_own_a_process_estimates_by_what_waits_and_how_often_it_sends() {
        let (pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.collecting("p", FRESHNESS).why, Why::Unmeasured);
        for batch in 0..5 {
            pace.sent(now + Duration::from_secs(5 * batch));
        }
        // Four wait, one comes each 5 s: 20 s.
        pace.sampled(depth(0), depth(4), 1);
        let twenty = Collecting { time: Duration::from_secs(20), why: Why::Loading };
        assert_eq!(pace.collecting("p", FRESHNESS), twenty);
        pace.loaded(Duration::from_secs(10));
        assert_eq!(pace.collecting("p", FRESHNESS).time, Duration::from_secs(40), "what is measured counts");
    }

    #[test]
    fn row_1_a_process_that_holds_all_it_may_closes_its_batches() {
        let pace = Pace::default();
        pace.held(true);
        assert_eq!(pace.collecting("p", FRESHNESS), Collecting { time: Duration::ZERO, why: Why::Held });
        pace.held(false);
        assert_eq!(pace.collecting("p", FRESHNESS).why, Why::Unmeasured);
    }
}
