use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::config::{
    Authentication, Check, DeleteWhen, Expiry, Mode, Pipeline, Scd2, Script, Step, Warehouse as Config, WarehouseName,
};
use crate::error::ErrorKind;
use crate::model::{BatchId, Manifest, ManifestColumn, ObjectEntry, StagedFile, StagedFormat};
use crate::schema::ColumnType;
use crate::schema::identifier::TableName;
use crate::testing::{column, pipeline};

fn warehouse() -> Config {
    Config {
        name: WarehouseName::Workgroup("w".into()),
        database: "dev".into(),
        authentication: Authentication::Iam,
        iam_role: "arn:aws:iam::123456789012:role/copy".into(),
        ledger_schema: "tidegate".into(),
        slices: 1,
        statement_timeout: Duration::from_secs(900),
    }
}

const OBJECT_COLUMNS: &[(&str, ColumnType)] =
    &[("object_id", ColumnType::Varchar(32)), ("batch_id", ColumnType::Varchar(36)), ("size", ColumnType::BigInt)];

fn manifest(objects: &[&str]) -> Manifest {
    let file = |url: &str| StagedFile { url: url.into(), bytes: 100, rows: 2 };
    let object = |id: &&str| ObjectEntry {
        id: (*id).into(),
        bucket: "b".into(),
        key: "k'; DROP TABLE t; --".into(),
        version: None,
        etag: None,
        size: 1,
        sequencer: None,
        event_time: Timestamp::UNIX_EPOCH,
        read: 3,
        rejected: 1,
        staged: 2,
        removal: None,
    };
    Manifest {
        version: 1,
        batch: BatchId::new(),
        pipeline: "p".into(),
        columns: ["id", "at", "body"]
            .iter()
            .zip(["bigint", "timestamp", "super"])
            .map(|(name, sql_type)| ManifestColumn { name: (*name).into(), sql_type: sql_type.into() })
            .collect(),
        files: vec![file("s3://s/1")],
        format: StagedFormat::default(),
        partitions: Vec::new(),
        objects_file: file("s3://s/objects"),
        quarantine: None,
        objects: objects.iter().map(object).collect(),
        opened_at: Timestamp::UNIX_EPOCH,
        closed_at: Timestamp::UNIX_EPOCH,
    }
}

fn statements(mode: Mode, lineage: bool) -> Vec<Statement> {
    statements_of(mode, |pipeline| pipeline.target.lineage = lineage)
}

fn statements_of(mode: Mode, change: impl FnOnce(&mut Pipeline)) -> Vec<Statement> {
    let mut pipeline = pipeline(vec![column("id", "bigint"), column("at", "timestamp"), column("body", "super")]);
    pipeline.target.mode = mode;
    match mode {
        Mode::Upsert => {
            pipeline.target.key = vec!["id".into()];
            pipeline.target.newest_by = vec!["at".into()];
        }
        Mode::InsertNew => pipeline.target.key = vec!["id".into(), "at".into()],
        Mode::Scd2 => {
            pipeline.target.key = vec!["id".into()];
            pipeline.target.options.scd2 = Some(Scd2 {
                effective_from: "at".into(),
                effective_to: "until".into(),
                is_current: "current".into(),
                open_end: Some("9999-12-31".into()),
                expiry: Expiry::NextStart,
                full_extract: false,
            });
        }
        Mode::ReplacePartition => pipeline.target.options.partition = vec!["id".into()],
        Mode::Append | Mode::ReplaceObject | Mode::None => {}
    }
    change(&mut pipeline);
    let files = LoadFiles {
        rows: Some("s3://s/rows.manifest".into()),
        objects: "s3://s/objects.manifest".into(),
        partial: false,
    };
    let batch = manifest(&["00", "01"]);
    let token = Token::new([(batch.batch, "m")], 1);
    let ledger = Ledger::new("tidegate", "p");
    let planned = plan(&pipeline, &warehouse(), &ledger, OBJECT_COLUMNS, std::slice::from_ref(&batch), &files, &token)
        .expect("a plan");
    // What differs from run to run.
    let stable = |sql: &str| sql.replace(&batch.batch.to_string(), "BATCH").replace(token.as_str(), "TOKEN");
    planned.into_iter().map(|statement| Statement { sql: stable(&statement.sql), ..statement }).collect()
}

