//! Buckets and their settings.

use std::sync::Arc;

use s3s::dto::{
    Bucket as ListedBucket, BucketLocationConstraint, BucketVersioningStatus, CreateBucketInput, CreateBucketOutput,
    DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput,
    GetBucketNotificationConfigurationInput, GetBucketNotificationConfigurationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput, PutBucketVersioningInput,
    PutBucketVersioningOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::DEFAULT_REGION;
use super::event::OWNER;
use super::journal::Record;
use super::notification;
use super::request::request_id;
use super::state::Versioning;
use super::store::Store;
use super::version::timestamp;

/// CreateBucket.
pub(super) async fn create(
    store: &Arc<Store>,
    request: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let input = request.input;
    let constraint = input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
    let region = constraint.map(|constraint| constraint.as_str().to_owned()).filter(|region| !region.is_empty());
    let location = format!("/{}", input.bucket);
    let store = store.clone();
    let created = spawn_blocking(move || store.create_bucket(&input.bucket, region)).await;
    created.map_err(S3Error::internal_error)??;
    Ok(S3Response::new(CreateBucketOutput { location: Some(location), ..CreateBucketOutput::default() }))
}

/// DeleteBucket.
pub(super) async fn delete(
    store: &Arc<Store>,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let store = store.clone();
    let deleted = spawn_blocking(move || store.delete_bucket(&request.input.bucket)).await;
    deleted.map_err(S3Error::internal_error)??;
    Ok(S3Response::new(DeleteBucketOutput {}))
}

/// HeadBucket.
pub(super) fn head(store: &Store, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
    let region = store.bucket(&request.input.bucket)?.look(|state| state.region.clone());
    let bucket_region = Some(region.unwrap_or_else(|| DEFAULT_REGION.to_owned()));
    Ok(S3Response::new(HeadBucketOutput { bucket_region, ..HeadBucketOutput::default() }))
}

/// GetBucketLocation.
pub(super) fn location(
    store: &Store,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    let region = store.bucket(&request.input.bucket)?.look(|state| state.region.clone());
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint: region.map(BucketLocationConstraint::from) }))
}

/// ListBuckets, in one page.
pub(super) fn list(store: &Store, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
    let prefix = request.input.prefix;
    let wanted = |name: &str| prefix.as_deref().is_none_or(|prefix| name.starts_with(prefix));
    let buckets = store.buckets().into_iter().filter(|bucket| wanted(&bucket.name)).map(|bucket| {
        let (created, region) = bucket.look(|state| (state.created, state.region.clone()));
        ListedBucket {
            name: Some(bucket.name.clone()),
            creation_date: Some(timestamp(created)),
            bucket_region: Some(region.unwrap_or_else(|| DEFAULT_REGION.to_owned())),
        }
    });
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        owner: Some(Owner { display_name: None, id: Some(OWNER.to_owned()) }),
        prefix: prefix.clone(),
        ..ListBucketsOutput::default()
    }))
}

/// GetBucketVersioning.
pub(super) fn versioning(
    store: &Store,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let status = match store.bucket(&request.input.bucket)?.look(|state| state.versioning) {
        Versioning::Off => None,
        Versioning::Enabled => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
        Versioning::Suspended => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
    };
    Ok(S3Response::new(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() }))
}

/// PutBucketVersioning.
pub(super) fn set_versioning(
    store: &Store,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<S3Response<PutBucketVersioningOutput>> {
    let input = request.input;
    let status = match input.versioning_configuration.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => return Err(s3_error!(MalformedXML, "The versioning status must be Enabled or Suspended")),
    };
    store.bucket(&input.bucket)?.change(|_| Ok((Some(Record::Versioning { status }), ())))?;
    Ok(S3Response::new(PutBucketVersioningOutput::default()))
}

/// GetBucketNotificationConfiguration.
pub(super) fn notifications(
    store: &Store,
    request: S3Request<GetBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
    let configurations = store.bucket(&request.input.bucket)?.look(|state| notification::configurations(&state.rules));
    Ok(S3Response::new(GetBucketNotificationConfigurationOutput {
        queue_configurations: Some(configurations),
        ..GetBucketNotificationConfigurationOutput::default()
    }))
}

/// PutBucketNotificationConfiguration: replaces the whole configuration, and sends each queue a test message.
pub(super) fn set_notifications(
    store: &Store,
    request: S3Request<PutBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let rules = notification::rules(input.notification_configuration)?;
    if !input.skip_destination_validation.unwrap_or_default() {
        store.test_queues(&input.bucket, &rules, request_id(&request.extensions))?;
    }
    bucket.change(|_| Ok((Some(Record::Notifications { rules }), ())))?;
    Ok(S3Response::new(PutBucketNotificationConfigurationOutput::default()))
}
