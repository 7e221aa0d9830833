//! SQL templates: rendered, and split into named statements.

use minijinja::{Environment, UndefinedBehavior, Value};

use crate::error::{Error, ErrorKind, Result};

/// One statement of a load, with the name that its template gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The name, such as `merge` or `assert copied = staged`.
    pub name: String,
    /// The SQL.
    pub sql: String,
}

impl Statement {
    /// Whether the statement only asserts a condition, by dividing by zero where it does not hold.
    pub fn is_assertion(&self) -> bool {
        self.name.starts_with("assert ")
    }

    /// The name of the pipeline's check that the statement makes, by dividing by zero where it does not hold.
    pub fn check(&self) -> Option<&str> {
        self.name.strip_prefix("check ")
    }
}

/// The line that begins a statement in a template.
const MARK: &str = "-- statement: ";

/// Renders a template and splits it into its statements; comments stay out.
///
/// # Errors
/// `Configuration` if the template asks for what `context` does not have: a template of ours, so it is a defect.
pub(super) fn render(name: &str, template: &str, context: Value) -> Result<Vec<Statement>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let text = environment.render_str(template, context).map_err(|error| {
        Error::caused(ErrorKind::Configuration, format!("the template sql/{name} cannot be rendered"), error)
    })?;
    let mut statements: Vec<Statement> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(MARK) {
            statements.push(Statement { name: name.trim().to_owned(), sql: String::new() });
        } else if !line.trim_start().starts_with("--")
            && !line.trim().is_empty()
            && let Some(statement) = statements.last_mut()
        {
            let line = without_comment(line);
            if !statement.sql.is_empty() {
                statement.sql.push('\n');
            }
            statement.sql.push_str(line);
        }
    }
    Ok(statements)
}

/// The line without a comment at its end; templates hold no ` -- ` within a literal, and what is rendered into them no blank.
fn without_comment(line: &str) -> &str {
    line.split_once(" -- ").map_or(line, |(sql, _)| sql).trim_end()
}

/// A text as a SQL literal. Only for what the configuration checked: addresses in the staging area, names of roles and schemas.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
