//! The wall clock, in the precision of SQS's timestamps.

use std::ops::Add;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970: deadlines are kept as such, so that they hold across a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Time(u64);

impl Time {
    /// The present moment.
    pub(crate) fn now() -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// The moment this many milliseconds after 1970 began.
    #[cfg(test)]
    pub(crate) fn from_millis(millis: u64) -> Time {
        Time(millis)
    }

    /// Milliseconds since 1970, as in `SentTimestamp`.
    pub(crate) fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970, as in `CreatedTimestamp`.
    pub(crate) fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// How long it is from `earlier` to this moment; zero if it is not earlier.
    pub(crate) fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}
