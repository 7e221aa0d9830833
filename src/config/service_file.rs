//! `tidegate.toml` as a [`Service`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeTable;

use super::document::Document;
use super::service::{
    Authentication, Encryption, Http, Limits, OnUnrouted, Queue, Queues, S3Uri, Service, Staging, Warehouse,
    WarehouseName,
};
use super::value::{Item, Table, shown};
use crate::schema::identifier;

/// The shortest and longest time that SQS hides a message, but for times too short to renew.
const VISIBILITY: RangeInclusive<Duration> = Duration::from_secs(3)..=Duration::from_secs(12 * 3_600);
/// The Data API ends what runs longer than a day.
const STATEMENT_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);
const SHUTDOWN_GRACE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(900);

/// What `tidegate.toml` says, as far as it could be read.
pub(super) struct ServiceFile<'t> {
    /// The service; `None` if there is a problem with it.
    pub(super) service: Option<Service>,
    /// The folder of the pipelines, if it is named.
    pub(super) folder: Option<(String, Item<'t>)>,
    /// The staging area, for what must not overlap it.
    pub(super) staging: Option<(S3Uri, Item<'t>)>,
}

/// Reads the file; what is wrong is reported to the document.
pub(super) fn read<'t>(document: &'t Document<'t>, tree: &'t DeTable<'t>) -> ServiceFile<'t> {
    let mut root = Table::root(document, tree);
    let folder = root.optional("pipelines").and_then(|item| Some((item.text()?, item)));
    let queues = root.required_table("queues", "`events`, `events_dlq`, `loads` and `loads_dlq`").and_then(queues);
    let (staging_uri, encryption) = match root.required_table("staging", "`uri`") {
        Some(table) => staging(table),
        None => (None, None),
    };
    let warehouse =
        root.required_table("warehouse", "`workgroup` or `cluster`, `database` and `iam_role`").and_then(warehouse);
    let http = http(root.optional_table("http"));
    let limits = limits(root.optional_table("limits"));
    root.finish();
    let staging = staging_uri.as_ref().and_then(|(uri, _)| Some(Staging { uri: uri.clone(), encryption: encryption? }));
    let service = match (queues, staging, warehouse) {
        (Some(queues), Some(staging), Some(warehouse)) => Some(Service { queues, staging, warehouse, http, limits }),
        _ => None,
    };
    ServiceFile { service, folder, staging: staging_uri }
}

fn queues(mut table: Table<'_>) -> Option<Queues> {
    let events_item = table.required("events", "\"https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-events\"");
    let events_dlq_item =
        table.required("events_dlq", "\"https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-events-dlq\"");
    let loads_item =
        table.required("loads", "\"https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-loads.fifo\"");
    let loads_dlq_item =
        table.required("loads_dlq", "\"https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-loads-dlq.fifo\"");
    let mut seen: Vec<(String, Item<'_>)> = Vec::new();
    let url = |item: Option<Item<'_>>, fifo: bool| queue_url(item?, fifo);
    let urls = [
        (events_item, url(events_item, false)),
        (events_dlq_item, url(events_dlq_item, false)),
        (loads_item, url(loads_item, true)),
        (loads_dlq_item, url(loads_dlq_item, true)),
    ];
    for (item, url) in &urls {
        let (Some(item), Some(url)) = (item, url) else { continue };
        match seen.iter().find(|(other, _)| other == url) {
            Some((_, first)) => item.problem_with(
                format!("`{}` is the queue that `{}` is already", item.key, first.key),
                format!("`{}` is at {}", first.key, first.place()),
                "give each of the four its own queue",
            ),
            None => seen.push((url.clone(), *item)),
        }
    }
    let default = Duration::from_secs(120);
    let events_visibility =
        table.optional("events_visibility").and_then(|item| item.duration(VISIBILITY)).unwrap_or(default);
    let loads_visibility =
        table.optional("loads_visibility").and_then(|item| item.duration(VISIBILITY)).unwrap_or(default);
    let on_unrouted = table
        .optional("on_unrouted")
        .and_then(|item| item.one_of(&[("park", OnUnrouted::Park), ("acknowledge", OnUnrouted::Acknowledge)]))
        .unwrap_or(OnUnrouted::Park);
    table.finish();
    let [events, events_dlq, loads, loads_dlq] = urls.map(|(_, url)| url);
    Some(Queues {
        events: Queue { url: events?, dead_letter_url: events_dlq?, visibility: events_visibility },
        loads: Queue { url: loads?, dead_letter_url: loads_dlq?, visibility: loads_visibility },
        on_unrouted,
    })
}

fn queue_url(item: Item<'_>, fifo: bool) -> Option<String> {
    let help = "write the queue's URL, such as \"https://sqs.eu-west-1.amazonaws.com/123456789012/name\"";
    let url = item.parsed(help, http_url)?;
    let name = url.rsplit('/').next().unwrap_or_default().to_owned();
    match (name.ends_with(".fifo"), fifo) {
        (false, true) => {
            item.problem(
                format!("`{}` is no FIFO queue: its name `{}` does not end in `.fifo`", item.key, shown(&name)),
                "create the queue as FIFO: its message groups order the loads of each table",
            );
            None
        }
        (true, false) => {
            item.problem(
                format!("`{}` is the FIFO queue `{}`", item.key, shown(&name)),
                "create a standard queue: S3 notifies no FIFO queue, and a dead-letter queue is of its queue's kind",
            );
            None
        }
        _ => Some(url),
    }
}

fn http_url(text: &str) -> Result<String, String> {
    let path = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let (host, name) = path.and_then(|path| path.split_once('/')).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}?#@".contains(&byte);
    if host.is_empty() || name.is_empty() || name.ends_with('/') || !text.bytes().all(plain) {
        return Err(format!("`{}` is no http or https URL of a queue", shown(text)));
    }
    Ok(text.to_owned())
}

fn staging(mut table: Table<'_>) -> (Option<(S3Uri, Item<'_>)>, Option<Encryption>) {
    let uri = table.required("uri", "\"s3://bucket/prefix/\"").and_then(|item| {
        Some((item.parsed("write a bucket and a prefix, such as \"s3://my-bucket/tidegate/\"", S3Uri::parse)?, item))
    });
    let kms_item = table.optional("kms_key");
    let kms_key = kms_item.map(|item| item.parsed("write the key's ARN, or `alias/` and its alias", kms_key));
    let by_bucket = table.optional("encryption").map(|item| {
        let by_bucket = item.one_of(&[("kms", false), ("bucket-default", true)])?;
        match kms_item {
            Some(key) if by_bucket => item.problem_with(
                "`encryption` leaves encryption to the bucket, and yet there is a `kms_key`",
                format!("`kms_key` is at {}", key.place()),
                "remove one of the two",
            ),
            _ => {}
        }
        Some(by_bucket)
    });
    table.finish();
    let encryption = match (kms_key, by_bucket) {
        (Some(None), _) | (_, Some(None)) => None,
        (Some(Some(key)), _) => Some(Encryption::Kms(key)),
        (None, Some(Some(true))) => Some(Encryption::BucketDefault),
        (None, _) => Some(Encryption::KmsDefault),
    };
    (uri, encryption)
}

