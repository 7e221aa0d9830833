//! The operations on queues themselves: creation, attributes, tags, listing, purge.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Answer;
use crate::sandbox::sqs::name::QueueName;
use crate::sandbox::sqs::refusal::{Code, Refusal};
use crate::sandbox::sqs::registry::Registry;
use crate::sandbox::sqs::settings::AttributeMap;
use crate::sandbox::sqs::time::Time;

/// The attributes that GetQueueAttributes knows, set or not.
const ATTRIBUTE_NAMES: [&str; 21] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];
/// The most tags of a queue.
const TAG_LIMIT: usize = 50;
/// The most queues that one page lists.
const PAGE_LIMIT: usize = 1000;

/// A request to create a queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Create {
    queue_name: Option<String>,
    attributes: Option<AttributeMap>,
    // Lower-case in the API's model, unlike its neighbours.
    #[serde(rename = "tags")]
    tags: Option<BTreeMap<String, String>>,
}

/// A request for the URL of a queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetUrl {
    queue_name: Option<String>,
}

/// A request that names a queue and no more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OfQueue {
    queue_url: Option<String>,
}

/// A request for attributes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
}

/// A request to set attributes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attributes: AttributeMap,
}

/// A request to list queues, of all or of a dead-letter queue's sources.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct List {
    queue_url: Option<String>,
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// A request to add tags.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    queue_url: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// A request to remove tags.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Untag {
    queue_url: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// Creates a queue.
pub(crate) fn create(registry: &mut Registry, now: Time, request: Create) -> Answer {
    let name = parse_name(request.queue_name.as_deref())?;
    let tags = request.tags.unwrap_or_default();
    check_tags(&tags)?;
    registry.create(now, name.clone(), &request.attributes.unwrap_or_default(), tags)?;
    Ok(json!({ "QueueUrl": registry.url(&name) }))
}

/// Deletes a queue.
pub(crate) fn delete(registry: &mut Registry, _now: Time, request: OfQueue) -> Answer {
    registry.delete(&QueueName::from_url(request.queue_url.as_deref())?)?;
    Ok(json!({}))
}

/// Gives the URL of a queue.
pub(crate) fn get_url(registry: &mut Registry, _now: Time, request: GetUrl) -> Answer {
    let name = parse_name(request.queue_name.as_deref())?;
    if !registry.contains(&name) {
        return Err(Refusal::no_such_queue());
    }
    Ok(json!({ "QueueUrl": registry.url(&name) }))
}

/// Gives attributes of a queue.
pub(crate) fn get_attributes(registry: &mut Registry, now: Time, request: GetAttributes) -> Answer {
    let name = QueueName::from_url(request.queue_url.as_deref())?;
    let known = |asked: &String| asked == "All" || ATTRIBUTE_NAMES.contains(&asked.as_str());
    if let Some(unknown) = request.attribute_names.iter().find(|asked| !known(asked)) {
        return Err(Refusal::new(Code::InvalidAttributeName, format!("Unknown Attribute {unknown}.")));
    }
    let entry = registry.get(&name)?;
    let counts = entry.queue.counts(now);
    let mut attributes = entry.queue.settings().render();
    attributes.extend([
        ("QueueArn".to_owned(), name.arn()),
        ("ApproximateNumberOfMessages".to_owned(), counts.visible.to_string()),
        ("ApproximateNumberOfMessagesDelayed".to_owned(), counts.delayed.to_string()),
        ("ApproximateNumberOfMessagesNotVisible".to_owned(), counts.in_flight.to_string()),
        ("CreatedTimestamp".to_owned(), entry.created.seconds().to_string()),
        ("LastModifiedTimestamp".to_owned(), entry.modified.seconds().to_string()),
    ]);
    attributes.retain(|name, _| request.attribute_names.iter().any(|asked| asked == "All" || asked == name));
    Ok(if attributes.is_empty() { json!({}) } else { json!({ "Attributes": attributes }) })
}

/// Sets attributes of a queue.
pub(crate) fn set_attributes(registry: &mut Registry, now: Time, request: SetAttributes) -> Answer {
    let name = QueueName::from_url(request.queue_url.as_deref())?;
    registry.configure(now, &name, &request.attributes)?;
    Ok(json!({}))
}

