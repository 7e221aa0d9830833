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

/// The fields of a record that a pipeline's columns take, each with its slot.
#[derive(Debug, Clone, Default)]
pub struct FieldIndex {
    slots: std::collections::HashMap<String, usize>,
}

impl FieldIndex {
    /// An index of no fields.
    pub fn new() -> Self {
        FieldIndex::default()
    }

    /// The slot of `name`, a new one if the field is not in the index yet.
    pub fn insert(&mut self, name: &str) -> usize {
        let next = self.slots.len();
        *self.slots.entry(name.to_owned()).or_insert(next)
    }

    /// The slot of `name`, if a column takes it.
    pub fn get(&self, name: &str) -> Option<usize> {
        self.slots.get(name).copied()
    }

    /// The number of slots.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no column takes any field.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}
