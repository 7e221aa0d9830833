//! Load: from the loads queue to committed rows.
//!
//! This file receives, with the circuit breaker before it; `batches` settles what was received, `transaction` runs one load,
//! `narrow` finds what a load fails at, and `park` puts that aside.

mod batches;
mod narrow;
mod park;
mod partitions;
mod transaction;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::after::AfterCommits;
use super::breaker::{Breaker, FIRST_WAIT, LONGEST_WAIT, Permit, Signal};
use super::prepare::Prepared;
use super::runtime::Runtime;
use crate::backoff;
use crate::error::{Error, Fault, Result};
use crate::failpoint;
use crate::load::Warehouse;
use crate::queue::{Leases, Message, SqsQueue};
use crate::stage::{Area, Store};
use crate::telemetry::metrics as names;

/// Loads of different pipelines that run at the same time.
const CONCURRENT_LOADS: usize = 4;

/// What the loader works with.
pub(super) struct Loader {
    loads: SqsQueue,
    store: Store,
    area: Area,
    warehouse: Warehouse,
    runtimes: Vec<Arc<Runtime>>,
    leases: Leases,
    /// The pipelines whose tables are known to be as they must.
    prepared: Prepared,
    /// What runs after commits.
    after: AfterCommits,
    /// The partitions that this process knows to be added.
    registered: Mutex<HashSet<(usize, String)>>,
    /// What stops the loader for good.
    fatal: Mutex<Option<Error>>,
    breaker: Mutex<Breaker>,
}

impl Loader {
    pub(super) fn new(
        loads: SqsQueue,
        store: Store,
        area: Area,
        warehouse: Warehouse,
        runtimes: Vec<Arc<Runtime>>,
    ) -> Result<Self> {
        Ok(Loader {
            loads,
            store,
            area,
            after: AfterCommits::start(&warehouse, &runtimes)?,
            warehouse,
            runtimes,
            leases: Leases::new(),
            prepared: Prepared::default(),
            registered: Mutex::default(),
            fatal: Mutex::default(),
            breaker: Mutex::new(Breaker::new(|openings| {
                // Half of it is certain: several loaders keep apart, and none asks at once.
                let wait = backoff::delay(openings, FIRST_WAIT, LONGEST_WAIT);
                (wait + FIRST_WAIT).min(LONGEST_WAIT)
            })),
        })
    }

    /// Runs until `shutdown`, then ends the loads that have begun.
    ///
    /// # Errors
    /// Only `Fatal` ones.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let loader = Arc::new(self);
        let (lost_sender, mut lost) = mpsc::channel(64);
        let leases_end = CancellationToken::new();
        let renewing = tokio::spawn(loader.leases.clone().renew(loader.loads.clone(), lost_sender, leases_end.clone()));
        // A load whose lease is lost runs on: the lock and the ledger make another one of the same batches a no-op.
        let losing = tokio::spawn(async move { while lost.recv().await.is_some() {} });

        let permits = Arc::new(Semaphore::new(CONCURRENT_LOADS));
        let tasks = TaskTracker::new();
        let stop = shutdown.child_token();
        let mut ended = loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { break Ok(()) };
            match loader.receive(&stop).await {
                Ok(Some(messages)) => {
                    // One receipt may hold several groups: a slow load of one must not hold up another.
                    let permit = Arc::new(permit);
                    for (group, messages) in loader.groups(messages) {
                        let (loader, permit, stop) = (loader.clone(), permit.clone(), stop.clone());
                        tasks.spawn(async move {
                            let ended = loader.load_group(&group, messages).await;
                            loader.breaker().untried();
                            if let Err(error) = ended {
                                lock(&loader.fatal).get_or_insert(error);
                                stop.cancel();
                            }
                            drop(permit);
                        });
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        tasks.close();
        tasks.wait().await;
        loader.after.end().await;
        if let Some(fatal) = lock(&loader.fatal).take() {
            ended = Err(fatal);
        }
        leases_end.cancel();
        for task in [renewing, losing] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the loader ended early");
            }
        }
        ended
    }

    /// The next messages, once the breaker permits to receive any; `None` at the shutdown.
    async fn receive(&self, shutdown: &CancellationToken) -> Result<Option<Vec<Message>>> {
        let mut failures = 0;
        loop {
            self.export_breaker();
            let permit = self.breaker().permit(Instant::now());
            match permit {
                Permit::Wait(wait) => {
                    if !sleep(wait, shutdown).await {
                        return Ok(None);
                    }
                    continue;
                }
                Permit::Probe => {
                    let probed = tokio::select! {
                        probed = self.warehouse.probe() => probed,
                        () = shutdown.cancelled() => return Ok(None),
                    };
                    match &probed {
                        Ok(()) => tracing::info!("the warehouse answers again; trying a load"),
                        Err(error) => tracing::warn!(%error, "the warehouse is still down"),
                    }
                    self.breaker().probed(Signal::of(&probed), Instant::now());
                    continue;
                }
                Permit::Receive | Permit::Try => {}
            }
            let received = tokio::select! {
                received = self.loads.receive() => received,
                () = shutdown.cancelled() => return Ok(None),
            };
            match received {
                Ok(messages) if messages.is_empty() => failures = 0,
                Ok(messages) => {
                    failures = 0;
                    failpoint::passed("load.received");
                    if permit == Permit::Try {
                        self.breaker().trying();
                    } else if matches!(self.breaker().permit(Instant::now()), Permit::Wait(_) | Permit::Probe) {
                        // It opened while the queue was asked: these would only fail, too.
                        self.give_back(&messages, FIRST_WAIT).await;
                        continue;
                    }
                    return Ok(Some(messages));
                }
                Err(error) if error.fault() == Fault::Fatal => return Err(error),
                Err(error) => {
                    failures += 1;
                    metrics::counter!(names::RETRIES, "operation" => "receive").increment(1);
                    tracing::warn!(%error, failures, "no loads could be received; trying again");
                    let delay = backoff::delay(failures, Duration::from_millis(500), Duration::from_secs(30));
                    if !sleep(delay, shutdown).await {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// What one receipt gave, by group, the messages of each in their order.
    fn groups(&self, messages: Vec<Message>) -> BTreeMap<String, Vec<Message>> {
        let mut groups: BTreeMap<String, Vec<Message>> = BTreeMap::new();
        for message in messages {
            self.leases.hold(&message);
            groups.entry(message.group.clone().unwrap_or_default()).or_default().push(message);
        }
        groups
    }

    /// Tells the breaker how a call to the warehouse ended; gives the outcome back.
    fn observed<T>(&self, outcome: Result<T>) -> Result<T> {
        let mut breaker = self.breaker();
        let before = breaker.state();
        breaker.called(Signal::of(&outcome), Instant::now());
        let after = breaker.state();
        drop(breaker);
        if before != after {
            self.export_breaker();
            match after {
                "open" => tracing::warn!("the warehouse is down: no loads are received until it answers again"),
                _ => tracing::info!("the warehouse is back"),
            }
        }
        outcome
    }

    fn export_breaker(&self) {
        let state = self.breaker().state();
        for each in ["closed", "open", "half_open"] {
            metrics::gauge!(names::WAREHOUSE_BREAKER, "state" => each).set(if each == state { 1.0 } else { 0.0 });
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.breaker)
    }
}

/// Sleeps; whether the shutdown did not come before.
async fn sleep(wait: Duration, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(wait) => true,
        () = shutdown.cancelled() => false,
    }
}

/// What is guarded stays whole at a panic: each change is one assignment or insert.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
