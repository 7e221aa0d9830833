use super::{EVENTS, REVIEWS, SERVICE, assert_refused, load_two, load_with, pipeline, replaced};
use crate::config::{Check, DeleteWhen, Encode, Expiry, Mode, Scd2, Script, Step};
use crate::schema::identifier::TableName;

#[test]
fn columns_are_named_in_any_case() {
    let text = replaced(REVIEWS, "[\"reviewer_id\", \"asin\"]", "[\"Reviewer_ID\", \"ASIN\"]");
    assert_eq!(pipeline(&text).target.key, ["reviewer_id", "asin"]);
    let text = replaced(REVIEWS, "bestsellers.reviews", "Bestsellers.Reviews");
    assert_eq!(pipeline(&text).target.table.to_string(), "bestsellers.reviews");
}

#[test]
fn lineage_can_go_where_newest_by_tells_the_newer_row() {
    assert!(!pipeline(&replaced(REVIEWS, "distkey", "lineage = false\ndistkey")).target.lineage);
    assert!(!pipeline(&replaced(EVENTS, "mode =", "lineage = false, mode =")).target.lineage);
    assert!(pipeline(&replaced(REVIEWS, "distkey", "create = true\ndistkey")).target.create);
}

#[test]
fn a_target_that_cannot_work_is_refused_with_a_remedy() {
    let newest_by = "newest_by = [\"review_time\"]";
    let key = "key    = [\"reviewer_id\", \"asin\"]";
    let cases = [
        ("bestsellers.reviews", "reviews", "no schema and table", "bestsellers.reviews"),
        ("bestsellers.reviews", "dev.bestsellers.reviews", "no schema and table", "bestsellers.reviews"),
        ("bestsellers.reviews", ".reviews", "a name is empty", "bestsellers.reviews"),
        ("\"upsert\"", "\"scd3\"", "`mode` is `scd3`, which this version does not know", "did you mean `scd2`?"),
        (key, "", "`key` is missing in [target]", "add `key = [\"id\"]`"),
        (key, "key = []", "`key` is empty", "tell rows apart"),
        (key, "key = \"asin\"", "`key` is a text, but must be a list", "write `key = ["),
        (key, "key = [\"asni\"]", "`asni`, which is no column", "did you mean `asin`? the columns are `reviewer_id`"),
        (key, "key = [\"overall\"]", "key column `overall` is not required", "add `required = true`"),
        (key, "key = [\"helpful\"]", "is super, by which rows cannot be told apart", "integers"),
        (key, "key = [\"asin\", \"ASIN\"]", "names `asin` twice", "remove one"),
        (key, "key = [1]", "must be a text", "quotes"),
        (newest_by, "newest_by = [\"helpful\"]", "is super, which has no order", "numbers"),
        (newest_by, "newest_by = [\"nothing\"]", "which is no column", "the columns are"),
        (newest_by, "lineage = false", "nothing that tells which of two rows of a key is newer", "add `newest_by`"),
        ("distkey = \"asin\"", "distkey = \"asn\"", "which is no column", "did you mean `asin`?"),
        (
            "distkey = \"asin\"",
            "distkey = \"helpful\"",
            "a super column, which Redshift does not allow",
            "another type",
        ),
        ("sortkey = [\"review_time\"]", "sortkey = [\"helpful\"]", "a super column", "another type"),
        ("sortkey = [\"review_time\"]", "sortkey = [\"time\"]", "which is no column", "the columns are"),
        ("distkey", "create = 1\ndistkey", "must be true or false", "create = true"),
        ("distkey", "diststyle = \"even\"\ndistkey", "`diststyle` is `even`, but there is a `distkey`", "remove one"),
        ("distkey", "diststyles = \"even\"\ndistkey", "unknown key `diststyles`", "`diststyle`"),
        ("distkey", "encode = \"zstd\"\ndistkey", "`encode` is `zstd`", "`auto` or `explicit`"),
        ("distkey", "partition = [\"asin\"]\ndistkey", "unknown key `partition`", "the keys here are"),
        ("distkey", "merge_window = \"review_time\"\ndistkey", "is not required, has no order", "required column"),
        ("distkey", "merge_window = \"asin\"\ndistkey", "sorted by another column first", "first column of `sortkey`"),
        (
            "distkey",
            "delete_when = { column = \"overall\", value = 1 }\ndistkey",
            "which cannot say that a key is gone",
            "text",
        ),
        (
            "distkey",
            "delete_when = { column = \"asin\", value = 1 }\ndistkey",
            "no value of a varchar(16) column",
            "type",
        ),
        ("distkey", "delete_when = { column = \"asin\", value = \"it's\" }\ndistkey", "holds a quote", "plain value"),
        (
            "distkey",
            "delete_when = { column = \"asin\", value = \"D\", mark = \"overall\" }\ndistkey",
            "`overall` is a column of [columns]",
            "name another",
        ),
        ("distkey", "create_sql = [\"../x.sql\"]\ndistkey", "no file beside the pipeline's", "without `..`"),
    ];
    for (part, by, message, remedy) in cases {
        assert_refused(by, load_two(SERVICE, &replaced(REVIEWS, part, by)), message, remedy);
    }
}

