//! The attributes of a queue that a client can set.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::name::QueueName;
use super::refusal::{Code, Refusal};

/// Attributes as a request carries them.
pub(crate) type AttributeMap = BTreeMap<String, String>;

/// The largest message, and the largest batch, in bytes.
pub(crate) const SIZE_LIMIT: usize = 1 << 20;
/// The longest visibility timeout, in seconds.
pub(crate) const VISIBILITY_LIMIT: i64 = 43_200;
/// The longest delay, in seconds.
pub(crate) const DELAY_LIMIT: i64 = 900;

/// Attributes that are kept and returned; the sandbox neither checks permissions nor encrypts.
const KEPT: [&str; 5] =
    ["Policy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"];

/// The settable attributes of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) fifo: bool,
    pub(crate) visibility_timeout: Duration,
    pub(crate) delay: Duration,
    pub(crate) retention: Duration,
    pub(crate) wait: Duration,
    pub(crate) maximum_size: usize,
    pub(crate) redrive: Option<Redrive>,
    pub(crate) content_based_deduplication: bool,
    pub(crate) deduplication_per_group: bool,
    pub(crate) throughput_per_group: bool,
    /// What has no effect here but is given back.
    pub(crate) kept: AttributeMap,
}

/// When, and to where, a message that is not deleted is moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redrive {
    pub(crate) target: QueueName,
    /// A message is moved when it would be received more often than this.
    pub(crate) max_receives: u32,
}

impl Settings {
    /// SQS's defaults.
    pub(crate) fn new(fifo: bool) -> Settings {
        Settings {
            fifo,
            visibility_timeout: Duration::from_secs(30),
            delay: Duration::ZERO,
            retention: Duration::from_secs(4 * 86_400),
            wait: Duration::ZERO,
            maximum_size: SIZE_LIMIT,
            redrive: None,
            content_based_deduplication: false,
            deduplication_per_group: false,
            throughput_per_group: false,
            kept: AttributeMap::from([("SqsManagedSseEnabled".to_owned(), "true".to_owned())]),
        }
    }

