//! S3's own event records, and EventBridge's form of them.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ObjectRef, Removal, Sequencer};

/// What a notification says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A version of the object now exists.
    Created(ObjectRef),
    /// The object, or a version of it, is gone by somebody's deed; what its lifecycle expires is not told as a removal.
    Removed(ObjectRef, Removal),
    /// Something else happened, such as a change of tags; the name of the event.
    Other(String),
    /// S3's message at the configuration of a notification.
    Test,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    event_name: String,
    event_time: String,
    s3: S3,
}

#[derive(Deserialize)]
struct S3 {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    size: Option<u64>,
    e_tag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

impl Record {
    pub(super) fn event(self) -> Result<Event> {
        let name = self.event_name.strip_prefix("s3:").unwrap_or(&self.event_name);
        let removal = match name {
            // Without a version, S3 deletes what the key names; with one, it deletes that version for good.
            "ObjectRemoved:Delete" if version(self.s3.object.version_id.clone()).is_some() => Some(Removal::Version),
            "ObjectRemoved:Delete" | "ObjectRemoved:DeleteMarkerCreated" => Some(Removal::Key),
            _ => None,
        };
        if removal.is_none() && !name.starts_with("ObjectCreated:") {
            return Ok(Event::Other(name.to_owned()));
        }
        let object = self.s3.object;
        Ok(event(
            removal,
            ObjectRef {
                bucket: self.s3.bucket.name,
                key: decode_key(&object.key)?,
                other_key: None,
                version: version(object.version_id),
                etag: object.e_tag.map(|etag| etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty()),
                size: object.size,
                sequencer: object.sequencer.as_deref().and_then(Sequencer::parse),
                event_time: event_time(&self.event_time)?,
            },
        ))
    }
}

fn event(removal: Option<Removal>, object: ObjectRef) -> Event {
    match removal {
        Some(removal) => Event::Removed(object, removal),
        None => Event::Created(object),
    }
}

/// The `detail` of an EventBridge event.
#[derive(Deserialize)]
pub(super) struct Detail {
    bucket: Bucket,
    object: DetailObject,
    reason: Option<String>,
    #[serde(rename = "deletion-type")]
    deletion_type: Option<String>,
}

#[derive(Deserialize)]
struct DetailObject {
    key: String,
    size: Option<u64>,
    etag: Option<String>,
    #[serde(rename = "version-id")]
    version_id: Option<String>,
    sequencer: Option<String>,
}

impl Detail {
    pub(super) fn event(self, detail_type: &str, time: &str) -> Result<Event> {
        let by_lifecycle = self.reason.as_deref() == Some("Lifecycle Expiration");
        let permanent = self.deletion_type.as_deref() == Some("Permanently Deleted");
        let removal = match detail_type {
            "Object Deleted" if by_lifecycle => None,
            "Object Deleted" if permanent && version(self.object.version_id.clone()).is_some() => {
                Some(Removal::Version)
            }
            "Object Deleted" => Some(Removal::Key),
            _ => None,
        };
        if removal.is_none() && detail_type != "Object Created" {
            return Ok(Event::Other(detail_type.to_owned()));
        }
        let object = self.object;
        // Whether EventBridge encodes keys is documented nowhere: the raw key comes first.
        let other_key = decode_key(&object.key).ok().filter(|decoded| *decoded != object.key);
        Ok(event(
            removal,
            ObjectRef {
                bucket: self.bucket.name,
                key: object.key,
                other_key,
                version: version(object.version_id),
                etag: object.etag.map(|etag| etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty()),
                size: object.size,
                sequencer: object.sequencer.as_deref().and_then(Sequencer::parse),
                event_time: event_time(time)?,
            },
        ))
    }
}

/// The version, where there is one: a bucket whose versioning is suspended overwrites the version `null`.
fn version(id: Option<String>) -> Option<String> {
    id.filter(|id| !id.is_empty() && id != "null")
}

/// A key as S3 encodes it in its notifications: `+` for a blank, then percent-encoding of UTF-8.
pub(super) fn decode_key(encoded: &str) -> Result<String> {
    let plus_is_blank = encoded.replace('+', " ");
    let decoded = percent_decode_str(&plus_is_blank).decode_utf8();
    decoded.map(|key| key.into_owned()).map_err(|error| {
        Error::caused(ErrorKind::Malformed, format!("the key {encoded:?} does not decode to UTF-8"), error)
    })
}

/// What S3 leaves as it is in the keys of its notifications.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// The notification that an object was created, as S3 would send it; [`parse`](super::parse) gives the object back.
pub fn announcement(object: &ObjectRef) -> String {
    let mut told = serde_json::json!({ "key": utf8_percent_encode(&object.key, PLAIN).to_string() });
    if let Some(size) = object.size {
        told["size"] = size.into();
    }
    let texts = [
        ("eTag", object.etag.as_deref()),
        ("versionId", object.version.as_deref()),
        ("sequencer", object.sequencer.as_ref().map(Sequencer::as_str)),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            told[name] = text.into();
        }
    }
    let record = serde_json::json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": object.event_time.to_string(),
        "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": object.bucket }, "object": told },
    });
    serde_json::json!({ "Records": [record] }).to_string()
}

fn event_time(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|error: jiff::Error| {
        Error::caused(ErrorKind::Malformed, format!("the event's time {text:?} is not ISO 8601"), error)
    })
}
