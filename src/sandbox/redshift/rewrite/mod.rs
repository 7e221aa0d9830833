//! Redshift's SQL, rewritten for PostgreSQL.
//!
//! It takes one statement, and gives the text for PostgreSQL with what the runner must know about it, or the error that
//! Redshift would answer. It works on tokens, so that literals, and names that look like keywords, stay as they
//! are; what it does not know goes to PostgreSQL untouched.

mod ddl;
mod expression;
mod external;
mod merge;
mod qualify;
pub(crate) mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use self::tokens::{Kind, Tok, raw, render};
use super::copy::Copy;

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// It runs in one.
    Inside,
    /// It runs in one and commits it, with all that came before.
    Commits,
    /// It is refused in one; the name is for the message.
    Refused(&'static str),
    /// It is refused in a transaction of several statements; PostgreSQL itself could run it there.
    Alone(&'static str),
}

/// A statement that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// For PostgreSQL.
    Sql { text: String, rows: bool, transaction: Transaction },
    /// Done by the sandbox.
    Copy(Box<Copy>),
    /// Accepted, and without effect here: privileges, table distribution.
    Nothing,
}

impl Plan {
    /// How the statement stands to transactions.
    pub(crate) fn transaction(&self) -> Transaction {
        match self {
            Plan::Sql { transaction, .. } => *transaction,
            Plan::Copy(_) | Plan::Nothing => Transaction::Inside,
        }
    }
}

/// Plans one statement; the error is Redshift's text, without `ERROR: `.
pub(crate) fn plan(mut statement: Vec<Tok>) -> Result<Plan, String> {
    if let Some(external) = external::rewrite(&statement) {
        return external.map(|text| Plan::Sql { text, rows: false, transaction: Transaction::Alone("EXTERNAL TABLE") });
    }
    let word = |index: usize| statement.get(index).map(|token| token.text.to_uppercase()).unwrap_or_default();
    let mut transaction = Transaction::Inside;
    match (word(0).as_str(), word(1).as_str(), word(2).as_str()) {
        ("COPY", ..) => return Copy::parse(&statement).map(|copy| Plan::Copy(Box::new(copy))),
        ("GRANT" | "REVOKE", ..) => return Ok(Plan::Nothing),
        ("UNLOAD", ..) => return Err("UNLOAD is not supported by the sandbox".to_owned()),
        ("CREATE" | "DROP", "DATABASE", _) => transaction = Transaction::Refused("CREATE DATABASE"),
        ("CREATE", ..) => statement = ddl::create(statement),
        ("ALTER", "TABLE", _) => match ddl::alter_table(statement)? {
            ddl::Altered::Nothing => return Ok(Plan::Nothing),
            ddl::Altered::Statement(rewritten) => statement = rewritten,
            ddl::Altered::ColumnType(rewritten) => {
                statement = rewritten;
                transaction = Transaction::Alone("ALTER TABLE ALTER COLUMN");
            }
        },
        ("REFRESH", "MATERIALIZED", _) => transaction = Transaction::Alone("REFRESH MATERIALIZED VIEW"),
        ("TRUNCATE", ..) => transaction = Transaction::Commits,
        ("VACUUM", ..) => {
            statement = vacuum(&statement);
            transaction = Transaction::Refused("VACUUM");
        }
        ("ANALYZE" | "ANALYSE", ..) => match analyze(statement) {
            Some(rewritten) => statement = rewritten,
            None => return Ok(Plan::Nothing),
        },
        ("LOCK", ..) => lock(&mut statement),
        ("MERGE", ..) => statement = merge::rewrite(statement)?,
        ("WITH", ..) => {
            if let Some(merge) = tokens::find_flat(&statement, 1, |token| token.is("MERGE")) {
                return Err(format!("syntax error at or near \"{}\"", statement[merge].text));
            }
        }
        ("SET" | "RESET" | "SHOW", ..) => setting(&mut statement),
        _ => {}
    }
    let rows = statement.first().is_some_and(|first| {
        first.is_any(&["SELECT", "WITH", "VALUES", "SHOW", "EXPLAIN", "TABLE"]) || first.is_mark("(")
    });
    let statement = expression::rewrite(qualify::rewrite(statement));
    Ok(Plan::Sql { text: render(&statement), rows, transaction })
}

/// Puts literals in the place of the Data API's `:name` parameters, and notes which were used.
pub(crate) fn bind(statement: &mut Vec<Tok>, parameters: &BTreeMap<String, String>, used: &mut BTreeSet<String>) {
    let mut index = 0;
    while index + 1 < statement.len() {
        let name = &statement[index + 1];
        if statement[index].is_mark(":")
            && name.kind == Kind::Word
            && name.space.is_empty()
            && let Some(value) = parameters.get(&name.value)
        {
            used.insert(name.value.clone());
            let token = Tok {
                kind: Kind::Text,
                text: tokens::literal(value),
                space: statement[index].space.clone(),
                value: value.clone(),
            };
            statement.splice(index..index + 2, [token]);
        }
        index += 1;
    }
}

/// `LOCK a, b` takes the strongest lock.
fn lock(statement: &mut Vec<Tok>) {
    if !statement.get(1).is_some_and(|token| token.is("TABLE")) {
        statement.insert(1, raw("TABLE"));
    }
    statement.push(raw("IN ACCESS EXCLUSIVE MODE"));
}

/// `VACUUM` has other modes and thresholds here.
fn vacuum(statement: &[Tok]) -> Vec<Tok> {
    let mut rewritten = vec![statement[0].clone()];
    let mut rest = statement[1..].iter().peekable();
    while rest.peek().is_some_and(|token| token.is_any(&["FULL", "SORT", "DELETE", "ONLY", "REINDEX", "RECLUSTER"])) {
        rest.next();
    }
    rewritten.extend(rest.take_while(|token| !token.is_any(&["TO", "BOOST"])).cloned());
    rewritten
}

/// `ANALYZE COMPRESSION` only advises; the choice of columns is Redshift's.
fn analyze(mut statement: Vec<Tok>) -> Option<Vec<Tok>> {
    if statement.get(1).is_some_and(|token| token.is("COMPRESSION")) {
        return None;
    }
    let end = statement.iter().position(|token| token.is_any(&["PREDICATE", "ALL"])).unwrap_or(statement.len());
    statement.truncate(end);
    Some(statement)
}

/// The settings that PostgreSQL does not have live in a class of their own.
fn setting(statement: &mut [Tok]) {
    const OURS: [&str; 12] = [
        "query_group",
        "wlm_query_slot_count",
        "enable_result_cache_for_session",
        "enable_case_sensitive_identifier",
        "enable_case_sensitive_super_attribute",
        "error_on_nondeterministic_update",
        "json_serialization_enable",
        "json_serialization_parse_nested_strings",
        "cast_super_null_on_error",
        "describe_field_name_in_uppercase",
        "spectrum_query_maxerror",
        "mv_enable_aqmv_for_session",
    ];
    let index = if statement.get(1).is_some_and(|token| token.is_any(&["SESSION", "LOCAL"])) { 2 } else { 1 };
    if let Some(token) = statement.get_mut(index)
        && token.is_any(&OURS)
    {
        token.set(format!("redshift.{}", token.text.to_lowercase()));
    }
}

#[cfg(test)]
mod tests;
