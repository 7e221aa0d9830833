//! The list of files to load.

use std::sync::Arc;

use serde::Deserialize;

use super::history::Problem;
use crate::error::Error;
use crate::sandbox::redshift::Objects;
use crate::sandbox::redshift::failure::Failure;

#[derive(Deserialize)]
struct Document {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: String,
    #[serde(default)]
    mandatory: bool,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    content_length: Option<u64>,
}

/// A file of the manifest, and its bytes.
pub(super) struct File {
    pub(super) url: String,
    pub(super) body: Vec<u8>,
}

fn service(error: &Error) -> Problem {
    Failure::new(format_args!("S3ServiceException:{error}")).into()
}

fn not_found(url: &str) -> Problem {
    Failure::new(format_args!(
        "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey,Rid 0000000000000000,ExtRid 0,\
         CanRetry 1\n  Detail: \n  error:  S3ServiceException:The specified key does not exist.\n  code:      8001\n  \
         context:   The file {url} was not found"
    ))
    .into()
}

/// Reads the manifest; the files themselves are read one by one as they are asked for. Blocking.
pub(super) fn open(
    objects: Arc<dyn Objects>,
    bucket: &str,
    key: &str,
    columnar: bool,
    query: i64,
) -> Result<impl Iterator<Item = Result<File, Problem>> + use<>, Problem> {
    let url = format!("s3://{bucket}/{key}");
    let text = objects.read(bucket, key).map_err(|error| service(&error))?.ok_or_else(|| not_found(&url))?;
    let document: Document = serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format_args!("Problem reading manifest file {url} - it is no valid manifest: {error}"))
    })?;
    Ok(document.entries.into_iter().filter_map(move |entry| read(&objects, entry, columnar, query).transpose()))
}

/// An entry's file; none, if it is missing and may be.
fn read(objects: &Arc<dyn Objects>, entry: Entry, columnar: bool, query: i64) -> Result<Option<File>, Problem> {
    let Some((bucket, key)) = entry.url.strip_prefix("s3://").and_then(|path| path.split_once('/')) else {
        return Err(
            Failure::new(format_args!("Problem reading manifest file - {} is no URL of an object", entry.url)).into()
        );
    };
    let expected = entry.meta.and_then(|meta| meta.content_length);
    if columnar && expected.is_none() {
        let context =
            format!("The manifest has no meta.content_length for the file '{}', which columnar files need", entry.url);
        return Err(Failure::scan(15003, context, query).into());
    }
    let missing = if entry.mandatory { Err(not_found(&entry.url)) } else { Ok(None) };
    let Some(size) = objects.len(bucket, key).map_err(|error| service(&error))? else { return missing };
    if let Some(expected) = expected.filter(|expected| *expected != size) {
        let context = format!(
            "HTTP response error code: 416 Message: InvalidRange The requested range is not satisfiable. The manifest's \
             content_length of the file '{}' is {expected}, and the file has {size} bytes",
            entry.url,
        );
        return Err(Failure::scan(15001, context, query).into());
    }
    let Some(body) = objects.read(bucket, key).map_err(|error| service(&error))? else { return missing };
    Ok(Some(File { url: entry.url, body }))
}
