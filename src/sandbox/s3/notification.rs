//! Which changes of a bucket are told to which queue.

use percent_encoding::percent_decode_str;
use s3s::dto::{
    Event as EventType, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter,
    QueueConfiguration, S3KeyFilter,
};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::event::EventName;

/// One queue configuration of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) queue_arn: String,
    /// Such as `s3:ObjectCreated:*`.
    pub(super) events: Vec<String>,
    #[serde(default)]
    pub(super) prefix: String,
    #[serde(default)]
    pub(super) suffix: String,
}

impl Rule {
    /// Whether a change of `key` is told to the queue.
    pub(super) fn matches(&self, event: EventName, key: &str) -> bool {
        self.events.iter().any(|wanted| covers(wanted, event.as_str()))
            && filter_holds(&self.prefix, |prefix| key.starts_with(prefix))
            && filter_holds(&self.suffix, |suffix| key.ends_with(suffix))
    }

    /// Whether some change could match both rules, which S3 refuses.
    fn overlaps(&self, other: &Rule) -> bool {
        let events = self.events.iter().any(|one| {
            other
                .events
                .iter()
                .any(|two| covers(one, two.trim_start_matches("s3:")) || covers(two, one.trim_start_matches("s3:")))
        });
        let prefixes = self.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&self.prefix);
        let suffixes = self.suffix.ends_with(&other.suffix) || other.suffix.ends_with(&self.suffix);
        events && prefixes && suffixes
    }
}

/// Whether `wanted`, such as `s3:ObjectCreated:*`, includes `event`, such as `ObjectCreated:Put`.
fn covers(wanted: &str, event: &str) -> bool {
    let wanted = wanted.trim_start_matches("s3:");
    match wanted.strip_suffix('*') {
        Some(kind) => event.starts_with(kind),
        None => wanted == event,
    }
}

/// S3 wants special characters of a filter percent-encoded (`dt%3D` for keys with `dt=`), but takes plain ones too.
fn filter_holds(filter: &str, holds: impl Fn(&str) -> bool) -> bool {
    holds(filter) || percent_decode_str(filter).decode_utf8().is_ok_and(|decoded| holds(&decoded))
}

/// Reads a configuration as PutBucketNotificationConfiguration gives it.
///
/// # Errors
/// `InvalidArgument` for what S3 refuses, `NotImplemented` for destinations that the sandbox does not have.
pub(super) fn rules(configuration: NotificationConfiguration) -> S3Result<Vec<Rule>> {
    if configuration.topic_configurations.is_some_and(|topics| !topics.is_empty())
        || configuration.lambda_function_configurations.is_some_and(|functions| !functions.is_empty())
        || configuration.event_bridge_configuration.is_some()
    {
        return Err(s3_error!(
            NotImplemented,
            "The sandbox notifies SQS queues only; it can send them messages in the shape of SNS or EventBridge."
        ));
    }
    let rules =
        configuration.queue_configurations.unwrap_or_default().into_iter().map(rule).collect::<S3Result<Vec<_>>>()?;
    for (number, rule) in rules.iter().enumerate() {
        if rules[..number].iter().any(|earlier| earlier.overlaps(rule)) {
            return Err(s3_error!(
                InvalidArgument,
                "Configurations overlap. Configurations on the same bucket cannot share a common event type."
            ));
        }
    }
    Ok(rules)
}

fn rule(configuration: QueueConfiguration) -> S3Result<Rule> {
    let events: Vec<String> = configuration.events.iter().map(|event| event.as_ref().to_owned()).collect();
    if events.is_empty() || events.iter().any(|event| !event.starts_with("s3:")) {
        return Err(s3_error!(InvalidArgument, "The event is not supported for notifications"));
    }
    let mut rule = Rule {
        id: configuration.id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
        queue_arn: configuration.queue_arn,
        events,
        prefix: String::new(),
        suffix: String::new(),
    };
    let filters = configuration.filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules);
    for FilterRule { name, value } in filters.unwrap_or_default() {
        let value = value.unwrap_or_default();
        // Clients write the names in any case, and S3 takes them all.
        match name.as_ref().map(|name| name.as_str().to_ascii_lowercase()).as_deref() {
            Some(FilterRuleName::PREFIX) => rule.prefix = value,
            Some(FilterRuleName::SUFFIX) => rule.suffix = value,
            _ => return Err(s3_error!(InvalidArgument, "filter rule name must be either prefix or suffix")),
        }
    }
    Ok(rule)
}

/// The rules as GetBucketNotificationConfiguration shows them.
pub(super) fn configurations(rules: &[Rule]) -> Vec<QueueConfiguration> {
    let filter_rule = |name, value: &str| {
        (!value.is_empty())
            .then(|| FilterRule { name: Some(FilterRuleName::from_static(name)), value: Some(value.to_owned()) })
    };
    let configuration = |rule: &Rule| {
        let prefix = filter_rule(FilterRuleName::PREFIX, &rule.prefix);
        let suffix = filter_rule(FilterRuleName::SUFFIX, &rule.suffix);
        let filters: Vec<FilterRule> = prefix.into_iter().chain(suffix).collect();
        QueueConfiguration {
            id: Some(rule.id.clone()),
            queue_arn: rule.queue_arn.clone(),
            events: rule.events.iter().cloned().map(EventType::from).collect(),
            filter: (!filters.is_empty())
                .then(|| NotificationConfigurationFilter { key: Some(S3KeyFilter { filter_rules: Some(filters) }) }),
        }
    };
    rules.iter().map(configuration).collect()
}

#[cfg(test)]
mod tests;