fn printed(statements: &[Statement]) -> String {
    statements.iter().map(|statement| format!("-- {}\n{};\n\n", statement.name, statement.sql)).collect()
}

#[test]
fn an_append_reads_as_sql() {
    insta::assert_snapshot!(printed(&statements(Mode::Append, true)));
}

#[test]
fn an_upsert_reads_as_sql() {
    insta::assert_snapshot!(printed(&statements(Mode::Upsert, true)));
}

/// The statements between those that every load begins and ends with.
fn of_mode(statements: &[Statement]) -> String {
    let from = statements.iter().position(|statement| statement.name == "drop rows already loaded").expect("begin");
    let to = statements.iter().position(|statement| statement.name == "create tidegate_batches").expect("end");
    printed(&statements[from + 1..to])
}

#[test]
fn an_insert_new_reads_as_sql() {
    insta::assert_snapshot!(of_mode(&statements(Mode::InsertNew, true)));
}

#[test]
fn an_scd2_reads_as_sql() {
    insta::assert_snapshot!(of_mode(&statements(Mode::Scd2, true)));
}

#[test]
fn an_scd2_of_full_extracts_reads_as_sql() {
    insta::assert_snapshot!(of_mode(&statements_of(Mode::Scd2, |pipeline| {
        let scd2 = pipeline.target.options.scd2.as_mut().expect("scd2");
        scd2.full_extract = true;
        scd2.effective_from = "since".into();
        scd2.expiry = Expiry::MicrosecondBefore;
        scd2.open_end = None;
    })));
}

#[test]
fn a_replace_partition_reads_as_sql() {
    insta::assert_snapshot!(of_mode(&statements(Mode::ReplacePartition, true)));
}

#[test]
fn a_replace_object_reads_as_sql() {
    insta::assert_snapshot!(of_mode(&statements(Mode::ReplaceObject, true)));
}

#[test]
fn an_upsert_that_deletes_within_a_window_reads_as_sql() {
    insta::assert_snapshot!(of_mode(&statements_of(Mode::Upsert, |pipeline| {
        pipeline.target.newest_by.clear();
        pipeline.target.options.merge_window = Some("at".into());
        pipeline.target.options.delete_when = Some(DeleteWhen { column: "id".into(), literal: "0".into(), mark: None });
    })));
}

#[test]
fn steps_and_checks_follow_the_rows_and_precede_the_ledger() {
    let check = |name: &str, aborts: bool| Check {
        name: name.into(),
        template: "SELECT COUNT(*) FROM {{ stage }} WHERE id IS NULL".into(),
        expect: aborts.then(|| "0".into()),
        min: None,
        max: (!aborts).then(|| "0.5".into()),
        aborts,
    };
    let statements = statements_of(Mode::None, |pipeline| {
        let template =
            "INSERT INTO {{ target }} SELECT id FROM {{ stage }}; DELETE FROM z.y WHERE b IN ({{ batch_ids }})";
        pipeline.steps = vec![
            Step::Check(check("first", true)),
            Step::Sql {
                script: Script { name: "move".into(), template: template.into() },
                targets: vec![TableName::new("z", "y"), TableName::new("a", "b")],
            },
            Step::Check(check("one", false)),
            Step::Check(check("two", false)),
        ];
    });
    assert_eq!(
        statements[1].sql,
        r#"LOCK TABLE "a"."b", "public"."t", "tidegate"."batches_p", "tidegate"."objects_p", "z"."y""#,
        "every table that a step writes to, in the order of names"
    );
    insta::assert_snapshot!(format!("{}{}", of_mode(&statements), printed(&statements[statements.len() - 1..])));
}

