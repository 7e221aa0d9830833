//! The clients, with the timeouts that the SDK leaves off.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// One client for each service.
#[derive(Debug, Clone)]
pub struct Clients {
    /// S3, for reading the source buckets.
    pub s3: aws_sdk_s3::Client,
    /// S3, for writing to the staging area.
    pub staging: aws_sdk_s3::Client,
    /// SQS: the events and loads queues.
    pub sqs: aws_sdk_sqs::Client,
    /// The Redshift Data API.
    pub redshift: aws_sdk_redshiftdata::Client,
    /// Firehose, for pipelines with a copy there.
    pub firehose: aws_sdk_firehose::Client,
}

impl Clients {
    /// Clients for the credentials, Region and endpoints of the environment (`AWS_*`, profiles, instance and task roles).
    pub async fn from_environment() -> Self {
        Self::from_config(&aws_config::defaults(BehaviorVersion::latest()).load().await)
    }

    /// Clients for `config`. Where an endpoint is overridden, S3 is addressed by path: local servers have no DNS for buckets.
    pub fn from_config(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(100));
        let s3_endpoint_is_overridden = config.endpoint_url().is_some()
            || ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"].iter().any(|name| std::env::var_os(name).is_some());
        let s3 = |read_timeout| {
            aws_sdk_s3::config::Builder::from(config)
                .force_path_style(s3_endpoint_is_overridden)
                .retry_config(retries.clone())
                .timeout_config(TimeoutConfig::builder().read_timeout(read_timeout).build())
                .build()
        };
        // The SDK's read timeout runs from the request's first byte until the answer's: for a GET that is the wait for its head,
        // and the body has the reader's own limit; for a PUT it is the whole upload.
        let (reading, writing) = (s3(Duration::from_secs(20)), s3(Duration::from_secs(300)));
        // Above the 20 s of a long poll.
        let sqs = aws_sdk_sqs::config::Builder::from(config).retry_config(retries.clone()).timeout_config(
            TimeoutConfig::builder()
                .read_timeout(Duration::from_secs(30))
                .operation_attempt_timeout(Duration::from_secs(35))
                .build(),
        );
        // Above the 30 s for which the Data API may be asked to wait.
        let redshift =
            aws_sdk_redshiftdata::config::Builder::from(config).retry_config(retries.clone()).timeout_config(
                TimeoutConfig::builder()
                    .read_timeout(Duration::from_secs(40))
                    .operation_attempt_timeout(Duration::from_secs(45))
                    .build(),
            );
        let firehose = aws_sdk_firehose::config::Builder::from(config).retry_config(retries).timeout_config(
            TimeoutConfig::builder()
                .read_timeout(Duration::from_secs(30))
                .operation_attempt_timeout(Duration::from_secs(35))
                .build(),
        );
        Clients {
            s3: aws_sdk_s3::Client::from_conf(reading),
            staging: aws_sdk_s3::Client::from_conf(writing),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            redshift: aws_sdk_redshiftdata::Client::from_conf(redshift.build()),
            firehose: aws_sdk_firehose::Client::from_conf(firehose.build()),
        }
    }
}