#[test]
fn keys_and_versions_are_refused_where_every_row_is_inserted() {
    for by in ["key = [\"id\"], mode =", "newest_by = [\"id\"], mode ="] {
        let text = replaced(&replaced(EVENTS, "\"bigint\"", "{ type = \"bigint\", required = true }"), "mode =", by);
        assert_refused(by, load_two(SERVICE, &text), "which inserts every row", "mode = \"upsert\"");
    }
}

#[test]
fn a_broken_column_brings_no_second_problem_where_it_is_named() {
    let text = replaced(REVIEWS, "{ type = \"varchar(16)\", required = true, pattern", "{ type = \"txt\", pattern");
    assert_refused("asin", load_two(SERVICE, &text), "`txt` is no type", "varchar(32)");
}

/// A customer dimension; `lines` go into its target.
fn customers(lines: &str) -> String {
    format!(
        "name = \"customers\"\nfreshness = \"5m\"\n\
         source = {{ bucket = \"landing\", key = \"{{day}}/customers.json\", format = \"json-lines\" }}\n\
         [columns]\nid = {{ type = \"bigint\", required = true }}\nname = \"varchar(64)\"\nop = \"varchar(1)\"\n\
         valid = {{ from = \"day\", type = \"date\", required = true }}\nat = {{ type = \"timestamp\", required = true }}\n\
         [target]\ntable = \"a.customers\"\n{lines}\n"
    )
}

#[test]
fn every_mode_reads_with_its_own_keys() {
    let of = |lines: &str| pipeline(&customers(lines)).target;
    let scd2 =
        of("mode = \"scd2\"\nkey = [\"id\"]\neffective_from = \"valid\"\nexpiry = \"day-before\"\nfull_extract = true");
    assert_eq!(
        scd2.options.scd2,
        Some(Scd2 {
            effective_from: "valid".into(),
            effective_to: "effective_to".into(),
            is_current: "is_current".into(),
            open_end: Some("9999-12-31".into()),
            expiry: Expiry::DayBefore,
            full_extract: true,
        })
    );
    let open = of("mode = \"scd2\"\nkey = [\"id\"]\nopen_end = \"null\"").options.scd2.expect("scd2");
    assert_eq!((open.open_end, open.effective_from.as_str(), open.expiry), (None, "effective_from", Expiry::NextStart));
    assert_eq!(of("mode = \"replace-partition\"\npartition = [\"valid\"]").options.partition, ["valid"]);
    assert!(of("mode = \"replace-object\"\non_delete = \"delete\"").options.delete_removed);
    assert!(!of("mode = \"replace-object\"").options.delete_removed);
    let upsert =
        of("mode = \"upsert\"\nkey = [\"id\"]\ndelete_when = { column = \"op\", value = \"D\", mark = \"gone\" }");
    let delete = DeleteWhen { column: "op".into(), literal: "'D'".into(), mark: Some("gone".into()) };
    assert_eq!(upsert.options.delete_when, Some(delete));
    let new = of(
        "mode = \"insert-new\"\nkey = [\"id\", \"name\"]\nmerge_window = \"at\"\nsortkey = [\"at\"]\nencode = \"explicit\"\nevolve = true",
    );
    assert_eq!(
        (new.mode, new.key, new.options.merge_window.as_deref()),
        (Mode::InsertNew, vec!["id".into(), "name".into()], Some("at"))
    );
    assert!(new.physical.evolve && new.physical.encode == Encode::Explicit);
    assert_eq!(of("mode = \"none\"").mode, Mode::None);
}

