//! Writing to S3: one PUT for what is small, a multipart upload for what is not.

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use tokio_util::task::AbortOnDropHandle;

use crate::aws::{classify, is_precondition_failed};
use crate::backoff;
use crate::config::Encryption;
use crate::error::{Error, ErrorKind, Result};

/// The least size of an upload's parts but the last, which S3 sets. An upload holds one that is sent, and what comes meanwhile up to another. A file
/// of 1 GB has 200 parts of the 10,000 that S3 allows.
const PART: usize = 5 << 20;

/// How often the body of a small object may break off before its reader is told.
const MAX_BREAKS: u32 = 4;

/// The bucket of the staging area, and how what is written there is encrypted.
#[derive(Debug, Clone)]
pub struct Store {
    client: aws_sdk_s3::Client,
    bucket: String,
    encryption: Encryption,
}

impl Store {
    /// The store of a bucket.
    pub fn new(client: aws_sdk_s3::Client, bucket: String, encryption: Encryption) -> Self {
        Store { client, bucket, encryption }
    }

    /// Writes a whole object.
    ///
    /// # Errors
    /// When the object may not be there.
    pub async fn put(&self, key: &str, body: Bytes, content_type: &str) -> Result<()> {
        let (encryption, kms_key) = self.encryption();
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| write_failed(error, self.what("write", key)))?;
        Ok(())
    }

    /// Writes an object if there is none; one that exists is left as it is, which is success: it was written by an attempt whose reply
    /// was lost or, where processes agree by who is first, by another process.
    ///
    /// # Errors
    /// When the object may not be there.
    pub async fn put_once(&self, key: &str, body: Bytes, content_type: &str) -> Result<()> {
        let (encryption, kms_key) = self.encryption();
        let answer = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .if_none_match("*")
            .content_type(content_type)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .body(ByteStream::from(body))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if is_precondition_failed(&error) => Ok(()),
            Err(error) => Err(write_failed(error, self.what("write", key))),
        }
    }

    /// Reads a whole object.
    ///
    /// # Errors
    /// `ObjectGone` if there is none, or the errors of S3.
    pub async fn get(&self, key: &str) -> Result<Bytes> {
        let mut breaks = 0;
        loop {
            let answer = self
                .client
                .get_object()
                .bucket(&self.bucket)
                .key(key)
                .send()
                .await
                .map_err(|error| classify(error, self.what("read", key), ErrorKind::Unavailable))?;
            // The SDK repeats a call until its answer begins; what breaks off later is read again here.
            match answer.body.collect().await {
                Ok(body) => return Ok(body.into_bytes()),
                Err(error) => {
                    breaks += 1;
                    if breaks > MAX_BREAKS {
                        return Err(Error::caused(ErrorKind::Unavailable, self.what("read", key), error));
                    }
                    let delay = backoff::delay(breaks, Duration::from_millis(100), Duration::from_secs(2));
                    tokio::time::sleep(delay).await;
                }
            }
        }
    }

    /// The keys that begin with `prefix`.
    ///
    /// # Errors
    /// The errors of S3.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let mut next = None;
        loop {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let page = list
                .set_continuation_token(next)
                .send()
                .await
                .map_err(|error| classify(error, self.what("list", prefix), ErrorKind::Unavailable))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Reads the bytes of an object from `start` up to, and not with, `end`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_range(&self, key: &str, start: u64, end: u64) -> Result<Bytes> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .range(format!("bytes={start}-{}", end.saturating_sub(1)))
            .send()
            .await
            .map_err(|error| classify(error, self.what("read", key), ErrorKind::Unavailable))?;
        let body = answer
            .body
            .collect()
            .await
            .map_err(|error| Error::caused(ErrorKind::Unavailable, self.what("read", key), error))?;
        Ok(body.into_bytes())
    }

    /// Whether the bucket can be reached and listed.
    ///
    /// # Errors
    /// `Fatal` if the bucket is missing or forbidden.
    pub async fn probe(&self, prefix: &str) -> Result<()> {
        self.client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .max_keys(1)
            .send()
            .await
            .map_err(|error| classify(error, self.what("list", prefix), ErrorKind::Unavailable))?;
        Ok(())
    }

    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        match &self.encryption {
            Encryption::Kms(key) => (Some(ServerSideEncryption::AwsKms), Some(key.clone())),
            Encryption::KmsDefault => (Some(ServerSideEncryption::AwsKms), None),
            Encryption::BucketDefault => (None, None),
        }
    }

    fn what(&self, verb: &str, key: &str) -> String {
        format!("cannot {verb} s3://{}/{key}", self.bucket)
    }
}

/// A failed write. A 404 is the upload's, such as of one that is completed already, and never the source object's.
fn write_failed<E>(error: SdkError<E, HttpResponse>, what: String) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = classify(error, what, ErrorKind::Unavailable);
    match error.kind() {
        ErrorKind::ObjectGone | ErrorKind::ObjectReplaced => {
            Error::caused(ErrorKind::Unavailable, error.message().to_owned(), error)
        }
        _ => error,
    }
}

