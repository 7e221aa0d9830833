//! Bare `NaN`, `Infinity` and `-Infinity`, which JSON has no words for and Python, Java and JavaScript write all the same.

use std::borrow::Cow;
use std::ops::Range;

use super::object::{self, Syntax};
use crate::model::{Extra, FieldIndex, Value};

/// The words, and numbers of the same length that stand for them while the text is parsed; `-` stays where it is.
const WORDS: [(&[u8], &str); 2] = [(b"NaN", "0e0"), (b"Infinity", "0e000000")];

/// As [`json_object`](object::json_object), but for those words, which come as numbers.
///
/// # Errors
/// Where `text` is not one JSON object but for them; or where a column takes a nested value with one in it: it would be no JSON.
pub(super) fn json_object<'a>(
    text: &'a str,
    fields: &FieldIndex,
    slots: &mut Vec<Option<Value<'a>>>,
) -> Result<Vec<Extra<'a>>, Syntax> {
    let words = words(text);
    if words.is_empty() {
        return object::json_object(text, fields, slots);
    }
    let mut plain = text.to_owned();
    for (at, number) in &words {
        plain.replace_range(*at..*at + number.len(), number);
    }
    let mut found = Vec::new();
    let extras = object::json_object(&plain, fields, &mut found)?;
    let original = Original { text, plain: &plain, words: &words };
    slots.clear();
    for value in found {
        slots.push(value.map(|value| original.value(value)).transpose()?);
    }
    let extras = extras.into_iter();
    extras.map(|extra| Ok(Extra { name: original.text(extra.name), value: original.value(extra.value)? })).collect()
}

/// Where the words stand outside of texts, and what stands for each.
fn words(text: &str) -> Vec<(usize, &'static str)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => in_text = !in_text,
            b'\\' if in_text => at += 1,
            b'N' | b'I' if !in_text => {
                // Behind a letter or digit it is the end of another word.
                let minus = *byte == b'I' && at > 0 && bytes[at - 1] == b'-';
                let begins = at == 0 || minus || !is_of_word(bytes[at - 1]);
                let ends = |word: &[u8]| !bytes.get(at + word.len()).is_some_and(|byte| is_of_word(*byte));
                let word = WORDS.iter().find(|(word, _)| begins && bytes[at..].starts_with(word) && ends(word));
                if let Some((word, number)) = word {
                    found.push((at, *number));
                    at += word.len() - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_')
}

/// The text that was parsed with other words in it.
struct Original<'a, 'p> {
    text: &'a str,
    plain: &'p str,
    words: &'p [(usize, &'static str)],
}

impl<'a> Original<'a, '_> {
    fn value(&self, value: Value<'_>) -> Result<Value<'a>, Syntax> {
        Ok(match value {
            Value::Number(number) => Value::Number(self.part(number).unwrap_or_default()),
            Value::Text(text) => Value::Text(self.text(text)),
            Value::Json(json) => {
                let range = self.range(&json).unwrap_or_default();
                if self.words.iter().any(|(at, _)| range.contains(at)) {
                    let message = "a nested value holds NaN or Infinity, which has no form in JSON";
                    return Err(Syntax(message.to_owned()));
                }
                Value::Json(Cow::Borrowed(self.text.get(range).unwrap_or_default()))
            }
            Value::Bool(value) => Value::Bool(value),
            _ => Value::Null,
        })
    }

    fn text(&self, text: Cow<'_, str>) -> Cow<'a, str> {
        match text {
            Cow::Borrowed(text) => self.part(text).map_or_else(|| Cow::Owned(text.to_owned()), Cow::Borrowed),
            Cow::Owned(text) => Cow::Owned(text),
        }
    }

    /// The part of the original where `part` stands in what was parsed.
    fn part(&self, part: &str) -> Option<&'a str> {
        self.text.get(self.range(part)?)
    }

    fn range(&self, part: &str) -> Option<Range<usize>> {
        let start = (part.as_ptr() as usize).checked_sub(self.plain.as_ptr() as usize)?;
        let end = start + part.len();
        (end <= self.plain.len()).then_some(start..end)
    }
}
