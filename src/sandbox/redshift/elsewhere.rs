//! COPY from an S3 that is not the sandbox's own, as when its peers serve S3 and it only the warehouse.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use tokio::runtime::Handle;

use super::Objects;
use crate::error::{Error, ErrorKind, Result};

/// Another S3.
pub(super) struct Elsewhere {
    client: aws_sdk_s3::Client,
    runtime: Handle,
}

impl Elsewhere {
    /// The S3 at `endpoint`, which accepts any key.
    pub(super) fn new(endpoint: &str) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .force_path_style(true)
            .build();
        Elsewhere { client: aws_sdk_s3::Client::from_conf(config), runtime: Handle::current() }
    }
}

impl Objects for Elsewhere {
    fn len(&self, bucket: &str, key: &str) -> Result<Option<u64>> {
        self.runtime.block_on(async {
            match self.client.head_object().bucket(bucket).key(key).send().await {
                Ok(head) => Ok(head.content_length.and_then(|length| u64::try_from(length).ok())),
                Err(SdkError::ServiceError(error)) if error.err().is_not_found() => Ok(None),
                Err(error) => Err(unreadable(bucket, key, error)),
            }
        })
    }

    fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.runtime.block_on(async {
            match self.client.get_object().bucket(bucket).key(key).send().await {
                Ok(object) => {
                    let body = object.body.collect().await.map_err(|error| unreadable(bucket, key, error))?;
                    Ok(Some(body.to_vec()))
                }
                Err(SdkError::ServiceError(error)) if matches!(error.err(), GetObjectError::NoSuchKey(_)) => Ok(None),
                Err(error) => Err(unreadable(bucket, key, error)),
            }
        })
    }
}

fn unreadable(bucket: &str, key: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(ErrorKind::Unavailable, format!("COPY cannot read s3://{bucket}/{key}"), error)
}
