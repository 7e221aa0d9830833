//! S3: boto3 and the AWS SDK for Rust against a sandbox in this process.

use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use tidegate::sandbox::{NotificationShape, Options, Sandbox};

use crate::support::python;

/// The longest that a script may take.
const LIMIT: Duration = Duration::from_secs(60);

async fn start(data: &Path, notifications: NotificationShape) -> Sandbox {
    let listen = ([127, 0, 0, 1], 0).into();
    let options = Options { listen, data: data.to_owned(), postgres_url: None, notifications, copy_endpoint: None };
    Sandbox::start(options).await.unwrap()
}

/// Runs a script on a thread of its own, since the sandbox needs this one.
async fn run(script: &'static str, sandbox: &Sandbox, argument: &'static str) {
    let arguments = [sandbox.endpoint(), argument.to_owned()];
    let output = tokio::task::spawn_blocking(move || python::run(script, &arguments, LIMIT)).await.unwrap();
    if let Some(output) = output {
        assert!(output.status.success(), "{script} {argument}: {}\n{}", output.stdout, output.stderr);
    }
}

async fn theme(theme: &'static str) {
    let data = tempfile::tempdir().unwrap();
    let sandbox = start(data.path(), NotificationShape::S3).await;
    run("sandbox/s3_objects.py", &sandbox, theme).await;
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn boto3_puts_and_gets_objects_with_their_attributes_and_checksums() {
    theme("objects").await;
}

#[tokio::test]
async fn boto3_gets_ranges() {
    theme("ranges").await;
}

#[tokio::test]
async fn boto3_reads_and_writes_on_conditions() {
    theme("conditions").await;
}

#[tokio::test]
async fn boto3_keeps_versions_and_delete_markers() {
    theme("versions").await;
}

#[tokio::test]
async fn boto3_lists_keys_of_every_shape() {
    theme("listings").await;
}

#[tokio::test]
async fn boto3_uploads_in_parts() {
    theme("multipart").await;
}

#[tokio::test]
async fn boto3_copies_and_deletes_many() {
    theme("copies").await;
}

#[tokio::test]
async fn boto3_makes_and_removes_buckets() {
    theme("buckets").await;
}

#[tokio::test]
async fn any_credentials_and_presigned_urls_are_accepted() {
    theme("credentials").await;
}

#[tokio::test]
async fn objects_survive_a_restart_and_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = start(data.path(), NotificationShape::S3).await;
    run("sandbox/s3_objects.py", &sandbox, "write").await;

    // What a kill leaves is what is on disk at any moment, with a request cut short.
    let killed = tempfile::tempdir().unwrap();
    copy_folder(&data.path().join("s3"), &killed.path().join("s3"));
    if let Some(bucket) = std::fs::read_dir(killed.path().join("s3")).unwrap().next() {
        let bucket = bucket.unwrap().path();
        std::fs::write(bucket.join("bodies").join("half"), "a body that was on its way").unwrap();
        let mut journal = std::fs::read(bucket.join("journal")).unwrap();
        journal.extend_from_slice(b"{\"put\":{\"version\":{\"key\":\"ha");
        std::fs::write(bucket.join("journal"), journal).unwrap();
    }
    sandbox.stop().await.unwrap();

    for folder in [data.path(), killed.path()] {
        // Twice: the first reading completes an upload and deletes what it made.
        let sandbox = start(folder, NotificationShape::S3).await;
        run("sandbox/s3_objects.py", &sandbox, "read").await;
        sandbox.stop().await.unwrap();
        start(folder, NotificationShape::S3).await.stop().await.unwrap();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn the_rust_sdk_puts_gets_and_writes_only_once() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = start(data.path(), NotificationShape::S3).await;
    let configuration = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(sandbox.endpoint())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "thing", None, None, "test"))
        .force_path_style(true)
        .build();
    let client = aws_sdk_s3::Client::from_conf(configuration);
    client.create_bucket().bucket("sdk").send().await.unwrap();

    let key = "landing/dt=2026-01-01/a b+ü.json";
    let put = client
        .put_object()
        .bucket("sdk")
        .key(key)
        .if_none_match("*")
        .metadata("origin", "test")
        .body(ByteStream::from_static(b"0123456789"))
        .send()
        .await
        .unwrap();
    let second = client.put_object().bucket("sdk").key(key).if_none_match("*").body(ByteStream::from_static(b"x"));
    let refusal = second.send().await.unwrap_err();
    assert_eq!(refusal.raw_response().map(|response| response.status().as_u16()), Some(412));
    assert_eq!(refusal.code(), Some("PreconditionFailed"));

    let get = client.get_object().bucket("sdk").key(key).set_if_match(put.e_tag.clone()).send().await.unwrap();
    assert_eq!(get.e_tag, put.e_tag);
    assert_eq!(get.metadata.as_ref().and_then(|metadata| metadata.get("origin")).map(String::as_str), Some("test"));
    assert_eq!(get.body.collect().await.unwrap().into_bytes(), "0123456789");
    let range = client.get_object().bucket("sdk").key(key).range("bytes=3-5").send().await.unwrap();
    assert_eq!(range.body.collect().await.unwrap().into_bytes(), "345");
    let replaced = client.get_object().bucket("sdk").key(key).if_match("\"other\"").send().await.unwrap_err();
    assert_eq!(replaced.code(), Some("PreconditionFailed"));
    let absent = client.get_object().bucket("sdk").key("none").send().await.unwrap_err();
    assert_eq!(absent.code(), Some("NoSuchKey"));

    let listed = client.list_objects_v2().bucket("sdk").prefix("landing/dt=").send().await.unwrap();
    assert_eq!(listed.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), [key]);
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn notifications_reach_their_queue_as_s3_sends_them() {
    notified(NotificationShape::S3, "s3").await;
}

#[tokio::test]
async fn notifications_reach_their_queue_in_the_envelope_of_sns() {
    notified(NotificationShape::Sns, "sns").await;
}

#[tokio::test]
async fn notifications_reach_their_queue_as_eventbridge_sends_them() {
    notified(NotificationShape::EventBridge, "eventbridge").await;
}

async fn notified(shape: NotificationShape, name: &'static str) {
    let data = tempfile::tempdir().unwrap();
    let sandbox = start(data.path(), shape).await;
    run("sandbox/s3_notifications.py", &sandbox, name).await;
    sandbox.stop().await.unwrap();
}
