//! S3 and SQS in this process, behind the AWS SDK's own seam for HTTP: what is measured is the daemon and the SDK, and no socket and no
//! other server. Requests are counted by kind.
//!
//! They answer what intake asks and no more: one events queue whose messages are there from the start, one bucket to read from, one that
//! takes and forgets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use serde_json::{Value, json};
use tidegate::aws::Clients;
use tokio::sync::Notify;

/// How long an empty queue makes its receivers wait: the daemon asks for 20 s.
const LONG_POLL: Duration = Duration::from_millis(500);

/// The stores; clones are the same ones.
#[derive(Debug, Clone)]
pub struct Stores(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The bodies of the bucket's objects, which repeat: object `n` has the body `n % bodies`.
    bodies: Vec<Bytes>,
    /// How long each answer takes, as if the stores were elsewhere.
    latency: Duration,
    waiting: Mutex<VecDeque<u64>>,
    first_receipt: OnceLock<Instant>,
    requests: Mutex<BTreeMap<&'static str, u64>>,
    /// The objects and rows of manifests.
    staged: Mutex<(u64, u64)>,
    deleted: AtomicU64,
    changed: Notify,
}

impl Stores {
    /// A bucket with `objects` objects, and a queue that announces each.
    pub fn new(bodies: Vec<Bytes>, objects: u64, latency: Duration) -> Self {
        Stores(Arc::new(Inner {
            bodies,
            latency,
            waiting: Mutex::new((0..objects).collect()),
            first_receipt: OnceLock::new(),
            requests: Mutex::default(),
            staged: Mutex::default(),
            deleted: AtomicU64::new(0),
            changed: Notify::new(),
        }))
    }

