//! AWS for one test: a sandbox of its own, its buckets and queues, and what a test asks and puts there.
//!
//! ```ignore
//! let aws = Aws::start().await;                                   // or Aws::with(Setup { versioned: true, ..Setup::default() })
//! aws.put("in/a.json.gz", gzip(&json_lines([json!({"id": 1})]))).await;
//! aws.until_loaded("numbers", 1).await;                           // objects in the ledger, queues empty
//! assert_eq!(aws.rows("SELECT COUNT(*) FROM app.numbers").await, [["1"]]);
//! aws.assert_exact("numbers").await;
//! ```

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_redshiftdata::types::{Field, StatusString};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::types::{
    BucketVersioningStatus, Event, NotificationConfiguration, QueueConfiguration, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate::aws::Clients;
use tidegate::sandbox::{NotificationShape, Options, Sandbox};

use super::{LIMIT, eventually};

/// The bucket that announces its objects.
pub const LANDING: &str = "landing";
/// The bucket of the staging area, which is its prefix `tidegate/`.
pub const STAGING: &str = "staging";

/// How a test's AWS is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The shape of the sandbox's notifications.
    pub notifications: NotificationShape,
    /// Whether the landing bucket announces its objects; if not, the test sends the events itself.
    pub announce: bool,
    /// Whether it announces removals too.
    pub announce_removals: bool,
    /// Whether the landing bucket keeps versions.
    pub versioned: bool,
    /// How often a message is received before SQS itself moves it to the dead-letter queue.
    pub max_receives: u32,
    /// The endpoint of another S3, to be used instead of the sandbox's; COPY reads from it too.
    pub s3: Option<String>,
    /// The endpoint of another SQS.
    pub sqs: Option<String>,
    /// A PostgreSQL server for the sandbox's Data API; without it, the embedded one.
    pub postgres_url: Option<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            notifications: NotificationShape::S3,
            announce: true,
            announce_removals: false,
            versioned: false,
            max_receives: 20,
            s3: None,
            sqs: None,
            postgres_url: None,
        }
    }
}

/// Where the three services are.
#[derive(Debug, Clone)]
pub struct Endpoints {
    pub s3: String,
    pub sqs: String,
    pub redshift_data: String,
}

/// The URLs of the four queues.
#[derive(Debug, Clone)]
pub struct Queues {
    pub events: String,
    pub events_dlq: String,
    pub loads: String,
    pub loads_dlq: String,
}

/// A message of a dead-letter queue.
#[derive(Debug, Clone)]
pub struct Parked {
    pub body: String,
    /// Its message attributes, all of which are texts.
    pub attributes: BTreeMap<String, String>,
}

impl Parked {
    /// An attribute; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// AWS for one test. Keep it to the test's end: the sandbox and its folder go with it.
pub struct Aws {
    pub endpoints: Endpoints,
    pub clients: Clients,
    pub queues: Queues,
    sandbox: Sandbox,
    folder: TempDir,
}

impl Aws {
    /// A sandbox as most tests want it.
    pub async fn start() -> Aws {
        Aws::with(Setup::default()).await
    }

    /// A sandbox, buckets, queues with redrive policies, and the notification from bucket to queue.
    pub async fn with(setup: Setup) -> Aws {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(Options {
            listen: ([127, 0, 0, 1], 0).into(),
            data: folder.path().join("sandbox"),
            postgres_url: setup.postgres_url.clone(),
            notifications: setup.notifications,
            copy_endpoint: setup.s3.clone(),
        })
        .await
        .unwrap();
        let endpoints = Endpoints {
            s3: setup.s3.clone().unwrap_or_else(|| sandbox.endpoint()),
            sqs: setup.sqs.clone().unwrap_or_else(|| sandbox.endpoint()),
            redshift_data: sandbox.endpoint(),
        };
        let clients = Clients {
            s3: Clients::from_config(&sdk_config(&endpoints.s3)).s3,
            staging: Clients::from_config(&sdk_config(&endpoints.s3)).staging,
            sqs: Clients::from_config(&sdk_config(&endpoints.sqs)).sqs,
            redshift: Clients::from_config(&sdk_config(&endpoints.redshift_data)).redshift,
            firehose: Clients::from_config(&sdk_config(&endpoints.s3)).firehose,
        };
        let queues = queues(&clients.sqs, setup.max_receives).await;
        let aws = Aws { endpoints, clients, queues, sandbox, folder };
        aws.buckets(&setup).await;
        aws
    }

