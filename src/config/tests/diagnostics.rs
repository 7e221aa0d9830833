use insta::assert_snapshot;

use super::{EVENTS, REVIEWS, SERVICE, load_with, refused, replaced};

#[test]
fn every_problem_of_every_file_is_told_at_once() {
    let service = r#"
[queues]
events = "https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-events"
events_dlq = "https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-events"
loads = "https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-loads"
loads_dlq = "${LOADS_DLQ}"
events_visibilty = "120s"

[staging]
uri = "s3://landing/amazon/"

[warehouse]
workgroup = "etl"
cluster = "etl"
iam_role = "copy"
"#;
    let reviews = r#"
name = "Reviews"
freshness = 60

[source]
bucket = "landing"
key = "amazon/{day}/*.json.gz"
format = "cvs"

[columns]
asin = { type = "varchar(16)", requird = true }
overal = { type = "decimal(2,1)", min = 5, max = 1 }
day = "text"
Day = "date"

[target]
table = "reviews"
mode = "upsert"
key = ["asin", "reviewer"]

[[step]]
sql = "songplays.sql"
"#;
    let syntax = "name = \"x\nfreshness = 60s\n";
    let files = [
        ("tidegate.toml", service.as_bytes()),
        ("pipelines/reviews.toml", reviews.as_bytes()),
        ("pipelines/syntax.toml", syntax.as_bytes()),
        ("pipelines/latin1.toml", b"name = \"caf\xe9\"\n".as_slice()),
    ];
    let (text, _) = load_with(&files, &[]).expect_err("nothing is right");
    assert_snapshot!(text, @r#"
    error: `events_dlq` is the queue that `events` is already
     --> tidegate.toml:4:14
      |
    4 | events_dlq = "https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-events"
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: `events` is at tidegate.toml:3:10
      = help: give each of the four its own queue

    error: `loads` is no FIFO queue: its name `tidegate-loads` does not end in `.fifo`
     --> tidegate.toml:5:9
      |
    5 | loads = "https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-loads"
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: create the queue as FIFO: its message groups order the loads of each table

    error: the environment variable LOADS_DLQ is not set
     --> tidegate.toml:6:14
      |
    6 | loads_dlq = "${LOADS_DLQ}"
      |              ^^^^^^^^^^^^
      |
      = help: set LOADS_DLQ, or write `$${` for the two characters themselves

    error: unknown key `events_visibilty` in [queues]
     --> tidegate.toml:7:1
      |
    7 | events_visibilty = "120s"
      | ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `events_visibility`? the keys here are `events`, `events_dlq`, `loads`, `loads_dlq`, `events_visibility`, `loads_visibility`, `on_unrouted`

    error: `database` is missing in [warehouse]
      --> tidegate.toml:12:1
       |
    12 | [warehouse]
       | ^^^^^^^^^^^
       |
       = help: add `database = "dev"`

    error: there is a `cluster` beside a `workgroup`
      --> tidegate.toml:14:11
       |
    14 | cluster = "etl"
       |           ^^^^^
       |
       = note: `workgroup` is at tidegate.toml:13:13
       = help: keep `workgroup` for Redshift Serverless, or `cluster` for a provisioned cluster

    error: `copy` is no ARN of a role
      --> tidegate.toml:15:12
       |
    15 | iam_role = "copy"
       |            ^^^^^^
       |
       = help: write "default", or an ARN such as "arn:aws:iam::123456789012:role/redshift-copy"

    error: the file is not UTF-8 from here on
     --> pipelines/latin1.toml:1:12
      |
    1 | name = "caf�"
      |            ^
      |
      = help: save the file as UTF-8

    error: `Reviews` is no name of a pipeline
     --> pipelines/reviews.toml:2:8
      |
    2 | name = "Reviews"
      |        ^^^^^^^^^
      |
      = help: write a lower-case letter, then lower-case letters, digits and `_`, at most 40 in all

    error: `freshness` is a whole number, but must be a duration
     --> pipelines/reviews.toml:3:13
      |
    3 | freshness = 60
      |             ^^
      |
      = help: write a whole number and its unit (ms, s, m, h), from "1s" to "6h"

    error: `key` takes objects from where batches are staged, s3://landing/amazon/: the output would be input again
     --> pipelines/reviews.toml:7:7
      |
    7 | key = "amazon/{day}/*.json.gz"
      |       ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: the staging area is at tidegate.toml:10:7
      = help: stage in another bucket, or begin `key` with a prefix that the staging area is not under

    error: `format` is `cvs`, which this version does not know
     --> pipelines/reviews.toml:8:10
      |
    8 | format = "cvs"
      |          ^^^^^
      |
      = help: did you mean `csv`? choose `json-lines`, `json`, `csv`, `parquet`, `avro`, `orc`, `python-literal` or `text`

    error: unknown key `requird` in column `asin`
      --> pipelines/reviews.toml:11:32
       |
    11 | asin = { type = "varchar(16)", requird = true }
       |                                ^^^^^^^
       |
       = help: did you mean `required`? the keys here are `from`, `type`, `required`, `parse`, `pattern`, `mask`, `min`, `max`, `one_of`, `default`, `lower`, `upper`, `split`, `max_bytes`, `truncate`, `time_zone`, `strict`, `non_finite`, `strip_nul`, `trim` and 2 more

    error: `max` is below `min`: no value could pass
      --> pipelines/reviews.toml:12:50
       |
    12 | overal = { type = "decimal(2,1)", min = 5, max = 1 }
       |                                                  ^
       |
       = note: `min` is at pipelines/reviews.toml:12:41
       = help: swap the two, or correct one

    error: Redshift turns `text` into 256 bytes; say the length in bytes, such as varchar(256)
      --> pipelines/reviews.toml:13:7
       |
    13 | day = "text"
       |       ^^^^^^
       |
       = help: write a type as Redshift does, such as "varchar(32)", "decimal(12,2)" or "timestamp"

    error: column `Day` stands twice, as Redshift folds names to lower case
      --> pipelines/reviews.toml:14:1
       |
    14 | Day = "date"
       | ^^^
       |
       = note: the first is at pipelines/reviews.toml:13:1
       = help: rename one of the two; `from` can name the field it comes from

    error: `reviews` is no schema and table
      --> pipelines/reviews.toml:17:9
       |
    17 | table = "reviews"
       |         ^^^^^^^^^
       |
       = help: write the schema and the table, such as "bestsellers.reviews"

    error: `key` names `reviewer`, which is no column
      --> pipelines/reviews.toml:19:16
       |
    19 | key = ["asin", "reviewer"]
       |                ^^^^^^^^^^
       |
       = help: the columns are `asin`, `overal`, `day`

    error: the file pipelines/songplays.sql cannot be read: No such file or directory (os error 2)
      --> pipelines/reviews.toml:22:7
       |
    22 | sql = "songplays.sql"
       |       ^^^^^^^^^^^^^^^
       |
       = help: files of SQL are named relative to the pipeline's file, and are UTF-8

    error: this is no TOML: invalid basic string, expected `"`
     --> pipelines/syntax.toml:1:10
      |
    1 | name = "x
      |          ^
      |
      = help: texts stand in "quotes", lists in [brackets], and each key on a line of its own

    error: this is no TOML: string values must be quoted, expected literal string
     --> pipelines/syntax.toml:2:13
      |
    2 | freshness = 60s
      |             ^^^
      |
      = help: texts stand in "quotes", lists in [brackets], and each key on a line of its own

    21 problems in the configuration
    "#);
}

#[test]
fn variables_that_cannot_be_replaced_are_shown_where_they_stand() {
    let service = replaced(SERVICE, "\"dev\"", "\"${STAGE}_${NAME:-dev}_$${kept}\"");
    assert_snapshot!(refused(&service, EVENTS), @r#"
    error: the environment variable STAGE is not set
      --> tidegate.toml:13:13
       |
    13 | database = "${STAGE}_${NAME:-dev}_$${kept}"
       |             ^^^^^^^^
       |
       = help: set STAGE, or write `$${` for the two characters themselves

    error: `${NAME:-…}`: defaults of variables are not supported
      --> tidegate.toml:13:22
       |
    13 | database = "${STAGE}_${NAME:-dev}_$${kept}"
       |                      ^^^^^^^^^^^^
       |
       = help: write `${NAME}` and set NAME wherever the service runs, or write the value itself

    2 problems in the configuration
    "#);
}

#[test]
fn keys_that_stand_twice_are_shown_with_both_places_and_reading_goes_on() {
    let pipeline = replaced(REVIEWS, "helpful     =", "asin = \"bigint\"\noverall     =");
    let pipeline = replaced(&pipeline, "type = \"timestamp\"", "type = \"timestamp\", type = \"date\"");
    let pipeline = replaced(&pipeline, "[rejects]", "[source]\nbucket = \"b\"\n[rejects]");
    assert_snapshot!(refused(SERVICE, &replaced(&pipeline, "0.05", "5")), @r#"
    error: `type` stands twice
      --> pipelines/p.toml:15:62
       |
    15 | review_time = { from = "unixReviewTime", type = "timestamp", type = "date", parse = "epoch-seconds" }
       |                                                              ^^^^
       |
       = note: the first `type` is at pipelines/p.toml:15:42
       = help: keep one of the two, or rename one

    error: `asin` stands twice
      --> pipelines/p.toml:17:1
       |
    17 | asin = "bigint"
       | ^^^^
       |
       = note: the first `asin` is at pipelines/p.toml:13:1
       = help: keep one of the two, or rename one

    error: `overall` stands twice
      --> pipelines/p.toml:18:1
       |
    18 | overall     = { type = "super" }
       | ^^^^^^^
       |
       = note: the first `overall` is at pipelines/p.toml:14:1
       = help: keep one of the two, or rename one

    error: `source` stands twice
      --> pipelines/p.toml:29:2
       |
    29 | [source]
       |  ^^^^^^
       |
       = note: the first `source` is at pipelines/p.toml:5:1
       = help: keep one of the two, or rename one

    error: `bucket` stands twice
      --> pipelines/p.toml:30:1
       |
    30 | bucket = "b"
       | ^^^^^^
       |
       = note: the first `bucket` is at pipelines/p.toml:6:1
       = help: keep one of the two, or rename one

    error: `max_share` is 5, but must be above 0 and at most 1
      --> pipelines/p.toml:32:13
       |
    32 | max_share = 5
       |             ^
       |
       = help: write a share such as 0.05; to tolerate no reject at all, write `max_rows = 0`

    6 problems in the configuration
    "#);
}

#[test]
fn missing_tables_and_keys_are_shown_with_what_belongs_there() {
    assert_snapshot!(refused("", "[source]\nbukcet = \"landing\"\n"), @r#"
    error: `queues` is missing
     --> tidegate.toml:1:1
      |
    1 |
      | ^
      |
      = help: add a table `[queues]` with `events`, `events_dlq`, `loads` and `loads_dlq`

    error: `staging` is missing
     --> tidegate.toml:1:1
      |
    1 |
      | ^
      |
      = help: add a table `[staging]` with `uri`

    error: `warehouse` is missing
     --> tidegate.toml:1:1
      |
    1 |
      | ^
      |
      = help: add a table `[warehouse]` with `workgroup` or `cluster`, `database` and `iam_role`

    error: `name` is missing
     --> pipelines/p.toml:1:1
      |
    1 | [source]
      | ^
      |
      = help: add `name = "reviews"`

    error: `freshness` is missing
     --> pipelines/p.toml:1:1
      |
    1 | [source]
      | ^
      |
      = help: add `freshness = "60s"`

    error: `columns` is missing
     --> pipelines/p.toml:1:1
      |
    1 | [source]
      | ^
      |
      = help: add `columns = { id = "bigint" }`

    error: `target` is missing
     --> pipelines/p.toml:1:1
      |
    1 | [source]
      | ^
      |
      = help: add a table `[target]` with `table` and `mode`

    error: `key` is missing in [source]
     --> pipelines/p.toml:1:1
      |
    1 | [source]
      | ^^^^^^^^
      |
      = help: add `key = "reviews/*.json.gz"`

    error: `format` is missing in [source]
     --> pipelines/p.toml:1:1
      |
    1 | [source]
      | ^^^^^^^^
      |
      = help: add `format = "json-lines"`

    error: unknown key `bukcet` in [source]
     --> pipelines/p.toml:2:1
      |
    2 | bukcet = "landing"
      | ^^^^^^
      |
      = help: did you mean `bucket`? the keys here are `bucket`, `key`, `format`, `compression`, `ignore_case`, `on_unknown_field`, `rescue_column`, `max_record_bytes`, `max_object_bytes`, `max_expansion`, `max_read_time`, `max_window`

    10 problems in the configuration
    "#);
}

#[test]
fn a_missing_file_is_told_by_its_path() {
    let (text, _) = load_with(&[("pipelines/p.toml", EVENTS.as_bytes())], &[]).expect_err("no tidegate.toml");
    assert_snapshot!(text, @r#"
    error: the file cannot be read: No such file or directory (os error 2)
     --> tidegate.toml
      = help: check the path; `tidegate.toml` describes the service

    1 problem in the configuration
    "#);
}

#[test]
fn a_folder_without_pipelines_is_told() {
    let files = [("tidegate.toml", SERVICE.as_bytes()), ("pipelines/README.md", b"none yet".as_slice())];
    let (text, _) = load_with(&files, &[]).expect_err("no pipeline");
    assert_snapshot!(text, @r#"
    error: the folder of the pipelines, pipelines, holds no `*.toml`
     --> tidegate.toml:1:1
      |
    1 |
      | ^
      |
      = help: add a pipeline: without one, no object goes anywhere

    1 problem in the configuration
    "#);
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let filler = "x".repeat(300);
    let pipeline =
        replaced(EVENTS, "id = \"bigint\"", &format!("id = {{ type = \"bigint\", from = \"{filler}\", tpye = 1 }}"));
    assert_snapshot!(refused(SERVICE, &pipeline), @r#"
    error: unknown key `tpye` in column `id`
     --> pipelines/p.toml:5:348
      |
    5 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", tpye = 1 } }
      |                                                                        ^^^^
      |
      = help: the keys here are `from`, `type`, `required`, `parse`, `pattern`, `mask`, `min`, `max`, `one_of`, `default`, `lower`, `upper`, `split`, `max_bytes`, `truncate`, `time_zone`, `strict`, `non_finite`, `strip_nul`, `trim` and 2 more

    1 problem in the configuration
    "#);
}

#[test]
fn places_are_right_behind_a_byte_order_mark_and_windows_line_ends() {
    let pipeline = format!("\u{feff}{}", replaced(EVENTS, "\"raw.events\"", "\"events\"").replace('\n', "\r\n"));
    assert_snapshot!(refused(SERVICE, &pipeline), @r#"
    error: `events` is no schema and table
     --> pipelines/p.toml:6:20
      |
    6 | target = { table = "events", mode = "append" }
      |                    ^^^^^^^^
      |
      = help: write the schema and the table, such as "bestsellers.reviews"

    1 problem in the configuration
    "#);
}

#[test]
fn a_rules_problem_is_shown_where_it_stands_in_the_condition() {
    let pipeline = format!(
        "{REVIEWS}\n[[rule]]\nname = \"rated\"\nwhere = \"overall > 0 AND asn LIKE 'B%'\"\n\
         [[rule]]\nname = \"rated\"\nwhere = \"email_hash = 'x'\"\n[[rule]]\nname = \"\"\nwhen = \"true\"\n"
    );
    assert_snapshot!(refused(SERVICE, &pipeline), @r#"
    error: `asn` is no column
      --> pipelines/p.toml:33:26
       |
    33 | where = "overall > 0 AND asn LIKE 'B%'"
       |                          ^^^
       |
       = help: the columns are `reviewer_id`, `asin`, `overall`, `review_time`, `email_hash`, `helpful`, `downloaded_at`; texts stand in 'single quotes'

    error: a second rule has the name `rated`
      --> pipelines/p.toml:35:8
       |
    35 | name = "rated"
       |        ^^^^^^^
       |
       = note: the first is at pipelines/p.toml:32:8
       = help: rename one of the two

    error: of a column that is super, bytes, an interval or masked, only `IS NULL` can be asked
      --> pipelines/p.toml:36:10
       |
    36 | where = "email_hash = 'x'"
       |          ^^^^^^^^^^^^^^^^
       |
       = help: take what is to be compared into a column of its own by `from`

    error: `where` is missing in [[rule]]
      --> pipelines/p.toml:37:1
       |
    37 | [[rule]]
       | ^^^^^^^^
       |
       = help: add `where = "quantity > 0 OR invoice_no LIKE 'C%'"`

    error: the name of a rule is empty
      --> pipelines/p.toml:38:8
       |
    38 | name = ""
       |        ^^
       |
       = help: write what the rule demands, in a few words

    error: unknown key `when` in [[rule]]
      --> pipelines/p.toml:39:1
       |
    39 | when = "true"
       | ^^^^
       |
       = help: the keys here are `name`, `where`

    6 problems in the configuration
    "#);
}
