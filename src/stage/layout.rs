//! Where things lie in the staging area.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::S3Uri;
use crate::model::{BatchId, PartitionValue};

/// What is escaped in the value of a partition, as Hive does; a value cannot leave its folder.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The staging area's names.
///
/// ```text
/// data/{pipeline}/{date}/{uuid}.parquet                          rows; named by no batch, as a large object's files may precede it
/// data/{pipeline}/{capture}={value}/…/{uuid}.parquet             the same of a pipeline with `partition_by`; .csv.gz, .jsonl.zst … by its format
/// batches/{pipeline}/{date}/{batch}/objects.parquet              one row for each object, for the ledger
/// batches/{pipeline}/{date}/{batch}/manifest.json                written last: the batch exists
/// quarantine/pipeline={pipeline}/date={date}/{batch}.jsonl.gz    rejected records
/// loads/{pipeline}/{date}/{token}/{rows,objects}.manifest        what one COPY reads
/// loads/{pipeline}/{date}/{token}/objects.parquet                the objects of a load that takes only some of a batch
/// schema/{pipeline}/fields/{column}.json                         a field that became a column; never changed
/// ```
#[derive(Debug, Clone)]
pub struct Area {
    uri: S3Uri,
}

impl Area {
    /// The area at `uri`.
    pub fn new(uri: S3Uri) -> Self {
        Area { uri }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.uri.bucket
    }

    /// The `s3://` form of a key.
    pub fn url(&self, key: &str) -> String {
        self.uri.url(key)
    }

    /// The folder of new data files: that of their partition, or of the day where there is none.
    pub fn data_folder(&self, pipeline: &str, partition: &[PartitionValue], at: Timestamp) -> String {
        let mut folder = format!("{}data/{pipeline}/", self.uri.prefix);
        if partition.is_empty() {
            folder.push_str(&format!("{}/", date(at)));
        }
        for PartitionValue { name, value } in partition {
            folder.push_str(&format!("{name}={}/", utf8_percent_encode(value, ESCAPED)));
        }
        folder
    }

    /// The prefix of a pipeline's quarantine, of one day or of all.
    pub fn quarantine_folder(&self, pipeline: &str, date: Option<&str>) -> String {
        let date = date.map(|date| format!("date={date}/")).unwrap_or_default();
        format!("{}quarantine/pipeline={pipeline}/{date}", self.uri.prefix)
    }

    /// The prefix of what is agreed on about a pipeline's new fields.
    pub fn fields_folder(&self, pipeline: &str) -> String {
        format!("{}schema/{pipeline}/fields/", self.uri.prefix)
    }

    /// The key of what is agreed on about a column that a new field became.
    pub fn field(&self, pipeline: &str, column: &str) -> String {
        format!("{}{column}.json", self.fields_folder(pipeline))
    }

    /// The key of a batch's objects.
    pub fn objects_file(&self, pipeline: &str, at: Timestamp, batch: BatchId) -> String {
        format!("{}batches/{pipeline}/{}/{batch}/objects.parquet", self.uri.prefix, date(at))
    }

    /// The key of a batch's manifest.
    pub fn manifest(&self, pipeline: &str, at: Timestamp, batch: BatchId) -> String {
        format!("{}batches/{pipeline}/{}/{batch}/manifest.json", self.uri.prefix, date(at))
    }

    /// The key of a batch's rejected records.
    pub fn quarantine(&self, pipeline: &str, at: Timestamp, batch: BatchId) -> String {
        format!("{}quarantine/pipeline={pipeline}/date={}/{batch}.jsonl.gz", self.uri.prefix, date(at))
    }

    /// The key of a COPY's manifest; `what` is `rows` or `objects`.
    pub fn copy_manifest(&self, pipeline: &str, at: Timestamp, token: &str, what: &str) -> String {
        format!("{}loads/{pipeline}/{}/{token}/{what}.manifest", self.uri.prefix, date(at))
    }

    /// The key of the objects of a load that takes only some of its batch.
    pub fn part_objects(&self, pipeline: &str, at: Timestamp, token: &str) -> String {
        format!("{}loads/{pipeline}/{}/{token}/objects.parquet", self.uri.prefix, date(at))
    }
}

/// The bucket and key of an `s3://bucket/key`.
pub fn parse_url(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix("s3://")?.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
}

fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}
