//! `QUALIFY`, which PostgreSQL does not have.
//!
//! `SELECT a, b FROM t QUALIFY c ORDER BY a` becomes
//! `SELECT q.c1 AS a, q.c2 AS b FROM (SELECT a AS c1, b AS c2, (c) AS keep FROM t) q WHERE q.keep ORDER BY a`.

use super::tokens::{Kind, Tok, after_group, find_flat, identifier, raw, split_commas};

/// Rewrites every `QUALIFY`, the innermost first.
pub(super) fn rewrite(mut tokens: Vec<Tok>) -> Vec<Tok> {
    let mut bound = tokens.len();
    while let Some(at) = tokens[..bound].iter().rposition(|token| token.is("QUALIFY")) {
        bound = at;
        let Some(select) = select_before(&tokens, at) else { continue };
        let end = find_flat(&tokens, at + 1, ends_condition).unwrap_or_else(|| end_of_group(&tokens, at + 1));
        if let Some(replacement) = select_with(&tokens[select..at], &tokens[at + 1..end]) {
            tokens.splice(select..end, replacement);
            bound = select;
        }
    }
    tokens
}

fn ends_condition(token: &Tok) -> bool {
    token.is_any(&["ORDER", "LIMIT", "OFFSET", "UNION", "EXCEPT", "INTERSECT", "MINUS", "FETCH"])
}

/// The index of the bracket that closes the group around `from`, or the end.
fn end_of_group(tokens: &[Tok], from: usize) -> usize {
    find_flat(tokens, from, |token| token.is_mark(")")).unwrap_or(tokens.len())
}

/// The `SELECT` that the word at `at` belongs to.
fn select_before(tokens: &[Tok], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for index in (0..at).rev() {
        let token = &tokens[index];
        if token.is_mark(")") {
            depth += 1;
        } else if token.is_mark("(") {
            depth = depth.checked_sub(1)?;
        } else if depth == 0 && token.is("SELECT") {
            return Some(index);
        }
    }
    None
}

fn select_with(select: &[Tok], condition: &[Tok]) -> Option<Vec<Tok>> {
    let from = find_flat(select, 1, |token| token.is("FROM"))?;
    let distinct = select.get(1).is_some_and(|token| token.is_any(&["DISTINCT", "ALL"]));
    let list = if distinct { 2 } else { 1 };
    let mut condition = condition.to_vec();
    let (mut inner, mut outer): (Vec<Tok>, Vec<Tok>) = (Vec::new(), Vec::new());
    let column = |expression: Vec<Tok>, after: &str, inner: &mut Vec<Tok>, outer: &mut Vec<Tok>, number: usize| {
        inner.extend(expression);
        inner.push(raw(format!("AS qualify_{number},")));
        if !outer.is_empty() {
            outer.push(Tok { space: String::new(), ..raw(",") });
        }
        outer.push(raw(after.replace("{}", &format!("qualified.qualify_{number}"))));
    };
    let mut number = 0;
    for item in split_commas(&select[list..from]) {
        if item.last().is_some_and(|token| token.is_mark("*")) && item.len() != 2 {
            let rows =
                if item.len() == 1 { sources(&select[from + 1..]) } else { vec![item[..item.len() - 2].to_vec()] };
            for row in rows {
                number += 1;
                column(row, "({}).*", &mut inner, &mut outer, number);
            }
            continue;
        }
        let (expression, name) = named(item);
        if let Some(alias) = &name.alias {
            substitute(&mut condition, alias, &expression);
        }
        number += 1;
        let after = format!("{{}} AS {}", identifier(&name.label));
        column(expression, &after, &mut inner, &mut outer, number);
    }
    let mut rewritten = vec![select[0].clone()];
    if distinct {
        rewritten.push(select[1].clone());
    }
    rewritten.extend(outer);
    rewritten.push(raw("FROM (SELECT"));
    rewritten.extend(inner);
    rewritten.push(raw("("));
    rewritten.extend(condition);
    rewritten.push(raw(") AS qualify_keep"));
    rewritten.extend_from_slice(&select[from..]);
    rewritten.push(raw(") AS qualified WHERE qualified.qualify_keep"));
    Some(rewritten)
}

struct Name {
    /// The name of the result's column.
    label: String,
    /// The same, if the query gave it and the condition may use it.
    alias: Option<String>,
}

/// An item of the select list: the expression, and how its column is named.
fn named(mut item: Vec<Tok>) -> (Vec<Tok>, Name) {
    let length = item.len();
    if length > 2
        && item[length - 2].is("AS")
        && let Some(alias) = item[length - 1].name()
    {
        item.truncate(length - 2);
        return (item, Name { label: alias.clone(), alias: Some(alias) });
    }
    if length > 1 && item[length - 1].name().is_some() {
        let before = &item[length - 2];
        let operand = before.name().is_some()
            || before.kind == Kind::Text
            || before.is_mark(")")
            || before.text.starts_with(|first: char| first.is_ascii_digit());
        if operand && !item[length - 1].is("END") {
            let alias = item[length - 1].name().unwrap_or_default();
            item.truncate(length - 1);
            return (item, Name { label: alias.clone(), alias: Some(alias) });
        }
    }
    let column = item
        .iter()
        .enumerate()
        .all(|(index, token)| if index % 2 == 0 { token.name().is_some() } else { token.is_mark(".") });
    let called = item.len() > 2 && item[1].is_mark("(") && after_group(&item, 1) == item.len();
    let label = match (column, called) {
        (true, _) => item.last().and_then(Tok::name),
        (_, true) => item.first().and_then(Tok::name),
        _ => None,
    };
    (item, Name { label: label.unwrap_or_else(|| "?column?".to_owned()), alias: None })
}

/// Puts the expression in the place of its alias, which a window's condition may name.
fn substitute(condition: &mut Vec<Tok>, alias: &str, expression: &[Tok]) {
    let mut index = 0;
    while index < condition.len() {
        let dotted = index > 0 && condition[index - 1].is_mark(".");
        let called = condition.get(index + 1).is_some_and(|next| next.is_mark("(") || next.is_mark("."));
        if !dotted && !called && condition[index].name().as_deref() == Some(alias) {
            let mut replacement = vec![raw("(")];
            replacement.extend_from_slice(expression);
            replacement.push(Tok { space: String::new(), ..raw(")") });
            let length = replacement.len();
            condition.splice(index..=index, replacement);
            index += length;
        } else {
            index += 1;
        }
    }
}

/// The names under which a `FROM` list's rows can be referred to.
fn sources(from: &[Tok]) -> Vec<Vec<Tok>> {
    let end = find_flat(from, 0, |token| token.is_any(&["WHERE", "GROUP", "HAVING", "WINDOW"])).unwrap_or(from.len());
    let mut names = Vec::new();
    let mut start = 0;
    while start < end {
        let stop = find_flat(&from[..end], start, |token| {
            token.is_mark(",")
                || token.is_any(&["JOIN", "ON", "USING", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL"])
        })
        .unwrap_or(end);
        if let Some(alias) = from[start..stop].last().filter(|token| token.name().is_some()) {
            names.push(vec![alias.clone()]);
        }
        // What stands between ON and the next join is a condition.
        start = match from.get(stop) {
            Some(token) if token.is_any(&["ON", "USING"]) => find_flat(&from[..end], stop + 1, |token| {
                token.is_mark(",") || token.is_any(&["JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL"])
            })
            .unwrap_or(end),
            _ => stop,
        };
        while start < end
            && (from[start].is_mark(",")
                || from[start].is_any(&["JOIN", "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL"]))
        {
            start += 1;
        }
    }
    names
}
