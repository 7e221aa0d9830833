//! What tests of several themes share.
#![allow(dead_code, unreachable_pub, reason = "each theme uses its own part")]

#[cfg(feature = "sandbox")]
pub mod daemon;
pub mod data;
#[cfg(feature = "sandbox")]
pub mod fault_proxy;
#[cfg(feature = "sandbox")]
pub mod http_server;
pub mod peers;
pub mod postgres;
pub mod python;
#[cfg(feature = "sandbox")]
pub mod sandbox;

use std::io::Write;
use std::time::{Duration, Instant};

/// The longest that a test waits for anything: far above what it takes, so that a slow machine fails no test.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `condition` holds; panics with `what` after `limit`.
pub async fn eventually(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + limit;
    while !condition().await {
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Says that a test is skipped for want of `what`, past the capture of the test harness; in CI, which is where `CI` is set, that
/// is a failure.
pub fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "{what}: CI must have it");
    // The handle, and not `eprintln!`, which the test harness keeps for failed tests.
    std::io::stderr().write_all(format!("\nSKIPPED: {what}\n").as_bytes()).ok();
}
