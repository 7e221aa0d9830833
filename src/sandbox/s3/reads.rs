//! GetObject and HeadObject.

use std::ops::Range;
use std::sync::Arc;

use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode};
use s3s::dto::{ChecksumMode, ChecksumType, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::body;
use super::bucket::Bucket;
use super::condition::ReadCondition;
use super::store::Store;
use super::version::{Content, Version, timestamp};

/// The content type that S3 gives to an object put without one.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// An object, or one version of it, that a read found.
pub(super) struct Found {
    version: Arc<Version>,
    /// The id to show; `None` if the bucket has never been versioned.
    pub(super) version_id: Option<String>,
}

impl Found {
    /// Finds an object, or one version of it.
    ///
    /// # Errors
    /// What S3 answers where there is nothing, or a delete marker.
    pub(super) fn new(bucket: &Bucket, key: &str, version_id: Option<&str>) -> S3Result<Found> {
        let found = bucket.look(|state| {
            let version = match version_id {
                Some(shown_id) => state.version(key, shown_id),
                None => state.newest(key),
            };
            version.map(|version| Found { version: version.clone(), version_id: state.shown_id(version) })
        });
        match (found, version_id) {
            (Some(found), _) if found.version.content.is_some() => Ok(found),
            (Some(marker), None) => Err(of_marker(S3ErrorCode::NoSuchKey, &marker.version)),
            (Some(marker), Some(_)) => Err(of_marker(S3ErrorCode::MethodNotAllowed, &marker.version)),
            (None, None) => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            (None, Some(_)) => Err(s3_error!(NoSuchVersion, "The specified version does not exist.")),
        }
    }

    pub(super) fn content(&self) -> S3Result<&Content> {
        self.version.content.as_ref().ok_or_else(|| s3_error!(NoSuchKey))
    }

    pub(super) fn version(&self) -> &Arc<Version> {
        &self.version
    }
}

fn of_marker(code: S3ErrorCode, marker: &Version) -> S3Error {
    let mut error = S3Error::new(code);
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(marker.shown_id()) {
        headers.insert("x-amz-version-id", id);
    }
    error.set_headers(headers);
    error
}

/// GetObject.
pub(super) fn get(store: &Store, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let bucket = store.bucket(&request.input.bucket)?;
    let found = Found::new(&bucket, &request.input.key, request.input.version_id.as_deref())?;
    let (mut output, range) = describe(&found, request.input)?;
    output.body = Some(body::read(bucket.bodies(), found.version, range));
    Ok(S3Response::new(output))
}

/// HeadObject: a GetObject without the body.
pub(super) fn head(store: &Store, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let input = as_get(request.input);
    let bucket = store.bucket(&input.bucket)?;
    let found = Found::new(&bucket, &input.key, input.version_id.as_deref())?;
    let (get, _) = describe(&found, input)?;
    let status = if get.content_range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let output = HeadObjectOutput {
        accept_ranges: get.accept_ranges,
        cache_control: get.cache_control,
        checksum_crc32: get.checksum_crc32,
        checksum_crc32c: get.checksum_crc32c,
        checksum_crc64nvme: get.checksum_crc64nvme,
        checksum_sha1: get.checksum_sha1,
        checksum_sha256: get.checksum_sha256,
        checksum_type: get.checksum_type,
        content_disposition: get.content_disposition,
        content_encoding: get.content_encoding,
        content_language: get.content_language,
        content_length: get.content_length,
        content_range: get.content_range,
        content_type: get.content_type,
        e_tag: get.e_tag,
        expires: get.expires,
        last_modified: get.last_modified,
        metadata: get.metadata,
        parts_count: get.parts_count,
        version_id: get.version_id,
        ..HeadObjectOutput::default()
    };
    Ok(S3Response::with_status(output, status))
}

fn as_get(head: HeadObjectInput) -> GetObjectInput {
    GetObjectInput {
        bucket: head.bucket,
        key: head.key,
        version_id: head.version_id,
        checksum_mode: head.checksum_mode,
        if_match: head.if_match,
        if_modified_since: head.if_modified_since,
        if_none_match: head.if_none_match,
        if_unmodified_since: head.if_unmodified_since,
        part_number: head.part_number,
        range: head.range,
        response_cache_control: head.response_cache_control,
        response_content_disposition: head.response_content_disposition,
        response_content_encoding: head.response_content_encoding,
        response_content_language: head.response_content_language,
        response_content_type: head.response_content_type,
        response_expires: head.response_expires,
        ..GetObjectInput::default()
    }
}

/// The reply to a GET, as yet without its body, and the bytes that the body is made of.
fn describe(found: &Found, input: GetObjectInput) -> S3Result<(GetObjectOutput, Range<u64>)> {
    let content = found.content()?;
    let condition = ReadCondition {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    condition.check(&content.etag, found.version.modified)?;
    let selection = Selection::new(content, input.range, input.part_number)?;
    let attributes = content.attributes.clone();
    let content_type = attributes.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned());
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: input.response_cache_control.or(attributes.cache_control),
        content_disposition: input.response_content_disposition.or(attributes.content_disposition),
        content_encoding: input.response_content_encoding.or(attributes.content_encoding),
        content_language: input.response_content_language.or(attributes.content_language),
        content_length: i64::try_from(selection.range.end - selection.range.start).ok(),
        content_range: selection.content_range,
        content_type: input.response_content_type.or(Some(content_type)),
        e_tag: Some(ETag::Strong(content.etag.clone())),
        expires: input.response_expires.or(attributes.expires),
        last_modified: Some(timestamp(found.version.modified)),
        metadata: Some(attributes.metadata.into_iter().collect()),
        parts_count: selection.parts_count,
        version_id: found.version_id.clone(),
        ..GetObjectOutput::default()
    };
    let wanted = input.checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    if wanted && output.content_range.is_none() {
        add_checksum(&mut output, content);
    }
    Ok((output, selection.range))
}

