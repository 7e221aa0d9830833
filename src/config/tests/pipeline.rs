use std::time::Duration;

use super::{EVENTS, REVIEWS, SERVICE, assert_refused, load_two, load_with, pipeline, replaced};
use crate::config::{BatchLimits, ColumnSource, Firehose, Format, Mask, Mode, OnFull, OnUnknownField, Rejects, TeeOf};
use crate::model::Codec;
use crate::schema::ColumnType;
use crate::schema::value::{Cell, TimeParse};

#[test]
fn the_designs_example_reads_into_its_values() {
    let pipeline = pipeline(REVIEWS);
    assert_eq!(pipeline.name, "reviews");
    assert_eq!(pipeline.freshness, Duration::from_secs(60));
    assert_eq!(pipeline.source.bucket, "landing");
    assert_eq!(pipeline.source.key.captures(), ["downloaded_at"]);
    assert_eq!(pipeline.source.format, Format::JsonLines);

    let names: Vec<&str> = pipeline.columns.iter().map(|column| column.name.as_str()).collect();
    let expected = ["reviewer_id", "asin", "overall", "review_time", "email_hash", "helpful", "downloaded_at"];
    assert_eq!(names, expected);
    let [reviewer, asin, overall, time, email, helpful, downloaded] = pipeline.columns.as_slice() else {
        panic!("seven columns")
    };
    assert_eq!(reviewer.from, ColumnSource::Field("reviewerID".to_owned()));
    assert!(reviewer.required && asin.required && !overall.required);
    assert_eq!(asin.from, ColumnSource::Field("asin".to_owned()));
    assert_eq!(asin.pattern.as_ref().map(|pattern| pattern.as_str()), Some("^[A-Z0-9]{10}$"));
    assert_eq!(overall.column_type, ColumnType::Decimal { precision: 2, scale: 1 });
    assert_eq!((&overall.min, &overall.max), (&Some(Cell::Decimal(10)), &Some(Cell::Decimal(50))));
    assert_eq!(time.parse, TimeParse::EpochSeconds);
    assert_eq!((email.column_type, &email.mask), (ColumnType::Char(64), &Some(Mask::Sha256)));
    assert_eq!(helpful.column_type, ColumnType::Super);
    assert_eq!(downloaded.from, ColumnSource::Capture(0));

    assert_eq!(pipeline.target.table.to_string(), "bestsellers.reviews");
    assert_eq!(pipeline.target.mode, Mode::Upsert);
    assert_eq!(pipeline.target.key, ["reviewer_id", "asin"]);
    assert_eq!(pipeline.target.newest_by, ["review_time"]);
    assert_eq!(pipeline.target.distkey.as_deref(), Some("asin"));
    assert_eq!(pipeline.target.sortkey, ["review_time"]);
    assert_eq!(pipeline.rejects, Rejects { max_share: 0.05, max_rows: 10_000 });
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let pipeline = pipeline(EVENTS);
    assert_eq!(pipeline.source.on_unknown_field, OnUnknownField::Ignore);
    assert_eq!(pipeline.source.max_record_bytes, 4 << 20);
    assert_eq!(pipeline.source.max_object_bytes, 1 << 40);
    assert_eq!(pipeline.source.max_expansion, 1_000);
    assert_eq!(pipeline.source.max_read_time, Duration::from_secs(3_600));
    assert_eq!((pipeline.source.compression, pipeline.source.max_window), (None, 64 << 20));
    assert_eq!(pipeline.batch, BatchLimits { max_rows: 5_000_000, max_bytes: 1 << 30, max_objects: 10_000 });
    assert_eq!(pipeline.rejects, Rejects { max_share: 1.0, max_rows: 10_000 });
    assert!(pipeline.target.lineage && !pipeline.target.create);
    assert!(pipeline.target.key.is_empty() && pipeline.target.newest_by.is_empty());
    assert!(pipeline.target.distkey.is_none() && pipeline.target.sortkey.is_empty());
}

#[test]
fn limits_that_are_said_are_taken() {
    let text = format!(
        "{}[firehose]\nstream = \"s\"\nwhat = \"rejects\"\non_full = \"block\"\nbuffer = 7\n[batch]\nmax_rows = 10\nmax_bytes = \"2MiB\"\nmax_objects = 3\n[rejects]\nmax_share = 1\nmax_rows = 0\n",
        replaced(
            EVENTS,
            "format =",
            "on_unknown_field = \"reject\", max_record_bytes = 2048, max_object_bytes = \"5GiB\", max_expansion = 20, \
             max_read_time = \"90s\", compression = \"brotli\", max_window = \"128MiB\", format ="
        )
    );
    let pipeline = pipeline(&text);
    assert_eq!(pipeline.source.on_unknown_field, OnUnknownField::Reject);
    assert_eq!(pipeline.source.max_record_bytes, 2_048);
    assert_eq!(pipeline.source.max_object_bytes, 5 << 30);
    assert_eq!(pipeline.source.max_expansion, 20);
    assert_eq!(pipeline.source.max_read_time, Duration::from_secs(90));
    assert_eq!((pipeline.source.compression, pipeline.source.max_window), (Some(Codec::Brotli), 128 << 20));
    assert_eq!(pipeline.batch, BatchLimits { max_rows: 10, max_bytes: 2 << 20, max_objects: 3 });
    let firehose = Firehose { stream: "s".into(), what: TeeOf::Rejects, on_full: OnFull::Block, buffer: 7 };
    assert_eq!(pipeline.firehose, Some(firehose));
    assert_eq!(pipeline.rejects, Rejects { max_share: 1.0, max_rows: 0 });
}

