//! Functions, types and names inside any statement.

use super::tokens::{Kind, Tok, after_group, identifier, raw, split_commas};

/// The functions that the sandbox defines in its schema `redshift`.
const FUNCTIONS: [&str; 19] = [
    "GETDATE",
    "NVL2",
    "DATEADD",
    "DATE_ADD",
    "DATEDIFF",
    "DATE_DIFF",
    "JSON_PARSE",
    "JSON_SERIALIZE",
    "JSON_SERIALIZE_TO_VARBYTE",
    "CAN_JSON_PARSE",
    "IS_VALID_JSON",
    "JSON_EXTRACT_PATH_TEXT",
    "CONVERT_TIMEZONE",
    "SHA2",
    "STRTOL",
    "FUNC_SHA1",
    "FROM_HEX",
    "PG_LAST_COPY_COUNT",
    "PG_LAST_COPY_ID",
];

/// The views that the sandbox keeps in its schema `redshift`.
const VIEWS: [&str; 5] =
    ["SYS_LOAD_ERROR_DETAIL", "SYS_LOAD_HISTORY", "SVV_COLUMNS", "SVV_EXTERNAL_PARTITIONS", "SVV_EXTERNAL_TABLES"];

/// Rewrites the tokens one by one; what is not known stays.
pub(super) fn rewrite(tokens: Vec<Tok>) -> Vec<Tok> {
    let mut rewritten: Vec<Tok> = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while index < tokens.len() {
        let token = &tokens[index];
        let next = tokens.get(index + 1);
        let called = next.is_some_and(|next| next.is_mark("("));
        let qualified = index > 0 && tokens[index - 1].is_mark(".");
        let mut token = token.clone();
        match token.kind {
            Kind::Quoted => token.text = identifier(&token.value.to_lowercase()),
            Kind::Word if token.text.starts_with('#') => token.text = identifier(&token.value.to_lowercase()),
            Kind::Word if qualified && !VIEWS.iter().any(|view| token.is(view)) => {}
            Kind::Word if called && token.is_any(&FUNCTIONS) => {
                token.text = format!("redshift.{}", token.text.to_lowercase());
                if token.text.ends_with("dateadd") || token.text.ends_with("date_add") || token.text.contains("diff") {
                    rewritten.push(token);
                    rewritten.push(tokens[index + 1].clone());
                    if let Some(part) = tokens.get(index + 2) {
                        rewritten.push(Tok {
                            text: format!("'{}'", date_part(&part.value)),
                            kind: Kind::Text,
                            ..part.clone()
                        });
                    }
                    index += 3;
                    continue;
                }
            }
            Kind::Word if called && token.is("NVL") => token.text = "coalesce".to_owned(),
            Kind::Word if called && token.is("LEN") => token.text = "length".to_owned(),
            Kind::Word if called && token.is("LISTAGG") => {
                index = listagg(&tokens, index, &mut rewritten);
                continue;
            }
            Kind::Word if called && token.is_any(&["VARCHAR", "NVARCHAR", "CHAR", "VARYING"]) => {
                token.text = if token.is("NVARCHAR") { "varchar".to_owned() } else { token.text };
                if tokens.get(index + 2).is_some_and(|length| length.is("MAX")) {
                    rewritten.push(token);
                    rewritten.push(tokens[index + 1].clone());
                    rewritten.push(Tok { space: String::new(), ..raw("65535") });
                    index += 3;
                    continue;
                }
            }
            Kind::Word if token.is("SYSDATE") => token.text = "redshift.sysdate()".to_owned(),
            Kind::Word if token.is_any(&VIEWS) => {
                if qualified && rewritten.len() >= 2 && rewritten[rewritten.len() - 2].is("PG_CATALOG") {
                    let schema = rewritten.split_off(rewritten.len() - 2);
                    token.space.clone_from(&schema[0].space);
                } else if qualified {
                    rewritten.push(token);
                    index += 1;
                    continue;
                }
                token.text = format!("redshift.{}", token.text.to_lowercase());
            }
            Kind::Word if token.is("APPROXIMATE") && next.is_some_and(|next| next.is("COUNT")) => {
                index += 1;
                continue;
            }
            Kind::Word if is_cast_target(&tokens, index) => match token.text.to_uppercase().as_str() {
                "SUPER" => token.text = "jsonb".to_owned(),
                "VARBYTE" => token.text = "bytea".to_owned(),
                _ => {}
            },
            _ => {}
        }
        rewritten.push(token);
        index += 1;
    }
    rewritten
}

/// True for the type in `x::type` and `CAST(x AS type)`.
fn is_cast_target(tokens: &[Tok], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).map(|before| &tokens[before]) else { return false };
    before.is_mark("::") || (before.is("AS") && tokens.get(index + 1).is_some_and(|next| next.is_mark(")")))
}

/// `LISTAGG(x, d) WITHIN GROUP (ORDER BY y)` as `string_agg((x)::text, d ORDER BY y)`; gives the index after it.
fn listagg(tokens: &[Tok], index: usize, rewritten: &mut Vec<Tok>) -> usize {
    let end = after_group(tokens, index + 1);
    let mut arguments = split_commas(&tokens[index + 2..end.saturating_sub(1).max(index + 2)]);
    let mut after = end;
    let mut order = Vec::new();
    let follows = |offset: usize, keyword: &str| tokens.get(end + offset).is_some_and(|token| token.is(keyword));
    if follows(0, "WITHIN") && follows(1, "GROUP") {
        after = after_group(tokens, end + 2);
        order = tokens[(end + 3).min(after)..after.saturating_sub(1).max((end + 3).min(after))].to_vec();
    }
    let mut name = tokens[index].clone();
    name.text = "string_agg(".to_owned();
    rewritten.push(name);
    let mut value = std::mem::take(&mut arguments[0]);
    if value.first().is_some_and(|token| token.is("DISTINCT")) {
        rewritten.push(value.remove(0));
    }
    rewritten.push(Tok { space: String::new(), ..raw("(") });
    rewritten.extend(rewrite(value));
    rewritten.push(Tok { space: String::new(), ..raw(")::text,") });
    match arguments.get_mut(1) {
        Some(delimiter) => rewritten.extend(rewrite(std::mem::take(delimiter))),
        None => rewritten.push(raw("''")),
    }
    if !order.is_empty() {
        rewritten.push(raw(""));
        rewritten.extend(rewrite(order));
    }
    rewritten.push(Tok { space: String::new(), ..raw(")") });
    after
}

/// The date part that Redshift's many spellings mean.
fn date_part(word: &str) -> String {
    let word = word.to_lowercase();
    let part = match word.as_str() {
        "y" | "yr" | "yrs" | "years" => "year",
        "qtr" | "qtrs" | "quarters" => "quarter",
        "mon" | "mons" | "months" => "month",
        "w" | "weeks" => "week",
        "d" | "days" => "day",
        "h" | "hr" | "hrs" | "hours" => "hour",
        "m" | "min" | "mins" | "minutes" => "minute",
        "s" | "sec" | "secs" | "seconds" => "second",
        "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisec" | "millisecs" | "milliseconds" | "millisecon" => {
            "millisecond"
        }
        "us" | "microsec" | "microsecs" | "usecond" | "useconds" | "microseconds" | "microsecon" => "microsecond",
        other => other,
    };
    part.replace('\'', "''")
}