fn add_checksum(output: &mut GetObjectOutput, content: &Content) {
    let Some(checksum) = &content.checksum else { return };
    let checksum = s3s::dto::Checksum::from(checksum.clone());
    output.checksum_crc32 = checksum.checksum_crc32;
    output.checksum_crc32c = checksum.checksum_crc32c;
    output.checksum_crc64nvme = checksum.checksum_crc64nvme;
    output.checksum_sha1 = checksum.checksum_sha1;
    output.checksum_sha256 = checksum.checksum_sha256;
    output.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
}

/// What a read takes of an object.
#[derive(Debug, PartialEq, Eq)]
struct Selection {
    range: Range<u64>,
    /// The `Content-Range`, unless it is the whole object.
    content_range: Option<String>,
    /// The number of parts, when one of a multipart object was asked for.
    parts_count: Option<i32>,
}

impl Selection {
    fn new(content: &Content, range: Option<s3s::dto::Range>, part_number: Option<i32>) -> S3Result<Selection> {
        let mut parts_count = None;
        let range = match (range, part_number) {
            (None, None) => return Ok(Selection { range: 0..content.size, content_range: None, parts_count }),
            (Some(_), Some(_)) => {
                return Err(s3_error!(
                    InvalidRequest,
                    "Cannot specify both Range header and partNumber query parameter"
                ));
            }
            (Some(range), None) => range.check(content.size).map_err(|error| s3_error!(error, InvalidRange))?,
            (None, Some(number)) => {
                if content.upload.is_some() {
                    parts_count = i32::try_from(content.body.segments.len()).ok();
                }
                part_range(content, number)?
            }
        };
        // Part 1 of an empty object is the only range without a byte.
        let content_range =
            (!range.is_empty()).then(|| format!("bytes {}-{}/{}", range.start, range.end - 1, content.size));
        Ok(Selection { range, content_range, parts_count })
    }
}

/// The bytes of a part; an object that was put whole is its part 1.
fn part_range(content: &Content, number: i32) -> S3Result<Range<u64>> {
    let mut start = 0;
    for (number_here, segment) in (1..).zip(&content.body.segments) {
        if number_here == number {
            return Ok(start..start + segment.len);
        }
        start += segment.len;
    }
    let mut error = s3_error!(InvalidRange, "The requested partnumber is not satisfiable");
    error.set_code(S3ErrorCode::Custom("InvalidPartNumber".into()));
    error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
    Err(error)
}
