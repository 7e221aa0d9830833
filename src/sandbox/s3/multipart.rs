//! Multipart uploads: parts are files, and completing an upload makes a body of them without copying a byte.

use md5::{Digest, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CompletedPart, CopyPartResult, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ListPartsInput,
    ListPartsOutput, Part as ListedPart, StreamingBlob, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::body;
use super::bucket::{self, Change};
use super::checksum::Declared;
use super::condition::{ReadCondition, WriteCondition};
use super::event::EventName;
use super::request::request_id;
use super::state::State;
use super::store::Store;
use super::version::{self, Content, Part, Upload, new_id, now, timestamp};
use super::writes::{Source, take_attributes};

/// The least size of every part but the last.
const PART_MINIMUM: u64 = 5 << 20;

/// The number of the last part.
const PART_LIMIT: i32 = 10_000;

/// The most parts of one reply to ListParts.
const PAGE_LIMIT: i32 = 1000;

/// CreateMultipartUpload.
pub(super) fn create(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let mut input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let attributes = take_attributes!(input);
    let parts = std::collections::BTreeMap::new();
    let upload = Upload { id: new_id(), key: input.key.clone(), started: now(), attributes, parts };
    let upload_id = Some(upload.id.clone());
    bucket.start_upload(upload)?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id,
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..CreateMultipartUploadOutput::default()
    }))
}

/// UploadPart.
pub(super) async fn upload_part(
    store: &Store,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let declared = Declared::new(&request.headers, &request.extensions);
    let input = request.input;
    let number = part_number(input.part_number)?;
    let bucket = store.bucket(&input.bucket)?;
    // Asked before the body is read, to spare the client the trouble.
    bucket.look(|state| state.upload(&input.key, &input.upload_id).map(drop))?;
    let body = input.body.unwrap_or_else(|| StreamingBlob::from(Body::empty()));
    let incoming = body::receive(&bucket.bodies(), body, &declared).await?;
    let checksum = incoming.checksum.clone().map(s3s::dto::Checksum::from).unwrap_or_default();
    let part = bucket.add_part(&input.key, &input.upload_id, number, incoming)?;
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(part.md5)),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        ..UploadPartOutput::default()
    }))
}

/// UploadPartCopy.
pub(super) async fn copy_part(
    store: &Store,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let input = request.input;
    let number = part_number(input.part_number)?;
    let bucket = store.bucket(&input.bucket)?;
    bucket.look(|state| state.upload(&input.key, &input.upload_id).map(drop))?;
    let condition = ReadCondition {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let source = Source::new(store, &input.copy_source, &condition)?;
    let size = source.found.content()?.size;
    let range = match input.copy_source_range {
        None => 0..size,
        Some(text) => {
            let range = s3s::dto::Range::parse(&text).map_err(|error| {
                s3_error!(
                    error,
                    InvalidArgument,
                    "The x-amz-copy-source-range value must be of the form bytes=first-last"
                )
            })?;
            range.check(size).map_err(|error| s3_error!(error, InvalidRange))?
        }
    };
    let bytes = body::read(source.bodies, source.found.version().clone(), range);
    let incoming = body::receive(&bucket.bodies(), bytes, &Declared::default()).await?;
    let part = bucket.add_part(&input.key, &input.upload_id, number, incoming)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(ETag::Strong(part.md5)),
            last_modified: Some(timestamp(part.modified)),
            ..CopyPartResult::default()
        }),
        copy_source_version_id: source.found.version_id,
        ..UploadPartCopyOutput::default()
    }))
}

fn part_number(number: i32) -> S3Result<i32> {
    if (1..=PART_LIMIT).contains(&number) {
        Ok(number)
    } else {
        Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and {PART_LIMIT}, inclusive"))
    }
}

