//! Tables: what Redshift says about distribution, order, encoding and keys, PostgreSQL does not have.

use super::tokens::{Kind, Tok, after_group, find_flat, raw, split_commas};

/// An `ALTER TABLE` statement for PostgreSQL.
pub(super) enum Altered {
    /// It changes only what PostgreSQL does not have.
    Nothing,
    Statement(Vec<Tok>),
    /// It changes a column's type, which Redshift refuses in a transaction.
    ColumnType(Vec<Tok>),
}

/// Rewrites `CREATE TABLE`, with or without `AS`, and `CREATE MATERIALIZED VIEW`.
pub(super) fn create(statement: Vec<Tok>) -> Vec<Tok> {
    let Some(kind) = statement.iter().take(4).position(|token| token.is_any(&["TABLE", "VIEW"])) else {
        return statement;
    };
    let materialized = kind > 0 && statement[kind - 1].is("MATERIALIZED");
    if statement[kind].is("VIEW") && !materialized {
        return without_schema_binding(statement);
    }
    let mut name = kind + 1;
    if statement.get(name).is_some_and(|token| token.is("IF")) {
        name += 3;
    }
    let mut after_name = name + 1;
    while statement.get(after_name).is_some_and(|token| token.is_mark(".")) {
        after_name += 2;
    }
    let after_name = after_name.min(statement.len());
    let query = find_flat(&statement, after_name, |token| token.is("AS")).unwrap_or(statement.len());

    let mut head = statement[..after_name].to_vec();
    if statement.get(name).is_some_and(|token| token.text.starts_with('#')) && kind == 1 {
        head.insert(1, raw("TEMP"));
    }
    let mut attributes = after_name;
    if statement.get(after_name).is_some_and(|token| token.is_mark("(")) {
        attributes = after_group(&statement, after_name);
        let inside = &statement[after_name + 1..attributes.saturating_sub(1).max(after_name + 1)];
        head.push(raw("("));
        if query < statement.len() {
            head.extend_from_slice(inside)
        } else {
            head.extend(elements(inside))
        }
        head.push(raw(")"));
    }
    head.extend(without_attributes(&statement[attributes.min(query)..query]));
    head.extend_from_slice(&statement[query..]);
    head
}

/// Late-binding views are ordinary ones here.
fn without_schema_binding(mut statement: Vec<Tok>) -> Vec<Tok> {
    let length = statement.len();
    let late = length > 4
        && statement[length - 4].is("WITH")
        && statement[length - 3].is("NO")
        && statement[length - 2].is("SCHEMA")
        && statement[length - 1].is("BINDING");
    statement.truncate(if late { length - 4 } else { length });
    statement
}

/// The attributes of a table or materialized view that PostgreSQL knows, such as `ON COMMIT`.
fn without_attributes(tokens: &[Tok]) -> Vec<Tok> {
    let mut kept = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        if token.is_any(&["DISTKEY", "SORTKEY"]) {
            index += 1;
            match tokens.get(index) {
                Some(next) if next.is_mark("(") => index = after_group(tokens, index),
                Some(next) if next.is("AUTO") => index += 1,
                _ => {}
            }
        } else if token.is_any(&["COMPOUND", "INTERLEAVED"]) {
            index += 1;
        } else if token.is_any(&["BACKUP", "DISTSTYLE", "ENCODE"]) {
            index += 2;
        } else if token.is("AUTO") && tokens.get(index + 1).is_some_and(|next| next.is("REFRESH")) {
            index += 3;
        } else {
            kept.push(token.clone());
            index += 1;
        }
    }
    kept
}

/// The columns of a table. Keys go: Redshift does not enforce them, but a primary key's columns are not null.
fn elements(inside: &[Tok]) -> Vec<Tok> {
    let mut mandatory: Vec<String> = Vec::new();
    let mut columns: Vec<Vec<Tok>> = Vec::new();
    for mut element in split_commas(inside) {
        if element.first().is_some_and(|token| token.is("CONSTRAINT")) {
            element.drain(..element.len().min(2));
        }
        let Some(first) = element.first() else { continue };
        if first.is("PRIMARY") {
            mandatory.extend(element.iter().skip(2).filter_map(Tok::name));
        } else if !first.is_any(&["UNIQUE", "FOREIGN"]) {
            columns.push(if first.is("LIKE") { element } else { column(&element) });
        }
    }
    let mut rewritten = Vec::new();
    for (index, mut column) in columns.into_iter().enumerate() {
        let named = column.first().and_then(Tok::name).is_some_and(|name| mandatory.contains(&name));
        let already = column.windows(2).any(|pair| pair[0].is("NOT") && pair[1].is("NULL"));
        if named && !already {
            column.push(raw("NOT NULL"));
        }
        if index > 0 {
            rewritten.push(raw(","));
        }
        rewritten.extend(column);
    }
    rewritten
}