#[test]
fn unknown_fields_become_columns_where_that_is_said() {
    let text = replaced(EVENTS, "format =", "on_unknown_field = \"evolve\", format =");
    assert_eq!(pipeline(&text).source.on_unknown_field, OnUnknownField::Evolve);
}

#[test]
fn a_pipeline_that_cannot_work_is_refused_with_a_remedy() {
    let cases = [
        ("\"events\"", "\"Events\"", "`Events` is no name of a pipeline", "lower-case letter"),
        ("\"events\"", "\"1events\"", "no name of a pipeline", "at most 40"),
        ("\"events\"", "\"e23456789_123456789_123456789_123456789_1\"", "no name of a pipeline", "at most 40"),
        ("freshness = \"5m\"", "", "`freshness` is missing", "add `freshness = \"60s\"`"),
        ("\"5m\"", "\"7h\"", "is 7h, but may be 1s to 6h", "\"6h\""),
        ("\"landing\"", "\"s3://landing\"", "no bucket's name", "without `s3://`"),
        ("events/**", "/events/**", "keys begin without a `/`", "`*` matches within a folder"),
        ("events/**", "events/{day", "lacks its closing `}`", "captures"),
        ("events/**", "", "`key` is empty", "`**`"),
        ("\"json-lines\"", "\"xml\"", "`format` is `xml`, which this version does not know", "choose `json-lines`"),
        ("\"json-lines\"", "\"jsonlines\"", "this version does not know", "did you mean `json-lines`?"),
        (
            "\"json-lines\"",
            "\"json-lines\", on_unknown_field = \"keep\"",
            "`keep`, which this version",
            "`ignore`, `reject`, `rescue` or `evolve`",
        ),
        (
            "\"json-lines\"",
            "\"json-lines\", rescue_column = \"more\"",
            "`rescue_column` stands without",
            "remove `rescue_column`",
        ),
        (
            "\"json-lines\"",
            "\"json-lines\", on_unknown_field = \"rescue\", rescue_column = \"ID\"",
            "is one of [columns] already",
            "`rescue_column`",
        ),
        ("\"json-lines\"", "\"json-lines\", ignore_case = 1", "must be true or false", "ignore_case = true"),
        ("\"json-lines\"", "\"json-lines\", max_record_bytes = \"1GiB\"", "may be 1KiB to 64MiB", "KiB"),
        ("\"json-lines\"", "\"json-lines\", max_expansion = 0", "is 0, but may be 1", "whole number"),
        ("\"json-lines\"", "\"json-lines\", max_read_time = \"12h\"", "may be 1s to 11h", "unit"),
        ("\"json-lines\"", "\"json-lines\", max_window = \"1MiB\"", "may be 16MiB to 2GiB", "unit"),
        ("\"json-lines\"", "\"json-lines\", compression = \"gz\"", "`gz`", "gzip"),
        ("\"json-lines\"", "\"json-lines\", prefix = \"a\"", "unknown key `prefix` in [source]", "`bucket`"),
        (
            "target =",
            "firehose = { stream = \"arn:aws:s\", what = \"rows\" }\ntarget =",
            "`arn:aws:s` is no name",
            "without its ARN",
        ),
        ("target =", "firehose = { stream = \"s\", what = \"all\" }\ntarget =", "`what` is `all`", "`batches`"),
        ("target =", "firehose = { what = \"rows\" }\ntarget =", "`stream` is missing", "add `stream"),
        ("target =", "batch = { max_rows = 0 }\ntarget =", "`max_rows` is 0", "whole number"),
        ("target =", "rejects = { max_share = 0 }\ntarget =", "must be above 0", "`max_rows = 0`"),
        ("target =", "rejects = { max_share = 1.01 }\ntarget =", "is 1.01, but", "0.05"),
        ("target =", "rejects = { max_share = nan }\ntarget =", "is nan, but", "0.05"),
        ("target =", "rejects = { max_share = \"5%\" }\ntarget =", "is a text, but must be a number", "0.05"),
        ("target =", "rejects = { max_rows = 1_000_000 }\ntarget =", "may be 0 to 100000", "whole number"),
        ("columns = { id = \"bigint\" }", "", "`columns` is missing", "id"),
        ("columns = { id = \"bigint\" }", "columns = {}", "there are no columns", "add one"),
        ("columns = { id = \"bigint\" }", "columns = [\"id\"]", "must be a table", "`[columns]`"),
    ];
    for (part, by, message, remedy) in cases {
        assert_refused(by, load_two(SERVICE, &replaced(EVENTS, part, by)), message, remedy);
    }
}

