//! What the demo needs of AWS: buckets, queues and the notification between them, as Terraform makes them for real.

use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::house::Scene;
use crate::aws::{Clients, classify};
use crate::config::{self, Config};
use crate::error::{Error, ErrorKind, Result};

/// The bucket into which the producer writes.
pub(super) const LANDING: &str = "landing";

/// How often an event is received before SQS itself moves it to the dead-letter queue.
const MAX_RECEIVES: u32 = 5;

/// Clients for the sandbox at `endpoint`; it accepts any key.
pub(super) fn clients(endpoint: &str) -> Clients {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .build();
    Clients::from_config(&config)
}

/// The scene of the producer of reviews.
pub(super) fn reviews() -> Scene<'static> {
    Scene {
        files: &[
            ("tidegate.toml", include_str!("tidegate.toml")),
            ("pipelines/reviews.toml", include_str!("reviews.toml")),
        ],
        environment: |name, endpoint, metrics| match name {
            "TIDEGATE_DEMO_ENDPOINT" => Some(endpoint.to_owned()),
            "TIDEGATE_DEMO_METRICS" => Some(metrics.to_owned()),
            _ => None,
        },
        announced: ("amazon/reviews/", ".json.gz"),
        before: Vec::new(),
    }
}

/// Creates the buckets, the queues with their dead-letter queues, and the notification of keys with this prefix and suffix.
pub(super) async fn resources(clients: &Clients, (prefix, suffix): (&str, &str)) -> Result<()> {
    for bucket in [LANDING, "staging"] {
        clients.s3.create_bucket().bucket(bucket).send().await.map_err(|error| failed(error, "create a bucket"))?;
    }
    queue(clients, "tidegate-events-dlq", &[]).await?;
    let events = queue(clients, "tidegate-events", &[redrive("tidegate-events-dlq")]).await?;
    let fifo = || (QueueAttributeName::FifoQueue, "true".to_owned());
    queue(clients, "tidegate-loads-dlq.fifo", &[fifo()]).await?;
    queue(clients, "tidegate-loads.fifo", &[fifo(), redrive("tidegate-loads-dlq.fifo")]).await?;

    let rule = |name, value: &str| FilterRule::builder().name(name).value(value).build();
    let mut key = S3KeyFilter::builder();
    for (name, value) in [(FilterRuleName::Prefix, prefix), (FilterRuleName::Suffix, suffix)] {
        if !value.is_empty() {
            key = key.filter_rules(rule(name, value));
        }
    }
    let key = key.build();
    let to_queue = QueueConfiguration::builder()
        .queue_arn(arn(&events))
        .events(Event::S3ObjectCreated)
        .filter(NotificationConfigurationFilter::builder().key(key).build())
        .build()
        .map_err(|error| Error::caused(ErrorKind::Configuration, "the demo's notification is not complete", error))?;
    clients
        .s3
        .put_bucket_notification_configuration()
        .bucket(LANDING)
        .notification_configuration(NotificationConfiguration::builder().queue_configurations(to_queue).build())
        .send()
        .await
        .map_err(|error| failed(error, "configure the notification"))?;
    Ok(())
}

/// Writes a scene's configuration files into `folder` and reads them as `tidegate run` would.
pub(super) fn configuration(folder: &Path, scene: &Scene<'_>, endpoint: &str, metrics: &str) -> Result<Config> {
    for (name, text) in scene.files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, text)?;
    }
    let environment = |name: &str| (scene.environment)(name, endpoint, metrics);
    config::load(&folder.join("tidegate.toml"), &environment)
        .map_err(|problems| Error::caused(ErrorKind::Configuration, "the demo's configuration", problems))
}

async fn queue(clients: &Clients, name: &str, attributes: &[(QueueAttributeName, String)]) -> Result<String> {
    let created = clients
        .sqs
        .create_queue()
        .queue_name(name)
        .set_attributes(Some(attributes.iter().cloned().collect()))
        .send()
        .await
        .map_err(|error| failed(error, "create a queue"))?;
    Ok(created.queue_url.unwrap_or_default())
}

fn redrive(dead_letter_queue: &str) -> (QueueAttributeName, String) {
    let policy = json!({
        "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:000000000000:{dead_letter_queue}"),
        "maxReceiveCount": MAX_RECEIVES,
    });
    (QueueAttributeName::RedrivePolicy, policy.to_string())
}

fn arn(queue_url: &str) -> String {
    let name = queue_url.rsplit('/').next().unwrap_or_default();
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn failed<E>(
    error: aws_sdk_s3::error::SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
    what: &str,
) -> Error
where
    E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    classify(error, format!("the demo cannot {what}"), ErrorKind::Unavailable)
}
