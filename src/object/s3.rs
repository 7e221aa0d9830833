//! Reading one version of an object, however often the connection breaks.

use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use crate::aws::classify;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectRef;

/// How long a read may stand still before its connection is given up and the read resumed.
pub(super) const STALL: Duration = Duration::from_secs(20);

/// How often in a row a read may break without a byte in between.
pub(super) const MAX_BREAKS: u32 = 5;

/// The bytes of one version of an object.
pub struct ObjectStream {
    client: aws_sdk_s3::Client,
    object: ObjectRef,
    /// The entity tag of the first answer: what is read later must be the same.
    etag: Option<String>,
    size: u64,
    content_encoding: Option<String>,
    offset: u64,
    body: ByteStream,
    breaks: u32,
    resumed: u64,
}

impl ObjectStream {
    /// Opens the version that `object` announces: by its version, or else only if its entity tag is still the same.
    ///
    /// # Errors
    /// `ObjectGone` (404), `ObjectReplaced` (412), `ObjectForbidden` (403), `MissingResource` (no such bucket), or transient ones.
    pub async fn open(client: aws_sdk_s3::Client, mut object: ObjectRef) -> Result<Self> {
        let mut answer = get(&client, &object, object.etag.clone(), None).await;
        if let (Err(error), Some(other_key)) = (&answer, object.other_key.take())
            && error.kind() == ErrorKind::ObjectGone
        {
            object.key = other_key;
            answer = get(&client, &object, object.etag.clone(), None).await;
        }
        let answer = answer?;
        Ok(ObjectStream {
            client,
            etag: answer.e_tag().map(|etag| etag.trim_matches('"').to_owned()),
            size: answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
            content_encoding: answer.content_encoding().map(str::to_owned),
            object,
            offset: 0,
            body: answer.body,
            breaks: 0,
            resumed: 0,
        })
    }

    /// The size of the object as stored, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The object's `Content-Encoding`, as it was stored with it.
    pub fn content_encoding(&self) -> Option<&str> {
        self.content_encoding.as_deref()
    }

    /// The key under which the object was found, which is one of the two readings that its announcement may have.
    pub fn key(&self) -> &str {
        &self.object.key
    }

    /// How often the read was resumed so far.
    pub fn resumed(&self) -> u64 {
        self.resumed
    }

    /// The next chunk; `None` at the end of the object. A broken or stalled connection is replaced and the read goes on where it was.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), when the read cannot be resumed.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let broken = match tokio::time::timeout(STALL, self.body.next()).await {
                Ok(Some(Ok(chunk))) => {
                    self.offset += chunk.len() as u64;
                    self.breaks = 0;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.offset >= self.size => return Ok(None),
                Ok(None) => Error::new(
                    ErrorKind::Unavailable,
                    format!("{} ended after {} of {} bytes", self.object.uri(), self.offset, self.size),
                ),
                Ok(Some(Err(error))) => {
                    Error::caused(ErrorKind::Unavailable, format!("reading {} broke off", self.object.uri()), error)
                }
                Err(_) => {
                    Error::new(ErrorKind::TimedOut, format!("reading {} stood still for {STALL:?}", self.object.uri()))
                }
            };
            self.resume(broken).await?;
        }
    }

    async fn resume(&mut self, broken: Error) -> Result<()> {
        self.breaks += 1;
        if self.breaks > MAX_BREAKS {
            return Err(broken);
        }
        tracing::debug!(object.key = self.object.key, offset = self.offset, error = %broken, "resuming a read");
        pause(self.breaks).await;
        let range = (self.offset > 0).then(|| format!("bytes={}-", self.offset));
        let answer = get(&self.client, &self.object, self.etag.clone(), range).await?;
        self.body = answer.body;
        self.resumed += 1;
        Ok(())
    }
}

/// Waits after so many breaks in a row: 100, 200, 400 … ms, of which a random part.
pub(super) async fn pause(breaks: u32) {
    let most = Duration::from_millis(50 << breaks);
    tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
}

/// The object or a range of it, if it is still the version that was announced.
pub(super) async fn get(
    client: &aws_sdk_s3::Client,
    object: &ObjectRef,
    etag: Option<String>,
    range: Option<String>,
) -> Result<GetObjectOutput> {
    let mut request =
        client.get_object().bucket(&object.bucket).key(&object.key).set_version_id(object.version.clone());
    if let (None, Some(etag)) = (&object.version, etag) {
        request = request.if_match(format!("\"{etag}\""));
    }
    request.set_range(range).send().await.map_err(|error| {
        let error = classify(error, format!("cannot read {}", object.uri()), ErrorKind::ObjectForbidden);
        match error.kind() {
            // It concerns this object, not this process: other buckets and prefixes may be readable.
            ErrorKind::Permission => Error::caused(ErrorKind::ObjectForbidden, error.message().to_owned(), error),
            _ => error,
        }
    })
}