/// CompleteMultipartUpload. An upload that was completed before, by a request whose reply was lost, answers as then.
pub(super) fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let condition = WriteCondition { if_match: input.if_match, if_none_match: input.if_none_match };
    let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let key = input.key.as_str();
    let (etag, version_id, change) = bucket.change(|state| {
        if let Some((etag, version_id)) = completed_before(state, key, &input.upload_id) {
            return Ok((None, (etag, version_id, None::<Change>)));
        }
        let upload = state.upload(key, &input.upload_id)?;
        let content = assemble(upload, &listed)?;
        condition.check(state.current(key).map(AsRef::as_ref))?;
        let etag = content.etag.clone();
        let (record, change) = bucket::put(state, EventName::CompleteMultipartUpload, key, content);
        Ok((Some(record), (etag, change.version_id.clone(), Some(change))))
    })?;
    if let Some(change) = change {
        store.notify(&input.bucket, key, &change, request_id(&request.extensions));
    }
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{key}", input.bucket)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        version_id,
        ..CompleteMultipartUploadOutput::default()
    }))
}

fn completed_before(state: &State, key: &str, upload: &str) -> Option<(String, Option<String>)> {
    let versions = state.objects.get(key)?;
    versions.iter().find_map(|version| {
        let content = version.content.as_ref().filter(|content| content.upload.as_deref() == Some(upload))?;
        Some((content.etag.clone(), state.shown_id(version)))
    })
}

/// The object that the listed parts make.
fn assemble(upload: &Upload, listed: &[CompletedPart]) -> S3Result<Content> {
    let parts = listed.iter().map(|part| matching_part(upload, part)).collect::<S3Result<Vec<_>>>()?;
    if parts.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    if !listed.is_sorted_by(|one, two| one.part_number < two.part_number) {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        ));
    }
    let (_, all_but_last) = parts.split_last().unwrap_or((&parts[0], &[]));
    if all_but_last.iter().any(|part| part.segment.len < PART_MINIMUM) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size of {PART_MINIMUM} bytes for all parts but \
             the last."
        ));
    }
    let mut md5 = Md5::new();
    for part in &parts {
        md5.update(part_digest(part));
    }
    Ok(Content {
        size: parts.iter().map(|part| part.segment.len).sum(),
        etag: format!("{}-{}", body::hex(&md5.finalize()), parts.len()),
        body: version::Body::new(parts.iter().map(|part| part.segment.clone()).collect()),
        attributes: upload.attributes.clone(),
        checksum: None,
        upload: Some(upload.id.clone()),
    })
}

fn matching_part<'upload>(upload: &'upload Upload, listed: &CompletedPart) -> S3Result<&'upload Part> {
    let part = listed.part_number.and_then(|number| upload.parts.get(&number));
    part.filter(|part| listed.e_tag.as_ref().is_some_and(|etag| etag.value() == part.md5)).ok_or_else(|| {
        s3_error!(
            InvalidPart,
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
             specified entity tag may not match the part's entity tag."
        )
    })
}

/// The MD5 of a part, from the hexadecimal form that is stored.
fn part_digest(part: &Part) -> Vec<u8> {
    let nibble =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default();
    part.md5.as_bytes().chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

/// AbortMultipartUpload.
pub(super) fn abort(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let input = request.input;
    store.bucket(&input.bucket)?.abort_upload(&input.key, &input.upload_id)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

/// ListParts.
pub(super) fn list_parts(store: &Store, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
    let input = request.input;
    let upload = store.bucket(&input.bucket)?.look(|state| state.upload(&input.key, &input.upload_id).cloned())?;
    let marker = input.part_number_marker.unwrap_or_default();
    let max_parts = input.max_parts.unwrap_or(PAGE_LIMIT).clamp(0, PAGE_LIMIT);
    let mut rest = upload.parts.into_iter().filter(|(number, _)| *number > marker).peekable();
    let parts: Vec<ListedPart> = rest
        .by_ref()
        .take(usize::try_from(max_parts).unwrap_or_default())
        .map(|(number, part)| ListedPart {
            part_number: Some(number),
            e_tag: Some(ETag::Strong(part.md5)),
            size: i64::try_from(part.segment.len).ok(),
            last_modified: Some(timestamp(part.modified)),
            ..ListedPart::default()
        })
        .collect();
    let is_truncated = rest.peek().is_some() && !parts.is_empty();
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(marker),
        next_part_number_marker: parts.last().and_then(|part| part.part_number).filter(|_| is_truncated),
        max_parts: Some(max_parts),
        is_truncated: Some(is_truncated),
        parts: Some(parts),
        ..ListPartsOutput::default()
    }))
}
