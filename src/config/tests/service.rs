use std::time::Duration;

use super::{EVENTS, REVIEWS, SERVICE, assert_refused, load, load_two, load_with, replaced};
use crate::config::{Authentication, Encryption, OnUnrouted, Service, WarehouseName};

fn service(text: &str) -> Service {
    load_two(text, EVENTS).unwrap_or_else(|(problems, _)| panic!("{problems}")).service
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let service = service(SERVICE);
    assert_eq!(service.queues.events.visibility, Duration::from_secs(120));
    assert_eq!(service.queues.loads.visibility, Duration::from_secs(120));
    assert_eq!(service.queues.on_unrouted, OnUnrouted::Park);
    assert_eq!(service.staging.uri.to_string(), "s3://tidegate-staging/etl/");
    assert_eq!(service.staging.encryption, Encryption::KmsDefault);
    assert_eq!(service.warehouse.authentication, Authentication::Iam);
    assert_eq!(service.warehouse.ledger_schema, "tidegate");
    assert_eq!(service.warehouse.statement_timeout, Duration::from_secs(15 * 60));
    assert_eq!(service.http.listen.to_string(), "127.0.0.1:9464");
    assert_eq!(service.limits.concurrent_objects, 64);
    assert_eq!(service.limits.held_messages, 20_000);
    assert_eq!(service.limits.object_buffer_bytes, 16 << 20);
    assert_eq!(service.limits.shutdown_grace, Duration::from_secs(25));
}

#[test]
fn everything_that_is_said_is_taken() {
    let text = r#"
pipelines = "flows"
[queues]
events = "http://127.0.0.1:4566/000000000000/e"
events_dlq = "http://127.0.0.1:4566/000000000000/e-dlq"
events_visibility = "30s"
loads = "http://127.0.0.1:4566/000000000000/l.fifo"
loads_dlq = "http://127.0.0.1:4566/000000000000/l-dlq.fifo"
loads_visibility = "12h"
on_unrouted = "acknowledge"
[staging]
uri = "s3://staging"
kms_key = "arn:aws:kms:eu-west-1:123456789012:key/0123-4567"
[warehouse]
cluster = "analytics"
database = "dev"
db_user = "loader"
iam_role = "arn:aws:iam::123456789012:role/etl/redshift-copy"
ledger_schema = "Ops"
statement_timeout = "1h"
[http]
listen = "[::]:0"
[limits]
concurrent_objects = 4
held_messages = 0x10
object_buffer = 1_048_576
shutdown_grace = "5m"
"#;
    let config = load_with(&[("tidegate.toml", text.as_bytes()), ("flows/p.toml", EVENTS.as_bytes())], &[])
        .unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(config.pipelines.len(), 1);
    let service = config.service;
    assert_eq!(service.queues.events.url, "http://127.0.0.1:4566/000000000000/e");
    assert_eq!(service.queues.loads.dead_letter_url, "http://127.0.0.1:4566/000000000000/l-dlq.fifo");
    assert_eq!(service.queues.events.visibility, Duration::from_secs(30));
    assert_eq!(service.queues.loads.visibility, Duration::from_secs(12 * 3_600));
    assert_eq!(service.queues.on_unrouted, OnUnrouted::Acknowledge);
    assert_eq!(service.staging.uri.to_string(), "s3://staging/");
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0123-4567".to_owned();
    assert_eq!(service.staging.encryption, Encryption::Kms(key));
    assert_eq!(service.warehouse.name, WarehouseName::Cluster("analytics".to_owned()));
    assert_eq!(service.warehouse.authentication, Authentication::DbUser("loader".to_owned()));
    assert_eq!(service.warehouse.iam_role, "arn:aws:iam::123456789012:role/etl/redshift-copy");
    assert_eq!(service.warehouse.ledger_schema, "ops");
    assert_eq!(service.warehouse.statement_timeout, Duration::from_secs(3_600));
    assert_eq!(service.http.listen.to_string(), "[::]:0");
    assert_eq!(service.limits.concurrent_objects, 4);
    assert_eq!(service.limits.held_messages, 16);
    assert_eq!(service.limits.object_buffer_bytes, 1 << 20);
    assert_eq!(service.limits.shutdown_grace, Duration::from_secs(300));
}

