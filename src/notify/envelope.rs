//! The three forms in which S3's events arrive.

use serde::Deserialize;

use super::s3_event::{self, Event};
use crate::error::{Error, ErrorKind, Result};

/// How many SNS envelopes may be around a notification.
const MAX_ENVELOPES: usize = 2;

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "Records")]
    records: Option<Vec<s3_event::Record>>,
    #[serde(rename = "Event")]
    event: Option<String>,
    #[serde(rename = "Type")]
    sns_type: Option<String>,
    #[serde(rename = "Message")]
    sns_message: Option<String>,
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    time: Option<String>,
    detail: Option<s3_event::Detail>,
}

/// The events of a message's body, in its order.
///
/// # Errors
/// `Malformed` if the body is no notification of S3, SNS or EventBridge.
pub fn parse(body: &str) -> Result<Vec<Event>> {
    parse_at(body, 0)
}

fn parse_at(body: &str, depth: usize) -> Result<Vec<Event>> {
    let parsed: Body = serde_json::from_str(body).map_err(|error| {
        Error::caused(ErrorKind::Malformed, "the message is no notification of S3, SNS or EventBridge", error)
    })?;
    if let Some(records) = parsed.records {
        return records.into_iter().map(s3_event::Record::event).collect();
    }
    if parsed.event.as_deref() == Some("s3:TestEvent") {
        return Ok(vec![Event::Test]);
    }
    if parsed.sns_type.as_deref() == Some("Notification")
        && let Some(message) = parsed.sns_message
    {
        if depth == MAX_ENVELOPES {
            return Err(Error::new(ErrorKind::Malformed, "the message has SNS envelopes within SNS envelopes"));
        }
        return parse_at(&message, depth + 1);
    }
    if parsed.source.as_deref() == Some("aws.s3")
        && let (Some(detail_type), Some(time), Some(detail)) = (parsed.detail_type, parsed.time, parsed.detail)
    {
        return Ok(vec![detail.event(&detail_type, &time)?]);
    }
    Err(Error::new(
        ErrorKind::Malformed,
        "the message is JSON, but no notification of S3 (`Records`), SNS (`Type`, `Message`) or EventBridge (`source`, `detail`)",
    ))
}
