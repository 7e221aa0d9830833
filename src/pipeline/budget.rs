//! The memory that a process's work may take: one budget in bytes, for objects being read and batches being written.
//!
//! The budget has two parts. *Reading* is taken by objects: before one is opened it waits for what it is expected to need ([`Budget::read`]), and one
//! that turns out to need more waits for the reserve ([`ReadShare::grow`]). *Staging* is taken by batches, which never wait: a batch that goes beyond it
//! is cut ([`StageShare::update`]), and gives all of it back when it is closed.
//!
//! Nothing can wait for ever. Closing a batch takes nothing from the budget, so batches always end. An object that waits for the reserve waits for
//! the one object that has it; that one needs nothing more of the budget to end, as its need was set aside whole, and hands its rows to a batcher, which waits
//! for nothing of the budget either. So the reserve always comes free, and every object that was begun ends; and then so do the waits of those that
//! have not begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The budget is counted in units of so many bytes.
const UNIT: u64 = 16 << 10;

/// What an object takes whatever its size: chunks of its download, and the buffers of decompressor and decoder.
const LEAST: u64 = 512 << 10;

/// How much larger than stored an object's columns are expected to be; of one that is larger, the rest is waited for when it comes.
const EXPANSION: u64 = 12;

/// What is in memory beside an object's buffered rows: what is decompressed ahead, pieces on their way, and a group being encoded.
const IN_FLIGHT: u64 = 26 << 20;

/// What each open file holds, at most: a part that is sent, and what comes meanwhile.
const FILE: u64 = 10 << 20;

/// The budget of a process.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Units for objects being read, without the reserve.
    reading: Arc<Semaphore>,
    /// All of these units.
    units: u32,
    /// The one reserve, which is as large as any object's need.
    reserve: Arc<Semaphore>,
    /// The need of an object that is too large for memory, in bytes.
    most: u64,
    /// The bytes that batches may take, and those that they take.
    staging: u64,
    staged: AtomicU64,
    batches: AtomicUsize,
    pressure: Notify,
}

impl Budget {
    /// A budget of `bytes`, of which objects take two thirds and batches one; `object_buffer` are the bytes of an object's rows that are held before it
    /// writes files of its own, `slices` the number of these.
    pub(super) fn new(bytes: u64, object_buffer: u64, slices: usize) -> Self {
        let most = object_buffer + IN_FLIGHT + slices as u64 * FILE;
        let reading = (bytes / 3 * 2).saturating_sub(most).max(8 << 20);
        let units = u32::try_from(reading / UNIT).unwrap_or(u32::MAX);
        Budget(Arc::new(Inner {
            reading: Arc::new(Semaphore::new(units as usize)),
            units,
            reserve: Arc::new(Semaphore::new(1)),
            most,
            staging: bytes / 3,
            staged: AtomicU64::new(0),
            batches: AtomicUsize::new(0),
            pressure: Notify::new(),
        }))
    }

    /// Waits for what an object of this stored size is expected to need; to be called before it is opened, and the share to be kept until its rows are
    /// encoded. Objects get theirs in the order in which they ask.
    pub(super) async fn read(&self, size: Option<u64>) -> ReadShare {
        let inner = &self.0;
        let need = size.map_or(inner.most, |size| size.saturating_mul(EXPANSION).saturating_add(LEAST)).min(inner.most);
        let units = u32::try_from(need.div_ceil(UNIT)).unwrap_or(u32::MAX).min(inner.units);
        let share = inner.reading.clone().acquire_many_owned(units).await.ok();
        ReadShare { budget: self.clone(), bytes: u64::from(units) * UNIT, share, reserve: None }
    }

    /// The share of a batch, which takes nothing yet.
    pub(super) fn stage(&self) -> StageShare {
        self.0.batches.fetch_add(1, Ordering::Relaxed);
        StageShare { budget: self.clone(), bytes: 0 }
    }

    /// Ends when batches take more than they may, so that those with the most are cut.
    pub(super) async fn pressure(&self) {
        self.0.pressure.notified().await;
    }
}