/// An object being written piece by piece.
pub struct Upload {
    store: Store,
    key: String,
    pending: Vec<u8>,
    length: u64,
    multipart: Option<Multipart>,
}

struct Multipart {
    id: String,
    parts: Vec<CompletedPart>,
    sending: Option<Sending>,
}

/// A part on its way, sent by a task of its own, so that the next one is encoded meanwhile.
struct Sending {
    bytes: u64,
    part: AbortOnDropHandle<Result<CompletedPart>>,
}

impl Upload {
    /// An upload to `key`; nothing is sent yet.
    pub fn new(store: Store, key: String) -> Self {
        Upload { store, key, pending: Vec::new(), length: 0, multipart: None }
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Adds bytes, and begins to send what makes a part, after the part before it was sent.
    ///
    /// # Errors
    /// Those of S3, those of sending the part before included; the upload is then to be [aborted](Self::abort).
    pub async fn push(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.length += bytes.len() as u64;
        if self.pending.is_empty() {
            self.pending = bytes;
        } else {
            self.pending.extend_from_slice(&bytes);
        }
        if self.pending.len() >= PART {
            let part = std::mem::take(&mut self.pending);
            self.send_part(part).await?;
        }
        Ok(())
    }

    /// The bytes held in memory.
    pub fn pending(&self) -> u64 {
        let sending = self.multipart.as_ref().and_then(|multipart| multipart.sending.as_ref());
        self.pending.capacity() as u64 + sending.map_or(0, |sending| sending.bytes)
    }

    /// Completes the object; gives its exact length in bytes.
    ///
    /// # Errors
    /// Those of S3; what was sent is aborted.
    pub async fn finish(mut self) -> Result<u64> {
        match self.complete().await {
            Ok(()) => Ok(self.length),
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    /// Throws away what was sent. A failure to do so leaves parts to the bucket's lifecycle rule, and is only logged.
    pub async fn abort(self) {
        // A part that is on its way is given up first: S3 would keep it.
        let Some(Multipart { id, sending, .. }) = self.multipart else { return };
        if let Some(Sending { part, .. }) = sending {
            part.abort();
            part.await.ok();
        }
        let Store { client, bucket, .. } = &self.store;
        let aborted = client.abort_multipart_upload().bucket(bucket).key(&self.key).upload_id(id).send().await;
        if let Err(error) = aborted {
            let error = classify(error, self.store.what("abort the upload of", &self.key), ErrorKind::Unavailable);
            tracing::warn!(%error, "an upload was not aborted; the bucket's lifecycle rule will remove it");
        }
    }

    async fn complete(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        if self.multipart.is_none() {
            return self.store.put(&self.key, pending.into(), "application/octet-stream").await;
        }
        if !pending.is_empty() {
            self.send_part(pending).await?;
        }
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        multipart.sent().await?;
        let Multipart { id, parts, .. } = multipart;
        let Store { client, bucket, .. } = &self.store;
        client
            .complete_multipart_upload()
            .bucket(bucket)
            .key(&self.key)
            .upload_id(id.as_str())
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts.clone())).build())
            .send()
            .await
            .map_err(|error| write_failed(error, self.store.what("complete", &self.key)))?;
        Ok(())
    }

    async fn send_part(&mut self, body: Vec<u8>) -> Result<()> {
        if self.multipart.is_none() {
            self.multipart = Some(self.begin().await?);
        }
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        multipart.sent().await?;
        let number = multipart.parts.len() as i32 + 1;
        let Store { client, bucket, .. } = &self.store;
        let bytes = body.capacity() as u64;
        let request = client.upload_part().bucket(bucket).key(&self.key).upload_id(&multipart.id).part_number(number);
        let request = request.body(ByteStream::from(body));
        let what = self.store.what("write a part of", &self.key);
        let sending = tokio::spawn(async move {
            let answer = request.send().await.map_err(|error| write_failed(error, what))?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag)
                .set_checksum_crc32(answer.checksum_crc32)
                .build())
        });
        multipart.sending = Some(Sending { bytes, part: AbortOnDropHandle::new(sending) });
        Ok(())
    }

    async fn begin(&self) -> Result<Multipart> {
        let (encryption, kms_key) = self.store.encryption();
        let answer = self
            .store
            .client
            .create_multipart_upload()
            .bucket(&self.store.bucket)
            .key(&self.key)
            // Said at the beginning too: S3 refuses parts with a checksum of another kind than the upload was begun with.
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .content_type("application/octet-stream")
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .send()
            .await
            .map_err(|error| write_failed(error, self.store.what("begin", &self.key)))?;
        let id =
            answer.upload_id.ok_or_else(|| Error::new(ErrorKind::Unavailable, self.store.what("begin", &self.key)))?;
        Ok(Multipart { id, parts: Vec::new(), sending: None })
    }
}

impl Multipart {
    /// Waits for the part on its way, if there is one.
    async fn sent(&mut self) -> Result<()> {
        if let Some(Sending { part, .. }) = self.sending.take() {
            let part = part.await.map_err(|error| Error::caused(ErrorKind::Io, "sending a part ended early", error))?;
            self.parts.push(part?);
        }
        Ok(())
    }
}