/// A column's definition: name, type, and the attributes that PostgreSQL has.
fn column(element: &[Tok]) -> Vec<Tok> {
    let mut rewritten = vec![element[0].clone()];
    let mut index = data_type(element, 1, &mut rewritten);
    while let Some(token) = element.get(index) {
        let next_is = |keyword: &str| element.get(index + 1).is_some_and(|next| next.is(keyword));
        if token.is_any(&["DISTKEY", "SORTKEY", "UNIQUE"]) {
            index += 1;
        } else if token.is("ENCODE") {
            index += 2;
        } else if token.is("PRIMARY") && next_is("KEY") {
            if !element.windows(2).any(|pair| pair[0].is("NOT") && pair[1].is("NULL")) {
                rewritten.push(raw("NOT NULL"));
            }
            index += 2;
        } else if token.is("REFERENCES") {
            index += 2;
            while element.get(index).is_some_and(|next| next.is_mark(".")) {
                index += 2;
            }
            if element.get(index).is_some_and(|next| next.is_mark("(")) {
                index = after_group(element, index);
            }
        } else if token.is("COLLATE")
            && element.get(index + 1).is_some_and(|next| next.text.to_uppercase().starts_with("CASE_"))
        {
            index += 2;
        } else if token.is("GENERATED") && next_is("BY") {
            index += 4; // the IDENTITY that follows says it again
        } else if token.is("IDENTITY") {
            let end = after_group(element, index + 1);
            let numbers = split_commas(&element[(index + 2).min(end)..end.saturating_sub(1).max((index + 2).min(end))]);
            let number = |at: usize| numbers.get(at).map(|part| super::render(part)).filter(|text| !text.is_empty());
            let (start, step) =
                (number(0).unwrap_or_else(|| "1".to_owned()), number(1).unwrap_or_else(|| "1".to_owned()));
            // The smallest values let an identity start at 0, as Redshift's usual IDENTITY(0,1) does.
            rewritten.push(raw(format!(
                "GENERATED BY DEFAULT AS IDENTITY (START {start} INCREMENT {step} MINVALUE -2147483648)"
            )));
            index = end;
        } else {
            rewritten.push(token.clone());
            index += 1;
            // An expression's own words are no attributes.
            if token.is_mark("(") {
                let end = after_group(element, index - 1);
                rewritten.extend_from_slice(&element[index..end]);
                index = end;
            }
        }
    }
    rewritten
}

/// Writes the type at `index` with PostgreSQL's name and Redshift's default length; gives the index after it.
fn data_type(element: &[Tok], index: usize, rewritten: &mut Vec<Tok>) -> usize {
    let Some(token) = element.get(index) else { return index };
    let mut next = index + 1;
    let put = |rewritten: &mut Vec<Tok>, text: &str| {
        rewritten.push(Tok {
            kind: Kind::Word,
            text: text.to_owned(),
            space: token.space.clone(),
            value: String::new(),
        });
    };
    let default_length = match token.text.to_uppercase().as_str() {
        "SUPER" => {
            put(rewritten, "jsonb");
            return next;
        }
        "VARBYTE" | "VARBINARY" => {
            put(rewritten, "bytea");
            return if element.get(next).is_some_and(|open| open.is_mark("(")) {
                after_group(element, next)
            } else {
                next
            };
        }
        "BINARY" if element.get(next).is_some_and(|token| token.is("VARYING")) => {
            put(rewritten, "bytea");
            next += 1;
            return if element.get(next).is_some_and(|open| open.is_mark("(")) {
                after_group(element, next)
            } else {
                next
            };
        }
        "VARCHAR" | "NVARCHAR" => {
            put(rewritten, "varchar");
            "(256)"
        }
        "CHARACTER" | "CHAR" if element.get(next).is_some_and(|token| token.is("VARYING")) => {
            put(rewritten, "varchar");
            next += 1;
            "(256)"
        }
        "TEXT" => {
            put(rewritten, "varchar(256)");
            return next;
        }
        "BPCHAR" => {
            put(rewritten, "char(256)");
            return next;
        }
        "CHAR" | "CHARACTER" | "NCHAR" => {
            put(rewritten, "char");
            "(1)"
        }
        "FLOAT" | "FLOAT8" => {
            put(rewritten, "double precision");
            return next;
        }
        _ => {
            rewritten.push(token.clone());
            return next;
        }
    };
    if element.get(next).is_some_and(|open| open.is_mark("(")) {
        return next; // copied, and MAX replaced, with the rest
    }
    rewritten.push(Tok {
        kind: Kind::Other,
        text: default_length.to_owned(),
        space: String::new(),
        value: String::new(),
    });
    next
}

/// Rewrites `ALTER TABLE`.
pub(super) fn alter_table(statement: Vec<Tok>) -> Result<Altered, String> {
    let mut action = 3;
    while statement.get(action).is_some_and(|token| token.is_mark(".")) {
        action += 2;
    }
    let word = |index: usize| statement.get(index).map(|token| token.text.to_uppercase()).unwrap_or_default();
    match (word(action).as_str(), word(action + 1).as_str()) {
        ("APPEND", _) => Err("ALTER TABLE APPEND is not supported by the sandbox".to_owned()),
        ("ALTER", "DISTKEY" | "DISTSTYLE" | "SORTKEY" | "COMPOUND" | "ENCODE") => Ok(Altered::Nothing),
        ("ADD", "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "FOREIGN") | ("DROP", "CONSTRAINT") => Ok(Altered::Nothing),
        ("ALTER", column) => {
            let name = if column == "COLUMN" { action + 2 } else { action + 1 };
            match word(name + 1).as_str() {
                "ENCODE" => Ok(Altered::Nothing),
                "TYPE" => {
                    let mut rewritten = statement[..=name + 1].to_vec();
                    let rest = data_type(&statement, name + 2, &mut rewritten);
                    rewritten.extend_from_slice(&statement[rest..]);
                    Ok(Altered::ColumnType(rewritten))
                }
                _ => Ok(Altered::Statement(statement)),
            }
        }
        ("ADD", next) => {
            if let Some(comma) = find_flat(&statement, action, |token| token.is_mark(",")) {
                return Err(format!("syntax error at or near \"{}\"", statement[comma].text));
            }
            let name = if next == "COLUMN" { action + 2 } else { action + 1 };
            if name >= statement.len() {
                return Ok(Altered::Statement(statement));
            }
            let mut rewritten = statement[..name].to_vec();
            rewritten.extend(column(&statement[name..]));
            Ok(Altered::Statement(rewritten))
        }
        _ => Ok(Altered::Statement(statement)),
    }
}
