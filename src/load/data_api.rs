//! The warehouse, through the Redshift Data API.

use std::time::{Duration, Instant};

use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::types::{Field, StatusString};

use super::statement::literal;
use super::{Statement, Token, is_missing_relation, verdict};
use crate::aws::classify;
use crate::config::{Authentication, Warehouse as Config, WarehouseName};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::telemetry::metrics as names;

/// For how long one call waits at the service for the statement's end: of the 30 s allowed.
const WAIT_SECONDS: i32 = 20;

/// How long after its own time limit a statement's outcome is still awaited.
const GRACE: Duration = Duration::from_secs(60);

/// The rows of a result, each value as text or null.
pub type Rows = Vec<Vec<Option<String>>>;

/// A submitted statement or batch of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementId(String);

/// A workgroup or cluster.
#[derive(Debug, Clone)]
pub struct Warehouse {
    client: aws_sdk_redshiftdata::Client,
    config: Config,
}

/// The four parameters of every call, the same in each request builder of the SDK.
macro_rules! addressed {
    ($self:ident, $request:expr) => {{
        let request = $request.database(&$self.config.database);
        let request = match &$self.config.name {
            WarehouseName::Workgroup(name) => request.workgroup_name(name),
            WarehouseName::Cluster(name) => request.cluster_identifier(name),
        };
        match &$self.config.authentication {
            Authentication::Iam => request,
            Authentication::DbUser(user) => request.db_user(user),
            Authentication::Secret(arn) => request.secret_arn(arn),
        }
    }};
}

impl Warehouse {
    /// The warehouse that `config` names.
    pub fn new(client: aws_sdk_redshiftdata::Client, config: Config) -> Self {
        Warehouse { client, config }
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Runs statements as one transaction; gives the rows of the last one.
    ///
    /// A second call with the same token does not run them again: it awaits the outcome of the first.
    ///
    /// # Errors
    /// The kind that [`verdict`] gives the failed statement's text, `Unbalanced` if it was an assertion, `CheckFailed` if it was a pipeline's check; transient ones of the service.
    pub async fn transaction(&self, statements: &[Statement], token: &Token, name: &str) -> Result<Rows> {
        let request = self.client.batch_execute_statement();
        let submitted = addressed!(self, request)
            .set_sqls(Some(statements.iter().map(|statement| statement.sql.clone()).collect()))
            .client_token(token.as_str())
            .statement_name(name)
            .send()
            .await;
        self.answered(submitted.is_ok());
        let submitted = submitted
            .map_err(|error| classify(error, "the warehouse did not take a load", ErrorKind::WarehouseBusy))?;
        let id = StatementId(required(submitted.id, "BatchExecuteStatement")?);
        failpoint::passed("load.submitted");
        // Each statement has its own limit, which the warehouse keeps; this one is for a warehouse that does not.
        let limit = self.config.statement_timeout.saturating_mul(statements.len() as u32);
        let end = self.finish(&id, limit).await?;
        if end.status() != Some(&StatusString::Finished) {
            return Err(batch_failure(&end, statements));
        }
        let last = end.sub_statements().last();
        match last {
            Some(last) if last.has_result_set() == Some(true) => self.rows(last.id()).await,
            _ => Ok(Rows::new()),
        }
    }

    /// Runs one statement; gives its rows.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    pub async fn query(&self, sql: &str) -> Result<Rows> {
        let request = self.client.execute_statement();
        let submitted = addressed!(self, request).sql(sql).statement_name("tidegate").send().await;
        self.answered(submitted.is_ok());
        let submitted = submitted
            .map_err(|error| classify(error, "the warehouse did not take a query", ErrorKind::WarehouseBusy))?;
        let id = StatementId(required(submitted.id, "ExecuteStatement")?);
        let end = self.finish(&id, self.config.statement_timeout).await?;
        if end.status() != Some(&StatusString::Finished) {
            let text = end.error().unwrap_or("no reason given");
            return Err(Error::new(verdict(text), format!("a query failed: {text}")));
        }
        if end.has_result_set() == Some(true) { self.rows(&id.0).await } else { Ok(Rows::new()) }
    }

