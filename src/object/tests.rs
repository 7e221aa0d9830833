//! Parts of objects, on the sandbox's S3.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::aws::Clients;
use crate::error::{Error, ErrorKind};
use crate::model::{ObjectRef, RandomAccess};
use crate::sandbox::{NotificationShape, Options, Sandbox};

struct Rig {
    client: aws_sdk_s3::Client,
    sandbox: Sandbox,
    _folder: TempDir,
}

impl Rig {
    async fn start() -> Rig {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            data: folder.path().to_owned(),
            postgres_url: None,
            notifications: NotificationShape::S3,
            copy_endpoint: None,
        };
        let sandbox = Sandbox::start(options).await.expect("a sandbox");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(sandbox.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("any", "any", None, None, "test")))
            .build();
        let client = Clients::from_config(&config).s3;
        client.create_bucket().bucket("landing").send().await.expect("a bucket");
        Rig { client, sandbox, _folder: folder }
    }

    async fn put(&self, key: &str, data: &[u8]) -> ObjectRef {
        let put =
            self.client.put_object().bucket("landing").key(key).content_encoding("gzip").body(data.to_vec().into());
        let etag = put.send().await.expect("stored").e_tag.map(|etag| etag.trim_matches('"').to_owned());
        ObjectRef {
            bucket: "landing".to_owned(),
            key: key.to_owned(),
            other_key: None,
            version: None,
            etag,
            size: Some(data.len() as u64),
            sequencer: None,
            event_time: Timestamp::UNIX_EPOCH,
        }
    }

    async fn open(&self, object: &ObjectRef) -> crate::error::Result<ObjectFile> {
        ObjectFile::open(self.client.clone(), object.clone(), CancellationToken::new()).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::time::timeout(Duration::from_secs(60), tokio::task::spawn_blocking(work))
        .await
        .expect("in time")
        .expect("joined")
}

fn kind(error: io::Error) -> ErrorKind {
    error.downcast::<Error>().expect("one of ours").kind()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_part_of_an_object_is_read_as_it_is_stored() {
    let rig = Rig::start().await;
    let data: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let object = rig.put("large", &data).await;
    let file = rig.open(&object).await.expect("opens");
    assert_eq!(RandomAccess::len(&file), data.len() as u64);
    assert_eq!(file.content_encoding(), Some("gzip"));
    blocking(move || {
        let size = data.len();
        let mut generator = fastrand::Rng::with_seed(7);
        let mut ranges =
            vec![(0, 4), (size - 8, 8), (size, 0), (0, size), (0, 5 << 20), (size - (600 << 10), 200 << 10)];
        ranges.extend((0..200).map(|n| (n * 50_000, 50_000)));
        ranges.extend((0..200).map(|_| {
            let begin = generator.usize(..size);
            (begin, generator.usize(..=(size - begin).min(2 << 20)))
        }));
        for (begin, length) in ranges {
            let read = file.read_at(begin as u64, length).unwrap_or_else(|error| panic!("{begin} {length}: {error}"));
            assert!(read == data[begin..begin + length], "{begin}, {length} bytes");
        }
        for (begin, length) in [(size, 1), (size - 1, 2), (usize::MAX, 1)] {
            let error = file.read_at(begin as u64, length).expect_err("beyond the end");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
        }
    })
    .await;
    rig.sandbox.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_and_a_small_object_are_read_too() {
    let rig = Rig::start().await;
    for data in [&b""[..], b"x"] {
        let object = rig.put("small", data).await;
        let file = Arc::new(rig.open(&object).await.expect("opens"));
        assert_eq!(RandomAccess::len(&*file), data.len() as u64);
        let read = blocking(move || file.read_at(0, data.len())).await.expect("reads");
        assert_eq!(read, data);
    }
    rig.sandbox.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_another_version_is_never_read() {
    let rig = Rig::start().await;
    let data = vec![1; 3 << 20];
    let object = rig.put("changing", &data).await;
    let file = rig.open(&object).await.expect("opens");
    rig.put("changing", &vec![2; 3 << 20]).await;
    let error = blocking(move || file.read_at(0, 10)).await.expect_err("overwritten");
    assert_eq!(kind(error), ErrorKind::ObjectReplaced);
    let error = rig.open(&object).await.err().expect("overwritten");
    assert_eq!(error.kind(), ErrorKind::ObjectReplaced);
    let gone = ObjectRef { key: "gone".to_owned(), etag: None, ..object };
    assert_eq!(rig.open(&gone).await.err().expect("gone").kind(), ErrorKind::ObjectGone);
    rig.sandbox.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_ends_when_the_work_is_cancelled() {
    let rig = Rig::start().await;
    let object = rig.put("large", &vec![1; 3 << 20]).await;
    let cancel = CancellationToken::new();
    let file = ObjectFile::open(rig.client.clone(), object, cancel.clone()).await.expect("opens");
    cancel.cancel();
    let error = blocking(move || file.read_at(0, 10)).await.expect_err("cancelled");
    assert_eq!(kind(error), ErrorKind::Stopping);
    rig.sandbox.stop().await.expect("stops");
}