    /// Waits until all of so many messages are deleted.
    pub async fn until_deleted(&self, messages: u64) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.deleted.load(Ordering::Acquire) >= messages {
                return;
            }
            changed.await;
        }
    }

    /// How long ago the first message was asked for.
    pub fn since_first_receipt(&self) -> Duration {
        self.0.first_receipt.get().map(Instant::elapsed).unwrap_or_default()
    }

    /// How many requests of each kind there were.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.0.requests).clone()
    }

    /// The objects and rows that manifests name.
    pub fn staged(&self) -> (u64, u64) {
        *lock(&self.0.staged)
    }

    /// The SDK's clients, which reach these stores and nothing else.
    pub fn clients(&self) -> Clients {
        let connector = SharedHttpConnector::new(Connector(self.clone()));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url("http://stores.invalid")
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Clients::from_config(&config)
    }

    fn count(&self, kind: &'static str) {
        *lock(&self.0.requests).entry(kind).or_default() += 1;
    }

    /// The answer to a request: status, `ETag`, body.
    pub async fn answer(&self, request: &Asked<'_>) -> (u16, Option<String>, Bytes) {
        if !self.0.latency.is_zero() {
            tokio::time::sleep(self.0.latency).await;
        }
        match request.target {
            Some(target) => (200, None, self.sqs(target, request.body).await.to_string().into()),
            None => self.s3(request),
        }
    }

    fn s3(&self, request: &Asked<'_>) -> (u16, Option<String>, Bytes) {
        let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
        let written = Some("\"0\"".to_owned());
        match request.method {
            "GET" if path.trim_matches('/').contains('/') => {
                self.count("GET of an object");
                let number: usize = path
                    .rsplit('/')
                    .next()
                    .and_then(|name| name.trim_end_matches(".gz").parse().ok())
                    .unwrap_or_default();
                (200, Some(format!("\"{number}\"")), self.0.bodies[number % self.0.bodies.len()].clone())
            }
            "GET" => {
                self.count("list");
                (200, None, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".into())
            }
            "POST" if query.contains("uploadId") => {
                self.count("complete an upload");
                (200, None, "<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>".into())
            }
            "POST" => {
                self.count("begin an upload");
                let body = "<InitiateMultipartUploadResult><UploadId>0</UploadId></InitiateMultipartUploadResult>";
                (200, None, body.into())
            }
            "PUT" => {
                self.count(match path {
                    _ if query.contains("partNumber") => "PUT of a part",
                    _ if path.contains("/data/") => "PUT of a data file",
                    _ if path.contains("/quarantine/") => "PUT of a quarantine file",
                    _ if path.ends_with("manifest.json") => "PUT of a manifest",
                    _ => "PUT of an objects file",
                });
                if path.ends_with("manifest.json") {
                    self.manifest(request.body);
                }
                (200, written, Bytes::new())
            }
            method => panic!("{method} {path}: intake does not ask this"),
        }
    }

    fn manifest(&self, body: &[u8]) {
        let manifest: Value = serde_json::from_slice(body).unwrap();
        let rows = |file: &Value| file["rows"].as_u64().unwrap();
        let mut staged = lock(&self.0.staged);
        staged.0 += manifest["objects"].as_array().unwrap().len() as u64;
        staged.1 += manifest["files"].as_array().unwrap().iter().map(rows).sum::<u64>();
    }

    async fn sqs(&self, target: &str, body: &[u8]) -> Value {
        let body: Value = serde_json::from_slice(body).unwrap();
        let ids = || body["Entries"].as_array().unwrap().iter().map(|entry| json!({ "Id": entry["Id"] }));
        match target.rsplit('.').next().unwrap_or_default() {
            "ReceiveMessage" => {
                self.count("receive");
                let most = body["MaxNumberOfMessages"].as_u64().unwrap_or(1) as usize;
                json!({ "Messages": self.receive(most).await })
            }
            "DeleteMessageBatch" => {
                self.count("delete");
                let deleted: Vec<Value> = ids().collect();
                self.0.deleted.fetch_add(deleted.len() as u64, Ordering::AcqRel);
                self.0.changed.notify_waiters();
                json!({ "Successful": deleted, "Failed": [] })
            }
            "ChangeMessageVisibilityBatch" => {
                self.count("renew leases");
                json!({ "Successful": ids().collect::<Vec<_>>(), "Failed": [] })
            }
            "GetQueueAttributes" => {
                self.count("depth of a queue");
                let depth = lock(&self.0.waiting).len().to_string();
                json!({ "Attributes": { "ApproximateNumberOfMessages": depth } })
            }
            "SendMessage" => {
                self.count("send a load");
                json!({ "MessageId": "0", "MD5OfMessageBody": "0" })
            }
            other => panic!("{other}: intake does not ask this"),
        }
    }

    async fn receive(&self, most: usize) -> Vec<Value> {
        self.0.first_receipt.get_or_init(Instant::now);
        let taken: Vec<u64> = {
            let mut waiting = lock(&self.0.waiting);
            let most = most.min(waiting.len());
            waiting.drain(..most).collect()
        };
        if taken.is_empty() {
            tokio::time::sleep(LONG_POLL).await;
        }
        taken.into_iter().map(|number| self.message(number)).collect()
    }

    fn message(&self, number: u64) -> Value {
        let size = self.0.bodies[number as usize % self.0.bodies.len()].len();
        let record = json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
            "eventTime": "2026-11-25T12:00:00.000Z", "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": { "name": "landing", "arn": "arn:aws:s3:::landing" },
                "object": {
                    "key": format!("events/{number}.gz"), "size": size, "eTag": number.to_string(),
                    "sequencer": format!("{number:016X}"),
                },
            },
        });
        json!({
            "MessageId": number.to_string(), "ReceiptHandle": number.to_string(),
            "Body": json!({ "Records": [record] }).to_string(),
            "Attributes": { "SentTimestamp": "1795608000000", "ApproximateReceiveCount": "1" },
        })
    }
}

/// What of a request counts.
#[derive(Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// With the query.
    pub path: &'a str,
    /// SQS's operation.
    pub target: Option<&'a str>,
    pub body: &'a [u8],
}

#[derive(Debug)]
struct Connector(Stores);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let stores = self.0.clone();
        HttpConnectorFuture::new(async move {
            let path = request.uri().trim_start_matches("http://stores.invalid");
            let asked = Asked {
                method: request.method(),
                path,
                target: request.headers().get("x-amz-target"),
                // All that the daemon sends is in memory.
                body: request.body().bytes().unwrap_or_default(),
            };
            let (status, etag, body) = stores.answer(&asked).await;
            let length = body.len().to_string();
            let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
            response.headers_mut().insert("content-length", length);
            if let Some(etag) = etag {
                response.headers_mut().insert("etag", etag);
            }
            Ok(response)
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
