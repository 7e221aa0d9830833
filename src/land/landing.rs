//! The object that is written: one PUT for what is small, a multipart upload for what is not; never in the place of another unless that is asked for.

use std::collections::HashMap;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;

use crate::aws::classify;
use crate::config::Encryption;
use crate::error::{Error, ErrorKind, Result};

/// The most parts that S3 takes.
const MOST_PARTS: usize = 10_000;

/// The metadata that says which version of which source an object is, as a hash.
const VERSION: &str = "tidegate-source-version";
/// The metadata that names the source.
const SOURCE: &str = "tidegate-source";
/// The metadata by which a landing knows its own object again, where the reply to its last call was lost.
const LANDING: &str = "tidegate-landing";

/// Where an object is to be.
#[derive(Debug, Clone)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// How it is encrypted.
    pub encryption: Encryption,
    /// Whether it may take the place of an object.
    pub overwrite: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The object's entity tag.
    pub etag: String,
    /// Its parts; 0 of an object that was put as one.
    pub parts: usize,
}

/// An object that is being written.
pub struct Landing {
    client: aws_sdk_s3::Client,
    place: Place,
    metadata: HashMap<String, String>,
    upload: Option<Upload>,
}

struct Upload {
    id: String,
    parts: Vec<CompletedPart>,
}

impl Place {
    /// The address.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// The version of the source that the object in this place is of; `Some(None)` if that is not known, `None` if there is no object.
    ///
    /// # Errors
    /// Those of S3.
    pub async fn present(&self, client: &aws_sdk_s3::Client) -> Result<Option<Option<String>>> {
        let Place { bucket, key, .. } = self;
        match client.head_object().bucket(bucket).key(key).send().await {
            Ok(head) => Ok(Some(head.metadata.and_then(|mut metadata| metadata.remove(VERSION)))),
            Err(error) => match failed(error, format!("cannot look at {}", self.uri())) {
                gone if gone.kind() == ErrorKind::ObjectGone => Ok(None),
                error => Err(error),
            },
        }
    }

    /// The error of a place that is taken.
    pub fn taken(&self) -> Error {
        let message = format!("{} is there already: give another key, or --overwrite", self.uri());
        Error::new(ErrorKind::ObjectReplaced, message)
    }
}

impl Landing {
    /// A landing of a source of this name; nothing is sent yet.
    pub fn new(client: aws_sdk_s3::Client, place: Place, source: &str, version: Option<&str>) -> Self {
        let mut metadata = HashMap::from([(LANDING.to_owned(), uuid::Uuid::now_v7().to_string())]);
        let name = percent_encoding::utf8_percent_encode(source, percent_encoding::CONTROLS).to_string();
        // S3 takes 2 KB of metadata, in ASCII.
        metadata.insert(SOURCE.to_owned(), name.chars().take(1024).collect());
        metadata.extend(version.map(|version| (VERSION.to_owned(), version.to_owned())));
        Landing { client, place, metadata, upload: None }
    }

