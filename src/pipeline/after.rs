//! What runs after commits: at most so often, with tries of its own, and never in the way of a load.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::runtime::Runtime;
use crate::backoff;
use crate::error::{Fault, Result};
use crate::load::{Ledger, Statement, Warehouse, after_statements};
use crate::telemetry::metrics as names;

/// How often a statement is tried.
const TRIES: u32 = 5;

/// How long the end of the process waits for a last run.
const LAST_RUN: Duration = Duration::from_secs(10);

/// The tasks of the pipelines that have something to run after commits.
pub(super) struct AfterCommits {
    pending: HashMap<usize, Arc<Notify>>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    stop: CancellationToken,
}

/// The task of one pipeline.
struct After {
    pipeline: String,
    warehouse: Warehouse,
    statements: Vec<Statement>,
    every: Duration,
    pending: Arc<Notify>,
    stop: CancellationToken,
}

impl AfterCommits {
    /// Starts a task for each pipeline with an `[after]`.
    ///
    /// # Errors
    /// `Configuration` if a statement cannot be read; the configuration was checked for it.
    pub(super) fn start(warehouse: &Warehouse, runtimes: &[Arc<Runtime>]) -> Result<Self> {
        let (mut pending, mut tasks, stop) = (HashMap::new(), JoinSet::new(), CancellationToken::new());
        for runtime in runtimes {
            let Some(after) = &runtime.pipeline.after else { continue };
            let ledger = Ledger::new(&warehouse.config().ledger_schema, runtime.name());
            let notify = Arc::new(Notify::new());
            pending.insert(runtime.index, notify.clone());
            let task = After {
                pipeline: runtime.name().to_owned(),
                warehouse: warehouse.clone(),
                statements: after_statements(&runtime.pipeline, ledger.objects.sql())?,
                every: after.every,
                pending: notify,
                stop: stop.clone(),
            };
            tasks.spawn(task.run());
        }
        Ok(AfterCommits { pending, tasks: tokio::sync::Mutex::new(tasks), stop })
    }

    /// Notes that a load of the pipeline was committed. Returns at once; commits during a run or its pause make one more run.
    pub(super) fn committed(&self, runtime: &Runtime) {
        if let Some(pending) = self.pending.get(&runtime.index) {
            pending.notify_one();
        }
    }

    /// Ends the tasks; what waits for its turn is run once more, for a short time.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        let ended = tokio::time::timeout(LAST_RUN, async { while tasks.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tracing::warn!("what runs after commits was still running at the end of the process");
            tasks.shutdown().await;
        }
    }
}

impl After {
    async fn run(self) {
        loop {
            tokio::select! {
                biased;
                () = self.pending.notified() => {}
                () = self.stop.cancelled() => return,
            }
            for statement in &self.statements {
                self.persist(statement).await;
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Runs a statement; tries again while its failure is transient and the process goes on. Its failure is counted and logged only.
    async fn persist(&self, statement: &Statement) {
        let count = |outcome: &'static str| {
            metrics::counter!(names::AFTER, "pipeline" => self.pipeline.clone(), "outcome" => outcome).increment(1);
        };
        for failures in 1.. {
            let error = match self.warehouse.query(&statement.sql).await {
                Ok(_) => return count("done"),
                Err(error) => error,
            };
            if error.fault() != Fault::Transient || failures == TRIES || self.stop.is_cancelled() {
                tracing::error!(pipeline = self.pipeline, statement = statement.name, %error, "a statement after the commit failed; the load stands");
                return count("failed");
            }
            tracing::warn!(pipeline = self.pipeline, statement = statement.name, %error, "a statement after the commit failed; trying again");
            count("retried");
            tokio::select! {
                () = tokio::time::sleep(backoff::delay(failures, Duration::from_secs(1), Duration::from_secs(60))) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }
}
