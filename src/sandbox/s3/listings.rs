//! ListObjects, ListObjectsV2, ListObjectVersions and ListMultipartUploads.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, DeleteMarkerEntry, ETag, EncodingType, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, MultipartUpload, Object, ObjectStorageClass, ObjectVersion, ObjectVersionStorageClass, Owner,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::event::OWNER;
use super::listing::{Mark, Page, Query, page};
use super::state::State;
use super::store::Store;
use super::version::{Upload, Version, timestamp};

/// The most keys of one page, whatever was asked for.
const PAGE_LIMIT: i32 = 1000;

/// What `encoding-type=url` leaves as it is.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'*').remove(b'/');

/// How the keys of a reply are written.
#[derive(Clone, Copy)]
struct Encoding {
    url: bool,
}

impl Encoding {
    fn new(asked: Option<&EncodingType>) -> S3Result<Encoding> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Encoding { url: false }),
            Some(EncodingType::URL) => Ok(Encoding { url: true }),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    /// A space becomes `%20` and a plus `%2B`, which clients read alike whether or not they take `+` for a space.
    fn text(self, text: impl AsRef<str>) -> String {
        if self.url { utf8_percent_encode(text.as_ref(), URL).to_string() } else { text.as_ref().to_owned() }
    }

    fn option(self, text: Option<&str>) -> Option<String> {
        text.map(|text| self.text(text))
    }

    fn prefixes(self, prefixes: &[String]) -> Vec<CommonPrefix> {
        prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(self.text(prefix)) }).collect()
    }
}

fn query(prefix: Option<&str>, delimiter: Option<&str>, max_keys: Option<i32>, after: Option<Mark>) -> S3Result<Query> {
    let limit = usize::try_from(max_keys.unwrap_or(PAGE_LIMIT).min(PAGE_LIMIT)).map_err(|error| {
        s3_error!(error, InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647")
    })?;
    Ok(Query { prefix: prefix.unwrap_or_default().to_owned(), delimiter: delimiter.map(str::to_owned), after, limit })
}

fn owner() -> Owner {
    Owner { display_name: Some("tidegate".to_owned()), id: Some(OWNER.to_owned()) }
}

/// The page of a listing of objects: of each key its newest version, unless that is a delete marker.
fn objects(state: &State, query: &Query) -> Page<Arc<Version>> {
    page(&state.objects, query, |versions| {
        versions.last().filter(|version| version.content.is_some()).map(|version| ("", version.clone()))
    })
}

fn object(version: &Version, encoding: Encoding, with_owner: bool) -> Object {
    let content = version.content.as_ref();
    Object {
        key: Some(encoding.text(&version.key)),
        e_tag: content.map(|content| ETag::Strong(content.etag.clone())),
        size: content.and_then(|content| i64::try_from(content.size).ok()),
        last_modified: Some(timestamp(version.modified)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        owner: with_owner.then(owner),
        ..Object::default()
    }
}

/// ListObjects.
pub(super) fn list(store: &Store, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let after = input.marker.clone().filter(|marker| !marker.is_empty()).map(|key| Mark { key, entry: None });
    let query = query(input.prefix.as_deref(), input.delimiter.as_deref(), input.max_keys, after)?;
    let page = store.bucket(&input.bucket)?.look(|state| objects(state, &query));
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.text(&query.prefix)),
        marker: Some(encoding.text(input.marker.unwrap_or_default())),
        max_keys: i32::try_from(query.limit).ok(),
        is_truncated: Some(page.next.is_some()),
        contents: Some(page.entries.iter().map(|version| object(version, encoding, true)).collect()),
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        // Only with a delimiter, as in S3; without, the last key is the marker.
        next_marker: page.next.filter(|_| query.delimiter.is_some()).map(|mark| encoding.text(mark.key)),
        delimiter: encoding.option(query.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    }))
}

/// ListObjectsV2.
pub(super) fn list_v2(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let after = match &input.continuation_token {
        Some(token) => Some(read_token(token)?),
        None => input.start_after.clone(),
    };
    let after = after.filter(|key| !key.is_empty()).map(|key| Mark { key, entry: None });
    let query = query(input.prefix.as_deref(), input.delimiter.as_deref(), input.max_keys, after)?;
    let page = store.bucket(&input.bucket)?.look(|state| objects(state, &query));
    let with_owner = input.fetch_owner.unwrap_or_default();
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.text(&query.prefix)),
        max_keys: i32::try_from(query.limit).ok(),
        key_count: i32::try_from(page.entries.len() + page.prefixes.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        contents: Some(page.entries.iter().map(|version| object(version, encoding, with_owner)).collect()),
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        next_continuation_token: page.next.map(|mark| URL_SAFE_NO_PAD.encode(mark.key)),
        continuation_token: input.continuation_token,
        start_after: encoding.option(input.start_after.as_deref()),
        delimiter: encoding.option(query.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    }))
}

