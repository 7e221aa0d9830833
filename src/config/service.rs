//! The service: queues, staging area, warehouse, HTTP address and limits.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::value::shown;

/// The service, as `tidegate.toml` says it.
#[derive(Debug, Clone)]
pub struct Service {
    /// The queues.
    pub queues: Queues,
    /// Where batches are written.
    pub staging: Staging,
    /// Where they are loaded.
    pub warehouse: Warehouse,
    /// Where metrics and health are served.
    pub http: Http,
    /// What one process takes on at once.
    pub limits: Limits,
}

/// The queues, and what to do with what no pipeline wants.
#[derive(Debug, Clone)]
pub struct Queues {
    /// S3's notifications.
    pub events: Queue,
    /// Staged batches, FIFO.
    pub loads: Queue,
    /// What becomes of a notification for a bucket or key that no pipeline takes.
    pub on_unrouted: OnUnrouted,
}

/// A queue and its dead-letter queue, by URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The queue's URL.
    pub url: String,
    /// The URL of the queue where messages are parked.
    pub dead_letter_url: String,
    /// How long a received message stays hidden unless its lease is renewed. Default 120 s.
    pub visibility: Duration,
}

/// What becomes of a notification for a bucket or key that no pipeline takes; it is counted either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnrouted {
    /// It goes to the dead-letter queue.
    Park,
    /// It is deleted.
    Acknowledge,
}

/// The staging area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staging {
    /// The bucket and prefix under which everything is written.
    pub uri: S3Uri,
    /// How what is written there is encrypted.
    pub encryption: Encryption,
}

/// A bucket and a prefix that is empty or ends in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Uri {
    /// The bucket's name.
    pub bucket: String,
    /// The prefix, without a leading `/`.
    pub prefix: String,
}

impl S3Uri {
    /// Reads `s3://bucket/prefix`; the prefix gets its closing `/`.
    ///
    /// The prefix becomes part of a COPY's text, so only characters that are safe in keys and plain in SQL are taken.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path =
            text.strip_prefix("s3://").ok_or_else(|| format!("`{}` does not begin with `s3://`", shown(text)))?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if let Some(problem) = bucket_problem(bucket) {
            return Err(problem);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.=-".contains(&byte);
        if !prefix.bytes().all(plain) {
            return Err(format!("the prefix `{}` holds other characters than letters, digits, `/_.=-`", shown(prefix)));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if prefix.is_empty() {
            return Ok(S3Uri { bucket: bucket.to_owned(), prefix: String::new() });
        }
        if prefix.split('/').any(|folder| matches!(folder, "" | "." | "..")) {
            return Err(format!("the prefix `{}` has a folder without a name", shown(prefix)));
        }
        Ok(S3Uri { bucket: bucket.to_owned(), prefix: format!("{prefix}/") })
    }

    /// The `s3://bucket/key` form of a key.
    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

/// What keeps a text from being the name of a bucket; `None` if it can be one.
///
/// See "General purpose bucket naming rules" in the S3 user guide.
pub(super) fn bucket_problem(name: &str) -> Option<String> {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    let inside = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let valid =
        (3..=63).contains(&bytes.len()) && bytes.iter().all(inside) && edge(bytes.first()) && edge(bytes.last());
    (!valid).then(|| format!("`{}` is no bucket's name: 3 to 63 lower-case letters, digits, `-` and `.`", shown(name)))
}

impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// The server-side encryption of what is staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// SSE-KMS with this key, by ARN or alias.
    Kms(String),
    /// SSE-KMS with the account's key for S3; the default.
    KmsDefault,
    /// Whatever the bucket does by itself; asked for by name.
    BucketDefault,
}

/// The warehouse and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warehouse {
    /// The workgroup or cluster.
    pub name: WarehouseName,
    /// The database.
    pub database: String,
    /// Who connects.
    pub authentication: Authentication,
    /// The role with which COPY reads the staging area: an ARN, or `default`.
    pub iam_role: String,
    /// The schema of the ledger. Default `tidegate`.
    pub ledger_schema: String,
    /// How many slices the warehouse has: the files of a COPY are a multiple of it where the data allows. Default 1.
    pub slices: usize,
    /// How long one statement of a load may run. Default 15 minutes.
    pub statement_timeout: Duration,
}

/// The workgroup or cluster that the Data API is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehouseName {
    /// Redshift Serverless.
    Workgroup(String),
    /// A provisioned cluster.
    Cluster(String),
}

/// Who connects to the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// The daemon's own IAM identity.
    Iam,
    /// A database user by temporary credentials; clusters only.
    DbUser(String),
    /// A secret in Secrets Manager, by ARN; the daemon never sees it.
    Secret(String),
}

/// Where metrics and health are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http {
    /// The address to listen on. Default `127.0.0.1:9464`.
    pub listen: SocketAddr,
}

/// What one process takes on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects read at the same time, as far as memory allows: small ones wait for S3 and not for a core. Default 64.
    pub concurrent_objects: usize,
    /// Messages held at the same time, between their receipt and their acknowledgement. Default 20,000.
    pub held_messages: usize,
    /// Bytes that objects being read and batches being written may take together. Default 128 MiB.
    pub memory_bytes: u64,
    /// Bytes of one object's columns held in memory; beyond it the object writes part files of its own. Default 16 MiB.
    pub object_buffer_bytes: usize,
    /// How long a stopping process may finish what it holds. Default 25 s, below ECS's 30 s.
    pub shutdown_grace: Duration,
}
