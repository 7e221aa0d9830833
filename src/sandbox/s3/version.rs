//! What a bucket remembers of an object: its versions, their attributes and where their bytes are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use jiff::Timestamp as Clock;
use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};

/// The version id that S3 shows for an object written while versioning was not enabled.
pub(super) const NULL_VERSION: &str = "null";

/// Now, in milliseconds since 1970.
pub(super) fn now() -> i64 {
    Clock::now().as_millisecond()
}

/// Milliseconds since 1970 as S3's replies carry them.
pub(super) fn timestamp(milliseconds: i64) -> Timestamp {
    let since = Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default());
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH).into()
}

/// A new id, for versions, uploads, files and requests.
pub(super) fn new_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// One version of an object, or a delete marker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) key: String,
    /// `None` for the null version.
    pub(super) id: Option<String>,
    /// Grows with every change of the bucket.
    pub(super) sequencer: u64,
    /// Milliseconds since 1970.
    pub(super) modified: i64,
    /// `None` for a delete marker.
    pub(super) content: Option<Content>,
}

impl Version {
    /// The id as S3 shows it.
    pub(super) fn shown_id(&self) -> &str {
        self.id.as_deref().unwrap_or(NULL_VERSION)
    }

    /// Whether `shown` is the id of this version.
    pub(super) fn has_id(&self, shown: &str) -> bool {
        self.shown_id() == shown
    }
}

/// The body of a version and what is said about it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) size: u64,
    /// Without its quotes.
    pub(super) etag: String,
    pub(super) body: Body,
    pub(super) attributes: Attributes,
    /// As the client declared and the server verified it; multipart objects have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) checksum: Option<Checksum>,
    /// The multipart upload that made this object, so that completing it twice gives one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<String>,
}

/// The files of a body, in order: one, or one for each part of a multipart upload.
///
/// A body that was removed from its bucket is deleted from disk when its last reader is done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Body {
    pub(super) segments: Vec<Segment>,
    #[serde(skip)]
    discarded: OnceLock<PathBuf>,
}

/// A file of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) file: String,
    pub(super) len: u64,
}

impl Body {
    pub(super) fn new(segments: Vec<Segment>) -> Body {
        Body { segments, discarded: OnceLock::new() }
    }

    /// Lets the files in `folder` be deleted once nobody reads them.
    pub(super) fn discard(&self, folder: PathBuf) {
        // A body that is discarded already stays so.
        self.discarded.get_or_init(|| folder);
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let Some(folder) = self.discarded.get() else { return };
        for segment in &self.segments {
            if let Err(error) = std::fs::remove_file(folder.join(&segment.file)) {
                // Harmless: the next start removes what no object refers to.
                tracing::debug!(%error, file = segment.file, "sandbox: an old body stays");
            }
        }
    }
}

/// The headers that S3 keeps with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<Timestamp>,
    /// The `x-amz-meta-` headers, without that prefix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
}

/// A checksum of a whole body, in base64 as its header carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) value: String,
}

/// The checksum algorithms of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64nvme,
    Sha1,
    Sha256,
}

/// A multipart upload in progress.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) key: String,
    /// Milliseconds since 1970.
    pub(super) started: i64,
    pub(super) attributes: Attributes,
    #[serde(default)]
    pub(super) parts: BTreeMap<i32, Part>,
}

/// A part of a multipart upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) segment: Segment,
    /// The MD5 of its bytes, in hexadecimal.
    pub(super) md5: String,
    /// Milliseconds since 1970.
    pub(super) modified: i64,
}
