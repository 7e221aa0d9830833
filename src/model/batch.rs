//! A batch: what its manifest in S3 says, and the message that asks for its load.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Removal, Sequencer, StagedFormat};

/// Identifies a batch; identifiers made later sort after those made earlier (UUIDv7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Uuid);

impl BatchId {
    /// A new identifier.
    pub fn new() -> Self {
        BatchId(Uuid::now_v7())
    }
}

impl Default for BatchId {
    fn default() -> Self {
        BatchId::new()
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a batch holds. A batch exists when its manifest exists; the manifest is written last and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form: 1.
    pub version: u32,
    /// The batch.
    pub batch: BatchId,
    /// The pipeline that made it.
    pub pipeline: String,
    /// The columns of the data files, in file order, without the two of lineage that follow them.
    pub columns: Vec<ManifestColumn>,
    /// The files with the rows; none if every object was empty or wholly rejected.
    pub files: Vec<StagedFile>,
    /// The form of these files; manifests that do not say it are of Parquet.
    #[serde(default)]
    pub format: StagedFormat,
    /// The partitions in which they lie, where the pipeline has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
    /// The Parquet file with one row for each object, for the ledger.
    pub objects_file: StagedFile,
    /// The file with the rejected records, where there are any.
    pub quarantine: Option<String>,
    /// The objects.
    pub objects: Vec<ObjectEntry>,
    /// When the first object of the batch arrived.
    pub opened_at: Timestamp,
    /// When the batch was closed.
    pub closed_at: Timestamp,
}

impl Manifest {
    /// The version of the form that this build writes and reads.
    pub const VERSION: u32 = 1;

    /// The sums over the objects.
    pub fn counts(&self) -> BatchCounts {
        let mut counts = BatchCounts::default();
        for object in &self.objects {
            counts.read += object.read;
            counts.rejected += object.rejected;
            counts.staged += object.staged;
        }
        counts
    }

    /// The bytes of the data files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A folder of data files whose rows share the values of the pipeline's partition columns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    /// Where it is, as `s3://bucket/folder/`.
    pub location: String,
    /// Its values, in the order of `[stage] partition_by`.
    pub values: Vec<PartitionValue>,
}

/// The value of a partition column; a text from outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionValue {
    /// The column's name, that of a capture of the key's pattern.
    pub name: String,
    /// What the key holds there.
    pub value: String,
}

/// A column of a staged file: its name, and its type as Redshift writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestColumn {
    /// The column's name in the target.
    pub name: String,
    /// The column's type, such as `decimal(2,1)`.
    #[serde(rename = "type")]
    pub sql_type: String,
}

/// A file that a batch wrote to the staging area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Where it is, as `s3://bucket/key`.
    pub url: String,
    /// Its exact length, which COPY demands.
    pub bytes: u64,
    /// The number of its rows.
    pub rows: u64,
}

/// One object of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// The object's identity, 32 hexadecimal digits.
    pub id: String,
    /// The bucket's name.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version, on a bucket that keeps versions.
    pub version: Option<String>,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// The size in bytes, as read.
    pub size: u64,
    /// The order among the events of the key.
    pub sequencer: Option<Sequencer>,
    /// When the object was created.
    pub event_time: Timestamp,
    /// The records read: `read = rejected + staged`.
    pub read: u64,
    /// The records that went to the quarantine.
    pub rejected: u64,
    /// The rows in the data files.
    pub staged: u64,
    /// What was removed, of an object that is gone; such an entry has no rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
}

/// The records of a batch by where they went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchCounts {
    /// The records read: `read = rejected + staged`.
    pub read: u64,
    /// The records that went to the quarantine.
    pub rejected: u64,
    /// The rows in the data files.
    pub staged: u64,
}

/// The body of a message on the loads queue: a batch is durable and waits for its load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadMessage {
    /// The version of this form: 1.
    pub version: u32,
    /// The pipeline, which is the message's group too.
    pub pipeline: String,
    /// The batch.
    pub batch: BatchId,
    /// Where its manifest is, as `s3://bucket/key`.
    pub manifest: String,
    /// The only objects of the batch that are to be loaded, by their ids; absent: all. So does a parked message name the objects
    /// that a load failed at, after the rest of their batch was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<String>>,
}
