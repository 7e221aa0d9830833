//! The Data API's operations: JSON in, JSON out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::submission::{Order, Progress, Submission};
use super::{Warehouse, browse, run};
use crate::sandbox::wire::Reply;

/// The most statements of a batch.
const BATCH_STATEMENTS: usize = 40;

/// The most bytes of SQL in a request.
const SQL_BYTES: usize = 100 << 10;

/// An error that the operation itself answers: the exception's name and its message.
pub(super) struct Refusal(pub(super) &'static str, pub(super) String);

impl Refusal {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Refusal("ValidationException", message.into())
    }

    fn missing(message: impl Into<String>) -> Self {
        Refusal("ResourceNotFoundException", message.into())
    }
}

/// A request's body.
pub(super) struct Input(Map<String, Value>);

impl Input {
    /// A text member, if it is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::invalid(format!("{name} is required")))
    }

    /// The page size asked for, or `most`.
    pub(super) fn page_size(&self, most: usize) -> Result<usize, Refusal> {
        match self.0.get("MaxResults").and_then(Value::as_u64) {
            None | Some(0) => Ok(most),
            Some(size) if size <= 1000 => Ok(usize::try_from(size).unwrap_or(most).min(most)),
            Some(_) => Err(Refusal::invalid("MaxResults must be at most 1000")),
        }
    }

    /// Where the page starts: the token is the number of what came before.
    pub(super) fn page_start(&self) -> Result<usize, Refusal> {
        self.text("NextToken").map_or(Ok(0), |token| {
            token.parse().map_err(|_| Refusal::invalid("Invalid NextToken: it is none that an earlier call gave"))
        })
    }

    fn wait(&self) -> Result<Option<Duration>, Refusal> {
        match self.0.get("WaitTimeSeconds").and_then(Value::as_i64) {
            None => Ok(None),
            Some(seconds @ 0..=30) => Ok(Some(Duration::from_secs(seconds.unsigned_abs()))),
            Some(_) => Err(Refusal::invalid("WaitTimeSeconds must be between 0 and 30")),
        }
    }
}

/// Answers one operation.
pub(super) async fn handle(warehouse: &Arc<Warehouse>, operation: &str, body: &[u8]) -> Reply {
    let input = match serde_json::from_slice(body) {
        Ok(members) => Input(members),
        Err(error) => return Reply::error("SerializationException", &error.to_string()),
    };
    let answer = match operation {
        "ExecuteStatement" | "BatchExecuteStatement" => submit(warehouse, operation, &input).await,
        "DescribeStatement" => describe(warehouse, &input).await,
        "GetStatementResult" => result(warehouse, &input),
        "CancelStatement" => cancel(warehouse, &input).await,
        "ListStatements" => list(warehouse, &input),
        "ListDatabases" => browse::databases(warehouse, &input).await,
        "ListSchemas" => browse::schemas(warehouse, &input).await,
        "ListTables" => browse::tables(warehouse, &input).await,
        "DescribeTable" => browse::table(warehouse, &input).await,
        _ => Err(Refusal("UnknownOperationException", format!("the sandbox has no operation {operation}"))),
    };
    match answer {
        Ok(value) => Reply::ok(&value),
        Err(Refusal(code, message)) => Reply::error(code, &message),
    }
}

async fn submit(warehouse: &Arc<Warehouse>, operation: &str, input: &Input) -> Result<Value, Refusal> {
    if warehouse.closing.is_cancelled() {
        return Err(Refusal("DatabaseConnectionException", "the sandbox is closing".to_owned()));
    }
    let order = order(operation, input)?;
    let wait = input.wait()?;
    let submission = warehouse.submit(order);
    if let Some(limit) = wait {
        submission.wait(limit).await;
    }
    let mut reply = json!({ "Id": submission.id, "CreatedAt": epoch(submission.created) });
    echo(&submission, &mut reply);
    if wait.is_some() {
        let state = submission.state();
        reply["Status"] = json!(state.whole.status.as_str());
        reply["HasResultSet"] = json!(state.statements.iter().any(|statement| statement.result.is_some()));
    }
    Ok(reply)
}