#[test]
fn encryption_is_left_to_the_bucket_only_by_name() {
    let by_bucket = replaced(SERVICE, "[warehouse]", "encryption = \"bucket-default\"\n[warehouse]");
    assert_eq!(service(&by_bucket).staging.encryption, Encryption::BucketDefault);
    let alias = replaced(SERVICE, "[warehouse]", "kms_key = \"alias/etl\"\nencryption = \"kms\"\n[warehouse]");
    assert_eq!(service(&alias).staging.encryption, Encryption::Kms("alias/etl".to_owned()));
}

#[test]
fn a_secret_serves_workgroups_too() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:redshift-AbCdEf";
    let text = replaced(SERVICE, "database", &format!("secret_arn = \"{arn}\"\ndatabase"));
    assert_eq!(service(&text).warehouse.authentication, Authentication::Secret(arn.to_owned()));
}

#[test]
fn a_service_that_cannot_work_is_refused_with_a_remedy() {
    let events_url = "\"https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-events\"";
    let cases = [
        ("tidegate-loads.fifo", "tidegate-loads", "is no FIFO queue", "create the queue as FIFO"),
        ("tidegate-loads-dlq.fifo", "tidegate-loads-dlq", "`loads_dlq` is no FIFO queue", "FIFO"),
        ("tidegate-events-dlq", "tidegate-events-dlq.fifo", "`events_dlq` is the FIFO queue", "standard queue"),
        ("tidegate-events-dlq", "tidegate-events", "is the queue that `events` is already", "`events` is at"),
        (events_url, "\"tidegate-events\"", "no http or https URL", "https://sqs"),
        (events_url, "\"ftp://host/queue\"", "no http or https URL", "https://sqs"),
        (events_url, "\"https://host\"", "no http or https URL", "https://sqs"),
        (events_url, "\"https://host/a b\"", "no http or https URL", "https://sqs"),
        (events_url, "17", "`events` is a whole number, but must be a text", "quotes"),
        ("[staging]", "events_visibility = \"2s\"\n[staging]", "is 2s, but may be 3s to 12h", "from \"3s\""),
        ("[staging]", "loads_visibility = \"13h\"\n[staging]", "is 13h, but may be 3s to 12h", "to \"12h\""),
        ("[staging]", "loads_visibility = 120\n[staging]", "must be a duration", "its unit (ms, s, m, h)"),
        ("[staging]", "loads_visibility = \"2 days\"\n[staging]", "`2 days` is no duration", "its unit"),
        ("[staging]", "on_unrouted = \"drop\"\n[staging]", "`drop`, which this version", "`park` or `acknowledge`"),
        ("s3://tidegate-staging/etl", "tidegate-staging/etl", "does not begin with `s3://`", "s3://my-bucket"),
        ("s3://tidegate-staging/etl", "s3://Staging", "no bucket's name", "s3://my-bucket"),
        ("s3://tidegate-staging/etl", "s3://staging/a'b", "holds other characters", "s3://my-bucket"),
        ("s3://tidegate-staging/etl", "s3://staging/a//b", "a folder without a name", "s3://my-bucket"),
        ("[warehouse]", "kms_key = \"key\"\n[warehouse]", "`key` is no KMS key", "ARN"),
        ("[warehouse]", "encryption = \"none\"\n[warehouse]", "`none`, which", "`kms` or `bucket-default`"),
        (
            "[warehouse]",
            "kms_key = \"alias/a\"\nencryption = \"bucket-default\"\n[warehouse]",
            "yet there is a `kms_key`",
            "remove one",
        ),
        ("workgroup = \"etl\"", "", "neither `workgroup` nor `cluster`", "add `workgroup"),
        ("workgroup = \"etl\"", "workgroup = \"etl\"\ncluster = \"c\"", "`cluster` beside a `workgroup`", "keep"),
        ("workgroup = \"etl\"", "cluster = \"c.eu-west-1.amazonaws.com\"", "is no name", "not its address"),
        ("workgroup = \"etl\"", "workgroup = \"etl\"\ndb_user = \"u\"", "`db_user` stands beside", "secret_arn"),
        (
            "workgroup = \"etl\"",
            "cluster = \"c\"\ndb_user = \"u\"\nsecret_arn = \"arn:aws:secretsmanager:x\"",
            "`secret_arn` beside a `db_user`",
            "keep one",
        ),
        ("workgroup = \"etl\"", "workgroup = \"etl\"\nsecret_arn = \"pw\"", "no ARN of a secret", "secretsmanager"),
        ("\"dev\"", "\"\"", "a name is empty", "1 to 127 bytes"),
        ("\"default\"", "\"redshift-copy\"", "no ARN of a role", "\"default\""),
        ("\"default\"", "\"arn:aws:iam::123456789012:user/me\"", "no ARN of a role", "\"default\""),
        ("\"default\"", "\"arn:aws:iam::1234:role/me\"", "no ARN of a role", "\"default\""),
        ("\"default\"", "\"arn:aws:iam::123456789012:role/a' b\"", "no ARN of a role", "\"default\""),
        ("\"default\"", "\"default\"\nstatement_timeout = \"2s5\"", "no duration", "unit"),
        ("\"default\"", "\"default\"\nledger_schema = \"a\\nb\"", "control character", "127 bytes"),
        ("\"default\"", "\"default\"\n[http]\nlisten = \"localhost\"", "no address to listen on", "127.0.0.1:9464"),
        ("\"default\"", "\"default\"\n[http]\nport = 1", "unknown key `port` in [http]", "`listen`"),
        ("\"default\"", "\"default\"\n[limits]\nconcurrent_objects = 0", "is 0, but may be 1 to 1024", "whole number"),
        ("\"default\"", "\"default\"\n[limits]\nheld_messages = -1", "is -1, but may be 1", "whole number"),
        ("\"default\"", "\"default\"\n[limits]\nheld_messages = 1.5", "number with a fraction", "whole number"),
        ("\"default\"", "\"default\"\n[limits]\nobject_buffer = \"16MB\"", "`16MB` is no size", "MiB"),
        ("\"default\"", "\"default\"\n[limits]\nobject_buffer = \"2GiB\"", "is 2GiB, but may be 64KiB to 1GiB", "KiB"),
        ("\"default\"", "\"default\"\n[limits]\nobject_buffer = true", "must be a size", "KiB"),
        ("\"default\"", "\"default\"\n[limits]\nshutdown_grace = \"0s\"", "is 0s, but may be 1s to 15m", "\"15m\""),
        ("[staging]\nuri = \"s3://tidegate-staging/etl\"", "", "`staging` is missing", "add a table `[staging]`"),
        ("[queues]", "http = 1\n[queues]", "`http` is a whole number, but must be a table", "`[http]`"),
        ("[queues]", "pipelines = \"flows\"\n[queues]", "cannot be listed", "create it, or name another"),
        ("[queues]", "role = \"all\"\n[queues]", "unknown key `role`", "the keys here are `pipelines`, `queues`"),
    ];
    for (part, by, message, remedy) in cases {
        assert_refused(by, load_two(&replaced(SERVICE, part, by), EVENTS), message, remedy);
    }
}

#[test]
fn a_chain_of_roles_and_other_partitions_are_roles() {
    for role in
        ["arn:aws-cn:iam::123456789012:role/copy", "arn:aws:iam::123456789012:role/a,arn:aws:iam::210987654321:role/b"]
    {
        assert_eq!(service(&replaced(SERVICE, "\"default\"", &format!("\"{role}\""))).warehouse.iam_role, role);
    }
}

#[test]
fn pipelines_may_lie_beside_the_service() {
    let service = format!("pipelines = \".\"\n{SERVICE}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("tidegate.toml", service.as_str()), ("reviews.toml", REVIEWS)] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let config = load(&folder.path().join("tidegate.toml"), &|_| None).expect("valid");
    let names: Vec<&str> = config.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    assert_eq!(names, ["reviews"], "the service's own file is none");
}
