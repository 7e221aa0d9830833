//! Back-off with full jitter.

use std::time::Duration;

/// How long to wait before try `failures` + 1: a random part of `first` doubled with each failure, at most `most`.
pub fn delay(failures: u32, first: Duration, most: Duration) -> Duration {
    ceiling(failures, first, most).mul_f64(fastrand::f64())
}

/// The longest that [`delay`] waits.
fn ceiling(failures: u32, first: Duration, most: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(30))).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes wrong elsewhere, row 5: an SQS error without back-off becomes a hot loop.
    #[test]
    fn row_5_the_wait_doubles_up_to_its_limit_and_is_spread() {
        let first = Duration::from_millis(100);
        let most = Duration::from_secs(5);
        let ceilings: Vec<u64> = (1..9).map(|failures| ceiling(failures, first, most).as_millis() as u64).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(ceiling(u32::MAX, first, most), most);
        let waits: Vec<Duration> = (0..200).map(|_| delay(6, first, most)).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(3_200)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(800)), "spread over the whole range");
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(2_400)), "spread over the whole range");
    }
}
