//! External schemas, tables and partitions: no data is read through them here, but what was declared can be asked for, in
//! SVV_EXTERNAL_TABLES and SVV_EXTERNAL_PARTITIONS, and what contradicts it is refused.

use super::tokens::{Kind, Tok, after_group, literal, split_commas};

/// The statement for PostgreSQL, if this is one about external objects.
pub(super) fn rewrite(statement: &[Tok]) -> Option<Result<String, String>> {
    let word = |index: usize| statement.get(index).map(|token| token.text.to_uppercase()).unwrap_or_default();
    match (word(0).as_str(), word(1).as_str(), word(2).as_str()) {
        ("CREATE", "EXTERNAL", "SCHEMA") => Some(schema(statement)),
        ("CREATE", "EXTERNAL", "TABLE") => Some(table(statement)),
        ("ALTER", "TABLE", _) if adds_partition(statement) => Some(partition(statement)),
        _ => None,
    }
}

/// `CREATE EXTERNAL SCHEMA [IF NOT EXISTS] name FROM DATA CATALOG …`.
fn schema(statement: &[Tok]) -> Result<String, String> {
    let at = if statement.get(3).is_some_and(|token| token.is("IF")) { 6 } else { 3 };
    let name = statement.get(at).and_then(Tok::name).ok_or_else(|| near(statement.get(at)))?;
    Ok(format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", name.replace('"', "\"\"")))
}

/// `CREATE EXTERNAL TABLE schema.table (…) [PARTITIONED BY (name type, …)] … LOCATION '…' …`.
fn table(statement: &[Tok]) -> Result<String, String> {
    let (schema, table, at) = name(statement, 3)?;
    let columns = after_group(statement, at);
    let mut partitions = Vec::new();
    if let Some(by) = statement.iter().position(|token| token.is("PARTITIONED")) {
        let open = by + 2;
        let end = after_group(statement, open);
        let inside = statement.get(open + 1..end.saturating_sub(1)).unwrap_or_default();
        for part in split_commas(inside) {
            partitions.push(part.first().and_then(Tok::name).ok_or_else(|| near(part.first()))?);
        }
    }
    let location = statement.get(columns..).unwrap_or_default();
    let location = after(location, "LOCATION")?;
    Ok(format!(
        "SELECT redshift.create_external_table({}, {}, {}, {})",
        literal(&schema),
        literal(&table),
        array(&partitions),
        literal(&location)
    ))
}

fn adds_partition(statement: &[Tok]) -> bool {
    let add = statement.iter().position(|token| token.is("ADD"));
    add.is_some_and(|add| statement.iter().skip(add + 1).take(4).any(|token| token.is("PARTITION")))
}

/// `ALTER TABLE schema.table ADD [IF NOT EXISTS] PARTITION (name = 'value', …) LOCATION '…'`.
fn partition(statement: &[Tok]) -> Result<String, String> {
    let (schema, table, mut at) = name(statement, 2)?;
    let lenient = statement.get(at + 1).is_some_and(|token| token.is("IF"));
    at += if lenient { 5 } else { 2 };
    let end = after_group(statement, at);
    let inside = statement.get(at + 1..end.saturating_sub(1)).unwrap_or_default();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for part in split_commas(inside) {
        match &part[..] {
            [name, equals, value] if equals.is_mark("=") && value.kind == Kind::Text => {
                names.push(name.name().ok_or_else(|| near(Some(name)))?);
                values.push(value.value.clone());
            }
            _ => return Err(near(part.first())),
        }
    }
    let location = after(statement.get(end..).unwrap_or_default(), "LOCATION")?;
    Ok(format!(
        "SELECT redshift.add_external_partition({}, {}, {}, {}, {}, {lenient})",
        literal(&schema),
        literal(&table),
        array(&names),
        array(&values),
        literal(&location)
    ))
}

/// `schema.table`, and the place behind it.
fn name(statement: &[Tok], at: usize) -> Result<(String, String, usize), String> {
    let part = |at: usize| statement.get(at).and_then(Tok::name).ok_or_else(|| near(statement.get(at)));
    if !statement.get(at + 1).is_some_and(|token| token.is_mark(".")) {
        return Err("an external table is named with its external schema".to_owned());
    }
    Ok((part(at)?, part(at + 2)?, at + 3))
}

/// The text behind a keyword.
fn after(statement: &[Tok], keyword: &str) -> Result<String, String> {
    let at = statement.iter().position(|token| token.is(keyword));
    let text = at.and_then(|at| statement.get(at + 1)).filter(|token| token.kind == Kind::Text);
    text.map(|token| token.value.clone()).ok_or_else(|| near(statement.first()))
}

fn array(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| literal(text)).collect();
    format!("ARRAY[{}]::text[]", texts.join(", "))
}

fn near(token: Option<&Tok>) -> String {
    token.map_or_else(
        || "syntax error at end of input".to_owned(),
        |token| format!("syntax error at or near \"{}\"", token.text),
    )
}