/// What an object that is read takes of the budget; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct ReadShare {
    budget: Budget,
    bytes: u64,
    #[expect(dead_code, reason = "held for what dropping it gives back")]
    share: Option<OwnedSemaphorePermit>,
    reserve: Option<OwnedSemaphorePermit>,
}

impl ReadShare {
    /// Waits until the object may hold `bytes`: at once if that is within its share, else for the reserve, with which it may hold all that any object
    /// does. To be called with all that the object holds, before it takes more.
    pub(super) async fn grow(&mut self, bytes: u64) {
        if bytes > self.bytes && self.reserve.is_none() {
            self.reserve = self.budget.0.reserve.clone().acquire_owned().await.ok();
        }
    }
}

/// What a batch takes of the budget; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct StageShare {
    budget: Budget,
    bytes: u64,
}

impl StageShare {
    /// Says how many bytes the batch holds now; gives whether it is to be cut: all batches together take more than they may, and this one no less than
    /// an equal share of it, or they take far more.
    pub(super) fn update(&mut self, bytes: u64) -> bool {
        let inner = &self.budget.0;
        // The sum never falls below zero: what is taken away was added before.
        inner.staged.fetch_add(bytes, Ordering::Relaxed);
        let all = inner.staged.fetch_sub(self.bytes, Ordering::Relaxed) - self.bytes;
        self.bytes = bytes;
        if all <= inner.staging {
            return false;
        }
        inner.pressure.notify_waiters();
        self.is_large() || all > inner.staging + inner.staging / 4
    }

    /// Whether the batch takes no less than an equal share of what batches may take.
    pub(super) fn is_large(&self) -> bool {
        let batches = self.budget.0.batches.load(Ordering::Relaxed).max(1) as u64;
        self.bytes >= self.budget.0.staging / batches
    }
}

impl Drop for StageShare {
    fn drop(&mut self) {
        self.budget.0.staged.fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget.0.batches.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn budget() -> Budget {
        Budget::new(128 * MIB, 16 * MIB, 1)
    }

    async fn soon<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_millis(50), future).await.ok()
    }

    #[tokio::test]
    async fn many_small_objects_are_read_at_once_and_few_large_ones() {
        let budget = budget();
        let mut small = Vec::new();
        for _ in 0..50 {
            small.push(soon(budget.read(Some(1_000))).await.expect("small objects need little"));
        }
        drop(small);
        let large = soon(budget.read(Some(1 << 30))).await.expect("one is always read");
        assert!(soon(budget.read(Some(1 << 30))).await.is_none(), "a second one waits");
        drop(large);
        assert!(soon(budget.read(None)).await.is_some());
    }

    #[tokio::test]
    async fn when_all_is_taken_objects_that_were_begun_still_end_one_after_the_other() {
        let budget = budget();
        let (mut first, mut second) = (budget.read(Some(100)).await, budget.read(Some(100)).await);
        let rest = budget.0.reading.clone().acquire_many_owned(budget.0.reading.available_permits() as u32).await;
        soon(first.grow(400 << 10)).await.expect("within its share");
        soon(first.grow(40 * MIB)).await.expect("the reserve is free");
        soon(first.grow(60 * MIB)).await.expect("who has the reserve waits for nothing");
        assert!(soon(second.grow(40 * MIB)).await.is_none(), "there is one reserve");
        drop(first);
        soon(second.grow(40 * MIB)).await.expect("the first has ended");
        drop(rest);
    }

    #[tokio::test]
    async fn batches_never_wait_but_the_large_ones_are_cut() {
        let budget = budget();
        let (mut small, mut large) = (budget.stage(), budget.stage());
        assert!(!small.update(5 * MIB));
        assert!(!large.update(30 * MIB));
        let pressure = tokio::spawn({
            let budget = budget.clone();
            async move { budget.pressure().await }
        });
        tokio::task::yield_now().await;
        assert!(large.update(40 * MIB), "above a third of the budget, and above its half");
        soon(pressure).await.expect("the others hear of it").expect("no panic");
        assert!(!small.update(6 * MIB), "the small one is not at fault");
        drop(large);
        assert!(!small.update(40 * MIB));
        assert_eq!(budget.0.staged.load(Ordering::Relaxed), 40 * MIB);
    }
}
