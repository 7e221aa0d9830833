//! `MERGE`: refuses what Redshift refuses and PostgreSQL allows.

use super::tokens::{Tok, find_flat, raw};

/// Checks a `MERGE`, and turns `REMOVE DUPLICATES` into a delete and an insert.
pub(super) fn rewrite(statement: Vec<Tok>) -> Result<Vec<Tok>, String> {
    let using = find_flat(&statement, 0, |token| token.is("USING")).ok_or_else(|| near(statement.last()))?;
    let target_start = if statement.get(1).is_some_and(|token| token.is("INTO")) { 2 } else { 1 };
    let target = name_at(&statement, target_start);
    if target_start + target.len() != using {
        return Err(near(statement.get(target_start + target.len())));
    }
    let source = name_at(&statement, using + 1);
    let on = find_flat(&statement, using, |token| token.is("ON")).ok_or_else(|| near(statement.last()))?;
    if !source.is_empty() && names(&source) == names(&target) {
        return Err("Source table of MERGE can not be the same as the target table".to_owned());
    }
    if let Some(remove) = find_flat(&statement, on, |token| token.is("REMOVE")) {
        if !statement.get(remove + 1).is_some_and(|token| token.is("DUPLICATES")) || remove + 2 != statement.len() {
            return Err(near(statement.get(remove + 1)));
        }
        return Ok(remove_duplicates(&target, &statement[using + 1..on], &statement[on + 1..remove]));
    }
    check_clauses(&statement, on)?;
    Ok(statement)
}

fn check_clauses(statement: &[Tok], on: usize) -> Result<(), String> {
    let (mut matched, mut not_matched) = (0, 0);
    let mut from = on;
    while let Some(when) = find_flat(statement, from, |token| token.is("WHEN")) {
        let negated = statement.get(when + 1).is_some_and(|token| token.is("NOT"));
        let then = when + if negated { 3 } else { 2 };
        if !statement.get(then - 1).is_some_and(|token| token.is("MATCHED")) {
            // The WHEN of a CASE in the condition.
            from = when + 1;
            continue;
        }
        if !statement.get(then).is_some_and(|token| token.is("THEN")) {
            return Err(near(statement.get(then)));
        }
        let action = statement.get(then + 1);
        let allowed: &[&str] = if negated { &["INSERT"] } else { &["UPDATE", "DELETE"] };
        if !action.is_some_and(|token| token.is_any(allowed)) {
            return Err(near(action));
        }
        *(if negated { &mut not_matched } else { &mut matched }) += 1;
        from = then + 1;
    }
    if (matched, not_matched) == (1, 1) {
        return Ok(());
    }
    Err("MERGE statement must have exactly one WHEN MATCHED and one WHEN NOT MATCHED clause".to_owned())
}

/// Target rows that match go, and each distinct source row comes in.
fn remove_duplicates(target: &[Tok], source: &[Tok], condition: &[Tok]) -> Vec<Tok> {
    let mut rewritten = vec![raw("WITH replaced AS (DELETE FROM")];
    rewritten.extend_from_slice(target);
    rewritten.push(raw("USING"));
    rewritten.extend_from_slice(source);
    rewritten.push(raw("WHERE"));
    rewritten.extend_from_slice(condition);
    rewritten.push(raw(") INSERT INTO"));
    rewritten.extend_from_slice(target);
    rewritten.push(raw("SELECT DISTINCT * FROM"));
    rewritten.extend_from_slice(source);
    rewritten
}

/// The tokens of the dotted name that starts at `start`.
fn name_at(statement: &[Tok], start: usize) -> Vec<Tok> {
    let mut end = start;
    while statement.get(end).is_some_and(|token| token.name().is_some()) {
        end += 1;
        if !statement.get(end).is_some_and(|token| token.is_mark(".")) {
            break;
        }
        end += 1;
    }
    statement[start.min(end)..end].to_vec()
}

fn names(tokens: &[Tok]) -> Vec<String> {
    let mut names: Vec<String> = tokens.iter().filter_map(Tok::name).collect();
    if names.len() == 1 {
        names.insert(0, "public".to_owned());
    }
    names
}

fn near(token: Option<&Tok>) -> String {
    match token {
        Some(token) => format!("syntax error at or near \"{}\"", token.text),
        None => "syntax error at end of input".to_owned(),
    }
}
