//! PutObject, CopyObject and the deletes.

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag, ETagCondition, Error, MetadataDirective,
    PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::body::{self, Incoming};
use super::bucket::Deleted;
use super::checksum::Declared;
use super::condition::{ReadCondition, WriteCondition};
use super::event::EventName;
use super::reads::Found;
use super::request::request_id;
use super::store::Store;
use super::version::{self, Attributes, Content, timestamp};

/// The most keys of one DeleteObjects.
const DELETE_LIMIT: usize = 1000;

/// Takes the attributes out of the input of an operation that makes an object.
macro_rules! take_attributes {
    ($input:expr) => {
        $crate::sandbox::s3::version::Attributes {
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            expires: $input.expires.take(),
            metadata: $input.metadata.take().unwrap_or_default().into_iter().collect(),
        }
    };
}
pub(super) use take_attributes;

/// PutObject.
pub(super) async fn put(store: &Store, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let declared = Declared::new(&request.headers, &request.extensions);
    let mut input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let condition = WriteCondition { if_match: input.if_match.take(), if_none_match: input.if_none_match.take() };
    // Asked before the body is read, to spare the client the trouble; what counts is the answer after it.
    bucket.look(|state| condition.check(state.current(&input.key).map(AsRef::as_ref)))?;

    let attributes = take_attributes!(input);
    let body = input.body.take().unwrap_or_else(|| StreamingBlob::from(Body::empty()));
    let incoming = body::receive(&bucket.bodies(), body, &declared).await?;
    let content = whole(&incoming, attributes);
    let etag = content.etag.clone();
    let checksum = incoming.checksum.clone().map(s3s::dto::Checksum::from).unwrap_or_default();
    let change = bucket.put(EventName::Put, &input.key, content, &condition)?;
    incoming.keep();
    store.notify(&input.bucket, &input.key, &change, request_id(&request.extensions));

    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(etag)),
        version_id: change.version_id,
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        ..PutObjectOutput::default()
    }))
}

/// The content of an object whose bytes came in one piece.
fn whole(incoming: &Incoming, attributes: Attributes) -> Content {
    Content {
        size: incoming.segment.len,
        etag: incoming.md5_hex(),
        body: version::Body::new(vec![incoming.segment.clone()]),
        attributes,
        checksum: incoming.checksum.clone(),
        upload: None,
    }
}

/// A source of a copy.
pub(super) struct Source {
    pub(super) bodies: std::path::PathBuf,
    pub(super) found: Found,
}

impl Source {
    /// Finds the source of a copy and checks the conditions on it.
    pub(super) fn new(store: &Store, source: &CopySource, condition: &ReadCondition) -> S3Result<Source> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(s3_error!(NotImplemented, "The sandbox has no access points."));
        };
        let bucket = store.bucket(bucket)?;
        let found = Found::new(&bucket, key, version_id.as_deref())?;
        condition.check_source(&found.content()?.etag, found.version().modified)?;
        Ok(Source { bodies: bucket.bodies(), found })
    }
}

/// CopyObject. The bytes are read again, so that the copy of a multipart object has an MD5 as its ETag, as in S3.
pub(super) async fn copy(store: &Store, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
    let mut input = request.input;
    let replace = input.metadata_directive.as_ref().is_some_and(|it| it.as_str() == MetadataDirective::REPLACE);
    if let CopySource::Bucket { bucket, key, version_id: None } = &input.copy_source
        && **bucket == *input.bucket
        && **key == *input.key
        && !replace
    {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let bucket = store.bucket(&input.bucket)?;
    let condition = ReadCondition {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let source = Source::new(store, &input.copy_source, &condition)?;
    let content = source.found.content()?;
    let attributes = if replace { take_attributes!(input) } else { content.attributes.clone() };

    let bytes = body::read(source.bodies, source.found.version().clone(), 0..content.size);
    let incoming = body::receive(&bucket.bodies(), bytes, &Declared::default()).await?;
    let copy = whole(&incoming, attributes);
    let e_tag = Some(ETag::Strong(copy.etag.clone()));
    let change = bucket.put(EventName::Copy, &input.key, copy, &WriteCondition::default())?;
    incoming.keep();
    store.notify(&input.bucket, &input.key, &change, request_id(&request.extensions));

    let last_modified = Some(timestamp(change.time));
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult { e_tag, last_modified, ..CopyObjectResult::default() }),
        copy_source_version_id: source.found.version_id,
        version_id: change.version_id,
        ..CopyObjectOutput::default()
    }))
}

/// DeleteObject.
pub(super) fn delete(store: &Store, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
    let input = request.input;
    let condition = WriteCondition { if_match: input.if_match, if_none_match: None };
    let request_id = request_id(&request.extensions);
    let deleted = delete_one(store, &input.bucket, &input.key, input.version_id.as_deref(), &condition, request_id)?;
    Ok(S3Response::new(DeleteObjectOutput {
        delete_marker: deleted.marker.then_some(true),
        version_id: deleted.version_id,
        ..DeleteObjectOutput::default()
    }))
}

/// DeleteObjects: what cannot be deleted is told key by key.
pub(super) fn delete_many(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let input = request.input;
    let objects = input.delete.objects;
    store.bucket(&input.bucket)?;
    if objects.is_empty() || objects.len() > DELETE_LIMIT {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let request_id = request_id(&request.extensions);
    let mut deleted = Vec::new();
    let mut errors = Vec::new();
    for object in objects {
        let condition = WriteCondition { if_match: object.e_tag.map(ETagCondition::ETag), if_none_match: None };
        let version_id = object.version_id.as_deref();
        match delete_one(store, &input.bucket, &object.key, version_id, &condition, request_id) {
            Ok(outcome) => deleted.push(DeletedObject {
                delete_marker: outcome.marker.then_some(true),
                delete_marker_version_id: outcome.version_id.filter(|_| outcome.marker),
                key: Some(object.key),
                version_id: object.version_id,
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(object.key),
                message: error.message().map(str::to_owned),
                version_id: object.version_id,
            }),
        }
    }
    let quiet = input.delete.quiet.unwrap_or_default();
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    }))
}

fn delete_one(
    store: &Store,
    bucket_name: &str,
    key: &str,
    version_id: Option<&str>,
    condition: &WriteCondition,
    request_id: &str,
) -> S3Result<Deleted> {
    let deleted = store.bucket(bucket_name)?.delete(key, version_id, condition)?;
    if let Some(change) = &deleted.change {
        store.notify(bucket_name, key, change, request_id);
    }
    Ok(deleted)
}