#[test]
fn two_pipelines_of_one_name_are_told_with_both_places() {
    let files = [
        ("tidegate.toml", SERVICE.as_bytes()),
        ("pipelines/a.toml", EVENTS.as_bytes()),
        ("pipelines/b.toml", REVIEWS.as_bytes()),
        ("pipelines/c.toml", EVENTS.as_bytes()),
    ];
    let (text, problems) = load_with(&files, &[]).expect_err("a name stands twice");
    assert_eq!(problems.as_slice().len(), 1);
    assert!(text.contains("a second pipeline has the name `events`\n --> pipelines/c.toml:2:8"), "{text}");
    assert!(text.contains("note: the first is at "), "{text}");
    assert!(text.contains("pipelines/a.toml:2:8"), "{text}");
}

#[test]
fn pipelines_come_in_the_order_of_their_files() {
    let files = [
        ("tidegate.toml", SERVICE.as_bytes()),
        ("pipelines/b.toml", EVENTS.as_bytes()),
        ("pipelines/a.toml", REVIEWS.as_bytes()),
        ("pipelines/.#a.toml", b"an editor's lock".as_slice()),
        ("pipelines/reviews.sql", b"SELECT 1".as_slice()),
    ];
    let config = load_with(&files, &[]).unwrap_or_else(|(problems, _)| panic!("{problems}"));
    let names: Vec<&str> = config.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    assert_eq!(names, ["reviews", "events"]);
}

#[test]
fn what_is_staged_never_becomes_input() {
    let beside = |uri: &str, key: &str| {
        let service = replaced(SERVICE, "s3://tidegate-staging/etl", uri);
        load_two(&service, &replaced(EVENTS, "events/**", key))
    };
    for (uri, key) in [
        ("s3://landing/staging", "staging/{part}/*.json"),
        ("s3://landing/staging", "**"),
        ("s3://landing/staging", "{any}/x"),
        ("s3://landing/staging/deep", "stag*"),
        ("s3://landing", "events/**"),
    ] {
        assert_refused(key, beside(uri, key), "the output would be input again", "stage in another bucket");
    }
    for (uri, key) in [("s3://landing/staging", "events/**"), ("s3://landing/stag", "staging/*"), ("s3://other", "**")]
    {
        assert!(beside(uri, key).is_ok(), "{uri} {key}");
    }
}

#[test]
fn variables_are_replaced_in_texts_only() {
    let service = replaced(SERVICE, "\"dev\"", "\"${DATABASE}\"");
    let pipeline = replaced(EVENTS, "raw.events", "${SCHEMA}.events");
    let files = [("tidegate.toml", service.as_bytes()), ("pipelines/p.toml", pipeline.as_bytes())];
    let set = [("DATABASE", "x\"\niam_role = \"evil"), ("SCHEMA", "test")];
    let (text, _) = load_with(&files, &set).expect_err("a database's name holds no line break");
    assert!(text.contains("`database`: \"x\\\"\\niam_role"), "{text}");

    let config = load_with(&files, &[("DATABASE", "prod"), ("SCHEMA", "test")]);
    let config = config.unwrap_or_else(|(problems, _)| panic!("{problems}"));
    assert_eq!(config.service.warehouse.database, "prod");
    assert_eq!(config.pipelines[0].target.table.to_string(), "test.events");
}

#[test]
fn unknown_fields_are_rescued_into_a_last_column() {
    let rescued = |keys: &str| {
        let pipeline = pipeline(&replaced(EVENTS, "format =", &format!("{keys}, format =")));
        let last = pipeline.columns.last().cloned().expect("a column");
        assert_eq!((last.column_type, last.from), (ColumnType::Super, ColumnSource::Rescued));
        last.name
    };
    assert_eq!(rescued("on_unknown_field = \"rescue\""), "_rescued");
    assert_eq!(rescued("on_unknown_field = \"rescue\", rescue_column = \"More\""), "more");
}

#[test]
fn rules_are_conditions_over_the_columns() {
    let text = format!(
        "{EVENTS}[[rule]]\nname = \"positive\"\nwhere = \"id > 0\"\n[[rule]]\nname = \"small\"\nwhere = '''id <\n10'''\n"
    );
    let rules = pipeline(&text).rules;
    let read: Vec<(&str, &str)> = rules.iter().map(|rule| (rule.name.as_str(), rule.condition.as_str())).collect();
    assert_eq!(read, [("positive", "id > 0"), ("small", "id <\n10")]);
}
