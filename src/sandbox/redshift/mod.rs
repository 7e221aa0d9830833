//! The Redshift Data API over PostgreSQL.
//!
//! `api` takes an operation's JSON and gives its reply; `submission` is what was asked and how far it is; `run` carries one
//! out: it plans each statement with `rewrite`, loads with `copy`, and speaks to PostgreSQL through `engine`. A failed statement is
//! a status with Redshift's error text (`failure`), never an error of the operation.

mod api;
mod browse;
mod copy;
mod elsewhere;
mod engine;
mod failure;
mod result;
mod rewrite;
mod run;
mod submission;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::elsewhere::Elsewhere;
use self::engine::Engine;
use self::submission::{Order, Registry, Submission};
use super::s3::Store;
use super::wire::Reply;
use crate::error::Result;

/// Where COPY finds its objects.
pub(crate) trait Objects: Send + Sync {
    /// The size in bytes of an object; `None` if there is none. Blocking.
    fn len(&self, bucket: &str, key: &str) -> Result<Option<u64>>;

    /// The body of an object; `None` if there is none. Blocking.
    fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>>;
}

impl Objects for Store {
    fn len(&self, bucket: &str, key: &str) -> Result<Option<u64>> {
        Store::len(self, bucket, key)
    }

    fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        Store::read(self, bucket, key)
    }
}

/// The S3 from which COPY reads.
pub(crate) enum CopyFrom {
    /// The sandbox's own.
    Store(Arc<Store>),
    /// Another, by its endpoint.
    Endpoint(String),
}

/// The warehouse of a sandbox.
pub(crate) struct Redshift {
    warehouse: Arc<Warehouse>,
}

/// What the tasks that run submissions share.
struct Warehouse {
    engine: Engine,
    objects: Arc<dyn Objects>,
    registry: Registry,
    queries: AtomicI64,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Redshift {
    /// Starts the embedded database in `folder`, or connects to the server at `url`.
    pub(crate) async fn start(folder: &Path, url: Option<String>, copy_from: CopyFrom) -> Result<Arc<Redshift>> {
        match copy_from {
            CopyFrom::Store(store) => Redshift::start_over(folder, url, store).await,
            CopyFrom::Endpoint(endpoint) => {
                Redshift::start_over(folder, url, Arc::new(Elsewhere::new(&endpoint))).await
            }
        }
    }

    /// The same, with any source of objects.
    async fn start_over(folder: &Path, url: Option<String>, objects: Arc<dyn Objects>) -> Result<Arc<Redshift>> {
        let engine = Engine::start(folder, url).await?;
        // Query ids grow across restarts, so that the load history stays unambiguous.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let queries = AtomicI64::new(i64::try_from(now.as_millis()).unwrap_or_default());
        let warehouse = Warehouse {
            engine,
            objects,
            registry: Registry::default(),
            queries,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        };
        Ok(Arc::new(Redshift { warehouse: Arc::new(warehouse) }))
    }

    /// Answers one operation of the Data API, such as `BatchExecuteStatement`.
    pub(crate) async fn handle(&self, operation: &str, body: &[u8]) -> Reply {
        api::handle(&self.warehouse, operation, body).await
    }

    /// Ends what is running and closes the database.
    pub(crate) async fn close(&self) -> Result<()> {
        let warehouse = &self.warehouse;
        warehouse.closing.cancel();
        for submission in warehouse.registry.all() {
            warehouse.cancel(&submission).await;
        }
        warehouse.tasks.close();
        warehouse.tasks.wait().await;
        warehouse.engine.close().await
    }
}

impl Warehouse {
    /// Notes a submission and starts it, unless its client token was seen before.
    fn submit(self: &Arc<Self>, order: Order) -> Arc<Submission> {
        let (submission, new) = self.registry.submit(order);
        if new {
            self.tasks.spawn(run::run(self.clone(), submission.clone()));
        }
        submission
    }

    /// Asks a submission to end.
    async fn cancel(&self, submission: &Submission) {
        submission.cancelled.cancel();
        let token = submission.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some(token) = token {
            self.engine.cancel(&token).await;
        }
    }

    fn next_query(&self) -> i64 {
        self.queries.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