    /// The folder of the test's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn buckets(&self, setup: &Setup) {
        for bucket in [LANDING, STAGING] {
            self.clients.s3.create_bucket().bucket(bucket).send().await.unwrap();
        }
        if setup.versioned {
            let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
            let versioning = self.clients.s3.put_bucket_versioning().bucket(LANDING).versioning_configuration(enabled);
            versioning.send().await.unwrap();
        }
        if setup.announce {
            let arn = self.attribute(&self.queues.events, QueueAttributeName::QueueArn).await;
            let mut to_queue = QueueConfiguration::builder().queue_arn(arn).events(Event::S3ObjectCreated);
            if setup.announce_removals {
                to_queue = to_queue.events(Event::S3ObjectRemoved);
            }
            let to_queue = to_queue.build().unwrap();
            let configuration = NotificationConfiguration::builder().queue_configurations(to_queue).build();
            let put = self.clients.s3.put_bucket_notification_configuration().bucket(LANDING);
            put.notification_configuration(configuration).send().await.unwrap();
        }
    }

    /// Puts an object into the landing bucket; gives its version, where the bucket keeps versions.
    pub async fn put(&self, key: &str, body: Vec<u8>) -> Option<String> {
        let put = self.clients.s3.put_object().bucket(LANDING).key(key).body(body.into()).send().await;
        put.unwrap_or_else(|error| panic!("put {key}: {error:?}")).version_id
    }

    /// Puts records as gzip JSON lines.
    pub async fn put_rows(&self, key: &str, rows: impl IntoIterator<Item = Value>) -> Option<String> {
        self.put(key, gzip(json_lines(rows).as_bytes())).await
    }

    /// Takes an object out of the landing bucket.
    pub async fn delete(&self, key: &str) {
        self.clients.s3.delete_object().bucket(LANDING).key(key).send().await.unwrap();
    }

