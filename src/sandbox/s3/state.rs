//! A bucket in memory: the sum of the records of its log, and nothing else.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::journal::Record;
use super::notification::Rule;
use super::version::{Segment, Upload, Version};

/// Whether new versions are kept beside old ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Versioning {
    /// Never switched on: every version is the null version.
    #[default]
    Off,
    Enabled,
    /// Switched off again: new versions are null versions, those with ids stay.
    Suspended,
}

/// The contents and settings of a bucket.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Milliseconds since 1970.
    pub(super) created: i64,
    /// `None` for us-east-1, as in CreateBucket.
    pub(super) region: Option<String>,
    pub(super) versioning: Versioning,
    pub(super) rules: Vec<Rule>,
    /// The versions of each key, oldest first; no key is without a version.
    pub(super) objects: BTreeMap<String, Vec<Arc<Version>>>,
    /// By upload id.
    pub(super) uploads: BTreeMap<String, Upload>,
    /// The last sequencer given out.
    pub(super) sequencer: u64,
}

/// What a change left without an owner: bodies to discard once they are read, and files to delete.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    pub(super) versions: Vec<Arc<Version>>,
    pub(super) segments: Vec<Segment>,
}

impl State {
    /// Applies one change.
    pub(super) fn apply(&mut self, record: Record) -> Orphans {
        let mut orphans = Orphans::default();
        match record {
            Record::Created { at, region, sequencer } => {
                self.created = at;
                self.region = region;
                self.sequencer = sequencer;
            }
            Record::Versioning { status } => self.versioning = status,
            Record::Notifications { rules } => self.rules = rules,
            Record::Put { version, upload } => {
                if let Some(upload) = upload.and_then(|id| self.uploads.remove(&id)) {
                    orphans.segments = unused_parts(upload, &version);
                }
                self.sequencer = self.sequencer.max(version.sequencer);
                let versions = self.objects.entry(version.key.clone()).or_default();
                if version.id.is_none() {
                    orphans.versions.extend(versions.extract_if(.., |old| old.id.is_none()));
                }
                versions.push(Arc::new(version));
            }
            Record::Removed { key, id, sequencer } => {
                self.sequencer = self.sequencer.max(sequencer);
                if let Some(versions) = self.objects.get_mut(&key) {
                    orphans.versions.extend(versions.extract_if(.., |old| old.id == id));
                    if versions.is_empty() {
                        self.objects.remove(&key);
                    }
                }
            }
            Record::UploadStarted { upload } => {
                self.uploads.insert(upload.id.clone(), upload);
            }
            Record::PartUploaded { upload, number, part } => match self.uploads.get_mut(&upload) {
                Some(upload) => orphans.segments.extend(upload.parts.insert(number, part).map(|old| old.segment)),
                None => orphans.segments.push(part.segment),
            },
            Record::UploadAborted { upload } => {
                if let Some(upload) = self.uploads.remove(&upload) {
                    orphans.segments.extend(upload.parts.into_values().map(|part| part.segment));
                }
            }
        }
        orphans
    }

    /// The fewest records that make this state.
    pub(super) fn into_records(self) -> impl Iterator<Item = Record> {
        let created = Record::Created { at: self.created, region: self.region, sequencer: self.sequencer };
        let versioning = (self.versioning != Versioning::Off).then_some(Record::Versioning { status: self.versioning });
        let rules = (!self.rules.is_empty()).then_some(Record::Notifications { rules: self.rules });
        let versions = self.objects.into_values().flatten().filter_map(Arc::into_inner);
        let uploads = self.uploads.into_values().map(|upload| Record::UploadStarted { upload });
        std::iter::once(created)
            .chain(versioning)
            .chain(rules)
            .chain(versions.map(|version| Record::Put { version, upload: None }))
            .chain(uploads)
    }

    /// How many records [`State::into_records`] gives, at most.
    pub(super) fn record_count(&self) -> usize {
        3 + self.objects.values().map(Vec::len).sum::<usize>() + self.uploads.len()
    }

    /// The newest version of a key, which may be a delete marker.
    pub(super) fn newest(&self, key: &str) -> Option<&Arc<Version>> {
        self.objects.get(key).and_then(|versions| versions.last())
    }

    /// The newest version of a key unless it is a delete marker: the object.
    pub(super) fn current(&self, key: &str) -> Option<&Arc<Version>> {
        self.newest(key).filter(|version| version.content.is_some())
    }

    /// The version of a key with the id that S3 shows for it.
    pub(super) fn version(&self, key: &str, shown_id: &str) -> Option<&Arc<Version>> {
        self.objects.get(key)?.iter().find(|version| version.has_id(shown_id))
    }

    /// The id that replies show for a version; `None` if the bucket has never been versioned.
    pub(super) fn shown_id(&self, version: &Version) -> Option<String> {
        (self.versioning != Versioning::Off).then(|| version.shown_id().to_owned())
    }

    /// The upload of `key` with that id.
    pub(super) fn upload(&self, key: &str, id: &str) -> S3Result<&Upload> {
        self.uploads.get(id).filter(|upload| upload.key == key).ok_or_else(|| {
            s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                 aborted or completed."
            )
        })
    }

    /// The sequencer after the last: above the clock, too, so that a bucket made anew does not start over.
    pub(super) fn next_sequencer(&self, now_ms: i64) -> u64 {
        let now_us = u64::try_from(now_ms).unwrap_or_default().saturating_mul(1000);
        now_us.max(self.sequencer.saturating_add(1))
    }

    /// Every file that the bucket refers to.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let of_versions = self.objects.values().flatten().filter_map(|version| version.content.as_ref());
        let of_parts = self.uploads.values().flat_map(|upload| upload.parts.values());
        of_versions
            .flat_map(|content| &content.body.segments)
            .chain(of_parts.map(|part| &part.segment))
            .map(|segment| segment.file.as_str())
    }
}

fn unused_parts(upload: Upload, version: &Version) -> Vec<Segment> {
    let used = version.content.as_ref().map(|content| content.body.segments.as_slice()).unwrap_or_default();
    let used: HashSet<&str> = used.iter().map(|segment| segment.file.as_str()).collect();
    let parts = upload.parts.into_values().map(|part| part.segment);
    parts.filter(|segment| !used.contains(segment.file.as_str())).collect()
}

#[cfg(test)]
mod tests;
