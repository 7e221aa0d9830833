//! An object in S3, and what makes it one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A version of an object, as its notification announced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// Another reading of the key, to be tried where the first does not exist: EventBridge does not document its encoding.
    pub other_key: Option<String>,
    /// The version, on a bucket that keeps versions.
    pub version: Option<String>,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// The size in bytes, as stored.
    pub size: Option<u64>,
    /// The order among the events of this key; some sources do not give one.
    pub sequencer: Option<Sequencer>,
    /// When the object was created.
    pub event_time: Timestamp,
}

impl ObjectRef {
    /// The `s3://bucket/key` form, for people.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

/// What an event says is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Removal {
    /// The key: deleted, or hidden by a delete marker.
    Key,
    /// One version, for good; others of the key may be left.
    Version,
}

impl Removal {
    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Removal::Key => "key",
            Removal::Version => "version",
        }
    }
}

/// Where a record comes from, for columns that are filled from its object and not from itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The object, as announced.
    pub object: ObjectRef,
    /// What the key's pattern captured, in the order of the pattern.
    pub captures: Vec<String>,
}

/// Identifies one version of an object within one pipeline, however often it is announced.
///
/// A hash of pipeline, bucket, key and version; where the bucket keeps no versions, the entity tag and size
/// stand for the version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 16]);

impl ObjectId {
    /// The identity of `object` in `pipeline`.
    pub fn of(pipeline: &str, object: &ObjectRef) -> Self {
        match &object.version {
            Some(version) => Self::hash(pipeline, object, &["version", version]),
            None => Self::hash(pipeline, object, &["etag", object.etag.as_deref().unwrap_or(""), &size_of(object)]),
        }
    }

    /// The identity where the same bytes put again, on a bucket that keeps no versions, are another version: after others, or after a
    /// removal, they are the newest. Told by the event's sequencer, as far as there is one.
    pub fn of_put(pipeline: &str, object: &ObjectRef) -> Self {
        match (&object.version, &object.sequencer) {
            (None, Some(sequencer)) => {
                let etag = object.etag.as_deref().unwrap_or("");
                Self::hash(pipeline, object, &["put", etag, &size_of(object), sequencer.as_str()])
            }
            _ => Self::of(pipeline, object),
        }
    }

    /// The identity of a removal.
    pub fn of_removal(pipeline: &str, object: &ObjectRef, removal: Removal) -> Self {
        let at = match &object.sequencer {
            Some(sequencer) => sequencer.as_str().to_owned(),
            None => object.event_time.to_string(),
        };
        Self::hash(pipeline, object, &["removal", removal.as_str(), object.version.as_deref().unwrap_or(""), &at])
    }

    fn hash(pipeline: &str, object: &ObjectRef, what: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for text in [pipeline, &object.bucket, &object.key].iter().chain(what) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        ObjectId(id)
    }
}

impl ObjectId {
    /// The identity of one record of an object, for a record that is loaded by itself after the object's others: the ledger then knows it, and
    /// takes it once. `object` is the identity of the object, as text.
    pub fn of_record(object: &str, record: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"record");
        hash.update((object.len() as u64).to_le_bytes());
        hash.update(object.as_bytes());
        hash.update(record.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        ObjectId(id)
    }
}

fn size_of(object: &ObjectRef) -> String {
    object.size.map(|size| size.to_string()).unwrap_or_default()
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// S3's order among the events of one key, in a form whose text order is that order.
///
/// S3 gives hexadecimal texts of different lengths, of which the shorter is to be padded with zeros on its right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequencer(String);

impl Sequencer {
    /// The width to which every sequencer is padded; those seen are 16 to 20 digits long.
    pub const WIDTH: usize = 64;

    /// Reads a notification's `sequencer`; `None` if it is empty, too long or not hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = !text.is_empty() && text.len() <= Self::WIDTH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| Sequencer(format!("{:0<width$}", text.to_ascii_uppercase(), width = Self::WIDTH)))
    }

    /// The padded text, 64 upper-case digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(version: Option<&str>, etag: &str, size: u64) -> ObjectRef {
        ObjectRef {
            bucket: "landing".into(),
            key: "a/b.gz".into(),
            other_key: None,
            version: version.map(str::to_owned),
            etag: Some(etag.into()),
            size: Some(size),
            sequencer: None,
            event_time: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_same_version_announced_twice_is_one_object() {
        let mut again = object(Some("v1"), "e1", 10);
        again.event_time = Timestamp::now();
        again.sequencer = Sequencer::parse("0055AED6DCD90281E5");
        assert_eq!(ObjectId::of("p", &object(Some("v1"), "e1", 10)), ObjectId::of("p", &again));
    }

    #[test]
    fn another_version_pipeline_etag_or_size_is_another_object() {
        let id = ObjectId::of("p", &object(None, "e1", 10));
        assert_ne!(id, ObjectId::of("q", &object(None, "e1", 10)));
        assert_ne!(id, ObjectId::of("p", &object(None, "e2", 10)));
        assert_ne!(id, ObjectId::of("p", &object(None, "e1", 11)));
        assert_ne!(id, ObjectId::of("p", &object(Some("e1"), "e1", 10)));
    }

    #[test]
    fn a_record_has_an_identity_of_its_own_that_depends_on_its_object_and_number() {
        let id = ObjectId::of("p", &object(None, "e1", 10)).to_string();
        assert_eq!(ObjectId::of_record(&id, 7), ObjectId::of_record(&id, 7));
        assert_ne!(ObjectId::of_record(&id, 7), ObjectId::of_record(&id, 8));
        let other = ObjectId::of("p", &object(None, "e2", 10)).to_string();
        assert_ne!(ObjectId::of_record(&id, 7), ObjectId::of_record(&other, 7));
    }

    #[test]
    fn the_same_bytes_put_again_are_another_version_where_that_matters_and_a_removal_is_none() {
        let at = |sequencer: &str| ObjectRef { sequencer: Sequencer::parse(sequencer), ..object(None, "e1", 10) };
        assert_eq!(ObjectId::of("p", &at("01")), ObjectId::of("p", &at("02")));
        assert_ne!(ObjectId::of_put("p", &at("01")), ObjectId::of_put("p", &at("02")));
        assert_eq!(ObjectId::of_put("p", &at("01")), ObjectId::of_put("p", &at("01")));
        assert_eq!(ObjectId::of_put("p", &object(None, "e1", 10)), ObjectId::of("p", &object(None, "e1", 10)));
        let removal = ObjectId::of_removal("p", &at("02"), Removal::Key);
        assert_ne!(removal, ObjectId::of_put("p", &at("02")));
        assert_ne!(removal, ObjectId::of_removal("p", &at("03"), Removal::Key));
        assert_eq!(removal, ObjectId::of_removal("p", &at("02"), Removal::Key));
    }

    #[test]
    fn sequencers_of_different_lengths_compare_as_if_padded_on_the_right() {
        let parse = |text| Sequencer::parse(text).expect("hexadecimal");
        assert!(parse("0055AED6DCD90281E5") < parse("0055AED6DCD90281E6"));
        assert!(parse("0055AED6DCD90281") < parse("0055aed6dcd90281e5"));
        assert_eq!(parse("AB"), parse("ab00"));
        assert_eq!(Sequencer::parse("not hex"), None);
        assert_eq!(Sequencer::parse(""), None);
    }
}