#[test]
fn a_default_name_that_is_taken_is_told_at_the_mode() {
    let taken = replaced(&customers("mode = \"scd2\"\nkey = [\"id\"]"), "op =", "is_current =");
    assert_refused("is_current", load_two(SERVICE, &taken), "`is_current` is a column of [columns]", "name another");
}

#[test]
fn a_mode_that_cannot_work_is_refused_with_a_remedy() {
    let cases = [
        ("mode = \"scd2\"\nkey = [\"id\"]\nnewest_by = [\"at\"]", "which tells versions by `effective_from`", "remove"),
        (
            "mode = \"scd2\"\nkey = [\"id\"]\neffective_from = \"name\"",
            "neither a date nor a timestamp",
            "another column",
        ),
        ("mode = \"scd2\"\nkey = [\"id\"]\neffective_to = \"name\"", "is made by the load", "name another"),
        ("mode = \"scd2\"\nkey = [\"id\"]\nis_current = \"effective_to\"", "has another meaning already", "of its own"),
        ("mode = \"scd2\"\nkey = [\"id\"]\nexpiry = \"day-before\"", "no date column", "microsecond-before"),
        ("mode = \"scd2\"\nkey = [\"id\"]\nopen_end = \"never\"", "`never` is no date", "9999-12-31"),
        ("mode = \"scd2\"\nkey = [\"id\"]\nlineage = false", "tells by lineage what it replaces", "remove `lineage`"),
        (
            "mode = \"scd2\"\nkey = [\"id\"]\nis_current = \"effective_from\"",
            "has another meaning already",
            "of its own",
        ),
        ("mode = \"replace-partition\"", "`partition` is missing", "add `partition"),
        ("mode = \"replace-partition\"\npartition = [\"name\"]", "is not required", "required = true"),
        ("mode = \"replace-object\"\nkey = [\"id\"]", "which replaces whole objects", "remove `key`"),
        ("mode = \"replace-object\"\non_delete = \"drop\"", "`on_delete` is `drop`", "`keep` or `delete`"),
        ("mode = \"none\"\ncreate = true", "need not have the pipeline's columns", "create_sql"),
    ];
    for (lines, message, remedy) in cases {
        assert_refused(lines, load_two(SERVICE, &customers(lines)), message, remedy);
    }
}

/// Loads [`customers`] with more lines at its end, and a file `s.sql` beside it.
fn with_script(lines: &str, sql: &str) -> Result<crate::config::Config, (String, crate::config::Problems)> {
    let pipeline = format!("{}{lines}\n", customers("mode = \"none\""));
    load_with(
        &[
            ("tidegate.toml", SERVICE.as_bytes()),
            ("pipelines/p.toml", pipeline.as_bytes()),
            ("pipelines/s.sql", sql.as_bytes()),
        ],
        &[],
    )
}

#[test]
fn steps_and_checks_run_in_the_order_of_the_file() {
    let lines = "[[check]]\nname = \"first\"\nsql = \"SELECT COUNT(*) FROM {{ stage }}\"\nmin = 1\n\
                 [[step]]\nsql = \"s.sql\"\ntargets = [\"A.Other\"]\n\
                 [[check]]\nname = \"last\"\nsql = \"SELECT 0\"\nexpect = 0\nmax = 1.5\nseverity = \"warn\"\n\
                 [after]\nsql = [\"REFRESH MATERIALIZED VIEW a.v\"]\nevery = \"5m\"";
    let sql = "INSERT INTO {{ target }} SELECT 1; DELETE FROM a.other WHERE x = ';';";
    let config = with_script(lines, sql).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    let pipeline = &config.pipelines[0];
    let check = |name: &str, template: &str| Check {
        name: name.into(),
        template: template.into(),
        expect: None,
        min: None,
        max: None,
        aborts: true,
    };
    assert_eq!(
        pipeline.steps,
        [
            Step::Check(Check { min: Some("1".into()), ..check("first", "SELECT COUNT(*) FROM {{ stage }}") }),
            Step::Sql {
                script: Script { name: "s".into(), template: sql.into() },
                targets: vec![TableName::new("a", "other")],
            },
            Step::Check(Check {
                expect: Some("0".into()),
                max: Some("1.5".into()),
                aborts: false,
                ..check("last", "SELECT 0")
            }),
        ]
    );
    let after = pipeline.after.as_ref().expect("an [after]");
    assert_eq!((after.statements.len(), after.every), (1, std::time::Duration::from_secs(300)));
}

