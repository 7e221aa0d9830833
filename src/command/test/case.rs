//! The cases of a pipeline: folders with an object, and what is expected of it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use crate::config::Pipeline;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ObjectRef, Origin};

/// What a case says beside its object, all of it optional.
const SETTINGS: &str = "case.toml";

/// The rows that are expected, in their order.
const EXPECTED: &str = "expected.jsonl";

/// The records that are expected to be rejected; without the file, none is.
const REJECTS: &str = "rejects.jsonl";

/// A case.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The name of its folder.
    pub(super) name: String,
    folder: PathBuf,
    /// The object's bytes.
    pub(super) body: Vec<u8>,
    /// Where it pretends to come from.
    pub(super) origin: Origin,
    /// The kind of the fault for which the object is expected to be parked whole.
    pub(super) parked: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    object: Option<PathBuf>,
    key: Option<String>,
    event_time: Option<Timestamp>,
    etag: Option<String>,
    version: Option<String>,
    parked: Option<String>,
}

/// The folder of the cases of the pipeline in the file `pipeline`: `reviews.toml` has `reviews.cases`.
pub(super) fn folder(pipeline: &Path) -> PathBuf {
    pipeline.with_extension("cases")
}

/// The folders of cases in `folder`, by name; none if there is no such folder.
///
/// # Errors
/// `Configuration` if it cannot be listed.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut cases = entries(folder)?;
    cases.retain(|path| path.is_dir());
    Ok(cases)
}

impl Case {
    /// Reads the case in `folder`.
    ///
    /// # Errors
    /// `Configuration`, which says what of it is missing, too much or wrong.
    pub(super) fn read(folder: &Path, pipeline: &Pipeline) -> Result<Case> {
        let settings = settings(folder)?;
        let place = match &settings.object {
            Some(object) => object.clone(),
            None => the_object(folder)?,
        };
        let body = read(&folder.join(&place))?;
        let pattern = &pipeline.source.key;
        // The object may lie in the folder as it lies in the bucket.
        let key = settings.key.unwrap_or_else(|| slashes(&place));
        let captures = pattern.matches(&key).ok_or_else(|| {
            let message = format!(
                "{}: the key {key:?} is not one that the pipeline takes, {:?}; write the object's key in {SETTINGS}, as in key = \
                 \"…\", or place the object in folders of the case as it lies in the bucket",
                folder.display(),
                pattern.as_str()
            );
            Error::new(ErrorKind::Configuration, message)
        })?;
        let object = ObjectRef {
            bucket: pipeline.source.bucket.clone(),
            key,
            other_key: None,
            version: settings.version,
            etag: settings.etag,
            size: Some(body.len() as u64),
            sequencer: None,
            event_time: settings.event_time.unwrap_or(Timestamp::UNIX_EPOCH),
        };
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let origin = Origin { object, captures };
        Ok(Case { name, folder: folder.to_owned(), body, origin, parked: settings.parked })
    }

    /// The file of the expected rows.
    pub(super) fn expected(&self) -> PathBuf {
        self.folder.join(EXPECTED)
    }

    /// The file of the expected rejects.
    pub(super) fn rejects(&self) -> PathBuf {
        self.folder.join(REJECTS)
    }
}

fn settings(folder: &Path) -> Result<Settings> {
    let path = folder.join(SETTINGS);
    if !path.exists() {
        return Ok(Settings::default());
    }
    let text = String::from_utf8_lossy(&read(&path)?).into_owned();
    toml::from_str(&text).map_err(|error| {
        let message = format!(
            "{} cannot be used; its keys, all texts, are object, key, event_time, etag, version and parked",
            path.display()
        );
        Error::caused(ErrorKind::Configuration, message, error)
    })
}

/// The one file of the case that is none of its own, as a path within its folder.
fn the_object(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in entries(&next)? {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            if ![SETTINGS, EXPECTED, REJECTS].iter().any(|own| inside == Path::new(own)) {
                found.push(inside);
            }
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(object), true) => Ok(object),
        (None, _) => Err(Error::new(
            ErrorKind::Configuration,
            format!("{} has no object: add the file that the pipeline is to read", folder.display()),
        )),
        (Some(_), false) => Err(Error::new(
            ErrorKind::Configuration,
            format!("{} has several objects: say which one by object = \"…\" in {SETTINGS}", folder.display()),
        )),
    }
}

/// What is in a folder by name, but for names that begin with `.`.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).and_then(|all| all.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = listed.map_err(|error: std::io::Error| {
        Error::caused(ErrorKind::Configuration, format!("{} cannot be listed", folder.display()), error)
    })?;
    paths.retain(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    Ok(paths)
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| Error::caused(ErrorKind::Configuration, format!("{} cannot be read", path.display()), error))
}

fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