/// Lists the queues whose names have a prefix.
pub(crate) fn list(registry: &mut Registry, _now: Time, request: List) -> Answer {
    let names = registry.names().filter(|name| name.as_str().starts_with(&request.queue_name_prefix)).cloned();
    let names = names.collect();
    let mut answer = page(registry, &request, names)?;
    // As SQS does, an empty list is left out.
    Ok(match answer.get("queueUrls").and_then(Value::as_array) {
        Some(urls) if urls.is_empty() => json!({}),
        _ => {
            let urls = answer["queueUrls"].take();
            let mut listed = json!({ "QueueUrls": urls });
            if let Some(token) = answer.get("NextToken") {
                listed["NextToken"] = token.clone();
            }
            listed
        }
    })
}

/// Lists the queues whose redrive policy names a dead-letter queue.
pub(crate) fn list_dead_letter_sources(registry: &mut Registry, _now: Time, request: List) -> Answer {
    let name = QueueName::from_url(request.queue_url.as_deref())?;
    registry.get(&name)?;
    let sources = registry.dead_letter_sources(&name).cloned().collect();
    page(registry, &request, sources)
}

/// Deletes the messages of a queue.
pub(crate) fn purge(registry: &mut Registry, _now: Time, request: OfQueue) -> Answer {
    registry.get(&QueueName::from_url(request.queue_url.as_deref())?)?.queue.purge();
    Ok(json!({}))
}

/// Adds tags to a queue.
pub(crate) fn tag(registry: &mut Registry, _now: Time, request: Tag) -> Answer {
    let entry = registry.get(&QueueName::from_url(request.queue_url.as_deref())?)?;
    let mut tags = entry.tags.clone();
    tags.extend(request.tags);
    check_tags(&tags)?;
    entry.describe(|entry| entry.tags = tags);
    Ok(json!({}))
}

/// Gives the tags of a queue.
pub(crate) fn list_tags(registry: &mut Registry, _now: Time, request: OfQueue) -> Answer {
    let tags = &registry.get(&QueueName::from_url(request.queue_url.as_deref())?)?.tags;
    Ok(if tags.is_empty() { json!({}) } else { json!({ "Tags": tags }) })
}

/// Removes tags from a queue.
pub(crate) fn untag(registry: &mut Registry, _now: Time, request: Untag) -> Answer {
    let entry = registry.get(&QueueName::from_url(request.queue_url.as_deref())?)?;
    entry.describe(|entry| entry.tags.retain(|key, _| !request.tag_keys.contains(key)));
    Ok(json!({}))
}

/// The URLs of one page of queues, and where the next begins: its token is the last name of this one.
fn page(registry: &Registry, request: &List, names: Vec<QueueName>) -> Answer {
    let max = match request.max_results {
        None => PAGE_LIMIT,
        Some(max) => usize::try_from(max).ok().filter(|max| (1..=PAGE_LIMIT).contains(max)).ok_or_else(|| {
            Refusal::invalid("MaxResults", max, &format!("Must be between 1 and {PAGE_LIMIT}, if provided."))
        })?,
    };
    let after = request.next_token.as_deref().unwrap_or_default();
    let mut rest = names.iter().filter(|name| name.as_str() > after);
    let listed: Vec<&QueueName> = rest.by_ref().take(max).collect();
    let urls: Vec<String> = listed.iter().map(|name| registry.url(name)).collect();
    let mut answer = json!({ "queueUrls": urls });
    // Without MaxResults, SQS gives no token.
    if let (Some(last), Some(_), Some(_)) = (listed.last(), rest.next(), request.max_results) {
        answer["NextToken"] = json!(last.as_str());
    }
    Ok(answer)
}

fn parse_name(name: Option<&str>) -> Result<QueueName, Refusal> {
    name.and_then(QueueName::parse).ok_or_else(|| {
        Refusal::new(
            Code::InvalidParameterValue,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    })
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > TAG_LIMIT {
        let message = format!("Too many tags added for queue: {} tags, the limit is {TAG_LIMIT}.", tags.len());
        return Err(Refusal::new(Code::InvalidParameterValue, message));
    }
    match tags.iter().find(|(key, value)| !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256) {
        Some((key, _)) => Err(Refusal::invalid(
            "Tags",
            key,
            "Tag keys must be between 1 and 128 characters in length, values at most 256.",
        )),
        None => Ok(()),
    }
}
