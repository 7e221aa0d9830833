//! The image holds the daemon alone, and the Terraform module keeps its promises: nothing is lost, nobody else gets in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hcl::{Block, Body, Expression};

use crate::{must_succeed_where_installed, path, read};

const MODULE: &str = "infra/terraform";

/// All files of the module as one body.
fn module() -> Body {
    let mut structures = Vec::new();
    for entry in fs::read_dir(path(MODULE)).expect("the module's folder") {
        let file = entry.expect("an entry of the module's folder").path();
        if file.extension().is_some_and(|extension| extension == "tf") {
            let text = fs::read_to_string(&file).expect("a file of the module");
            let body: Body = hcl::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            structures.extend(body);
        }
    }
    Body::from(structures)
}

/// The blocks such as `resource "aws_sqs_queue" "…"`, by their last label.
fn blocks<'a>(module: &'a Body, kind: &'a str, of: &'a str) -> BTreeMap<&'a str, &'a Block> {
    let matching = module.blocks().filter(move |block| block.identifier() == kind);
    matching
        .filter_map(|block| match block.labels() {
            [first, name] if first.as_str() == of => Some((name.as_str(), block)),
            _ => None,
        })
        .collect()
}

/// The attribute as it is written, without line breaks; empty if there is none.
fn written(block: &Block, name: &str) -> String {
    let attribute = block.body().attributes().find(|attribute| attribute.key() == name);
    let text =
        attribute.map(|attribute| hcl::format::to_string(attribute.expr()).expect("an expression can be written"));
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The texts of a list such as `["a", "b"]`; what is no text stands as it is written.
fn texts(block: &Block, name: &str) -> Vec<String> {
    let attribute = block.body().attributes().find(|attribute| attribute.key() == name);
    match attribute.map(hcl::Attribute::expr) {
        Some(Expression::Array(items)) => items
            .iter()
            .map(|item| match item {
                Expression::String(text) => text.clone(),
                other => hcl::format::to_string(other).expect("an expression can be written"),
            })
            .collect(),
        Some(_) => vec![written(block, name)],
        None => Vec::new(),
    }
}

/// The blocks of a kind in a block, `dynamic` ones included.
fn inner<'a>(block: &'a Block, kind: &'a str) -> Vec<&'a Block> {
    let mut found = Vec::new();
    for block in block.body().blocks() {
        if block.identifier() == kind {
            found.push(block);
        } else if block.identifier() == "dynamic" && block.labels().iter().any(|label| label.as_str() == kind) {
            found.extend(block.body().blocks().filter(|block| block.identifier() == "content"));
        }
    }
    found
}

/// The conditions of a statement, as `test variable`.
fn conditions(statement: &Block) -> Vec<String> {
    let text = |block: &Block, name: &str| written(block, name).replace('"', "");
    let condition = |block: &&Block| format!("{} {}", text(block, "test"), text(block, "variable"));
    inner(statement, "condition").iter().map(condition).collect()
}

#[test]
fn each_queue_has_a_dead_letter_queue_of_its_kind_that_takes_from_it_alone() {
    let module = module();
    let queues = blocks(&module, "resource", "aws_sqs_queue");
    assert_eq!(queues.keys().copied().collect::<Vec<_>>(), ["events", "events_dlq", "loads", "loads_dlq"]);
    let allowed = blocks(&module, "resource", "aws_sqs_queue_redrive_allow_policy");

    for (name, dead_letters) in [("events", "events_dlq"), ("loads", "loads_dlq")] {
        let redrive = written(queues[name], "redrive_policy");
        assert!(redrive.contains(&format!("aws_sqs_queue.{dead_letters}.arn")), "{redrive}");
        assert!(redrive.contains("maxReceiveCount"), "{redrive}");
        let allow = written(allowed[dead_letters], "redrive_allow_policy");
        assert!(allow.contains("\"byQueue\"") && allow.contains(&format!("[aws_sqs_queue.{name}.arn]")), "{allow}");
        assert_eq!(written(queues[name], "fifo_queue"), written(queues[dead_letters], "fifo_queue"));
        assert_eq!(written(queues[dead_letters], "message_retention_seconds"), "14 * local.day");
    }
    for fifo in ["loads", "loads_dlq"] {
        assert_eq!(written(queues[fifo], "fifo_queue"), "true");
        assert_eq!(written(queues[fifo], "content_based_deduplication"), "false");
        assert!(written(queues[fifo], "name").ends_with(".fifo\""), "a FIFO queue's name must end so");
    }
    for (name, queue) in queues {
        assert_eq!(written(queue, "kms_master_key_id"), "aws_kms_key.this.arn", "{name}");
    }
}

#[test]
fn only_the_source_buckets_of_this_account_may_send_to_the_events_queue() {
    let module = module();
    let policy = blocks(&module, "data", "aws_iam_policy_document")["events_queue"];
    let statements = inner(policy, "statement");
    let by = |service: &str| {
        let matching =
            |block: &&Block| inner(block, "principals").iter().any(|who| texts(who, "identifiers") == [service]);
        *statements.iter().copied().find(matching).as_ref().unwrap_or_else(|| panic!("no statement for {service}"))
    };
    assert_eq!(conditions(by("s3.amazonaws.com")), ["ArnLike aws:SourceArn", "StringEquals aws:SourceAccount"]);
    assert_eq!(conditions(by("events.amazonaws.com")), ["ArnEquals aws:SourceArn"]);
    for statement in statements {
        assert_eq!(texts(statement, "actions"), ["sqs:SendMessage"]);
        assert_eq!(texts(statement, "resources"), ["aws_sqs_queue.events.arn"]);
    }
}

/// Statements that allow something on `*` or by a wildcard, and why they must: policy and sid.
const WILDCARDS: &[(&str, &str)] = &[
    // In a key's policy `*` is the key; every key's default policy leaves its administration to the account's IAM policies.
    ("key", "AccountAdministersByIam"),
    // In a key's policy `*` is the key.
    ("key", "AnnouncersEncryptEvents"),
    // DescribeStatement, GetStatementResult, CancelStatement and ListStatements know no resource.
    ("daemon", "FollowOwnStatements"),
    ("backfill", "FollowOwnStatements"),
    // ecr:GetAuthorizationToken knows no resource.
    ("execution", "LogInToRegistry"),
];

#[test]
fn nothing_is_allowed_on_everything_but_where_aws_knows_no_resource() {
    let module = module();
    let mut wide = BTreeSet::new();
    for (policy, document) in blocks(&module, "data", "aws_iam_policy_document") {
        for statement in inner(document, "statement") {
            let sid = written(statement, "sid").replace('"', "");
            assert!(
                texts(statement, "not_actions").is_empty() && texts(statement, "not_resources").is_empty(),
                "{policy} {sid}"
            );
            let denies = written(statement, "effect") == "\"Deny\"";
            let everything = texts(statement, "resources").iter().any(|resource| resource == "*");
            let anything = texts(statement, "actions").iter().any(|action| action.contains('*'));
            if !denies && (everything || anything) {
                assert!(wide.insert((policy, sid)), "two statements of one policy have the same sid");
            }
        }
    }
    let expected = WILDCARDS.iter().map(|(policy, sid)| (*policy, (*sid).to_owned())).collect();
    assert_eq!(wide, expected);
}

#[test]
fn the_daemon_may_do_what_it_does_and_no_more() {
    let module = module();
    let daemon = blocks(&module, "data", "aws_iam_policy_document")["daemon"];
    let allowed: BTreeSet<String> = inner(daemon, "statement").iter().flat_map(|it| texts(it, "actions")).collect();
    let expected = [
        "firehose:PutRecordBatch", // on the streams that pipelines name, where they name any
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "local.connect.action", // one of three, by how the daemon connects
        "redshift-data:BatchExecuteStatement",
        "redshift-data:CancelStatement",
        "redshift-data:DescribeStatement",
        "redshift-data:ExecuteStatement",
        "redshift-data:GetStatementResult",
        "redshift-data:ListStatements",
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:PutObject",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ];
    assert_eq!(allowed, expected.map(str::to_owned).into());
}

#[test]
fn a_backfill_may_list_the_sources_announce_and_ask_and_no_more() {
    let module = module();
    let backfill = blocks(&module, "data", "aws_iam_policy_document")["backfill"];
    let statements = inner(backfill, "statement");
    let allowed: BTreeSet<String> = statements.iter().flat_map(|it| texts(it, "actions")).collect();
    let expected = [
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "local.connect.action",
        "redshift-data:CancelStatement",
        "redshift-data:DescribeStatement",
        "redshift-data:ExecuteStatement",
        "redshift-data:GetStatementResult",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "sqs:SendMessage",
    ];
    assert_eq!(allowed, expected.map(str::to_owned).into());
    let sends = |it: &&&Block| texts(it, "actions") == ["sqs:SendMessage"];
    let announce = statements.iter().find(sends).expect("a statement that lets it announce");
    assert_eq!(texts(announce, "resources"), ["aws_sqs_queue.events.arn"]);
}

#[test]
fn who_lands_may_write_and_look_at_the_announced_prefixes_and_no_more() {
    let module = module();
    let documents = blocks(&module, "data", "aws_iam_policy_document");
    let statements = inner(documents["land"], "statement");
    let mut actions: Vec<String> = statements.iter().flat_map(|statement| texts(statement, "actions")).collect();
    actions.sort();
    assert_eq!(
        actions,
        [
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "s3:AbortMultipartUpload",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:PutObject"
        ]
    );
    assert!(written(statements[0], "resources").contains("source.prefixes"));
    assert_eq!(conditions(statements[2]), ["StringEquals kms:ViaService"]);
    // The daemon itself only reads there.
    let writes = inner(documents["daemon"], "statement")
        .into_iter()
        .filter(|statement| texts(statement, "actions").iter().any(|action| action == "s3:PutObject"));
    assert_eq!(
        writes.map(|statement| texts(statement, "resources").concat()).collect::<Vec<_>>(),
        ["\"${aws_s3_bucket.staging.arn}/*\""]
    );
}

#[test]
fn every_service_that_takes_a_role_is_held_to_this_account() {
    let module = module();
    for trust in ["tasks_trust", "copy_trust"] {
        let document = blocks(&module, "data", "aws_iam_policy_document")[trust];
        for statement in inner(document, "statement") {
            let conditions = conditions(statement);
            assert!(
                conditions.iter().any(|condition| condition.ends_with(" aws:SourceAccount")),
                "{trust}: {conditions:?}"
            );
        }
    }
    for (name, role) in blocks(&module, "resource", "aws_iam_role") {
        let trust = written(role, "assume_role_policy");
        assert!(trust.ends_with("tasks_trust.json") || trust.ends_with("copy_trust.json"), "{name}: {trust}");
    }
}

/// The texts of a set as it is written, `toset(["a", "b"])`.
fn texts_of_set(written: &str) -> Vec<String> {
    written.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_staging_bucket_is_private_encrypted_reached_by_tls_alone_and_cleans_up() {
    let module = module();
    assert_eq!(blocks(&module, "resource", "aws_s3_bucket").len(), 1, "a second bucket needs the same");
    let of = |kind| blocks(&module, "resource", kind)["staging"];

    let access = of("aws_s3_bucket_public_access_block");
    for switch in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] {
        assert_eq!(written(access, switch), "true", "{switch}");
    }
    let encryption = inner(of("aws_s3_bucket_server_side_encryption_configuration"), "rule")[0];
    assert_eq!(written(encryption, "bucket_key_enabled"), "true");
    let default = inner(encryption, "apply_server_side_encryption_by_default")[0];
    assert_eq!(written(default, "kms_master_key_id"), "aws_kms_key.this.arn");

    let lifecycle = of("aws_s3_bucket_lifecycle_configuration");
    let rules = inner(lifecycle, "rule");
    let expiring: Vec<_> = rules.iter().filter(|rule| !inner(rule, "expiration").is_empty()).collect();
    assert!(!expiring.is_empty());
    for rule in expiring {
        assert_eq!(written(inner(rule, "filter")[0], "prefix"), "rule.value", "what new fields became must stay");
    }
    let expired = texts_of_set(&written(inner(lifecycle, "dynamic")[0], "for_each"));
    assert_eq!(expired, ["batches/", "data/", "loads/", "quarantine/"]);
    assert!(rules.iter().any(|rule| !inner(rule, "abort_incomplete_multipart_upload").is_empty()));

    let tls = inner(blocks(&module, "data", "aws_iam_policy_document")["staging"], "statement")[0];
    assert_eq!(
        (written(tls, "effect").as_str(), conditions(tls)),
        ("\"Deny\"", vec!["Bool aws:SecureTransport".to_owned()])
    );
}

#[test]
fn every_variable_and_output_is_described_and_the_module_is_formatted() {
    let module = module();
    for block in module.blocks().filter(|block| matches!(block.identifier(), "variable" | "output")) {
        assert!(written(block, "description").len() > 10, "{:?}", block.labels());
    }
    must_succeed_where_installed("terraform", &["fmt", "-check", "-diff", "."], MODULE);
}

/// The instructions of the Dockerfile, continued lines joined.
fn instructions() -> Vec<String> {
    let text = read("infra/Dockerfile");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    joined
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn the_image_is_a_locked_release_build_without_the_sandbox() {
    let instructions = instructions();
    let builds: Vec<&str> =
        instructions.iter().flat_map(|line| line.split(" && ")).filter(|part| part.contains("cargo build")).collect();
    assert_eq!(builds.len(), 2, "the dependencies, then the daemon: {builds:?}");
    for build in builds {
        assert!(build.ends_with("cargo build --release --locked --no-default-features"), "{build}");
    }
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    assert_eq!(manifest["features"]["default"].as_array().map(Vec::as_slice), Some(&["sandbox".into()][..]));
    let empty_crate = instructions.iter().find(|line| line.contains("touch src/lib.rs")).expect("the empty crate");
    for (target, folder) in [("bench", "benches"), ("example", "examples"), ("test", "tests")] {
        for listed in manifest.get(target).and_then(toml::Value::as_array).into_iter().flatten() {
            let file = format!("{folder}/{}.rs", listed["name"].as_str().expect("a target has a name"));
            assert!(
                empty_crate.contains(&file),
                "[[{target}]] names {file}, which the Dockerfile's empty crate lacks: make it there, too"
            );
        }
    }
}

#[test]
fn the_image_runs_the_daemon_as_nobody_special_and_stops_it_gently() {
    let instructions = instructions();
    let last_stage = instructions.iter().rposition(|line| line.starts_with("FROM ")).expect("a stage");
    let runtime = &instructions[last_stage..];
    for expected in [
        "USER 10001:10001",
        "EXPOSE 9464",
        "STOPSIGNAL SIGTERM",
        "ENTRYPOINT [\"/usr/local/bin/tidegate\"]",
        "CMD [\"run\", \"--config\", \"/etc/tidegate/tidegate.toml\"]",
    ] {
        assert!(runtime.iter().any(|line| line == expected), "no {expected}");
    }
    assert!(runtime.iter().any(|line| line.contains("ca-certificates") && line.contains("tzdata")));
}

#[test]
fn the_image_builds_from_what_the_ignore_file_lets_through() {
    let ignored = read(".dockerignore");
    let allowed: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut copied = BTreeSet::new();
    for line in instructions() {
        if let Some(arguments) = line.strip_prefix("COPY ").filter(|arguments| !arguments.starts_with("--from")) {
            let mut arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
            arguments.pop();
            copied.extend(arguments);
        }
    }
    assert_eq!(copied.iter().map(String::as_str).collect::<BTreeSet<_>>(), allowed);
    for file in copied {
        assert!(path(&file).exists(), "{file} is not there");
    }
}

#[test]
fn the_written_configuration_listens_where_the_task_is_scraped() {
    let template = read("infra/terraform/tidegate.toml.tftpl");
    let plain: String =
        template.lines().filter(|line| !line.starts_with("%{")).map(|line| format!("{line}\n")).collect();
    let service: toml::Table = plain.parse().expect("the template is TOML around its placeholders");
    assert_eq!(service["http"]["listen"].as_str(), Some("0.0.0.0:${port}"));
    let port = module()
        .blocks()
        .filter(|block| block.identifier() == "locals")
        .map(|it| written(it, "metrics_port"))
        .collect::<String>();
    assert!(instructions().contains(&format!("EXPOSE {port}")), "{port}");
}
