//! What was submitted, how far it is, and what came out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio_postgres::CancelToken;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::result::ResultSet;

/// How long a client token makes submissions the same.
const TOKEN_LIFE: Duration = Duration::from_secs(8 * 3600);

/// How long results are kept.
const RESULT_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Where a submission or one of its statements is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Submitted,
    Picked,
    Started,
    Finished,
    Failed,
    Aborted,
}

impl Status {
    /// The Data API's word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Status::Submitted => "SUBMITTED",
            Status::Picked => "PICKED",
            Status::Started => "STARTED",
            Status::Finished => "FINISHED",
            Status::Failed => "FAILED",
            Status::Aborted => "ABORTED",
        }
    }

    /// True if nothing more will happen.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Status::Finished | Status::Failed | Status::Aborted)
    }
}

/// What a client asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    pub(super) sqls: Vec<String>,
    pub(super) batch: bool,
    pub(super) auto_commit: bool,
    pub(super) database: Option<String>,
    /// Fields that replies repeat: WorkgroupName, ClusterIdentifier, DbUser, SecretArn, StatementName, SessionId.
    pub(super) echoed: BTreeMap<&'static str, String>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) client_token: Option<String>,
}

/// How far one statement is.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) status: Status,
    pub(super) error: Option<String>,
    pub(super) updated: SystemTime,
    pub(super) duration: Duration,
    pub(super) query: i64,
    pub(super) rows: Option<u64>,
    pub(super) result: Option<Arc<ResultSet>>,
}

impl Progress {
    fn new() -> Self {
        Progress {
            status: Status::Submitted,
            error: None,
            updated: SystemTime::now(),
            duration: Duration::ZERO,
            query: 0,
            rows: None,
            result: None,
        }
    }
}

/// How far a submission is, with each of its statements.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) whole: Progress,
    pub(super) statements: Vec<Progress>,
}

/// One call of ExecuteStatement or BatchExecuteStatement.
pub(super) struct Submission {
    pub(super) id: String,
    pub(super) order: Order,
    pub(super) created: SystemTime,
    pub(super) cancelled: CancellationToken,
    pub(super) running: Mutex<Option<CancelToken>>,
    state: watch::Sender<State>,
    since: Instant,
}

impl Submission {
    fn new(order: Order) -> Self {
        let statements = vec![Progress::new(); order.sqls.len()];
        Submission {
            id: Uuid::now_v7().to_string(),
            order,
            created: SystemTime::now(),
            cancelled: CancellationToken::new(),
            running: Mutex::default(),
            state: watch::Sender::new(State { whole: Progress::new(), statements }),
            since: Instant::now(),
        }
    }

    /// A copy of where it stands.
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Moves the whole on.
    pub(super) fn set(&self, status: Status, error: Option<String>) {
        self.update(|state| {
            state.whole.status = status;
            state.whole.error = error;
            if status.is_final() {
                state.whole.duration = self.since.elapsed();
                for statement in state.statements.iter_mut().filter(|statement| !statement.status.is_final()) {
                    statement.status = Status::Aborted;
                }
            }
        });
    }

    /// Changes the state and wakes who waits for it.
    pub(super) fn update(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            change(state);
            state.whole.updated = SystemTime::now();
        });
    }

    /// Returns when the submission has ended, or after `limit`.
    pub(super) async fn wait(&self, limit: Duration) {
        let mut changes = self.state.subscribe();
        // Both outcomes are answered alike: with the status there is.
        let _ = tokio::time::timeout(limit, changes.wait_for(|state| state.whole.status.is_final())).await;
    }
}

/// The submissions of the last 24 hours.
#[derive(Default)]
pub(super) struct Registry {
    inner: Mutex<Submissions>,
}

#[derive(Default)]
struct Submissions {
    by_id: HashMap<String, Arc<Submission>>,
    by_token: HashMap<String, (Instant, String)>,
}

impl Registry {
    /// Notes a submission; with a client token seen before, gives the earlier one, and false.
    pub(super) fn submit(&self, order: Order) -> (Arc<Submission>, bool) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.by_token.retain(|_, (since, _)| since.elapsed() < TOKEN_LIFE);
        inner.by_id.retain(|_, submission| submission.since.elapsed() < RESULT_LIFE);
        if let Some(token) = &order.client_token {
            let earlier = inner.by_token.get(token).and_then(|(_, id)| inner.by_id.get(id));
            if let Some(earlier) = earlier {
                return (earlier.clone(), false);
            }
        }
        let submission = Arc::new(Submission::new(order));
        if let Some(token) = &submission.order.client_token {
            inner.by_token.insert(token.clone(), (submission.since, submission.id.clone()));
        }
        inner.by_id.insert(submission.id.clone(), submission.clone());
        (submission, true)
    }

    /// The submission with the id.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Submission>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    /// All submissions, the newest first.
    pub(super) fn all(&self) -> Vec<Arc<Submission>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = inner.by_id.values().cloned().collect();
        all.sort_by(|a, b| b.id.cmp(&a.id));
        all
    }
}
