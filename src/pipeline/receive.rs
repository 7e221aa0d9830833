//! Receiving events: by one call at a time, or by several where the queue is deep and the readers wait for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;

use super::settle::Settler;
use crate::error::{Error, ErrorKind, Result};
use crate::queue::{Message, SqsQueue};

/// The most calls at once. A call takes some 15 ms and gives ten messages.
const MOST: usize = 8;

/// The messages of a full answer.
const FULL: usize = 10;

/// Calls to the events queue.
pub(super) struct Receiving {
    queue: SqsQueue,
    settler: Settler,
    calls: JoinSet<Result<Vec<Message>>>,
    /// How many calls there are to be at once.
    wanted: usize,
}

impl Receiving {
    /// No call yet.
    pub(super) fn new(queue: SqsQueue, settler: Settler) -> Self {
        Receiving { queue, settler, calls: JoinSet::new(), wanted: 1 }
    }

    /// Waits for the messages of a call; their leases are held from its answer on, however long it takes until somebody asks for them.
    /// Beyond the first call, there are only so many as `room` messages allow. Nothing is lost where this is given up.
    ///
    /// # Errors
    /// Those of the call.
    pub(super) async fn next(&mut self, room: usize) -> Result<Vec<Message>> {
        while self.calls.len() < self.wanted.min((room / FULL).max(1)) {
            let (queue, settler) = (self.queue.clone(), self.settler.clone());
            self.calls.spawn(async move {
                let messages = queue.receive().await?;
                messages.iter().for_each(|message| settler.hold(message));
                Ok(messages)
            });
        }
        match self.calls.join_next().await {
            Some(Ok(received)) => received,
            Some(Err(error)) => Err(Error::caused(ErrorKind::Io, "receiving events ended early", error)),
            None => Ok(Vec::new()),
        }
    }

    /// Notes what a call gave, and whether the readers wait for more: full answers call for more calls, others for one.
    pub(super) fn learn(&mut self, received: usize, hungry: bool) {
        self.wanted = wanted(self.wanted, received, hungry);
    }

    /// Ends all calls; gives the messages that came and nobody asked for. Those that SQS may have given to a call that was ended become
    /// visible again by themselves.
    pub(super) async fn stop(mut self) -> Vec<Message> {
        self.calls.abort_all();
        let mut left = Vec::new();
        while let Some(ended) = self.calls.join_next().await {
            left.extend(ended.ok().and_then(Result::ok).unwrap_or_default());
        }
        left
    }
}

/// The stored bytes of an object, among those of all that wait; taken away when this is dropped.
pub(super) struct WaitingBytes {
    all: Arc<AtomicU64>,
    of_this: u64,
}

impl WaitingBytes {
    pub(super) fn new(all: &Arc<AtomicU64>, size: Option<u64>) -> Self {
        let of_this = size.unwrap_or_default();
        all.fetch_add(of_this, Ordering::Relaxed);
        WaitingBytes { all: all.clone(), of_this }
    }
}

impl Drop for WaitingBytes {
    fn drop(&mut self) {
        self.all.fetch_sub(self.of_this, Ordering::Relaxed);
    }
}

fn wanted(now: usize, received: usize, hungry: bool) -> usize {
    match received {
        FULL.. if hungry => (now + 1).min(MOST),
        FULL.. => now,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_become_more_while_the_queue_is_deep_and_readers_wait_and_else_one() {
        let mut calls = 1;
        for _ in 0..20 {
            calls = wanted(calls, FULL, true);
        }
        assert_eq!(calls, MOST);
        assert_eq!(wanted(calls, FULL, false), MOST);
        assert_eq!(wanted(calls, FULL - 1, true), 1);
        assert_eq!(wanted(calls, 0, true), 1);
    }
}