    /// Whether a table can be selected from.
    ///
    /// # Errors
    /// Every failure but that of a missing table or schema.
    pub async fn has_table(&self, table: &str) -> Result<bool> {
        match self.query(&format!("SELECT 1 FROM {table} WHERE FALSE")).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing_relation(error.message()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a schema exists, whoever may use it.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn has_schema(&self, schema: &str) -> Result<bool> {
        let name = literal(&schema.to_lowercase());
        Ok(!self.query(&format!("SELECT 1 FROM pg_namespace WHERE nspname = {name}")).await?.is_empty())
    }

    /// Awaits the end of a statement; one that outlives `limit` is cancelled.
    async fn finish(&self, id: &StatementId, limit: Duration) -> Result<DescribeStatementOutput> {
        let allowed = limit + GRACE;
        let limit = Instant::now() + allowed;
        let mut failures = 0_u32;
        loop {
            let described = self.client.describe_statement().id(&id.0).wait_time_seconds(WAIT_SECONDS).send().await;
            self.answered(described.is_ok());
            match described {
                Ok(end)
                    if matches!(
                        end.status(),
                        Some(StatusString::Finished | StatusString::Failed | StatusString::Aborted)
                    ) =>
                {
                    return Ok(end);
                }
                // Where the service does not wait, this is what keeps the calls apart.
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => {
                    // The statement runs on, whatever becomes of the question about it: ask again.
                    failures += 1;
                    let error = classify(error, "the outcome of a load is not known", ErrorKind::Unavailable);
                    if error.fault() != crate::error::Fault::Transient {
                        return Err(error);
                    }
                    metrics::counter!(names::RETRIES, "operation" => "describe").increment(1);
                    tracing::debug!(%error, "asking again for a statement's outcome");
                    tokio::time::sleep(crate::backoff::delay(
                        failures,
                        Duration::from_millis(200),
                        Duration::from_secs(10),
                    ))
                    .await;
                }
            }
            if Instant::now() >= limit {
                if let Err(error) = self.client.cancel_statement().id(&id.0).send().await {
                    let error = classify(error, "a statement could not be cancelled", ErrorKind::Unavailable);
                    tracing::warn!(%error, statement.id = id.0, "its own time limit will end it");
                }
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    format!("the statement {} did not end within {allowed:?}", id.0),
                ));
            }
        }
    }

    /// All rows of a result.
    async fn rows(&self, id: &str) -> Result<Rows> {
        let mut rows = Rows::new();
        let mut next = None;
        loop {
            let page =
                self.client.get_statement_result().id(id).set_next_token(next).send().await.map_err(|error| {
                    classify(error, "the result of a statement cannot be read", ErrorKind::Unavailable)
                })?;
            rows.extend(page.records.into_iter().map(|record| record.into_iter().map(text).collect()));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(rows);
            }
        }
    }

    fn answered(&self, yes: bool) {
        metrics::gauge!(names::WAREHOUSE_UP).set(if yes { 1.0 } else { 0.0 });
    }
}

/// The error of a failed transaction: its first failed statement, by the name that its template gives it.
fn batch_failure(end: &DescribeStatementOutput, statements: &[Statement]) -> Error {
    let failed =
        end.sub_statements().iter().enumerate().find(|(_, part)| part.error().is_some_and(|text| !text.is_empty()));
    let (statement, text) = match failed {
        Some((at, part)) => (statements.get(at), part.error()),
        None => (None, end.error()),
    };
    let text = text.or(end.error()).unwrap_or("no reason given");
    if failed.is_none() || end.status() == Some(&StatusString::Aborted) {
        // No statement of ours is at fault: it was cancelled, or never began.
        let kind = match verdict(text) {
            ErrorKind::WarehouseRefused => ErrorKind::WarehouseBusy,
            kind => kind,
        };
        return Error::new(kind, format!("nothing was committed: {text}"));
    }
    let name = statement.map_or("a statement", |statement| statement.name.as_str());
    let divided = text.to_lowercase().contains("division by zero") || text.to_lowercase().contains("divide by zero");
    if let (true, Some(check)) = (divided, statement.and_then(Statement::check)) {
        let message = format!("nothing was committed: the check \"{check}\" does not hold");
        return Error::new(ErrorKind::CheckFailed, message);
    }
    if divided && statement.is_some_and(Statement::is_assertion) {
        return Error::new(ErrorKind::Unbalanced, format!("nothing was committed: the load could not {name}"));
    }
    Error::new(verdict(text), format!("nothing was committed: \"{name}\" failed: {text}"))
}

fn text(field: Field) -> Option<String> {
    match field {
        Field::StringValue(text) => Some(text),
        Field::LongValue(value) => Some(value.to_string()),
        Field::DoubleValue(value) => Some(value.to_string()),
        Field::BooleanValue(value) => Some(value.to_string()),
        _ => None,
    }
}

fn required(id: Option<String>, operation: &str) -> Result<String> {
    id.ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("{operation} answered without an id")))
}