    /// Sends a part that is not the last.
    ///
    /// # Errors
    /// Those of S3, and of an object of too many parts; the landing is then to be [aborted](Self::abort).
    pub async fn part(&mut self, body: Bytes) -> Result<()> {
        if self.upload.is_none() {
            let id = self.begin().await?;
            self.upload = Some(Upload { id, parts: Vec::new() });
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        if upload.parts.len() >= MOST_PARTS {
            let message = format!("S3 takes {MOST_PARTS} parts: give a larger --part-size");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let number = upload.parts.len() as i32 + 1;
        let answer = self
            .client
            .upload_part()
            .bucket(&self.place.bucket)
            .key(&self.place.key)
            .upload_id(&upload.id)
            .part_number(number)
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| failed(error, format!("cannot write a part of {}", self.place.uri())))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .set_checksum_crc32(answer.checksum_crc32)
            .build();
        upload.parts.push(part);
        Ok(())
    }

    /// Sends the last part, which may be empty, and makes the object visible.
    ///
    /// # Errors
    /// Those of S3, and `ObjectReplaced` where there is an object and it must not be replaced. What was sent is aborted.
    pub async fn finish(mut self, last: Bytes) -> Result<Put> {
        match self.complete(last).await {
            Ok(put) => Ok(put),
            Err(error) => match self.is_done().await {
                // The reply was lost, and a repeated call found what the first had done.
                Some(put) => Ok(put),
                None => {
                    let taken = error.kind() == ErrorKind::ObjectReplaced && !self.place.overwrite;
                    let error = if taken { self.place.taken() } else { error };
                    self.abort().await;
                    Err(error)
                }
            },
        }
    }

    /// Throws away what was sent. A failure to do so leaves parts to the bucket's lifecycle rule, and is only logged.
    pub async fn abort(self) {
        let Some(Upload { id, .. }) = self.upload else { return };
        let Place { bucket, key, .. } = &self.place;
        let aborted = self.client.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
        if let Err(error) = aborted {
            let error =
                classify(error, format!("cannot abort the upload of {}", self.place.uri()), ErrorKind::Unavailable);
            tracing::warn!(%error, "an upload was not aborted: a lifecycle rule for incomplete uploads removes its parts");
        }
    }

    async fn complete(&mut self, last: Bytes) -> Result<Put> {
        if self.upload.is_none() {
            return self.put(last).await;
        }
        if !last.is_empty() {
            self.part(last).await?;
        }
        let Some(Upload { id, parts }) = &self.upload else { return self.put(Bytes::new()).await };
        let answer = self
            .client
            .complete_multipart_upload()
            .bucket(&self.place.bucket)
            .key(&self.place.key)
            .upload_id(id)
            .set_if_none_match(self.only_new())
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts.clone())).build())
            .send()
            .await
            .map_err(|error| failed(error, format!("cannot complete {}", self.place.uri())))?;
        Ok(Put { etag: answer.e_tag.unwrap_or_default(), parts: parts.len() })
    }

    async fn put(&self, body: Bytes) -> Result<Put> {
        let (encryption, kms_key) = self.encryption();
        let answer = self
            .client
            .put_object()
            .bucket(&self.place.bucket)
            .key(&self.place.key)
            .content_type("application/octet-stream")
            .set_metadata(Some(self.metadata.clone()))
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .set_if_none_match(self.only_new())
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| failed(error, format!("cannot write {}", self.place.uri())))?;
        Ok(Put { etag: answer.e_tag.unwrap_or_default(), parts: 0 })
    }

    async fn begin(&self) -> Result<String> {
        let (encryption, kms_key) = self.encryption();
        let what = || format!("cannot begin the upload of {}", self.place.uri());
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.place.bucket)
            .key(&self.place.key)
            // Said at the beginning too: S3 refuses parts with a checksum of another kind than the upload was begun with.
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .content_type("application/octet-stream")
            .set_metadata(Some(self.metadata.clone()))
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .send()
            .await
            .map_err(|error| failed(error, what()))?;
        answer.upload_id.ok_or_else(|| Error::new(ErrorKind::Unavailable, what()))
    }

    /// The object, if it is this landing's own, though its last call failed.
    async fn is_done(&self) -> Option<Put> {
        let Place { bucket, key, .. } = &self.place;
        let head = self.client.head_object().bucket(bucket).key(key).send().await.ok()?;
        let own = head.metadata()?.get(LANDING) == self.metadata.get(LANDING);
        let parts = self.upload.as_ref().map_or(0, |upload| upload.parts.len());
        own.then(|| Put { etag: head.e_tag.unwrap_or_default(), parts })
    }

    fn only_new(&self) -> Option<String> {
        (!self.place.overwrite).then(|| "*".to_owned())
    }

    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        match &self.place.encryption {
            Encryption::Kms(key) => (Some(ServerSideEncryption::AwsKms), Some(key.clone())),
            Encryption::KmsDefault => (Some(ServerSideEncryption::AwsKms), None),
            Encryption::BucketDefault => (None, None),
        }
    }
}

fn failed<E>(error: SdkError<E, HttpResponse>, what: String) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    classify(error, what, ErrorKind::Unavailable)
}
