//! A field's value as its format wrote it, before any typing.

use std::borrow::Cow;

/// A value between decoding and normalisation; numbers and nested values keep their text, so nothing is lost on the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// An explicit null.
    Null,
    /// True or false.
    Bool(bool),
    /// A number by its digits, as written.
    Number(&'a str),
    /// A text, its escapes resolved.
    Text(Cow<'a, str>),
    /// An array or object, as JSON text.
    Json(&'a str),
}

impl Value<'_> {
    /// The name of the value's type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::Text(_) => "text",
            Value::Json(text) if text.starts_with('[') => "array",
            Value::Json(_) => "object",
        }
    }
}