    /// The settings of a queue that is created with these attributes.
    pub(crate) fn create(name: &QueueName, attributes: &AttributeMap) -> Result<Settings, Refusal> {
        let fifo = match attributes.get("FifoQueue").map(String::as_str) {
            Some("true") => true,
            Some(_) => return Err(unknown("FifoQueue")),
            None => false,
        };
        if fifo && !name.is_fifo() {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end \
                 with .fifo suffix and be 1 to 80 in length",
            ));
        }
        if !fifo && name.is_fifo() {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            ));
        }
        let mut settings = Settings::new(fifo);
        settings.apply(attributes)?;
        Ok(settings)
    }

    /// Sets attributes; those not given stay, and nothing changes if one is refused.
    pub(crate) fn apply(&mut self, attributes: &AttributeMap) -> Result<(), Refusal> {
        let mut next = self.clone();
        for (name, value) in attributes {
            next.set(name, value)?;
        }
        let own_key = attributes.get("KmsMasterKeyId").is_some_and(|key| !key.is_empty());
        match (own_key, attributes.get("SqsManagedSseEnabled").map(String::as_str)) {
            (true, Some("true")) => {
                return Err(Refusal::new(
                    Code::InvalidAttributeName,
                    "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE \
                     or SQS SSE.",
                ));
            }
            (true, _) => {
                next.kept.insert("SqsManagedSseEnabled".to_owned(), "false".to_owned());
            }
            (false, Some("true")) => {
                next.kept.remove("KmsMasterKeyId");
            }
            (false, _) => {}
        }
        *self = next;
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "VisibilityTimeout" => self.visibility_timeout = seconds(name, value, 0, VISIBILITY_LIMIT)?,
            "DelaySeconds" => self.delay = seconds(name, value, 0, DELAY_LIMIT)?,
            "MessageRetentionPeriod" => self.retention = seconds(name, value, 60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait = seconds(name, value, 0, 20)?,
            "MaximumMessageSize" => {
                let limit = i64::try_from(SIZE_LIMIT).unwrap_or(i64::MAX);
                self.maximum_size = usize::try_from(number(name, value, 1024, limit)?).unwrap_or(SIZE_LIMIT);
            }
            "RedrivePolicy" if value.is_empty() => self.redrive = None,
            "RedrivePolicy" => self.redrive = Some(Redrive::parse(value)?),
            "FifoQueue" if self.fifo && value == "true" => {}
            "ContentBasedDeduplication" if self.fifo => self.content_based_deduplication = boolean(name, value)?,
            "DeduplicationScope" if self.fifo => {
                self.deduplication_per_group = one_of(name, value, "queue", "messageGroup")?;
            }
            "FifoThroughputLimit" if self.fifo => {
                self.throughput_per_group = one_of(name, value, "perQueue", "perMessageGroupId")?;
            }
            name if KEPT.contains(&name) => {
                if value.is_empty() {
                    self.kept.remove(name);
                    return Ok(());
                }
                match name {
                    "Policy" | "RedriveAllowPolicy" if !is_json_object(value) => return Err(bad_value(name)),
                    "KmsDataKeyReusePeriodSeconds" => drop(number(name, value, 60, 86_400)?),
                    "SqsManagedSseEnabled" => drop(boolean(name, value)?),
                    _ => {}
                }
                self.kept.insert(name.to_owned(), value.to_owned());
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// The attributes as GetQueueAttributes returns them; those that were never set and have no default are left out.
    pub(crate) fn render(&self) -> AttributeMap {
        let mut attributes = self.kept.clone();
        let mut add = |name: &str, value: String| attributes.insert(name.to_owned(), value);
        add("VisibilityTimeout", self.visibility_timeout.as_secs().to_string());
        add("DelaySeconds", self.delay.as_secs().to_string());
        add("MessageRetentionPeriod", self.retention.as_secs().to_string());
        add("ReceiveMessageWaitTimeSeconds", self.wait.as_secs().to_string());
        add("MaximumMessageSize", self.maximum_size.to_string());
        if let Some(redrive) = &self.redrive {
            add("RedrivePolicy", redrive.render());
        }
        if self.fifo {
            add("FifoQueue", "true".to_owned());
            add("ContentBasedDeduplication", self.content_based_deduplication.to_string());
            add("DeduplicationScope", if self.deduplication_per_group { "messageGroup" } else { "queue" }.to_owned());
            let limit = if self.throughput_per_group { "perMessageGroupId" } else { "perQueue" };
            add("FifoThroughputLimit", limit.to_owned());
        }
        attributes
    }

    /// The first attribute in which a queue created with `wanted` would differ from this one.
    pub(crate) fn difference(&self, name: &QueueName, wanted: &AttributeMap) -> Result<Option<String>, Refusal> {
        let ours = self.render();
        let theirs = Settings::create(name, wanted)?.render();
        Ok(wanted.keys().find(|name| ours.get(*name) != theirs.get(*name)).cloned())
    }

    /// Whether this queue lets `source` name it as its dead-letter queue.
    pub(crate) fn allows_redrive_from(&self, source: &QueueName) -> bool {
        let Some(policy) =
            self.kept.get("RedriveAllowPolicy").and_then(|text| serde_json::from_str::<Value>(text).ok())
        else {
            return true;
        };
        match policy.get("redrivePermission").and_then(Value::as_str) {
            Some("denyAll") => false,
            Some("byQueue") => {
                let arn = source.arn();
                let sources = policy.get("sourceQueueArns").and_then(Value::as_array);
                sources.is_some_and(|sources| sources.iter().any(|source| source.as_str() == Some(&arn)))
            }
            _ => true,
        }
    }
}

impl Redrive {
    fn parse(text: &str) -> Result<Redrive, Refusal> {
        let invalid = |reason: &str| Refusal::invalid("RedrivePolicy", text, reason);
        let policy: Value =
            serde_json::from_str(text).map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
        let target = policy.get("deadLetterTargetArn").and_then(Value::as_str);
        let target = target
            .ok_or_else(|| invalid("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."))?;
        let target = QueueName::from_arn(target).ok_or_else(|| invalid("Invalid value for deadLetterTargetArn."))?;
        let maximum = policy.get("maxReceiveCount");
        let maximum =
            maximum.ok_or_else(|| invalid("Redrive policy does not contain mandatory attribute: maxReceiveCount."))?;
        // The console and CloudFormation write a number, the CLI's examples a string.
        let count = maximum.as_u64().or_else(|| maximum.as_str().and_then(|text| text.parse().ok()));
        let count = count.filter(|count| (1..=1000).contains(count)).ok_or_else(|| {
            invalid(&format!(
                "Invalid value for maxReceiveCount: {}, valid values are from 1 to 1000 both inclusive.",
                maximum.as_str().map_or_else(|| maximum.to_string(), str::to_owned)
            ))
        })?;
        Ok(Redrive { target, max_receives: u32::try_from(count).unwrap_or(1000) })
    }

    /// The policy as JSON.
    pub(crate) fn render(&self) -> String {
        json!({ "deadLetterTargetArn": self.target.arn(), "maxReceiveCount": self.max_receives }).to_string()
    }
}

fn number(name: &str, value: &str, least: i64, most: i64) -> Result<i64, Refusal> {
    value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| bad_value(name))
}

fn seconds(name: &str, value: &str, least: i64, most: i64) -> Result<Duration, Refusal> {
    number(name, value, least, most).map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
}

fn boolean(name: &str, value: &str) -> Result<bool, Refusal> {
    one_of(name, value, "false", "true")
}

/// False for the first value, true for the second.
fn one_of(name: &str, value: &str, no: &str, yes: &str) -> Result<bool, Refusal> {
    match value {
        value if value == no => Ok(false),
        value if value == yes => Ok(true),
        _ => Err(bad_value(name)),
    }
}

fn is_json_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, Value>>(text).is_ok()
}

fn bad_value(name: &str) -> Refusal {
    Refusal::new(Code::InvalidAttributeValue, format!("Invalid value for the parameter {name}."))
}

fn unknown(name: &str) -> Refusal {
    Refusal::new(Code::InvalidAttributeName, format!("Unknown Attribute {name}."))
}