fn order(operation: &str, input: &Input) -> Result<Order, Refusal> {
    let batch = operation == "BatchExecuteStatement";
    let sqls: Vec<String> = if batch {
        let list = input.0.get("Sqls").and_then(Value::as_array).ok_or_else(|| Refusal::invalid("Sqls is required"))?;
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    } else {
        vec![input.required("Sql")?.to_owned()]
    };
    if sqls.is_empty() || sqls.len() > BATCH_STATEMENTS {
        return Err(Refusal::invalid(format!(
            "Member must have length between 1 and {BATCH_STATEMENTS} at 'sqls', not {}",
            sqls.len()
        )));
    }
    let bytes: usize = sqls.iter().map(String::len).sum();
    if bytes > SQL_BYTES {
        return Err(Refusal::invalid(format!("SQL text of {bytes} bytes exceeds the maximum of 100 KB")));
    }
    let warehouse = input.text("WorkgroupName").or(input.text("ClusterIdentifier"));
    if warehouse.is_none() && input.text("SessionId").is_none() {
        return Err(Refusal::invalid("Either ClusterIdentifier or WorkgroupName must be provided"));
    }
    if input.text("Database").is_none() && input.text("SessionId").is_none() {
        return Err(Refusal::invalid("Database is required"));
    }
    let auto_commit = match input.text("ExecutionMode") {
        None | Some("TRANSACTION") => false,
        Some("AUTO_COMMIT") => true,
        Some(other) => {
            return Err(Refusal::invalid(format!("ExecutionMode {other} is neither TRANSACTION nor AUTO_COMMIT")));
        }
    };
    let client_token = input.text("ClientToken").map(str::to_owned);
    if client_token.as_ref().is_some_and(|token| token.len() > 64) {
        return Err(Refusal::invalid("ClientToken must have 1 to 64 characters"));
    }
    let mut echoed = BTreeMap::new();
    for name in ["WorkgroupName", "ClusterIdentifier", "DbUser", "SecretArn", "StatementName"] {
        if let Some(value) = input.text(name) {
            echoed.insert(name, value.to_owned());
        }
    }
    let database = input.text("Database").map(str::to_owned);
    let order = Order { sqls, batch, auto_commit, database, echoed, parameters: parameters(input)?, client_token };
    let mut used = BTreeSet::new();
    for sql in &order.sqls {
        run::single(sql, &order, &mut used).map_err(Refusal::invalid)?;
    }
    let unused: Vec<&str> = order.parameters.keys().filter(|name| !used.contains(*name)).map(String::as_str).collect();
    if !unused.is_empty() {
        return Err(Refusal::invalid(format!(
            "Parameters list contains unused parameters. Unused parameters: [{}]",
            unused.join(", ")
        )));
    }
    Ok(order)
}

fn parameters(input: &Input) -> Result<BTreeMap<String, String>, Refusal> {
    let mut parameters = BTreeMap::new();
    for parameter in input.0.get("Parameters").and_then(Value::as_array).into_iter().flatten() {
        let (Some(name), Some(value)) =
            (parameter.get("name").and_then(Value::as_str), parameter.get("value").and_then(Value::as_str))
        else {
            return Err(Refusal::invalid("Each of Parameters needs a name and a value; a value cannot be null"));
        };
        if parameters.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::invalid(format!("Parameters list contains duplicate parameters: [{name}]")));
        }
    }
    Ok(parameters)
}

/// The submission that an id names, and the number of the statement, if it names one.
fn find(warehouse: &Warehouse, input: &Input) -> Result<(Arc<Submission>, Option<usize>), Refusal> {
    let id = input.required("Id")?;
    let (whole, number) = match id.split_once(':') {
        Some((whole, number)) => (whole, Some(number)),
        None => (id, None),
    };
    let shape: Vec<usize> = whole.split('-').map(str::len).collect();
    let index = number.map(str::parse::<usize>).transpose();
    let (true, Ok(number)) = (shape == [8, 4, 4, 4, 12], index) else {
        return Err(Refusal::invalid(
            "id must satisfy regex pattern: ^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\\d+)?$",
        ));
    };
    let submission = warehouse.registry.get(whole).ok_or_else(|| Refusal::missing("Query does not exist."))?;
    match number {
        None => Ok((submission, None)),
        Some(number) if submission.order.batch && (1..=submission.order.sqls.len()).contains(&number) => {
            Ok((submission, Some(number - 1)))
        }
        Some(_) => Err(Refusal::missing("Query does not exist.")),
    }
}