#[test]
fn a_wide_table_fits_one_transaction_and_a_wider_one_is_refused_with_its_size() {
    let wide = |columns: usize, mode: Mode| {
        let mut all = vec![column("id", "bigint")];
        all.extend((0..columns).map(|at| column(&format!("a_column_{at:04}"), "decimal(12,2)")));
        let mut pipeline = pipeline(all);
        pipeline.target.mode = mode;
        pipeline.target.key = vec!["id".into()];
        let batch = Manifest { columns: staged_columns(&pipeline), ..manifest(&["00"]) };
        let token = Token::new([(batch.batch, "m")], 1);
        let files = LoadFiles { rows: Some("s3://s/r".into()), objects: "s3://s/o".into(), partial: false };
        plan(&pipeline, &warehouse(), &Ledger::new("l", "p"), OBJECT_COLUMNS, &[batch], &files, &token)
    };
    for (columns, mode) in [(400, Mode::Upsert), (400, Mode::InsertNew), (1_000, Mode::Append)] {
        assert_eq!(oversize(&wide(columns, mode).expect("it fits")), None, "{mode:?}");
    }
    let error = wide(900, Mode::Upsert).expect_err("too much SQL");
    assert!(error.to_string().contains("bytes of SQL, but one transaction of the Data API takes 100000"), "{error}");
    let many = statements_of(Mode::None, |_| ()).into_iter().cycle().take(41).collect::<Vec<_>>();
    assert!(oversize(&many).expect("too many").contains("takes 41 statements"));
}

#[test]
fn an_upsert_without_lineage_tells_the_newer_row_by_its_columns_alone() {
    let statements = statements(Mode::Upsert, false);
    let of = |name: &str| statements.iter().find(|statement| statement.name == name).expect(name).sql.clone();
    assert!(!of("merge").contains("_tidegate_object"));
    assert!(!of("decide").contains("objects_p"));
}

#[test]
fn the_ledger_reads_as_sql() {
    insta::assert_snapshot!(printed(&Ledger::new("tidegate", "p").ddl().expect("a template")));
}

#[test]
fn a_load_of_a_part_leaves_out_what_is_not_of_it_after_what_came_was_counted() {
    let mut part = manifest(&["00", "01"]);
    part.objects.pop();
    let files = LoadFiles { rows: Some("s3://s/r".into()), objects: "s3://s/o".into(), partial: true };
    let pipeline = pipeline(vec![column("id", "bigint"), column("at", "timestamp"), column("body", "super")]);
    let token = Token::new([(part.batch, "m")], 1).part(1);
    let planned =
        plan(&pipeline, &warehouse(), &Ledger::new("l", "p"), OBJECT_COLUMNS, &[part], &files, &token).expect("a plan");
    let names: Vec<&str> = planned.iter().map(|statement| statement.name.as_str()).collect();
    let at = |name: &str| names.iter().position(|each| each == &name).unwrap_or_else(|| panic!("{name}: {names:?}"));
    assert!(at("assert copied = staged") < at("leave out objects whose rows are not all here"));
    assert!(at("leave out rows of other objects") < at("drop rows already loaded"));
    let count = &planned[at("assert copied = staged")].sql;
    assert!(count.contains("tidegate_rows) = 2") && count.contains("tidegate_objects) = 1"), "{count}");
    assert!(planned.len() <= 40);
}

