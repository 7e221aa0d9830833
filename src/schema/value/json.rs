//! A value as the JSON text that a SUPER column parses.

use std::borrow::Cow;

use super::Violation;
use crate::model::{Rule, Value};
use crate::schema::ColumnType;

/// How deeply nested a SUPER value may be: below what any JSON parser on the way refuses.
const MAX_DEPTH: usize = 100;

pub(super) fn text(value: Value<'_>) -> Result<Cow<'_, str>, Violation> {
    let text = match value {
        Value::Null => Cow::Borrowed("null"),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Number(digits) => Cow::Borrowed(digits),
        Value::Text(text) => {
            if memchr::memchr(0, text.as_bytes()).is_some() {
                return Err(nul());
            }
            Cow::Owned(serde_json::Value::String(text.into_owned()).to_string())
        }
        Value::Json(text) => {
            check(&text)?;
            text
        }
        other => return Err(Violation::new(Rule::Type, format!("a value of type {} is no JSON", other.type_name()))),
    };
    if text.len() > ColumnType::SUPER_BYTES {
        let message = format!("{} bytes of JSON do not fit a staged super of {}", text.len(), ColumnType::SUPER_BYTES);
        return Err(Violation::new(Rule::Length, message));
    }
    Ok(text)
}

/// Refuses what a scan of the text accepts and JSON_PARSE may not: NULs, halves of surrogate pairs, deep nesting.
fn check(text: &str) -> Result<(), Violation> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut unicode_escapes = false;
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => {
                    unicode_escapes |= byte == b'u';
                    escaped = false;
                }
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let message = format!("the JSON is nested more than {MAX_DEPTH} deep");
                    return Err(Violation::new(Rule::Range, message));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if !unicode_escapes {
        return Ok(());
    }
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        Violation::new(Rule::Character, format!("the JSON holds an escape that is no text: {error}"))
    })?;
    if holds_nul(&value) { Err(nul()) } else { Ok(()) }
}

fn holds_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

fn nul() -> Violation {
    Violation::new(Rule::Character, "the JSON holds a NUL, which Redshift cannot store")
}