async fn describe(warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    let (submission, number) = find(warehouse, input)?;
    if let Some(limit) = input.wait()? {
        submission.wait(limit).await;
    }
    let state = submission.state();
    let order = &submission.order;
    if let Some(number) = number {
        let mut reply = statement(&submission, number, &state.statements[number]);
        echo(&submission, &mut reply);
        return Ok(reply);
    }
    let mut reply = progress(&state.whole, submission.created);
    reply["Id"] = json!(submission.id);
    reply["RedshiftPid"] = json!(1);
    echo(&submission, &mut reply);
    reply["HasResultSet"] = json!(state.statements.iter().any(|statement| statement.result.is_some()));
    if !order.parameters.is_empty() {
        reply["QueryParameters"] =
            order.parameters.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    }
    if order.batch {
        reply["ExecutionMode"] = json!(if order.auto_commit { "AUTO_COMMIT" } else { "TRANSACTION" });
        reply["SubStatements"] =
            state.statements.iter().enumerate().map(|(index, each)| statement(&submission, index, each)).collect();
    } else {
        let only = &state.statements[0];
        reply["QueryString"] = json!(order.sqls[0]);
        reply["RedshiftQueryId"] = json!(only.query);
        reply["ResultRows"] = rows(only);
        reply["ResultSize"] = size(only);
    }
    Ok(reply)
}

fn statement(submission: &Submission, index: usize, each: &Progress) -> Value {
    let mut reply = progress(each, submission.created);
    reply["Id"] = json!(format!("{}:{}", submission.id, index + 1));
    reply["QueryString"] = json!(submission.order.sqls[index]);
    reply["HasResultSet"] = json!(each.result.is_some());
    reply["RedshiftQueryId"] = json!(each.query);
    reply["ResultRows"] = rows(each);
    reply["ResultSize"] = size(each);
    reply
}

fn progress(each: &Progress, created: SystemTime) -> Value {
    let mut reply = json!({
        "Status": each.status.as_str(),
        "CreatedAt": epoch(created),
        "UpdatedAt": epoch(each.updated),
        "Duration": u64::try_from(each.duration.as_nanos()).unwrap_or(u64::MAX),
    });
    if let Some(error) = &each.error {
        reply["Error"] = json!(error);
    }
    reply
}

fn rows(each: &Progress) -> Value {
    each.rows.map_or(json!(-1), |rows| json!(rows))
}

fn size(each: &Progress) -> Value {
    each.result.as_ref().map_or(json!(if each.status.is_final() { 0 } else { -1 }), |result| json!(result.size))
}

fn echo(submission: &Submission, reply: &mut Value) {
    if let Some(database) = &submission.order.database {
        reply["Database"] = json!(database);
    }
    for (name, value) in &submission.order.echoed {
        if *name != "StatementName" {
            reply[*name] = json!(value);
        }
    }
}

fn result(warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    let (submission, number) = find(warehouse, input)?;
    let state = submission.state();
    if number.is_none() && submission.order.batch {
        return Err(Refusal::invalid("Id of a batch has no result; ask for one of its statements, such as <id>:1"));
    }
    let finished = state.whole.status == super::submission::Status::Finished || submission.order.auto_commit;
    let result = state.statements.get(number.unwrap_or(0)).and_then(|statement| statement.result.clone());
    let result = result.filter(|_| finished).ok_or_else(|| {
        Refusal::missing("Query does not have result. Please check query status with DescribeStatement.")
    })?;
    Ok(result.page(input.page_start()?))
}

async fn cancel(warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    let (submission, _) = find(warehouse, input)?;
    let status = submission.state().whole.status;
    if status.is_final() {
        return Err(Refusal::invalid(format!(
            "Could not cancel a query that is already in {} state.",
            status.as_str()
        )));
    }
    warehouse.cancel(&submission).await;
    Ok(json!({ "Status": true }))
}

fn list(warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    let status = input.text("Status").unwrap_or("ALL");
    let name = input.text("StatementName");
    let chosen: Vec<Value> = warehouse
        .registry
        .all()
        .iter()
        .filter(|submission| {
            let of_status = status == "ALL" || submission.state().whole.status.as_str() == status;
            let named = submission.order.echoed.get("StatementName");
            of_status && name.is_none_or(|prefix| named.is_some_and(|named| named.starts_with(prefix)))
        })
        .map(|submission| {
            let state = submission.state();
            let order = &submission.order;
            let mut each = json!({
                "Id": submission.id,
                "Status": state.whole.status.as_str(),
                "CreatedAt": epoch(submission.created),
                "UpdatedAt": epoch(state.whole.updated),
                "IsBatchStatement": order.batch,
                "QueryString": order.sqls[0],
            });
            if order.batch {
                each["QueryStrings"] = json!(order.sqls);
            }
            if let Some(name) = order.echoed.get("StatementName") {
                each["StatementName"] = json!(name);
            }
            each
        })
        .collect();
    browse::paged("Statements", chosen, input, 100)
}

/// Seconds since 1970, with milliseconds.
fn epoch(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}
