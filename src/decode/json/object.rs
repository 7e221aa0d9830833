//! A JSON object, read into the slots of the fields that are wanted.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use crate::model::{Extra, FieldIndex, Fields, Value};

/// Why a record is no JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syntax(pub String);

/// Reads the JSON object in `text` into `slots`, which are cleared first; gives the fields that no slot takes, if they are wanted.
///
/// Numbers keep their digits and nested values their text. Of a field that stands twice, the last counts. Nested values are looked
/// through without recursion, however deep; what is in their texts is left to the column. Nothing is allocated for a text without escapes.
///
/// # Errors
/// Where `text` is not exactly one JSON object.
pub fn json_object<'a>(
    text: &'a str,
    fields: &FieldIndex,
    slots: &mut Vec<Option<Value<'a>>>,
) -> std::result::Result<Vec<Extra<'a>>, Syntax> {
    slots.clear();
    slots.resize(fields.len(), None);
    let mut extras = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = Object { fields: fields.fields(), slots, extras: fields.wants_extras().then_some(&mut extras) };
    object.deserialize(&mut deserializer).map_err(syntax)?;
    deserializer.end().map_err(syntax)?;
    Ok(extras)
}

fn syntax(error: serde_json::Error) -> Syntax {
    Syntax(format!("no JSON object: {error}"))
}

struct Object<'f, 's, 'a> {
    fields: &'f Fields,
    slots: &'s mut Vec<Option<Value<'a>>>,
    extras: Option<&'s mut Vec<Extra<'a>>>,
}

impl<'a> DeserializeSeed<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            match (self.fields.get(&name), &mut self.extras) {
                (Some(node), _) => {
                    let raw: &RawValue = map.next_value()?;
                    if !node.children.is_empty() {
                        within(raw.get(), &node.children, self.slots).map_err(de::Error::custom)?;
                    }
                    if let Some(slot) = node.slot {
                        self.slots[slot] = Some(value(raw.get()).map_err(de::Error::custom)?);
                    }
                }
                (None, Some(extras)) => {
                    let raw: &RawValue = map.next_value()?;
                    extras.push(Extra { name, value: value(raw.get()).map_err(de::Error::custom)? });
                }
                (None, None) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads what columns take from within an object or array; a value of another kind has nothing within it.
fn within<'a>(
    raw: &'a str,
    fields: &Fields,
    slots: &mut Vec<Option<Value<'a>>>,
) -> std::result::Result<(), serde_json::Error> {
    match raw.as_bytes().first() {
        Some(b'{') => Object { fields, slots, extras: None }.deserialize(&mut serde_json::Deserializer::from_str(raw)),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw)?;
            for node in fields.nodes() {
                let Some(item) = node.name.parse().ok().and_then(|at: usize| items.get(at)) else { continue };
                if !node.children.is_empty() {
                    within(item.get(), &node.children, slots)?;
                }
                if let Some(slot) = node.slot {
                    slots[slot] = Some(value(item.get())?);
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A text that borrows where it has no escapes; `Cow`'s own implementation never does.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn value(raw: &str) -> std::result::Result<Value<'_>, serde_json::Error> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') => Value::Text(serde_json::from_str::<Text<'_>>(raw)?.0),
        Some(b'n') => Value::Null,
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'[' | b'{') => Value::Json(Cow::Borrowed(raw)),
        _ => Value::Number(raw),
    })
}
