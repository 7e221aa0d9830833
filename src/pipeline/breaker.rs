//! When a warehouse that is down is left alone. Pure: the clock and the jitter are passed in.
//!
//! Closed, all goes on. After several failures without an answer between them, or one that says by itself that the warehouse is
//! not there, it opens: no load is received, so that no receive count is spent. One cheap query after another, further and further
//! apart, finds the warehouse back; then, half open, one receipt of loads is tried, and its outcome closes or opens it.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// Failures in a row, without an answer between them, that open it.
const THRESHOLD: u32 = 3;

/// The first and the longest time between two probes.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(2);
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the loader may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// Receive loads.
    Receive,
    /// Receive loads once; the outcome decides.
    Try,
    /// Ask the warehouse for something cheap.
    Probe,
    /// Do nothing for so long.
    Wait(Duration),
}

/// How a call to the warehouse went, as far as it tells whether the warehouse is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// It answered, be it with a refusal.
    Answered,
    /// It did not answer.
    Failed,
    /// It is known not to be there.
    Down,
}

impl Signal {
    /// What the outcome of a call says.
    pub(super) fn of<T>(outcome: &Result<T, Error>) -> Signal {
        match outcome {
            Ok(_) => Signal::Answered,
            Err(error) => match error.kind() {
                ErrorKind::WarehouseDown => Signal::Down,
                ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Io => Signal::Failed,
                // A statement's own limit ran out, a lock was not had, a grant is missing: somebody answered.
                _ => Signal::Answered,
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { trying: bool },
}

/// The breaker of one warehouse.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// How often it has opened, or failed a probe, since it was last closed.
    openings: u32,
    /// How long to wait after so many openings.
    wait: fn(u32) -> Duration,
}

impl Breaker {
    /// A closed one; `wait` gives the time until the next probe, from the number of those that failed.
    pub(super) fn new(wait: fn(u32) -> Duration) -> Self {
        Breaker { state: State::Closed { failures: 0 }, openings: 0, wait }
    }

    /// What may be done now.
    pub(super) fn permit(&self, now: Instant) -> Permit {
        match self.state {
            State::Closed { .. } => Permit::Receive,
            State::Open { until } if until > now => Permit::Wait(until - now),
            State::Open { .. } => Permit::Probe,
            State::HalfOpen { trying: false } => Permit::Try,
            // The trial's outcome is told by the load; until then, look again soon.
            State::HalfOpen { trying: true } => Permit::Wait(Duration::from_millis(200)),
        }
    }

    /// A probe ended.
    pub(super) fn probed(&mut self, signal: Signal, now: Instant) {
        match signal {
            Signal::Answered => self.state = State::HalfOpen { trying: false },
            Signal::Failed | Signal::Down => self.open(now),
        }
    }

    /// Loads were received to be tried.
    pub(super) fn trying(&mut self) {
        self.state = State::HalfOpen { trying: true };
    }

    /// The trial ended without a word from the warehouse: there is still one to be made.
    pub(super) fn untried(&mut self) {
        if let State::HalfOpen { trying } = &mut self.state {
            *trying = false;
        }
    }

    /// A load's call to the warehouse ended.
    pub(super) fn called(&mut self, signal: Signal, now: Instant) {
        match (self.state, signal) {
            // One that began before it opened: the probe decides.
            (State::Open { .. }, _) => {}
            (_, Signal::Answered) => {
                self.state = State::Closed { failures: 0 };
                self.openings = 0;
            }
            (State::Closed { failures }, Signal::Failed) if failures + 1 < THRESHOLD => {
                self.state = State::Closed { failures: failures + 1 };
            }
            (State::Closed { .. } | State::HalfOpen { .. }, Signal::Failed | Signal::Down) => self.open(now),
        }
    }

    /// The name of its state, in metrics.
    pub(super) fn state(&self) -> &'static str {
        match self.state {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        }
    }

    fn open(&mut self, now: Instant) {
        self.openings += 1;
        self.state = State::Open { until: now + (self.wait)(self.openings) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(|openings| Duration::from_secs(u64::from(openings)))
    }

    #[test]
    fn it_opens_after_three_failures_in_a_row_and_not_while_answers_come_between() {
        let (mut breaker, now) = (breaker(), Instant::now());
        for signal in [Signal::Failed, Signal::Failed, Signal::Answered, Signal::Failed, Signal::Failed] {
            breaker.called(signal, now);
            assert_eq!(breaker.permit(now), Permit::Receive);
        }
        breaker.called(Signal::Failed, now);
        assert_eq!((breaker.state(), breaker.permit(now)), ("open", Permit::Wait(Duration::from_secs(1))));
    }

    #[test]
    fn a_warehouse_that_says_it_is_paused_opens_it_at_once() {
        let (mut breaker, now) = (breaker(), Instant::now());
        breaker.called(Signal::Down, now);
        assert_eq!(breaker.state(), "open");
    }

    #[test]
    fn probes_come_further_and_further_apart_until_one_is_answered_and_a_trial_closes_it() {
        let (mut breaker, mut now) = (breaker(), Instant::now());
        breaker.called(Signal::Down, now);
        for waited in 1..4 {
            assert_eq!(breaker.permit(now), Permit::Wait(Duration::from_secs(waited)));
            now += Duration::from_secs(waited);
            assert_eq!(breaker.permit(now), Permit::Probe);
            breaker.probed(Signal::Failed, now);
        }
        now += Duration::from_secs(4);
        breaker.probed(Signal::Answered, now);
        assert_eq!((breaker.state(), breaker.permit(now)), ("half_open", Permit::Try));
        breaker.trying();
        assert!(matches!(breaker.permit(now), Permit::Wait(_)), "one trial at a time");
        breaker.called(Signal::Answered, now);
        assert_eq!((breaker.state(), breaker.permit(now)), ("closed", Permit::Receive));
        breaker.called(Signal::Down, now);
        assert_eq!(breaker.permit(now), Permit::Wait(Duration::from_secs(1)), "the count begins anew");
    }

    #[test]
    fn a_trial_that_fails_opens_it_again_and_one_that_never_reached_the_warehouse_is_made_again() {
        let (mut breaker, now) = (breaker(), Instant::now());
        breaker.called(Signal::Down, now);
        breaker.probed(Signal::Answered, now);
        breaker.trying();
        breaker.untried();
        assert_eq!(breaker.permit(now), Permit::Try);
        breaker.trying();
        breaker.called(Signal::Failed, now);
        assert_eq!(breaker.permit(now), Permit::Wait(Duration::from_secs(2)));
        breaker.untried();
        assert_eq!(breaker.state(), "open");
    }

    #[test]
    fn what_a_load_began_before_it_opened_does_not_close_it() {
        let (mut breaker, now) = (breaker(), Instant::now());
        breaker.called(Signal::Down, now);
        breaker.called(Signal::Answered, now);
        assert_eq!(breaker.state(), "open");
    }

    #[test]
    fn refusals_and_busy_warehouses_are_answers() {
        let of = |kind| Signal::of::<()>(&Err(Error::new(kind, "")));
        assert_eq!(of(ErrorKind::WarehouseRefused), Signal::Answered);
        assert_eq!(of(ErrorKind::WarehouseBusy), Signal::Answered);
        assert_eq!(of(ErrorKind::Unavailable), Signal::Failed);
        assert_eq!(of(ErrorKind::WarehouseDown), Signal::Down);
    }
}