fn kms_key(text: &str) -> Result<String, String> {
    if arn_of(text, "kms").is_some() || text.strip_prefix("alias/").is_some_and(is_arn_text) {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is no KMS key", shown(text)))
}

fn warehouse(mut table: Table<'_>) -> Option<Warehouse> {
    let workgroup = table.optional("workgroup");
    let cluster = table.optional("cluster");
    let name_help = "write its name, not its address or ARN";
    let name = match (workgroup, cluster) {
        (Some(item), None) => item.parsed(name_help, warehouse_name).map(WarehouseName::Workgroup),
        (None, Some(item)) => item.parsed(name_help, warehouse_name).map(WarehouseName::Cluster),
        (Some(first), Some(item)) => {
            item.problem_with(
                "there is a `cluster` beside a `workgroup`",
                format!("`workgroup` is at {}", first.place()),
                "keep `workgroup` for Redshift Serverless, or `cluster` for a provisioned cluster",
            );
            None
        }
        (None, None) => {
            table.problem(
                "neither `workgroup` nor `cluster` stands in [warehouse]",
                "add `workgroup = \"…\"` for Redshift Serverless, or `cluster = \"…\"` for a provisioned cluster",
            );
            None
        }
    };
    let database = table.required("database", "\"dev\"").and_then(sql_name);
    let authentication = authentication(&mut table, workgroup.is_some() && cluster.is_none());
    let iam_role = table.required("iam_role", "\"default\"").and_then(|item| {
        item.parsed("write \"default\", or an ARN such as \"arn:aws:iam::123456789012:role/redshift-copy\"", iam_role)
    });
    let ledger_schema = table.optional("ledger_schema").and_then(sql_name);
    let slices = table.optional("slices").and_then(|item| item.integer(1..=32));
    let statement_timeout = table.optional("statement_timeout").and_then(|item| item.duration(STATEMENT_TIMEOUT));
    table.finish();
    Some(Warehouse {
        name: name?,
        database: database?,
        authentication: authentication?,
        iam_role: iam_role?,
        ledger_schema: ledger_schema.map_or_else(|| "tidegate".to_owned(), |schema| schema.to_lowercase()),
        slices: slices.map_or(1, |number| number as usize),
        statement_timeout: statement_timeout.unwrap_or(Duration::from_secs(900)),
    })
}

fn authentication(table: &mut Table<'_>, serverless: bool) -> Option<Authentication> {
    let db_user = table.optional("db_user");
    let secret_arn = table.optional("secret_arn");
    let secret_help = "write the secret's ARN, which begins with `arn:aws:secretsmanager:`";
    match (db_user, secret_arn) {
        (None, None) => Some(Authentication::Iam),
        (None, Some(item)) => item.parsed(secret_help, secret).map(Authentication::Secret),
        (Some(item), None) if serverless => {
            item.problem(
                "`db_user` stands beside a `workgroup`, which has no users by temporary credentials",
                "remove `db_user`: the service then connects with its IAM identity; or use `secret_arn`",
            );
            None
        }
        (Some(item), None) => sql_name(item).map(Authentication::DbUser),
        (Some(first), Some(item)) => {
            item.problem_with(
                "there is a `secret_arn` beside a `db_user`",
                format!("`db_user` is at {}", first.place()),
                "keep one of the two, or neither to connect with the service's IAM identity",
            );
            None
        }
    }
}

fn sql_name(item: Item<'_>) -> Option<String> {
    item.parsed("write a name of 1 to 127 bytes", |text| match identifier::problem(text) {
        Some(problem) => Err(format!("`{}`: {problem}", item.key)),
        None => Ok(text.to_owned()),
    })
}

fn warehouse_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
        return Err(format!("`{}` is no name: up to 64 lower-case letters, digits and `-`", shown(text)));
    }
    Ok(text.to_owned())
}

