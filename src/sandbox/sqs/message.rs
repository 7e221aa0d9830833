//! A message: its body, its attributes, and the MD5 digests by which clients check both.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::refusal::{Code, Refusal};
use super::time::Time;

/// The most attributes that a message can have.
const ATTRIBUTE_LIMIT: usize = 10;

/// Attributes by name, in the order in which they are digested.
pub(crate) type Attributes = BTreeMap<String, AttributeValue>;

/// A message as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: Attributes,
    /// `AWSTraceHeader`, the only system attribute that a sender can set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) system_attributes: Attributes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deduplication: Option<String>,
    pub(crate) sent: Time,
    /// The ARN of the queue from which the message was moved to a dead-letter queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter_source: Option<String>,
}

/// A typed attribute value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WireValue", try_from = "WireValue")]
pub(crate) struct AttributeValue {
    /// `String`, `Number` or `Binary`, with an optional label such as `Number.int`.
    data_type: String,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Binary(Vec<u8>),
}

/// An attribute value as it stands in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct WireValue {
    #[serde(default)]
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

impl WireValue {
    /// The bytes that count against the size of a batch.
    pub(crate) fn size(&self) -> usize {
        let text = self.string_value.as_ref().map_or(0, String::len);
        let binary = self.binary_value.as_ref().map_or(0, |encoded| encoded.trim_end_matches('=').len() * 3 / 4);
        self.data_type.len() + text + binary
    }
}

impl TryFrom<WireValue> for AttributeValue {
    type Error = &'static str;

    fn try_from(wire: WireValue) -> Result<AttributeValue, &'static str> {
        let kind = wire.data_type.split('.').next().unwrap_or_default();
        let content = match (kind, wire.string_value, wire.binary_value) {
            ("String" | "Number", Some(text), None) if !text.is_empty() => {
                if let Some(refused) = text.chars().find(|char| !is_allowed(*char)) {
                    tracing::debug!(code_point = u32::from(refused), "sandbox: character refused in an attribute");
                    return Err("it contains characters that are not allowed.");
                }
                if kind == "Number" && text.parse::<f64>().map_or(true, |number| !number.is_finite()) {
                    return Err("it is not a number.");
                }
                Content::Text(text)
            }
            ("Binary", None, Some(encoded)) if !encoded.is_empty() => {
                Content::Binary(STANDARD.decode(encoded).map_err(|_| "it is not valid base64.")?)
            }
            ("String" | "Number" | "Binary", _, _) => {
                return Err("it must contain a non-empty value of its data type, and no other.");
            }
            ("", _, _) => return Err("it must contain a data type."),
            _ => return Err("the data type must start with String, Number or Binary."),
        };
        if wire.data_type.len() > 256 {
            return Err("the data type is longer than 256 bytes.");
        }
        Ok(AttributeValue { data_type: wire.data_type, content })
    }
}

impl From<AttributeValue> for WireValue {
    fn from(value: AttributeValue) -> WireValue {
        let (string_value, binary_value) = match value.content {
            Content::Text(text) => (Some(text), None),
            Content::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        WireValue { data_type: value.data_type, string_value, binary_value }
    }
}

impl AttributeValue {
    /// The value if it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Binary(_) => None,
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Text(text) => text.as_bytes(),
            Content::Binary(bytes) => bytes,
        }
    }
}

/// A message that a sender asks to enqueue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) system_attributes: Attributes,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
    pub(crate) delay_seconds: Option<i64>,
}

impl Draft {
    /// The size that counts against the limits: the body and the attributes' names, types and values.
    pub(crate) fn size(&self) -> usize {
        let attributes =
            self.attributes.iter().map(|(name, value)| name.len() + value.data_type.len() + value.bytes().len());
        self.body.len() + attributes.sum::<usize>()
    }

    /// Refuses what no queue would take.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Err(Refusal::missing("MessageBody"));
        }
        if let Some(refused) = self.body.chars().find(|char| !is_allowed(*char)) {
            return Err(Refusal::new(
                Code::InvalidMessageContents,
                format!(
                    "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is \
                     #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]",
                    u32::from(refused)
                ),
            ));
        }
        if self.attributes.len() > ATTRIBUTE_LIMIT {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                format!(
                    "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTE_LIMIT}].",
                    self.attributes.len()
                ),
            ));
        }
        for name in self.attributes.keys() {
            if !is_attribute_name(name) {
                return Err(Refusal::new(
                    Code::InvalidParameterValue,
                    format!("The message attribute name '{name}' is invalid."),
                ));
            }
        }
        if let Some(name) = self.system_attributes.keys().find(|name| *name != "AWSTraceHeader") {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                format!("Message system attribute name '{name}' is invalid."),
            ));
        }
        check_identifier("MessageGroupId", self.group.as_deref())?;
        check_identifier("MessageDeduplicationId", self.deduplication.as_deref())
    }
}

/// The characters of XML 1.0, which are those that SQS carries.
fn is_allowed(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

fn is_attribute_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=256).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
}

fn check_identifier(parameter: &str, value: Option<&str>) -> Result<(), Refusal> {
    let Some(value) = value else { return Ok(()) };
    if (1..=128).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(Refusal::invalid(parameter, value, &reason))
}

/// The MD5 of bytes in hexadecimal: `MD5OfMessageBody`.
pub(crate) fn md5_of(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The MD5 of attributes: each as length-prefixed name and type, a byte for the kind, and the length-prefixed value.
///
/// See "Calculating the MD5 message digest for message attributes" in the SQS Developer Guide.
pub(crate) fn md5_of_attributes<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>) -> String {
    let mut digest = Md5::new();
    let mut field = |bytes: &[u8], kind: Option<u8>| {
        if let Some(kind) = kind {
            digest.update([kind]);
        }
        digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(bytes);
    };
    for (name, value) in attributes {
        field(name.as_bytes(), None);
        field(value.data_type.as_bytes(), None);
        let kind = if matches!(value.content, Content::Binary(_)) { 2 } else { 1 };
        field(value.bytes(), Some(kind));
    }
    hex(&digest.finalize())
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
