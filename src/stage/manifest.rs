//! Manifests: ours, by which a batch exists, and those that COPY reads.

use bytes::Bytes;
use serde_json::json;

use super::{Store, parse_url};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Manifest, StagedFile};

/// Writes a batch's manifest, after which the batch exists.
///
/// # Errors
/// When the manifest may not be there.
pub async fn write_manifest(store: &Store, key: &str, manifest: &Manifest) -> Result<()> {
    let body = serde_json::to_vec_pretty(manifest)
        .map_err(|error| Error::caused(ErrorKind::Io, "a manifest could not be written as JSON", error))?;
    store.put_once(key, Bytes::from(body), "application/json").await
}

/// Reads a batch's manifest from its `s3://` form.
///
/// # Errors
/// `ObjectGone` if there is none, `Malformed` if it is not one that this build understands.
pub async fn read_manifest(store: &Store, url: &str) -> Result<Manifest> {
    let (_, key) = parse_url(url)
        .ok_or_else(|| Error::new(ErrorKind::Malformed, format!("{url:?} is no s3:// address of a manifest")))?;
    let body = store.get(key).await?;
    let manifest: Manifest = serde_json::from_slice(&body)
        .map_err(|error| Error::caused(ErrorKind::Malformed, format!("{url} is no manifest of a batch"), error))?;
    if manifest.version != Manifest::VERSION {
        let message = format!("{url} has version {}; this build reads {}", manifest.version, Manifest::VERSION);
        return Err(Error::new(ErrorKind::Malformed, message));
    }
    Ok(manifest)
}

/// A manifest for COPY, every file mandatory and with its exact length; a file named twice would be loaded twice, so none is.
pub fn copy_manifest<'a>(files: impl IntoIterator<Item = &'a StagedFile>) -> Vec<u8> {
    let mut seen = std::collections::BTreeSet::new();
    let entries: Vec<serde_json::Value> = files
        .into_iter()
        .filter(|file| seen.insert(&file.url))
        .map(|file| json!({ "url": file.url, "mandatory": true, "meta": { "content_length": file.bytes } }))
        .collect();
    json!({ "entries": entries }).to_string().into_bytes()
}
