//! For how long a batch collects objects, so that its rows are there in time and loads are as few as that allows. Pure.

use std::time::Duration;

/// What the loads that wait may be, so that the loader is said to keep up: one transaction takes as many.
const LOADS_AT_ONCE: u64 = 10;

/// What the events that wait may be, so that intake is said to keep up.
const EVENTS_AT_ONCE: u64 = 1_000;

/// Loading is allowed for this often over: a load may have to wait for the one before it.
const MARGIN: u32 = 2;

/// What a process knows of what comes before and after its batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// How long it takes, smoothed, from a batch's close until its rows are committed; none before that is known.
    pub loading: Option<Duration>,
    /// Batches that wait for their loads or are being loaded, of all pipelines.
    pub loads: u64,
    /// Messages that wait to be received.
    pub events: u64,
    /// Whether as many messages are held as may be, so that no more is received.
    pub held: bool,
}

/// Why a batch collects for as long as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// How long loading takes is not known yet: half of the freshness is for it.
    Unmeasured,
    /// What loading leaves of the freshness.
    Loading,
    /// Loads wait: fewer and larger batches help, smaller ones would not.
    LoadsWait,
    /// Objects wait: batches fill fast, and larger ones cost less.
    EventsWait,
    /// Nothing more would come.
    Held,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 5] = [Why::Unmeasured, Why::Loading, Why::LoadsWait, Why::EventsWait, Why::Held];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Unmeasured => "unmeasured",
            Why::Loading => "loading",
            Why::LoadsWait => "loads_wait",
            Why::EventsWait => "events_wait",
            Why::Held => "held",
        }
    }
}

/// For how long a batch collects, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collecting {
    /// From the first object on.
    pub time: Duration,
    /// What decided it.
    pub why: Why,
}

/// For how long a batch of a pipeline that owes `freshness` may collect.
///
/// Between a quarter and three quarters of it, whatever is observed: an estimate that is wrong by much costs little.
pub fn collecting(freshness: Duration, observed: Observed) -> Collecting {
    let (least, most) = (freshness / 4, freshness * 3 / 4);
    if observed.held {
        return Collecting { time: Duration::ZERO, why: Why::Held };
    }
    if observed.loads > LOADS_AT_ONCE {
        return Collecting { time: most, why: Why::LoadsWait };
    }
    if observed.events > EVENTS_AT_ONCE {
        return Collecting { time: most, why: Why::EventsWait };
    }
    match observed.loading {
        None => Collecting { time: freshness / 2, why: Why::Unmeasured },
        Some(loading) => {
            let left = freshness.saturating_sub(loading.saturating_mul(MARGIN));
            Collecting { time: left.clamp(least, most), why: Why::Loading }
        }
    }
}

/// A duration smoothed over its last ten or so values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Smoothed(Option<f64>);

impl Smoothed {
    /// The weight of a new value.
    const WEIGHT: f64 = 0.2;

    /// Takes a value into account.
    pub fn add(&mut self, value: Duration) {
        let value = value.as_secs_f64();
        self.0 = Some(self.0.map_or(value, |smoothed| smoothed + Self::WEIGHT * (value - smoothed)));
    }

    /// The smoothed value; none before the first.
    pub fn get(self) -> Option<Duration> {
        self.0.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESHNESS: Duration = Duration::from_secs(60);

    fn decide(observed: Observed) -> (u64, Why) {
        let collecting = collecting(FRESHNESS, observed);
        (collecting.time.as_secs(), collecting.why)
    }

    #[test]
    fn the_time_is_what_loading_leaves_of_the_freshness_within_its_quarters() {
        let loading = |seconds| Observed { loading: Some(Duration::from_secs(seconds)), ..Observed::default() };
        assert_eq!(decide(Observed::default()), (30, Why::Unmeasured));
        assert_eq!(decide(loading(1)), (45, Why::Loading));
        assert_eq!(decide(loading(10)), (40, Why::Loading));
        assert_eq!(decide(loading(20)), (20, Why::Loading));
        assert_eq!(decide(loading(300)), (15, Why::Loading));
    }

    #[test]
    fn where_loads_or_events_wait_batches_grow_and_where_nothing_can_come_they_close() {
        let slow = Observed { loading: Some(Duration::from_secs(40)), ..Observed::default() };
        assert_eq!(decide(Observed { loads: 10, ..slow }), (15, Why::Loading));
        assert_eq!(decide(Observed { loads: 11, ..slow }), (45, Why::LoadsWait));
        assert_eq!(decide(Observed { events: 1_001, ..slow }), (45, Why::EventsWait));
        assert_eq!(decide(Observed { held: true, loads: 99, ..slow }), (0, Why::Held));
    }

    #[test]
    fn a_smoothed_time_follows_slowly_and_forgets() {
        let mut smoothed = Smoothed::default();
        assert_eq!(smoothed.get(), None);
        smoothed.add(Duration::from_secs(10));
        smoothed.add(Duration::from_secs(20));
        assert_eq!(smoothed.get(), Some(Duration::from_secs(12)));
        (0..100).for_each(|_| smoothed.add(Duration::from_secs(1)));
        assert!(smoothed.get().is_some_and(|time| time < Duration::from_millis(1_001)));
    }
}