#[test]
fn the_ledger_is_asked_only_for_identities() {
    let ids = ["00ff".to_owned(), "x'; DROP TABLE t; --".to_owned()];
    let sql = Ledger::new("tidegate", "p").loaded_query(&ids);
    assert_eq!(sql, r#"SELECT object_id FROM "tidegate"."objects_p" WHERE object_id IN ('00ff')"#);
}

/// What goes wrong elsewhere, row 15: 1023 serializable isolation violation stalls production for hours.
#[test]
fn row_15_the_first_statement_on_data_locks_ledger_and_target_in_the_order_of_names() {
    let statements = statements(Mode::Append, true);
    assert_eq!(statements[0].sql, "SET statement_timeout TO 900000");
    assert_eq!(statements[1].sql, r#"LOCK TABLE "public"."t", "tidegate"."batches_p", "tidegate"."objects_p""#);
    assert_eq!(
        verdict("ERROR: 1023 DETAIL: Serializable isolation violation on table in Redshift"),
        ErrorKind::WarehouseBusy
    );
}

/// What goes wrong elsewhere, row 16: a VARCHAR(256) staging table truncates keys.
#[test]
fn row_16_the_stage_has_the_targets_types() {
    let statements = statements(Mode::Upsert, true);
    let create = statements.iter().find(|statement| statement.name == "create tidegate_rows").expect("a stage");
    assert!(create.sql.contains("\"id\" bigint") && create.sql.contains("\"at\" timestamp"), "{}", create.sql);
    assert!(create.sql.contains("\"body\" varchar(65535)"), "a SUPER is staged as text and parsed by the insert");
}

#[test]
fn text_from_outside_never_becomes_sql() {
    for mode in [
        Mode::Append,
        Mode::InsertNew,
        Mode::Upsert,
        Mode::Scd2,
        Mode::ReplacePartition,
        Mode::ReplaceObject,
        Mode::None,
    ] {
        assert!(!printed(&statements(mode, true)).contains("DROP TABLE"));
    }
}

#[test]
fn a_load_fits_the_data_api() {
    let statements = statements(Mode::Upsert, true);
    assert!(statements.len() <= 40);
    assert!(statements.iter().map(|statement| statement.sql.len()).sum::<usize>() < 100_000);
}

#[test]
fn a_load_without_rows_copies_only_its_objects() {
    let batch = Manifest { files: Vec::new(), ..manifest(&["00"]) };
    let files = LoadFiles { rows: None, objects: "s3://s/objects.manifest".into(), partial: false };
    let token = Token::new([(batch.batch, "m")], 1);
    let pipeline = pipeline(vec![column("id", "bigint")]);
    let planned = plan(&pipeline, &warehouse(), &Ledger::new("l", "p"), OBJECT_COLUMNS, &[batch], &files, &token)
        .expect("a plan");
    let copies: Vec<&str> = planned
        .iter()
        .filter(|statement| statement.sql.starts_with("COPY"))
        .map(|statement| statement.name.as_str())
        .collect();
    assert_eq!(copies, ["copy objects"]);
}

#[test]
fn a_batch_staged_before_its_pipeline_got_a_new_key_is_refused() {
    let mut pipeline = pipeline(vec![column("id", "bigint"), column("new", "bigint")]);
    pipeline.target.mode = Mode::Upsert;
    pipeline.target.key = vec!["new".into()];
    let batch = manifest(&["00"]);
    let files = LoadFiles { rows: None, objects: "s3://s/o".into(), partial: false };
    let token = Token::new([(batch.batch, "m")], 1);
    let error = plan(&pipeline, &warehouse(), &Ledger::new("l", "p"), OBJECT_COLUMNS, &[batch], &files, &token)
        .expect_err("lacks its key");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("new"), "{error}");
}

#[test]
fn batches_share_a_load_while_no_object_comes_twice_and_the_columns_stay() {
    let a = manifest(&["00", "01"]);
    let again = manifest(&["02", "01"]);
    let other = manifest(&["03"]);
    assert_eq!(first_group(&[a.clone(), other.clone(), again.clone()]), 2);
    assert_eq!(first_group(&[again, other.clone()]), 2);
    let mut changed = other.clone();
    changed.columns.pop();
    assert_eq!(first_group(&[a.clone(), changed]), 1);
    let mut other_part = other.clone();
    other_part.batch = a.batch;
    assert_eq!(first_group(&[a.clone(), other_part, other.clone()]), 1, "two parts of a batch");
    let many: Vec<Manifest> = (0..15).map(|at| manifest(&[&at.to_string()])).collect();
    assert_eq!(first_group(&many), 10);
    assert_eq!(first_group(&[]), 0);
}

#[test]
fn a_token_depends_on_its_batches_their_messages_and_its_attempt_and_fits_the_data_api() {
    let batch = BatchId::new();
    let token = Token::new([(batch, "m")], 1);
    assert_eq!(token, Token::new([(batch, "m")], 1));
    assert_ne!(token, Token::new([(batch, "m")], 2));
    assert_ne!(token, Token::new([(batch, "redriven")], 1));
    assert_ne!(token, Token::new([(batch, "m"), (BatchId::new(), "n")], 1));
    assert!(token.as_str().len() <= 64);
    assert_eq!(token.part(1), token.part(1));
    assert_ne!(token.part(1), token.part(2));
    assert_ne!(token.part(0), token);
}

#[test]
fn the_warehouses_texts_tell_busy_from_refused() {
    for (text, kind) in [
        ("ERROR: deadlock detected", ErrorKind::WarehouseBusy),
        ("ERROR: Query (123) cancelled on user's request", ErrorKind::WarehouseBusy),
        ("ERROR: 1018 DETAIL: Relation does not exist", ErrorKind::WarehouseBusy),
        ("ERROR: canceling statement due to lock timeout", ErrorKind::WarehouseBusy),
        ("Redshift endpoint doesn't exist: cluster is paused", ErrorKind::WarehouseDown),
        ("ERROR: cluster is resizing", ErrorKind::WarehouseDown),
        ("ERROR: cluster is in read-only mode", ErrorKind::WarehouseDown),
        ("ERROR: Disk Full", ErrorKind::WarehouseBusy),
        ("Query (123) cancelled by WLM abort action of Query Monitoring Rule", ErrorKind::WarehouseBusy),
        ("ERROR: canceling statement due to statement timeout", ErrorKind::TimedOut),
        (
            "Spectrum Scan Error. Error: HTTP response error code: 503 SlowDown: Retries exceeded",
            ErrorKind::WarehouseBusy,
        ),
        ("Spectrum Scan Error. error: Access Denied", ErrorKind::WarehouseForbidden),
        ("ERROR: permission denied for relation reviews", ErrorKind::WarehouseForbidden),
        (
            "ERROR: Load into table 'x' failed.  Check 'sys_load_error_detail' system table for details.",
            ErrorKind::CopyRefused,
        ),
        ("ERROR: Spectrum Scan Error\n  code: 15007\n  context: Unmatched number of columns", ErrorKind::CopyRefused),
        ("S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey", ErrorKind::CopyRefused),
        ("ERROR: relation \"a.b\" does not exist", ErrorKind::WarehouseSchema),
        ("ERROR: column \"amount\" of relation \"t\" does not exist", ErrorKind::WarehouseSchema),
        ("ERROR: Cannot insert a NULL value into column amount", ErrorKind::WarehouseRefused),
    ] {
        assert_eq!(verdict(text), kind, "{text}");
    }
    assert!(is_missing_relation("ERROR: relation \"a.b\" does not exist"));
    assert!(is_missing_relation("ERROR: schema \"a\" does not exist"));
    assert!(!is_missing_relation("ERROR: column \"a\" does not exist"));
}

#[test]
fn a_report_reads_its_rows_and_knows_what_was_loaded_before() {
    let batch = BatchId::new();
    let row = [&batch.to_string(), "t1", "0", "5", "2", "0", "1"].map(|text| Some(text.to_owned())).to_vec();
    let warning = ["warning", "few rows", "0", "0", "0", "0", "0", "3"].map(|text| Some(text.to_owned())).to_vec();
    let report = Report::read(&[row, warning]).expect("the report's form");
    assert_eq!(report.warnings, [("few rows".to_owned(), "3".to_owned())]);
    assert_eq!(report.batches[0].inserted, 5);
    assert_eq!(report.batches[0].superseded, 1);
    assert!(!report.was_loaded_before(batch, "t1"));
    assert!(report.was_loaded_before(batch, "t2"));
    assert_eq!(Report::read(&[vec![None]]), None);
}
