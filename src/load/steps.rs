//! A pipeline's steps and checks as statements of its load. Pure.

use super::Statement;
use crate::config::{Check, Pipeline, Script, Step};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::script::{self, Piece, Variables};

/// The temp table with the rows of a load.
const STAGE: &str = "tidegate_rows";
/// The temp table with their objects.
const OBJECTS: &str = "tidegate_objects";
/// The temp table with the warnings of a load's checks.
pub(super) const WARNINGS: &str = "tidegate_warnings";

/// What the scripts of a pipeline may name.
pub(super) fn variables(pipeline: &Pipeline, ledger: String, batches: Vec<String>) -> Variables<'static> {
    Variables { stage: STAGE, objects: OBJECTS, target: pipeline.target.table.sql(), ledger, batches }
}

/// Whether a load of this pipeline takes one batch at a time, because a step says `{{ batch_id }}`.
pub fn needs_one_batch(pipeline: &Pipeline) -> bool {
    let variables = variables(pipeline, String::new(), vec![String::new()]);
    pipeline.steps.iter().any(|step| {
        let template = match step {
            Step::Sql { script, .. } => &script.template,
            Step::Check(check) => &check.template,
        };
        script::needs_one_batch(template, &variables)
    })
}

/// Whether a check of the pipeline only warns.
pub(super) fn warns(pipeline: &Pipeline) -> bool {
    pipeline.steps.iter().any(|step| matches!(step, Step::Check(check) if !check.aborts))
}

/// The statements, in the order of the pipeline's file.
pub(super) fn statements(pipeline: &Pipeline, variables: &Variables<'_>) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    let mut warnings = false;
    for step in &pipeline.steps {
        match step {
            Step::Sql { script, .. } => {
                for (at, piece) in pieces(&script.name, &script.template, variables)?.into_iter().enumerate() {
                    let number = if at == 0 { String::new() } else { format!(" ({})", at + 1) };
                    statements.push(Statement { name: format!("step {}{number}", script.name), sql: piece.sql });
                }
            }
            Step::Check(check) => {
                let query: Vec<String> =
                    pieces(&check.name, &check.template, variables)?.into_iter().map(|piece| piece.sql).collect();
                let query = query.join(" ");
                let statement = match check.aborts {
                    true => Statement { name: format!("check {}", check.name), sql: aborting(check, &query) },
                    false => Statement { name: format!("note {}", check.name), sql: warning(check, &query, warnings) },
                };
                warnings |= !check.aborts;
                statements.push(statement);
            }
        }
    }
    Ok(statements)
}

/// The statements that create what steps need.
///
/// # Errors
/// `Configuration` if a script cannot be read; the configuration was checked for it.
pub fn create_statements(pipeline: &Pipeline, ledger: String) -> Result<Vec<Statement>> {
    let variables = variables(pipeline, ledger, vec![String::new()]);
    let mut statements = Vec::new();
    for Script { name, template } in &pipeline.target.physical.create_sql {
        for piece in pieces(name, template, &variables)? {
            statements.push(Statement { name: format!("create by {name}"), sql: piece.sql });
        }
    }
    Ok(statements)
}

/// What runs after a commit.
///
/// # Errors
/// As [`create_statements`].
pub fn after_statements(pipeline: &Pipeline, ledger: String) -> Result<Vec<Statement>> {
    let variables = variables(pipeline, ledger, vec![String::new()]);
    let texts = pipeline.after.iter().flat_map(|after| &after.statements);
    let mut statements = Vec::new();
    for text in texts {
        for piece in pieces("[after]", text, &variables)? {
            statements.push(Statement { name: piece.begins(), sql: piece.sql });
        }
    }
    Ok(statements)
}

fn pieces(name: &str, template: &str, variables: &Variables<'_>) -> Result<Vec<Piece>> {
    let read = script::render(template, variables).and_then(|sql| script::split(&sql));
    read.map_err(|reason| Error::new(ErrorKind::Configuration, format!("the SQL of {name} cannot be read: {reason}")))
}

/// The condition that a check's value holds; a NULL does not.
fn condition(check: &Check) -> String {
    let bounds = [("=", &check.expect), (">=", &check.min), ("<=", &check.max)];
    let parts: Vec<String> = bounds
        .iter()
        .filter_map(|(operator, bound)| bound.as_ref().map(|bound| format!("v.\"value\" {operator} {bound}")))
        .collect();
    parts.join(" AND ")
}

/// Redshift has no statement that fails on purpose: a division by zero does.
fn aborting(check: &Check, query: &str) -> String {
    format!("SELECT 1 / CASE WHEN {} THEN 1 ELSE 0 END FROM (SELECT ({query}) AS \"value\") v", condition(check))
}

/// The name holds letters, digits and a few marks only.
fn warning(check: &Check, query: &str, later: bool) -> String {
    let begin = match later {
        false => format!("CREATE TEMP TABLE {WARNINGS} AS"),
        true => format!("INSERT INTO {WARNINGS}"),
    };
    format!(
        "{begin}\nSELECT CAST('{}' AS VARCHAR(64)) AS check_name, CAST(v.\"value\" AS VARCHAR(64)) AS found\n\
         FROM (SELECT ({query}) AS \"value\") v\nWHERE CASE WHEN {} THEN 1 ELSE 0 END = 0",
        check.name,
        condition(check)
    )
}