/// A continuation token is the last key or common prefix, veiled so that nobody makes one up.
fn read_token(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

/// ListObjectVersions: of each key all versions and delete markers, newest first.
pub(super) fn list_versions(
    store: &Store,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let after = after_entry(input.key_marker.as_deref(), input.version_id_marker.as_deref())?;
    let query = query(input.prefix.as_deref(), input.delimiter.as_deref(), input.max_keys, after)?;
    let page = store.bucket(&input.bucket)?.look(|state| {
        page(&state.objects, &query, |versions| {
            let newest = versions.len().saturating_sub(1);
            let newest_first = versions.iter().enumerate().rev();
            newest_first.map(move |(index, version)| (version.shown_id(), (version.clone(), index == newest)))
        })
    });
    let mut versions = Vec::new();
    let mut delete_markers = Vec::new();
    for (version, is_latest) in page.entries {
        match &version.content {
            Some(content) => versions.push(ObjectVersion {
                key: Some(encoding.text(&version.key)),
                version_id: Some(version.shown_id().to_owned()),
                is_latest: Some(is_latest),
                last_modified: Some(timestamp(version.modified)),
                e_tag: Some(ETag::Strong(content.etag.clone())),
                size: i64::try_from(content.size).ok(),
                storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
                owner: Some(owner()),
                ..ObjectVersion::default()
            }),
            None => delete_markers.push(DeleteMarkerEntry {
                key: Some(encoding.text(&version.key)),
                version_id: Some(version.shown_id().to_owned()),
                is_latest: Some(is_latest),
                last_modified: Some(timestamp(version.modified)),
                owner: Some(owner()),
            }),
        }
    }
    Ok(S3Response::new(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.text(&query.prefix)),
        key_marker: Some(encoding.text(input.key_marker.unwrap_or_default())),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        max_keys: i32::try_from(query.limit).ok(),
        is_truncated: Some(page.next.is_some()),
        next_key_marker: page.next.as_ref().map(|mark| encoding.text(&mark.key)),
        next_version_id_marker: page.next.and_then(|mark| mark.entry),
        versions: Some(versions),
        delete_markers: Some(delete_markers),
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        delimiter: encoding.option(query.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    }))
}

fn after_entry(key: Option<&str>, entry: Option<&str>) -> S3Result<Option<Mark>> {
    let present = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    match (present(key), present(entry)) {
        (None, Some(_)) => {
            Err(s3_error!(InvalidArgument, "A version-id marker cannot be specified without a key marker."))
        }
        (key, entry) => Ok(key.map(|key| Mark { key, entry })),
    }
}

/// ListMultipartUploads: of each key the uploads in the order in which they were started.
pub(super) fn list_uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    // S3 ignores an upload-id marker without a key marker.
    let entry = input.upload_id_marker.as_deref().filter(|_| input.key_marker.is_some());
    let after = after_entry(input.key_marker.as_deref(), entry)?;
    let query = query(input.prefix.as_deref(), input.delimiter.as_deref(), input.max_uploads, after)?;
    let page = store.bucket(&input.bucket)?.look(|state| {
        let mut by_key: BTreeMap<String, Vec<&Upload>> = BTreeMap::new();
        // Ids grow with time, so the uploads of a key come in their order.
        for upload in state.uploads.values() {
            by_key.entry(upload.key.clone()).or_default().push(upload);
        }
        page(&by_key, &query, |uploads| {
            uploads.iter().map(|upload| (upload.id.as_str(), listed_upload(upload, encoding)))
        })
    });
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(encoding.text(&query.prefix)),
        key_marker: Some(encoding.text(input.key_marker.unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        max_uploads: i32::try_from(query.limit).ok(),
        is_truncated: Some(page.next.is_some()),
        next_key_marker: page.next.as_ref().map(|mark| encoding.text(&mark.key)),
        next_upload_id_marker: page.next.and_then(|mark| mark.entry),
        uploads: Some(page.entries),
        common_prefixes: Some(encoding.prefixes(&page.prefixes)),
        delimiter: encoding.option(query.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    }))
}

fn listed_upload(upload: &Upload, encoding: Encoding) -> MultipartUpload {
    MultipartUpload {
        key: Some(encoding.text(&upload.key)),
        upload_id: Some(upload.id.clone()),
        initiated: Some(timestamp(upload.started)),
        owner: Some(owner()),
        ..MultipartUpload::default()
    }
}