    /// The record of an S3 event that announces the newest version of an object of the landing bucket, for [`s3_event`].
    pub async fn record(&self, key: &str, event_time: &str, sequencer: Option<&str>) -> Value {
        let head = self.clients.s3.head_object().bucket(LANDING).key(key).send().await.unwrap();
        let mut object = json!({
            "key": encode_key(key),
            "size": head.content_length.unwrap(),
            "eTag": head.e_tag.unwrap().trim_matches('"'),
        });
        if let Some(version) = head.version_id {
            object["versionId"] = version.into();
        }
        if let Some(sequencer) = sequencer {
            object["sequencer"] = sequencer.into();
        }
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": "ObjectCreated:Put",
            "eventTime": event_time, "s3": { "bucket": { "name": LANDING }, "object": object },
        })
    }

    /// Sends a message to the events queue.
    pub async fn send_event(&self, body: &str) {
        self.clients.sqs.send_message().queue_url(&self.queues.events).message_body(body).send().await.unwrap();
    }

    /// The keys of a bucket that begin with `prefix`.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let mut keys = Vec::new();
        let mut next = None;
        loop {
            let list = self.clients.s3.list_objects_v2().bucket(bucket).prefix(prefix).set_continuation_token(next);
            let page = list.send().await.unwrap();
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            next = page.next_continuation_token;
            if next.is_none() {
                return keys;
            }
        }
    }

    /// The body of an object.
    pub async fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        let answer = self.clients.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
        answer.body.collect().await.unwrap().to_vec()
    }

    /// The lines of the quarantine's files of a pipeline, in no order.
    pub async fn quarantine(&self, pipeline: &str) -> Vec<Value> {
        let mut lines = Vec::new();
        for key in self.keys(STAGING, &format!("tidegate/quarantine/pipeline={pipeline}/")).await {
            let body = gunzip(&self.get(STAGING, &key).await);
            lines.extend(body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        lines
    }

    /// Takes all messages out of a queue, such as a dead-letter queue.
    pub async fn take(&self, queue: &str) -> Vec<Parked> {
        let mut taken = Vec::new();
        loop {
            let receive = self.clients.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
            let messages = receive.message_attribute_names("All").send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return taken;
            }
            for message in messages {
                let delete = self.clients.sqs.delete_message().queue_url(queue);
                delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
                let attributes = message.message_attributes.unwrap_or_default().into_iter();
                taken.push(Parked {
                    body: message.body.unwrap(),
                    attributes: attributes.filter_map(|(name, value)| Some((name, value.string_value?))).collect(),
                });
            }
        }
    }

    /// How many messages a queue has: visible, in flight or delayed.
    pub async fn depth(&self, queue: &str) -> u64 {
        let mut depth = 0;
        for name in [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ] {
            depth += self.attribute(queue, name).await.parse::<u64>().unwrap();
        }
        depth
    }

    async fn attribute(&self, queue: &str, name: QueueAttributeName) -> String {
        let get = self.clients.sqs.get_queue_attributes().queue_url(queue).attribute_names(name.clone());
        let mut attributes = get.send().await.unwrap().attributes.unwrap_or_default();
        attributes.remove(&name).unwrap_or_else(|| panic!("{queue} has no {name:?}"))
    }

    /// The rows of a query, each value as text, a null as `NULL`.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.try_rows(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The one value of a query that gives a number.
    pub async fn number(&self, sql: &str) -> i64 {
        let rows = self.rows(sql).await;
        rows[0][0].parse().unwrap_or_else(|_| panic!("{sql}: {rows:?}"))
    }

    /// As [`rows`](Self::rows), or the error of the warehouse.
    pub async fn try_rows(&self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let client = &self.clients.redshift;
        let submitted = client.execute_statement().workgroup_name("sandbox").database("dev").sql(sql).send().await;
        let id = submitted.unwrap().id.unwrap();
        loop {
            let end = client.describe_statement().id(&id).wait_time_seconds(10).send().await.unwrap();
            match end.status() {
                Some(StatusString::Finished) if end.has_result_set() == Some(true) => break,
                Some(StatusString::Finished) => return Ok(Vec::new()),
                Some(StatusString::Failed | StatusString::Aborted) => return Err(end.error().unwrap_or("").to_owned()),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        let mut rows = Vec::new();
        let mut next = None;
        loop {
            let page = client.get_statement_result().id(&id).set_next_token(next).send().await.unwrap();
            rows.extend(page.records.into_iter().map(|row| row.into_iter().map(text).collect()));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(rows);
            }
        }
    }

    /// How many objects the ledger of a pipeline has; 0 before there is one.
    pub async fn loaded(&self, pipeline: &str) -> u64 {
        match self.try_rows(&format!("SELECT COUNT(*) FROM tidegate.objects_{pipeline}")).await {
            Ok(rows) => rows[0][0].parse().unwrap(),
            Err(error) if error.contains("does not exist") => 0,
            Err(error) => panic!("the ledger of {pipeline}: {error}"),
        }
    }

    /// Waits until the ledger of a pipeline has `objects` objects.
    pub async fn until_loaded(&self, pipeline: &str, objects: u64) {
        let what = format!("{objects} objects in the ledger of {pipeline}");
        eventually(LIMIT, &what, async || self.loaded(pipeline).await >= objects).await;
    }

    /// Waits until neither the events nor the loads queue has a message in any state.
    pub async fn until_drained(&self) {
        let Queues { events, loads, .. } = &self.queues;
        eventually(LIMIT, "events and loads queues empty", async || {
            // An event becomes a load before it is deleted: asked for in this order, none is overlooked.
            self.depth(events).await == 0 && self.depth(loads).await == 0
        })
        .await;
    }

    /// Waits until a queue, such as a dead-letter queue, has `messages` messages.
    pub async fn until_depth(&self, queue: &str, messages: u64) {
        eventually(LIMIT, &format!("{messages} messages in {queue}"), async || self.depth(queue).await == messages)
            .await;
    }

    /// Asserts what holds of every ledger: each object once, every batch in balance, and both tables with the same sums.
    pub async fn assert_balanced(&self, pipeline: &str) {
        let objects = format!("tidegate.objects_{pipeline}");
        let batches = format!("tidegate.batches_{pipeline}");
        let twice = format!("SELECT object_id FROM {objects} GROUP BY object_id HAVING COUNT(*) > 1");
        assert_eq!(self.rows(&twice).await, [[""; 0]; 0], "objects that the ledger has twice");
        let out_of_balance = format!(
            "SELECT batch_id FROM {batches} WHERE rows_read <> rows_staged + rows_rejected OR rows_copied <> rows_staged \
             OR rows_copied <> rows_already_loaded + rows_inserted + rows_updated + rows_unchanged + rows_superseded"
        );
        assert_eq!(self.rows(&out_of_balance).await, [[""; 0]; 0], "batches out of balance");
        let by_object = format!("SELECT COALESCE(SUM(rows_staged), 0) FROM {objects}");
        let by_batch = format!("SELECT COALESCE(SUM(rows_staged - rows_already_loaded), 0) FROM {batches}");
        assert_eq!(self.rows(&by_object).await, self.rows(&by_batch).await, "rows by object and by batch");
    }

    /// Asserts that nothing is parked.
    pub async fn assert_nothing_parked(&self) {
        for queue in [&self.queues.events_dlq, &self.queues.loads_dlq] {
            let depth = self.depth(queue).await;
            assert!(depth == 0, "{depth} messages are parked: {:#?}", self.take(queue).await);
        }
    }

    /// Ends the sandbox in order; a test that just ends drops it, which is enough.
    pub async fn stop(self) {
        self.sandbox.stop().await.unwrap();
    }

    /// Writes a service's configuration with its pipelines into a folder of its own; gives the path of `tidegate.toml`.
    pub fn configure(&self, service: &Service, pipelines: &[&str]) -> PathBuf {
        let folder = tempfile::Builder::new().prefix("config-").tempdir_in(self.folder()).unwrap().keep();
        std::fs::create_dir(folder.join("pipelines")).unwrap();
        for (at, pipeline) in pipelines.iter().enumerate() {
            std::fs::write(folder.join(format!("pipelines/p{at}.toml")), pipeline).unwrap();
        }
        let Queues { events, events_dlq, loads, loads_dlq } = &self.queues;
        let Service { visibility, on_unrouted, limits } = service;
        let text = format!(
            "[queues]\nevents = \"{events}\"\nevents_dlq = \"{events_dlq}\"\nloads = \"{loads}\"\nloads_dlq = \"{loads_dlq}\"\n\
             events_visibility = \"{visibility}\"\nloads_visibility = \"{visibility}\"\non_unrouted = \"{on_unrouted}\"\n\
             [staging]\nuri = \"s3://{STAGING}/tidegate/\"\nencryption = \"bucket-default\"\n\
             [warehouse]\nworkgroup = \"sandbox\"\ndatabase = \"dev\"\niam_role = \"default\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\
             [limits]\n{limits}\n"
        );
        let path = folder.join("tidegate.toml");
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// What a test sets in `tidegate.toml`; the rest is the same in all.
#[derive(Debug, Clone)]
pub struct Service {
    /// The visibility of both queues. After a process was killed, what it held comes again after so long.
    pub visibility: &'static str,
    pub on_unrouted: &'static str,
    /// The lines of `[limits]`.
    pub limits: String,
}

impl Default for Service {
    fn default() -> Self {
        Service { visibility: "5s", on_unrouted: "park", limits: String::new() }
    }
}

/// JSON lines, one for each record.
pub fn json_lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

/// A gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The text of gzip members.
pub fn gunzip(bytes: &[u8]) -> String {
    String::from_utf8(gunzip_bytes(bytes)).unwrap()
}

/// The content of gzip members.
pub fn gunzip_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut content).unwrap();
    content
}

/// The body of an S3 event with these records.
pub fn s3_event(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}

/// A key as S3's events write it: form-encoded, but for `/`.
pub fn encode_key(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*/".contains(&byte);
    key.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn sdk_config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .build()
}

async fn queues(sqs: &aws_sdk_sqs::Client, max_receives: u32) -> Queues {
    let create = async |name: &str, dead_letters: Option<&str>| {
        let mut request = sqs.create_queue().queue_name(name);
        if name.ends_with(".fifo") {
            request = request.attributes(QueueAttributeName::FifoQueue, "true");
        }
        if let Some(url) = dead_letters {
            let get = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
            let arn = get.send().await.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone();
            let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": max_receives });
            request = request.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        }
        request.send().await.unwrap().queue_url.unwrap()
    };
    let events_dlq = create("tidegate-events-dlq", None).await;
    let events = create("tidegate-events", Some(&events_dlq)).await;
    let loads_dlq = create("tidegate-loads-dlq.fifo", None).await;
    let loads = create("tidegate-loads.fifo", Some(&loads_dlq)).await;
    Queues { events, events_dlq, loads, loads_dlq }
}

fn text(field: Field) -> String {
    match field {
        Field::StringValue(text) => text,
        Field::LongValue(value) => value.to_string(),
        Field::DoubleValue(value) => value.to_string(),
        Field::BooleanValue(value) => value.to_string(),
        Field::IsNull(_) => "NULL".to_owned(),
        other => panic!("{other:?}"),
    }
}
