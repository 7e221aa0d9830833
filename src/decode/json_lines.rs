//! One JSON object, read into the slots of the fields that are wanted.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::model::{FieldIndex, Value};

/// Why a record is no JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syntax(pub String);

/// Reads the JSON object in `text` into `slots`, which are cleared first; gives the first field that no slot takes.
///
/// Numbers keep their digits and nested values their text. Of a field that stands twice, the last counts. Nothing is
/// allocated for a text without escapes.
///
/// # Errors
/// Where `text` is not exactly one JSON object.
pub fn json_object<'a>(
    text: &'a str,
    fields: &FieldIndex,
    slots: &mut Vec<Option<Value<'a>>>,
) -> Result<Option<Cow<'a, str>>, Syntax> {
    slots.clear();
    slots.resize(fields.len(), None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let unknown = Object { fields, slots }.deserialize(&mut deserializer).map_err(syntax)?;
    deserializer.end().map_err(syntax)?;
    Ok(unknown)
}

fn syntax(error: serde_json::Error) -> Syntax {
    Syntax(format!("no JSON object: {error}"))
}

struct Object<'f, 's, 'a> {
    fields: &'f FieldIndex,
    slots: &'s mut Vec<Option<Value<'a>>>,
}

impl<'a> DeserializeSeed<'a> for Object<'_, '_, 'a> {
    type Value = Option<Cow<'a, str>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, '_, 'a> {
    type Value = Option<Cow<'a, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut unknown = None;
        while let Some(Text(name)) = map.next_key()? {
            match self.fields.get(&name) {
                Some(slot) => {
                    let raw: &RawValue = map.next_value()?;
                    self.slots[slot] = Some(value(raw.get()).map_err(serde::de::Error::custom)?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    unknown.get_or_insert(name);
                }
            }
        }
        Ok(unknown)
    }
}

/// A text that borrows where it has no escapes; `Cow`'s own implementation never does.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn value(raw: &str) -> Result<Value<'_>, serde_json::Error> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') => Value::Text(serde_json::from_str::<Text<'_>>(raw)?.0),
        Some(b'n') => Value::Null,
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'[' | b'{') => Value::Json(raw),
        _ => Value::Number(raw),
    })
}
