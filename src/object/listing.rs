//! The current versions of a bucket's objects, page by page in the order of their keys.

use aws_sdk_s3::types::{EncodingType, ObjectVersion};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::aws::classify;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectRef;

/// A listing, as far as it was read.
#[derive(Debug)]
pub struct Listing {
    client: aws_sdk_s3::Client,
    bucket: String,
    prefix: String,
    /// Where the next page begins: a key, and a version of it; `None` after the last page.
    next: Option<(Option<String>, Option<String>)>,
}

impl Listing {
    /// A listing of the keys of `bucket` that begin with `prefix` and are behind `start_after`.
    pub fn new(client: aws_sdk_s3::Client, bucket: &str, prefix: &str, start_after: Option<String>) -> Self {
        Listing { client, bucket: bucket.to_owned(), prefix: prefix.to_owned(), next: Some((start_after, None)) }
    }

    /// The next page; `None` after the last. A page can be empty: versions that are not current, and delete markers, are left out.
    ///
    /// Versions are listed on every bucket, as a plain listing does not tell them: one that keeps none has the version `null` of each object, which
    /// is left out as in its notifications. The event's time is S3's `LastModified`, in whole seconds; there is no sequencer.
    ///
    /// # Errors
    /// `Permission` without `s3:ListBucketVersions`; `MissingResource` if there is no such bucket; transient ones of S3.
    pub async fn page(&mut self) -> Result<Option<Vec<ObjectRef>>> {
        let Some((key, version)) = self.next.take() else { return Ok(None) };
        let behind = if version.is_none() { key.clone() } else { None };
        let what = format!("the objects of s3://{}/{} cannot be listed", self.bucket, self.prefix);
        let page = self
            .client
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(&self.prefix)
            // XML cannot hold every character that a key can.
            .encoding_type(EncodingType::Url)
            .set_key_marker(key)
            .set_version_id_marker(version)
            .send()
            .await
            .map_err(|error| classify(error, what, ErrorKind::Unavailable))?;
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let objects: Result<Vec<ObjectRef>> = page
            .versions
            .unwrap_or_default()
            .into_iter()
            .filter(|version| version.is_latest == Some(true))
            .map(|version| self.object(version, encoded))
            .collect();
        let mut objects = objects?;
        if let Some(behind) = behind {
            objects.retain(|object| object.key > behind);
        }
        if page.is_truncated == Some(true) {
            let key = page.next_key_marker.map(|key| decoded(key, encoded)).transpose()?;
            if key.is_none() {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "S3 ended a page of a listing without saying where to go on",
                ));
            }
            self.next = Some((key, page.next_version_id_marker.filter(|id| !id.is_empty())));
        }
        Ok(Some(objects))
    }

    fn object(&self, version: ObjectVersion, encoded: bool) -> Result<ObjectRef> {
        let missing = || Error::new(ErrorKind::Unavailable, "S3 listed an object without its key or time");
        let at = version.last_modified.ok_or_else(missing)?;
        Ok(ObjectRef {
            bucket: self.bucket.clone(),
            key: decoded(version.key.ok_or_else(missing)?, encoded)?,
            other_key: None,
            version: version.version_id.filter(|id| !id.is_empty() && id != "null"),
            etag: version.e_tag.map(|etag| etag.trim_matches('"').to_owned()),
            size: version.size.and_then(|size| u64::try_from(size).ok()),
            sequencer: None,
            event_time: Timestamp::new(at.secs(), 0).map_err(|error| {
                Error::caused(ErrorKind::Unavailable, "S3 listed an object of a time that there is not", error)
            })?,
        })
    }
}

/// A key as S3 writes it with `encoding-type=url`: as in its notifications.
fn decoded(key: String, encoded: bool) -> Result<String> {
    if !encoded {
        return Ok(key);
    }
    let plus_is_blank = key.replace('+', " ");
    let decoded = percent_decode_str(&plus_is_blank).decode_utf8();
    decoded.map(|key| key.into_owned()).map_err(|error| {
        Error::caused(ErrorKind::Malformed, format!("the listed key {key:?} does not decode to UTF-8"), error)
    })
}