/// The role becomes part of a COPY's text: what could leave its quotes is refused here.
fn iam_role(text: &str) -> Result<String, String> {
    let is_role = |arn: &str| {
        let resource = arn_of(arn, "iam").and_then(|rest| rest.strip_prefix(':'));
        let (account, role) = resource.and_then(|rest| rest.split_once(":role/")).unwrap_or_default();
        account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && !role.is_empty()
    };
    if text == "default" || is_role(text) {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is no ARN of a role", shown(text)))
}

fn secret(text: &str) -> Result<String, String> {
    match arn_of(text, "secretsmanager") {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("`{}` is no ARN of a secret", shown(text))),
    }
}

/// What stands behind `arn:<partition>:<service>:`; `None` if it is no such ARN.
fn arn_of<'a>(text: &'a str, service: &str) -> Option<&'a str> {
    let (partition, rest) = text.strip_prefix("arn:")?.split_once(':')?;
    let rest = rest.strip_prefix(service)?.strip_prefix(':')?;
    (partition.starts_with("aws") && is_arn_text(rest)).then_some(rest)
}

fn is_arn_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_+=,.@-".contains(&byte))
}

fn http(mut table: Table<'_>) -> Http {
    let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
    let listen = table.optional("listen").and_then(|item| {
        item.parsed("write an IP address and a port, such as \"127.0.0.1:9464\" or \"[::]:9464\"", |text| {
            text.parse().map_err(|_| format!("`{}` is no address to listen on", shown(text)))
        })
    });
    table.finish();
    Http { listen: listen.unwrap_or(default) }
}

fn limits(mut table: Table<'_>) -> Limits {
    let concurrent_objects = table.optional("concurrent_objects").and_then(|item| item.integer(1..=1_024));
    let held_messages = table.optional("held_messages").and_then(|item| item.integer(1..=120_000));
    let memory = table.optional("memory").and_then(|item| item.bytes(64 << 20..=1 << 40));
    let object_buffer = table.optional("object_buffer").and_then(|item| item.bytes(64 << 10..=1 << 30));
    let shutdown_grace = table.optional("shutdown_grace").and_then(|item| item.duration(SHUTDOWN_GRACE));
    table.finish();
    Limits {
        concurrent_objects: concurrent_objects.map_or(64, |number| number as usize),
        held_messages: held_messages.map_or(20_000, |number| number as usize),
        memory_bytes: memory.unwrap_or(128 << 20),
        object_buffer_bytes: object_buffer.map_or(16 << 20, |bytes| bytes as usize),
        shutdown_grace: shutdown_grace.unwrap_or(Duration::from_secs(25)),
    }
}
