//! Queue names, and the URLs and ARNs that carry them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// The account that owns everything in the sandbox.
const ACCOUNT: &str = "000000000000";
const ARN_PREFIX: &str = "arn:aws:sqs:us-east-1:000000000000:";

/// The name of a queue: 1 to 80 letters, digits, `-` and `_`; that of a FIFO queue ends in `.fifo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct QueueName(String);

impl QueueName {
    /// The name, if it can be one.
    pub(crate) fn parse(name: &str) -> Option<QueueName> {
        let stem = name.strip_suffix(".fifo").unwrap_or(name);
        let valid = !stem.is_empty()
            && name.len() <= 80
            && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        valid.then(|| QueueName(name.to_owned()))
    }

    /// The name at the end of a queue's URL; host and port do not matter, they may differ between clients and runs.
    pub(crate) fn from_url(url: Option<&str>) -> Result<QueueName, Refusal> {
        let name = url.and_then(|url| url.trim_end_matches('/').rsplit('/').next());
        name.and_then(QueueName::parse).ok_or_else(Refusal::no_such_queue)
    }

    /// The name in an ARN of this account and region.
    pub(crate) fn from_arn(arn: &str) -> Option<QueueName> {
        arn.strip_prefix(ARN_PREFIX).and_then(QueueName::parse)
    }

    /// The name in a request's ARN parameter.
    pub(crate) fn from_arn_parameter(parameter: &str, arn: Option<&str>) -> Result<QueueName, Refusal> {
        let arn = arn.ok_or_else(|| Refusal::missing(parameter))?;
        QueueName::from_arn(arn).ok_or_else(|| Refusal::no_such_resource(parameter))
    }

    /// Whether the name is that of a FIFO queue.
    pub(crate) fn is_fifo(&self) -> bool {
        self.0.ends_with(".fifo")
    }

    /// The queue's ARN.
    pub(crate) fn arn(&self) -> String {
        format!("{ARN_PREFIX}{}", self.0)
    }

    /// The queue's URL under an endpoint such as `http://127.0.0.1:4566`.
    pub(crate) fn url(&self, endpoint: &str) -> String {
        format!("{endpoint}/{ACCOUNT}/{}", self.0)
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
