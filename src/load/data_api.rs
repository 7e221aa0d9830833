//! The warehouse, through the Redshift Data API.

use std::time::{Duration, Instant};

use aws_sdk_redshiftdata::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::types::{Field, StatusString};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::copy_errors::CopyError;
use super::statement::literal;
use super::{Statement, Token, is_missing_relation, verdict};
use crate::aws::classify;
use crate::config::{Authentication, Warehouse as Config, WarehouseName};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::failpoint;
use crate::telemetry::metrics as names;

/// For how long one call waits at the service for the statement's end: of the 30 s allowed.
const WAIT_SECONDS: u64 = 20;

/// How long after its own time limit a statement's outcome is still awaited.
const GRACE: Duration = Duration::from_secs(60);

/// The rows of a result, each value as text or null.
pub type Rows = Vec<Vec<Option<String>>>;

/// A submitted statement or batch of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementId(String);

/// A submission that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    id: StatementId,
    /// The name, which ends in its token.
    pub name: String,
    /// When it was submitted, in seconds since 1970.
    pub since: i64,
}

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
    /// A second call with the same token does not run them again: it awaits the outcome of the first. At the Data API the
    /// submission is called `{name}-{token}`, by which [`running`](Self::running) finds it when its loader is gone.
    ///
    /// # Errors
    /// The kind that [`verdict`] gives the failed statement's text, `Unbalanced` if it was an assertion, `CheckFailed` if it was a pipeline's
    /// check; of a COPY, with what SYS_LOAD_ERROR_DETAIL says of it; transient ones of the service.
    pub async fn transaction(&self, statements: &[Statement], token: &Token, name: &str) -> Result<Rows> {
        let request = self.client.batch_execute_statement();
        let submitted = addressed!(self, request)
            .set_sqls(Some(statements.iter().map(|statement| statement.sql.clone()).collect()))
            .client_token(token.as_str())
            .statement_name(format!("{name}-{token}"))
            .send()
            .await;
        self.answered(submitted.is_ok());
        let submitted = submitted.map_err(|error| refused(error, "the warehouse did not take a load"))?;
        let id = StatementId(required(submitted.id, "BatchExecuteStatement")?);
        failpoint::passed("load.submitted");
        // Each statement has its own limit, which the warehouse keeps; this one is for a warehouse that does not.
        let limit = self.config.statement_timeout.saturating_mul(statements.len() as u32);
        let end = self.finish(&id, limit).await?;
        if end.status() != Some(&StatusString::Finished) {
            return Err(self.explained(batch_failure(&end, statements), &end).await);
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
        let submitted = submitted.map_err(|error| refused(error, "the warehouse did not take a query"))?;
        let id = StatementId(required(submitted.id, "ExecuteStatement")?);
        let end = self.finish(&id, self.config.statement_timeout).await?;
        if end.status() != Some(&StatusString::Finished) {
            let text = end.error().unwrap_or("no reason given");
            return Err(Error::new(verdict(text), format!("a query failed: {text}")));
        }
        if end.has_result_set() == Some(true) { self.rows(&id.0).await } else { Ok(Rows::new()) }
    }

    /// The error of a failed load; of a COPY, with the file, line, column and reason that the warehouse notes beside it.
    async fn explained(&self, error: Error, end: &DescribeStatementOutput) -> Error {
        if error.kind() != ErrorKind::CopyRefused {
            return error;
        }
        let failed = end.sub_statements().iter().find(|part| part.error().is_some_and(|text| !text.is_empty()));
        let Some(query) = failed.map(|part| part.redshift_query_id()).filter(|query| *query > 0) else { return error };
        match self.query(&CopyError::query(query)).await {
            Ok(rows) => CopyError::explain(error, &CopyError::read(&rows)),
            Err(untold) => {
                tracing::debug!(%untold, query, "SYS_LOAD_ERROR_DETAIL could not be read");
                error
            }
        }
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

    /// Asks the warehouse for the least that it can answer.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn probe(&self) -> Result<()> {
        self.query("SELECT 1").await.map(drop)
    }

    /// The submissions whose names begin with `prefix` and that have not ended, by this role, whichever process made them.
    ///
    /// # Errors
    /// Transient ones of the service; `Permission` where `redshift-data:ListStatements` is not granted.
    pub async fn running(&self, prefix: &str) -> Result<Vec<Running>> {
        let mut running = Vec::new();
        for status in [StatusString::Submitted, StatusString::Picked, StatusString::Started] {
            let mut next = None;
            loop {
                let request = self.client.list_statements().database(&self.config.database);
                let request = match &self.config.name {
                    WarehouseName::Workgroup(name) => request.workgroup_name(name),
                    WarehouseName::Cluster(name) => request.cluster_identifier(name),
                };
                let page =
                    request.statement_name(prefix).status(status.clone()).set_next_token(next).send().await.map_err(
                        |error| classify(error, "running statements cannot be listed", ErrorKind::Unavailable),
                    )?;
                for statement in page.statements() {
                    let since = statement.created_at().map_or(0, |at| at.secs());
                    let name = statement.statement_name().unwrap_or(prefix).to_owned();
                    let found = Running { id: StatementId(statement.id().to_owned()), name, since };
                    // One that moves on between the calls is listed under both states.
                    if !running.contains(&found) {
                        running.push(found);
                    }
                }
                next = page.next_token.filter(|token| !token.is_empty());
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(running)
    }

    /// Awaits the end of a submission of a loader that is gone, whatever it is; one older than `limit` is cancelled.
    ///
    /// # Errors
    /// `TimedOut` if it was cancelled or will be; transient ones of the service.
    pub async fn adopt(&self, statement: &Running, limit: Duration, now: jiff::Timestamp) -> Result<()> {
        let age = Duration::from_secs(now.as_second().saturating_sub(statement.since).max(0).unsigned_abs());
        let left = limit.saturating_sub(age);
        self.finish_within(&statement.id, left).await.map(drop)
    }

    /// Awaits the end of a statement; one that outlives `limit` and a minute is cancelled.
    async fn finish(&self, id: &StatementId, limit: Duration) -> Result<DescribeStatementOutput> {
        self.finish_within(id, limit + GRACE).await
    }

    async fn finish_within(&self, id: &StatementId, allowed: Duration) -> Result<DescribeStatementOutput> {
        let limit = Instant::now() + allowed;
        let mut failures = 0_u32;
        loop {
            // The service refuses a wait of 0 s.
            let wait = limit.saturating_duration_since(Instant::now()).as_secs().clamp(1, WAIT_SECONDS) as i32;
            let described = self.client.describe_statement().id(&id.0).wait_time_seconds(wait).send().await;
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
                    if error.fault() != Fault::Transient {
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
            ErrorKind::WarehouseRefused | ErrorKind::CopyRefused => ErrorKind::WarehouseBusy,
            kind => kind,
        };
        return Error::new(kind, format!("nothing was committed: {text}"));
    }
    let name = statement.map_or("a statement", |statement| statement.name.as_str());
    let kind = match verdict(text) {
        // Texts of COPY that another statement happens to say.
        ErrorKind::CopyRefused if !name.starts_with("copy ") => ErrorKind::WarehouseRefused,
        // Whatever a COPY is refused for: it is a file's fault.
        ErrorKind::WarehouseRefused if name.starts_with("copy ") => ErrorKind::CopyRefused,
        kind => kind,
    };
    let divided = text.to_lowercase().contains("division by zero") || text.to_lowercase().contains("divide by zero");
    if let (true, Some(check)) = (divided, statement.and_then(Statement::check)) {
        let message = format!("nothing was committed: the check \"{check}\" does not hold");
        return Error::new(ErrorKind::CheckFailed, message);
    }
    if divided && statement.is_some_and(Statement::is_assertion) {
        return Error::new(ErrorKind::Unbalanced, format!("nothing was committed: the load could not {name}"));
    }
    Error::new(kind, format!("nothing was committed: \"{name}\" failed: {text}"))
}

/// The error of a call that the service refused: paused warehouses are told here, by a text, and not by a failed statement.
fn refused<E>(error: SdkError<E, HttpResponse>, what: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = classify(error, what, ErrorKind::WarehouseBusy);
    match verdict(error.message()) {
        ErrorKind::WarehouseDown if error.fault() == Fault::Transient => {
            Error::caused(ErrorKind::WarehouseDown, error.message().to_owned(), error)
        }
        // It was the call that took too long: `TimedOut` is kept for statements, which an answer tells about.
        _ if error.kind() == ErrorKind::TimedOut => {
            Error::caused(ErrorKind::Unavailable, error.message().to_owned(), error)
        }
        _ => error,
    }
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
