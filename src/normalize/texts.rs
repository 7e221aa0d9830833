//! What is done to a text before it is read as a value.

use std::borrow::Cow;

use crate::config::{Case, Texts};
use crate::model::Value;
use crate::schema::ColumnType;

/// The value after all that `texts` asks for but its length; `Null` where it is no value.
pub(super) fn changed<'a>(value: Value<'a>, texts: &Texts, read_type: ColumnType) -> Value<'a> {
    let mut text = match value {
        Value::Text(text) => text,
        Value::Number(digits) if texts.null_values.iter().any(|null| null == digits) => return Value::Null,
        Value::Bytes(bytes) if read_type.is_text() => match String::from_utf8(bytes.into_owned()) {
            Ok(text) => Cow::Owned(text),
            Err(error) => return Value::Bytes(Cow::Owned(error.into_bytes())),
        },
        other => return other,
    };
    if texts.strip_nul && memchr::memchr(0, text.as_bytes()).is_some() {
        text = Cow::Owned(text.replace('\0', ""));
    }
    if texts.trim {
        text = trimmed(text);
    }
    if (texts.empty_as_null && text.is_empty()) || texts.null_values.iter().any(|null| *null == text) {
        return Value::Null;
    }
    match texts.case {
        Some(Case::Lower) => text = Cow::Owned(text.to_lowercase()),
        Some(Case::Upper) => text = Cow::Owned(text.to_uppercase()),
        None => {}
    }
    match &texts.split {
        Some(separator) => Value::Json(Cow::Owned(parts(&text, separator, texts.trim))),
        None => Value::Text(text),
    }
}

/// The value, of which a text has at most `most` bytes and ends with a whole character; and whether it had more.
pub(super) fn cut(value: Value<'_>, most: usize) -> (Value<'_>, bool) {
    match value {
        Value::Text(text) if text.len() > most => {
            let end = text.floor_char_boundary(most);
            let text = match text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
                Cow::Owned(mut text) => {
                    text.truncate(end);
                    Cow::Owned(text)
                }
            };
            (Value::Text(text), true)
        }
        other => (other, false),
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => {
            let trimmed = text.trim();
            if trimmed.len() == text.len() { Cow::Owned(text) } else { Cow::Owned(trimmed.to_owned()) }
        }
    }
}

/// The parts of a text as a JSON array of texts; an empty text has none.
fn parts(text: &str, separator: &str, trim: bool) -> String {
    let parts = if text.is_empty() { Vec::new() } else { text.split(separator).collect() };
    let items: Vec<serde_json::Value> =
        parts.into_iter().map(|part| serde_json::Value::from(if trim { part.trim() } else { part })).collect();
    serde_json::Value::from(items).to_string()
}
