//! The messages that tell of a change, in the forms in which AWS sends them to a queue.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::notification::Rule;

/// The account that owns everything in the sandbox, as users of S3 see it.
pub(super) const OWNER: &str = "A3TIDEGATESANDBOX";

/// What `application/x-www-form-urlencoded` leaves as it is, and the `/` that S3 leaves too.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

/// The shape of the notifications that a sandbox sends to its queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NotificationShape {
    /// As S3 sends them to a queue itself.
    #[default]
    S3,
    /// As S3 sends them to a topic that the queue is subscribed to: S3's JSON as text in SNS's envelope.
    Sns,
    /// As a rule of EventBridge sends them to a queue.
    EventBridge,
}

/// The changes that S3 tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventName {
    Put,
    Copy,
    CompleteMultipartUpload,
    Delete,
    DeleteMarkerCreated,
}

impl EventName {
    /// As in `eventName`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            EventName::Put => "ObjectCreated:Put",
            EventName::Copy => "ObjectCreated:Copy",
            EventName::CompleteMultipartUpload => "ObjectCreated:CompleteMultipartUpload",
            EventName::Delete => "ObjectRemoved:Delete",
            EventName::DeleteMarkerCreated => "ObjectRemoved:DeleteMarkerCreated",
        }
    }

    /// As in the `reason` of EventBridge: the operation that made the change.
    fn reason(self) -> &'static str {
        match self {
            EventName::Put => "PutObject",
            EventName::Copy => "CopyObject",
            EventName::CompleteMultipartUpload => "CompleteMultipartUpload",
            EventName::Delete | EventName::DeleteMarkerCreated => "DeleteObject",
        }
    }
}

/// A change of an object.
#[derive(Debug, Clone)]
pub(super) struct Event<'a> {
    pub(super) name: EventName,
    pub(super) bucket: &'a str,
    pub(super) region: &'a str,
    pub(super) key: &'a str,
    /// `None` if the bucket has never been versioned.
    pub(super) version_id: Option<&'a str>,
    pub(super) sequencer: u64,
    /// Milliseconds since 1970.
    pub(super) time: i64,
    /// The object's size in bytes and its ETag; `None` when it is gone.
    pub(super) content: Option<(u64, &'a str)>,
    pub(super) request_id: &'a str,
}

impl Event<'_> {
    /// The body of the message for the queue of `rule`.
    pub(super) fn message(&self, shape: NotificationShape, rule: &Rule) -> String {
        match shape {
            NotificationShape::S3 => self.records(rule).to_string(),
            NotificationShape::Sns => sns_envelope(rule, self.time, self.records(rule).to_string()),
            NotificationShape::EventBridge => self.event_bridge(rule).to_string(),
        }
    }

    fn records(&self, rule: &Rule) -> Value {
        let mut object = json!({ "key": form_encode(self.key), "sequencer": self.sequencer_text() });
        if let Some((size, etag)) = self.content {
            object["size"] = json!(size);
            object["eTag"] = json!(etag);
        }
        if let Some(version_id) = self.version_id {
            object["versionId"] = json!(version_id);
        }
        json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": self.region,
            "eventTime": iso(self.time),
            "eventName": self.name.as_str(),
            "userIdentity": { "principalId": format!("AWS:{OWNER}") },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": self.request_id, "x-amz-id-2": host_id(self.request_id) },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": rule.id,
                "bucket": {
                    "name": self.bucket,
                    "ownerIdentity": { "principalId": OWNER },
                    "arn": format!("arn:aws:s3:::{}", self.bucket),
                },
                "object": object,
            },
        }] })
    }

    fn event_bridge(&self, rule: &Rule) -> Value {
        // EventBridge carries the key as it is.
        let mut object = json!({ "key": self.key, "sequencer": self.sequencer_text() });
        if let Some((size, etag)) = self.content {
            object["size"] = json!(size);
            object["etag"] = json!(etag);
        }
        if let Some(version_id) = self.version_id {
            object["version-id"] = json!(version_id);
        }
        let mut detail = json!({
            "version": "0",
            "bucket": { "name": self.bucket },
            "object": object,
            "request-id": self.request_id,
            "requester": account(rule),
            "source-ip-address": "127.0.0.1",
            "reason": self.name.reason(),
        });
        let detail_type = match self.name {
            EventName::Put | EventName::Copy | EventName::CompleteMultipartUpload => "Object Created",
            EventName::Delete => {
                detail["deletion-type"] = json!("Permanently Deleted");
                "Object Deleted"
            }
            EventName::DeleteMarkerCreated => {
                detail["deletion-type"] = json!("Delete Marker Created");
                "Object Deleted"
            }
        };
        json!({
            "version": "0",
            "id": uuid::Uuid::now_v7().to_string(),
            "detail-type": detail_type,
            "source": "aws.s3",
            "account": account(rule),
            // EventBridge knows whole seconds only.
            "time": Timestamp::from_second(self.time.div_euclid(1000)).unwrap_or_default().to_string(),
            "region": self.region,
            "resources": [format!("arn:aws:s3:::{}", self.bucket)],
            "detail": detail,
        })
    }

    /// Of one length, so that the order of texts is the order of changes.
    fn sequencer_text(&self) -> String {
        format!("{:018X}", self.sequencer)
    }
}

/// The message that S3 sends to the queue of a new configuration; EventBridge has none.
pub(super) fn test_message(
    shape: NotificationShape,
    rule: &Rule,
    bucket: &str,
    time: i64,
    request_id: &str,
) -> Option<String> {
    let message = json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso(time),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": host_id(request_id),
    })
    .to_string();
    match shape {
        NotificationShape::S3 => Some(message),
        NotificationShape::Sns => Some(sns_envelope(rule, time, message)),
        NotificationShape::EventBridge => None,
    }
}

fn sns_envelope(rule: &Rule, time: i64, message: String) -> String {
    let topic = rule.queue_arn.replacen(":sqs:", ":sns:", 1);
    json!({
        "Type": "Notification",
        "MessageId": uuid::Uuid::now_v7().to_string(),
        "TopicArn": topic,
        "Subject": "Amazon S3 Notification",
        "Message": message,
        "Timestamp": iso(time),
        "SignatureVersion": "1",
        "Signature": "the sandbox does not sign",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeURL": format!("https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}"),
    })
    .to_string()
}

/// The extended request id that goes with a request id.
pub(super) fn host_id(request_id: &str) -> String {
    format!("tidegate/sandbox/{request_id}")
}

fn account(rule: &Rule) -> &str {
    rule.queue_arn.split(':').nth(4).unwrap_or_default()
}

fn form_encode(key: &str) -> String {
    utf8_percent_encode(key, FORM).to_string().replace(' ', "+")
}

fn iso(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests;
