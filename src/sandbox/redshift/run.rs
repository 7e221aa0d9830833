//! Carries out a submission: its statements in order, in one transaction or each in its own.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::{Instant, SystemTime};

use tokio_postgres::{Client, SimpleQueryMessage};

use super::Warehouse;
use super::copy::history::Load;
use super::failure::Failure;
use super::result::ResultSet;
use super::rewrite::tokens::{Tok, statements, tokenize};
use super::rewrite::{self, Plan, Transaction};
use super::submission::{Status, Submission};

/// What a statement gave.
#[derive(Default)]
struct Outcome {
    rows: Option<u64>,
    result: Option<Arc<ResultSet>>,
}

/// The single statement of a text, with its parameters bound; an error is a client's.
pub(super) fn single(sql: &str, order: &super::Order, used: &mut BTreeSet<String>) -> Result<Vec<Tok>, String> {
    let Ok(tokens) = tokenize(sql) else { return Ok(vec![rewrite::tokens::raw(sql)]) };
    let mut parts = statements(&tokens);
    if parts.len() > 1 {
        return Err("Multiple sql statements are not allowed".to_owned());
    }
    let mut statement = parts.pop().ok_or("Sql must not be empty")?;
    rewrite::bind(&mut statement, &order.parameters, used);
    Ok(statement)
}

/// Runs a submission from its place in the queue to its end.
pub(super) async fn run(warehouse: Arc<Warehouse>, submission: Arc<Submission>) {
    let session = tokio::select! {
        session = warehouse.engine.session() => session,
        () = submission.cancelled.cancelled() => {
            submission.set(Status::Aborted, None);
            return;
        }
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => {
            submission.set(Status::Failed, Some(format!("ERROR: {error}")));
            return;
        }
    };
    submission.set(Status::Picked, None);
    *submission.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.client().cancel_token());
    let mut runner = Runner {
        warehouse: &warehouse,
        submission: &submission,
        client: session.client(),
        loads: Vec::new(),
        open: false,
    };
    submission.set(Status::Started, None);
    let ended = runner.all().await;
    if runner.open
        && let Err(error) = runner.client.batch_execute("ROLLBACK").await
    {
        tracing::debug!(%error, "sandbox: rollback");
    }
    *submission.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    for load in &runner.loads {
        if let Err(error) = load.save(runner.client).await {
            tracing::warn!(%error, "sandbox: the load history was not written");
        }
    }
    warehouse.engine.give_back(session);
    // Last, so that who waits for the end finds the session free and the history written.
    match ended {
        Ok(()) => submission.set(Status::Finished, None),
        Err(Some(error)) => submission.set(Status::Failed, Some(error)),
        Err(None) => submission.set(Status::Aborted, None),
    }
}

struct Runner<'a> {
    warehouse: &'a Warehouse,
    submission: &'a Submission,
    client: &'a Client,
    /// What COPY did; written when the transaction has ended, because it outlives a rollback.
    loads: Vec<Load>,
    /// True while a transaction is open.
    open: bool,
}

impl Runner<'_> {
    /// Runs all statements. An error is the text of the whole's failure, or nothing if it was cancelled.
    async fn all(&mut self) -> Result<(), Option<String>> {
        let order = &self.submission.order;
        let together = order.batch && !order.auto_commit;
        let mut failed = None;
        for (index, sql) in order.sqls.iter().enumerate() {
            if self.submission.cancelled.is_cancelled() {
                return Err(None);
            }
            let query = self.warehouse.next_query();
            let started = Instant::now();
            self.submission.update(|state| {
                state.statements[index].status = Status::Started;
                state.statements[index].query = query;
            });
            let last = index + 1 == order.sqls.len();
            let outcome = self.one(sql, query, together, last).await;
            let cancelled = self.submission.cancelled.is_cancelled();
            self.submission.update(|state| {
                let statement = &mut state.statements[index];
                statement.duration = started.elapsed();
                statement.updated = SystemTime::now();
                match &outcome {
                    Ok(outcome) => {
                        statement.status = Status::Finished;
                        statement.rows = outcome.rows;
                        statement.result.clone_from(&outcome.result);
                    }
                    Err(failure) => {
                        statement.status = if cancelled { Status::Aborted } else { Status::Failed };
                        statement.error = Some(failure.0.clone());
                    }
                }
            });
            if let Err(failure) = outcome {
                if cancelled {
                    return Err(None);
                }
                let text =
                    if order.batch { format!("Query #{} failed with {}", index + 1, failure.0) } else { failure.0 };
                if together || !order.batch {
                    return Err(Some(text));
                }
                failed.get_or_insert(text);
            }
        }
        failed.map_or(Ok(()), |text| Err(Some(text)))
    }

    async fn one(&mut self, sql: &str, query: i64, together: bool, last: bool) -> Result<Outcome, Failure> {
        let statement = single(sql, &self.submission.order, &mut BTreeSet::new()).map_err(Failure::new)?;
        let plan = rewrite::plan(statement).map_err(Failure::new)?;
        let several = together && self.submission.order.sqls.len() > 1;
        match plan.transaction() {
            Transaction::Refused(name) if several => {
                return Err(Failure::new(format_args!("{name} cannot run inside a transaction block")));
            }
            Transaction::Alone(name) if several => {
                return Err(Failure::new(format_args!("{name} cannot run inside a transaction block")));
            }
            Transaction::Refused(_) => return self.execute(&plan, query).await,
            Transaction::Inside | Transaction::Alone(_) | Transaction::Commits => {}
        }
        if !self.open {
            self.client.batch_execute("BEGIN").await?;
            self.open = true;
        }
        let outcome = self.execute(&plan, query).await;
        if outcome.is_err() && !together {
            self.client.batch_execute("ROLLBACK").await?;
            self.open = false;
        }
        if outcome.is_ok() && (!together || last || plan.transaction() == Transaction::Commits) {
            if self.submission.cancelled.is_cancelled() {
                return Err(Failure::new(format_args!("Query ({query}) cancelled on user's request")));
            }
            self.open = false;
            self.client.batch_execute("COMMIT").await?;
        }
        outcome
    }

    async fn execute(&mut self, plan: &Plan, query: i64) -> Result<Outcome, Failure> {
        match plan {
            Plan::Nothing => Ok(Outcome::default()),
            Plan::Copy(copy) => {
                let (load, outcome) = copy.run(self.client, &self.warehouse.objects, query).await;
                self.loads.push(load);
                let rows = outcome?;
                Ok(Outcome { rows: Some(rows), result: None })
            }
            Plan::Sql { text, rows: true, .. } => {
                let result = ResultSet::query(self.client, text).await?;
                Ok(Outcome { rows: Some(result.len() as u64), result: Some(Arc::new(result)) })
            }
            Plan::Sql { text, .. } => {
                let mut rows = None;
                for message in self.client.simple_query(text).await? {
                    if let SimpleQueryMessage::CommandComplete(count) = message {
                        rows = Some(count);
                    }
                }
                Ok(Outcome { rows, result: None })
            }
        }
    }
}
