//! A bucket: its state, its log and its folder, changed together.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::body::Incoming;
use super::condition::WriteCondition;
use super::event::EventName;
use super::journal::{Journal, Record};
use super::notification::Rule;
use super::state::{State, Versioning};
use super::version::{Content, Part, Upload, Version, new_id, now};
use crate::error::Result;

const JOURNAL: &str = "journal";
const BODIES: &str = "bodies";

/// The log is written anew at the start once it holds this many times more records than the state needs.
const COMPACTION_FACTOR: usize = 4;

/// A bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: String,
    folder: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    journal: Journal,
    /// The bucket was deleted while a request held it.
    deleted: bool,
}

/// A change of an object that was made.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) event: EventName,
    pub(super) region: String,
    /// As S3 shows it; `None` if the bucket has never been versioned.
    pub(super) version_id: Option<String>,
    pub(super) sequencer: u64,
    /// Milliseconds since 1970.
    pub(super) time: i64,
    /// The object's size in bytes and its ETag; `None` when it is gone.
    pub(super) content: Option<(u64, String)>,
    /// The rules that want to be told.
    pub(super) rules: Vec<Rule>,
}

/// What a delete did.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    /// As S3 shows it: the version that is gone, or the delete marker that was made.
    pub(super) version_id: Option<String>,
    /// Whether that version is a delete marker.
    pub(super) marker: bool,
    /// `None` if there was nothing to delete.
    pub(super) change: Option<Change>,
}

impl Bucket {
    /// Makes a bucket in `folder`; until its log is there, the folder is nothing.
    pub(super) fn create(folder: PathBuf, name: String, region: Option<String>) -> Result<Bucket> {
        std::fs::create_dir_all(folder.join(BODIES))?;
        let state = State { created: now(), region, ..State::default() };
        let created = Record::Created { at: state.created, region: state.region.clone(), sequencer: 0 };
        let journal = Journal::create(&folder.join(JOURNAL), std::iter::once(created))?;
        Ok(Bucket { name, folder, inner: Mutex::new(Inner { state, journal, deleted: false }) })
    }

    /// Opens the bucket in `folder`; `None`, and the folder is removed, if its making or its removal was cut short.
    pub(super) fn open(folder: PathBuf, name: String) -> Result<Option<Bucket>> {
        let path = folder.join(JOURNAL);
        if !path.exists() {
            std::fs::remove_dir_all(&folder)?;
            return Ok(None);
        }
        let (mut journal, records) = Journal::open(&path)?;
        let count = records.len();
        let mut state = State::default();
        for record in records {
            state.apply(record);
        }
        remove_strays(&folder.join(BODIES), &state)?;
        if count > COMPACTION_FACTOR * state.record_count() {
            journal = Journal::create(&path, std::mem::take(&mut state).into_records())?;
            for record in Journal::open(&path)?.1 {
                state.apply(record);
            }
        }
        Ok(Some(Bucket { name, folder, inner: Mutex::new(Inner { state, journal, deleted: false }) }))
    }

    /// Where the files of the bodies are.
    pub(super) fn bodies(&self) -> PathBuf {
        self.folder.join(BODIES)
    }