#[test]
fn a_step_that_cannot_be_part_of_a_load_is_refused_with_a_remedy() {
    let step = "[[step]]\nsql = \"s.sql\"\ntargets = [\"a.b\"]";
    for (sql, message, remedy) in [
        ("TRUNCATE a.b", "s.sql holds TRUNCATE: it commits", "DELETE FROM"),
        ("DELETE FROM a.b; COMMIT;", "BEGIN, COMMIT or ROLLBACK", "remove it"),
        ("VACUUM a.b", "VACUUM", "[after]"),
        ("ALTER TABLE a.b APPEND FROM a.c", "ALTER TABLE APPEND", "INSERT INTO"),
        ("REFRESH MATERIALIZED VIEW a.v", "REFRESH MATERIALIZED VIEW", "[after]"),
        ("INSERT INTO a.c SELECT 1", "writes to a.c, which is not among its targets", "locked first"),
        ("INSERT INTO work SELECT 1", "writes to work", "with its schema"),
        ("INSERT INTO a.b SELECT '{{ day }}'", "names a variable that there is not in line 1", "text from outside"),
        ("INSERT INTO a.b SELECT 'x", "cannot be read: line 1", "close every quote"),
        ("-- nothing", "there is no statement", "write one"),
    ] {
        assert_refused(sql, with_script(step, sql), message, remedy);
    }
    assert!(
        with_script(step, "CREATE TEMP TABLE w AS SELECT 1; INSERT INTO w SELECT 2; DELETE FROM {{ target }}").is_ok()
    );
    let check = |rest: &str| format!("[[check]]\nname = \"c\"\n{rest}");
    for (lines, message, remedy) in [
        (check("sql = \"SELECT 1\""), "the check has no condition", "expect = 0"),
        (check("sql = \"DELETE FROM a.b\"\nexpect = 0"), "one query that gives one number", "[[step]]"),
        (check("sql = \"SELECT 1; SELECT 2\"\nexpect = 0"), "one query that gives one number", "write one SELECT"),
        (check("sql = \"SELECT 1\"\nexpect = \"0\""), "`expect` is no number", "without quotes"),
        (check("sql = \"SELECT 1\"\nmax = 1e9"), "not written in digits alone", "0.05"),
        (
            check("sql = \"SELECT 1\"\nmax = 1\n[[check]]\nname = \"c\"\nsql = \"SELECT 1\"\nmax = 1"),
            "a second check",
            "rename",
        ),
        ("[[check]]\nname = \"it's\"\nsql = \"SELECT 1\"\nmax = 1".into(), "no name of a check", "letters"),
        ("[after]\nsql = [\"SELECT 1; SELECT 2\"]".into(), "several statements", "each as a text"),
        ("[after]\nevery = \"5m\"".into(), "`sql` is missing in [after]", "REFRESH"),
    ] {
        assert_refused(&lines, with_script(&lines, "SELECT 1"), message, remedy);
    }
    let create = replaced(&customers("mode = \"none\""), "mode =", "create_sql = [\"s.sql\"]\nmode =");
    let files = |sql: &'static str| {
        [
            ("tidegate.toml", SERVICE.as_bytes().to_vec()),
            ("pipelines/p.toml", create.clone().into_bytes()),
            ("pipelines/s.sql", sql.as_bytes().to_vec()),
        ]
    };
    let load = |sql: &'static str| {
        let files = files(sql);
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        load_with(&files, &[])
    };
    assert!(load("CREATE TABLE IF NOT EXISTS a.b (c int); GRANT SELECT ON a.b TO PUBLIC").is_ok());
    assert_refused("create_sql", load("DELETE FROM a.b"), "which creates nothing", "IF NOT EXISTS");
}
