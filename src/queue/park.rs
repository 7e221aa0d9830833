//! Why a message was parked, as the attributes of the parked message say it.

use std::collections::HashMap;

use aws_sdk_sqs::types::MessageAttributeValue;

use crate::error::Error;

/// The longest reason in an attribute, in bytes; a whole message may have 1 MiB.
const REASON_BYTES: usize = 4_096;

/// Why a message was parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The stage that gave up, such as `notify` or `read`.
    pub stage: &'static str,
    /// The class of the fault, such as `poison`.
    pub fault: &'static str,
    /// The kind of the error, such as `corrupt`.
    pub kind: &'static str,
    /// What went wrong, for people.
    pub message: String,
    /// The pipeline, where it is known.
    pub pipeline: Option<String>,
    /// The object as `s3://bucket/key`, or the batch, where one is known.
    pub subject: Option<String>,
}

impl Reason {
    /// The reason that `error` at `stage` is.
    pub fn of(stage: &'static str, error: &Error) -> Self {
        Reason {
            stage,
            fault: error.fault().as_str(),
            kind: error.kind().as_str(),
            message: error.to_string(),
            pipeline: None,
            subject: None,
        }
    }

    /// The same reason for a pipeline and its object or batch.
    pub fn about(mut self, pipeline: &str, subject: impl Into<String>) -> Self {
        self.pipeline = Some(pipeline.to_owned());
        self.subject = Some(subject.into());
        self
    }

    /// The attributes of the parked message.
    pub(super) fn attributes(&self) -> HashMap<String, MessageAttributeValue> {
        let mut attributes = HashMap::new();
        let mut put = |name: &str, value: &str| {
            // SQS refuses an empty attribute and characters that XML cannot hold.
            let text: String = value.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
            let text = cut(&text, REASON_BYTES);
            if let (false, Ok(value)) =
                (text.is_empty(), MessageAttributeValue::builder().data_type("String").string_value(text).build())
            {
                attributes.insert(name.to_owned(), value);
            }
        };
        put("fault", self.fault);
        put("stage", self.stage);
        put("kind", self.kind);
        put("reason", &self.message);
        put("pipeline", self.pipeline.as_deref().unwrap_or(""));
        put("subject", self.subject.as_deref().unwrap_or(""));
        attributes
    }
}

/// At most `most` bytes of `text`, whole characters.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_parked_message_says_fault_stage_kind_reason_and_what_it_is_about() {
        let error = Error::new(ErrorKind::Corrupt, format!("bad\0bytes {}", "é".repeat(4_096)));
        let attributes = Reason::of("read", &error).about("reviews", "s3://landing/a.gz").attributes();
        let value = |name: &str| attributes[name].string_value().expect("a text").to_owned();
        assert_eq!(value("fault"), "poison");
        assert_eq!(value("stage"), "read");
        assert_eq!(value("kind"), "corrupt");
        assert_eq!(value("pipeline"), "reviews");
        assert_eq!(value("subject"), "s3://landing/a.gz");
        assert!(value("reason").starts_with("bad bytes é"));
        assert!(value("reason").len() <= REASON_BYTES);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let attributes = Reason::of("notify", &Error::new(ErrorKind::Malformed, "no JSON")).attributes();
        assert!(!attributes.contains_key("pipeline"));
        assert!(!attributes.contains_key("subject"));
    }
}