    /// Looks at the state. `look` must be short: it holds the bucket.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock().state)
    }

    /// Makes at most one change: `decide` sees the state that the change is applied to.
    pub(super) fn change<T>(&self, decide: impl FnOnce(&State) -> S3Result<(Option<Record>, T)>) -> S3Result<T> {
        let mut inner = self.lock();
        if inner.deleted {
            return Err(no_such_bucket());
        }
        let (record, outcome) = decide(&inner.state)?;
        let Some(record) = record else { return Ok(outcome) };
        inner.journal.append(&record).map_err(S3Error::internal_error)?;
        let orphans = inner.state.apply(record);
        drop(inner);
        for content in orphans.versions.iter().filter_map(|version| version.content.as_ref()) {
            content.body.discard(self.bodies());
        }
        for segment in orphans.segments {
            if let Err(error) = std::fs::remove_file(self.bodies().join(&segment.file)) {
                tracing::debug!(%error, "sandbox: a replaced part stays");
            }
        }
        Ok(outcome)
    }

    /// Makes `content` the newest version of `key`.
    pub(super) fn put(
        &self,
        event: EventName,
        key: &str,
        content: Content,
        condition: &WriteCondition,
    ) -> S3Result<Change> {
        self.change(|state| {
            condition.check(state.current(key).map(AsRef::as_ref))?;
            let (record, change) = put(state, event, key, content);
            Ok((Some(record), change))
        })
    }

    /// Deletes a version for good, or without a version id the object, which leaves a marker in a versioned bucket.
    pub(super) fn delete(&self, key: &str, version_id: Option<&str>, condition: &WriteCondition) -> S3Result<Deleted> {
        self.change(|state| {
            condition.check(match version_id {
                Some(shown_id) => state.version(key, shown_id).map(AsRef::as_ref),
                None => state.current(key).map(AsRef::as_ref),
            })?;
            match version_id {
                Some(shown_id) => Ok(remove(state, key, shown_id)),
                None if state.versioning == Versioning::Off => match state.newest(key) {
                    None => Ok((None, Deleted::default())),
                    Some(version) => {
                        let (record, removed) = remove(state, key, version.shown_id());
                        Ok((record, Deleted { version_id: None, ..removed }))
                    }
                },
                None => Ok(mark_deleted(state, key)),
            }
        })
    }

    /// Remembers that an upload began.
    pub(super) fn start_upload(&self, upload: Upload) -> S3Result<()> {
        self.change(|_| Ok((Some(Record::UploadStarted { upload }), ())))
    }

    /// Adds a part to an upload, in place of one with the same number.
    pub(super) fn add_part(&self, key: &str, upload: &str, number: i32, incoming: Incoming) -> S3Result<Part> {
        let part = Part { segment: incoming.segment.clone(), md5: incoming.md5_hex(), modified: now() };
        let added = part.clone();
        self.change(|state| {
            state.upload(key, upload)?;
            Ok((Some(Record::PartUploaded { upload: upload.to_owned(), number, part: added }), ()))
        })?;
        incoming.keep();
        Ok(part)
    }

    /// Forgets an upload and its parts.
    pub(super) fn abort_upload(&self, key: &str, upload: &str) -> S3Result<()> {
        self.change(|state| {
            state.upload(key, upload)?;
            Ok((Some(Record::UploadAborted { upload: upload.to_owned() }), ()))
        })
    }

    /// Removes the bucket from disk; refused unless it is empty.
    pub(super) fn remove(&self) -> S3Result<()> {
        let mut inner = self.lock();
        if inner.deleted {
            return Err(no_such_bucket());
        }
        if !inner.state.objects.is_empty() {
            return Err(s3_error!(
                BucketNotEmpty,
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            ));
        }
        // Without its log the folder is no bucket, so this is the step that counts.
        std::fs::remove_file(self.folder.join(JOURNAL)).map_err(S3Error::internal_error)?;
        inner.deleted = true;
        std::fs::remove_dir_all(&self.folder).map_err(S3Error::internal_error)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held leaves the state as the last record made it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer for a bucket that is not there.
pub(super) fn no_such_bucket() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist")
}

/// The record that makes `content` the newest version of `key`.
pub(super) fn put(state: &State, event: EventName, key: &str, content: Content) -> (Record, Change) {
    let id = (state.versioning == Versioning::Enabled).then(new_id);
    let change = change_of(state, event, key, id.clone(), Some((content.size, content.etag.clone())));
    let upload = content.upload.clone();
    let version =
        Version { key: key.to_owned(), id, sequencer: change.sequencer, modified: change.time, content: Some(content) };
    (Record::Put { version, upload }, change)
}

fn change_of(state: &State, event: EventName, key: &str, id: Option<String>, content: Option<(u64, String)>) -> Change {
    let time = now();
    let shown_id = id.unwrap_or_else(|| super::version::NULL_VERSION.to_owned());
    Change {
        event,
        region: state.region.clone().unwrap_or_else(|| super::DEFAULT_REGION.to_owned()),
        version_id: (state.versioning != Versioning::Off).then_some(shown_id),
        sequencer: state.next_sequencer(time),
        time,
        content,
        rules: state.rules.iter().filter(|rule| rule.matches(event, key)).cloned().collect(),
    }
}

fn remove(state: &State, key: &str, shown_id: &str) -> (Option<Record>, Deleted) {
    let Some(version) = state.version(key, shown_id) else {
        return (None, Deleted { version_id: Some(shown_id.to_owned()), marker: false, change: None });
    };
    let change = change_of(state, EventName::Delete, key, version.id.clone(), None);
    let record = Record::Removed { key: key.to_owned(), id: version.id.clone(), sequencer: change.sequencer };
    let marker = version.content.is_none();
    (Some(record), Deleted { version_id: Some(shown_id.to_owned()), marker, change: Some(change) })
}

fn mark_deleted(state: &State, key: &str) -> (Option<Record>, Deleted) {
    let id = (state.versioning == Versioning::Enabled).then(new_id);
    let change = change_of(state, EventName::DeleteMarkerCreated, key, id.clone(), None);
    let marker = Version { key: key.to_owned(), id, sequencer: change.sequencer, modified: change.time, content: None };
    let version_id = Some(marker.shown_id().to_owned());
    (Some(Record::Put { version: marker, upload: None }), Deleted { version_id, marker: true, change: Some(change) })
}

/// Deletes the files that no object refers to: bodies whose request was cut short by the end of the process.
fn remove_strays(bodies: &Path, state: &State) -> Result<()> {
    let files: HashSet<&str> = state.files().collect();
    for entry in std::fs::read_dir(bodies)? {
        let entry = entry?;
        if entry.file_name().to_str().is_none_or(|name| !files.contains(name)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
