//! Real files, loaded by the real binary; what the tables must hold is computed from the files by Python.

use serde_json::Value;

use crate::support::daemon::Daemon;
use crate::support::data::{Data, Expected};
use crate::support::sandbox::{Aws, Service, Setup};

const REVIEWS: &str = r#"
name = "reviews"
freshness = "1s"
[source]
bucket = "landing"
key = "amazon/*.json.gz"
format = "json-lines"
[columns]
reviewer_id = { from = "reviewerID", type = "varchar(32)", required = true }
asin = { type = "varchar(16)", required = true, pattern = "^[A-Z0-9]{10}$" }
reviewer_name = { from = "reviewerName", type = "varchar(64)" }
overall = { type = "decimal(2,1)", min = 1, max = 5 }
summary = "varchar(1024)"
review_text = { from = "reviewText", type = "varchar(4096)" }
review_time = { from = "unixReviewTime", type = "timestamp", parse = "epoch-seconds", required = true }
review_day = { from = "reviewTime", type = "date", parse = "%m %d, %Y" }
helpful = "super"
[target]
table = "app.reviews"
mode = "upsert"
key = ["reviewer_id", "asin"]
newest_by = ["review_time"]
create = true
"#;

const EDITS: &str = r#"
name = "edits"
freshness = "1s"
[source]
bucket = "landing"
key = "wikipedia/*"
format = "json-lines"
[columns]
at = { from = "time", type = "timestamp", required = true }
channel = "varchar(32)"
city = { from = "cityName", type = "varchar(64)" }
comment = "varchar(255)"
country_code = { from = "countryIsoCode", type = "char(2)" }
country = { from = "countryName", type = "varchar(64)" }
is_anonymous = { from = "isAnonymous", type = "boolean" }
is_minor = { from = "isMinor", type = "boolean" }
is_new = { from = "isNew", type = "boolean" }
is_robot = { from = "isRobot", type = "boolean" }
is_unpatrolled = { from = "isUnpatrolled", type = "boolean" }
metro_code = { from = "metroCode", type = "smallint" }
namespace = "varchar(64)"
page = "varchar(255)"
region_code = { from = "regionIsoCode", type = "varchar(4)" }
region = { from = "regionName", type = "varchar(64)" }
author = { from = "user", type = "varchar(64)" }
delta = "integer"
added = "bigint"
deleted = "integer"
[target]
table = "app.edits"
mode = "append"
create = true
"#;

/// The same file, by a pipeline that has no room for the longer comments.
const BRIEF_EDITS: &str = r#"
name = "brief_edits"
freshness = "1s"
[source]
bucket = "landing"
key = "wikipedia/*"
format = "json-lines"
[columns]
comment = "varchar(200)"
[target]
table = "app.brief_edits"
mode = "append"
create = true
"#;

const TICKS: &str = r#"
name = "ticks"
freshness = "1s"
[source]
bucket = "landing"
key = "ticks/*"
format = "json-lines"
[columns]
key = { type = "varchar(32)", required = true }
ts = { type = "timestamp", required = true }
symbol = "varchar(8)"
date = { type = "date", parse = "%Y/%m/%d" }
year = "smallint"
month = "char(2)"
volume = "bigint"
open = "decimal(12,4)"
high = "decimal(12,4)"
low = "decimal(12,4)"
close = "decimal(12,4)"
[target]
table = "app.ticks"
mode = "upsert"
key = ["key"]
newest_by = ["ts"]
create = true
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amazon_reviews_are_what_python_finds_in_the_file() {
    amazon_reviews(Setup::default()).await;
}

/// Loads the reviews twice, and compares the table with the file.
pub(crate) async fn amazon_reviews(setup: Setup) {
    let Some(data) = Data::find() else { return };
    let aws = Aws::with(setup).await;
    let config = aws.configure(&Service::default(), &[REVIEWS]);
    let _daemon = Daemon::start(&aws, &config);
    let body = data.read("amazon/share/reviews_Digital_Music_5.first3500.json.gz");
    aws.put("amazon/reviews.json.gz", body.clone()).await;
    aws.until_loaded("reviews", 1).await;
    let expected = data.expected("reviews");
    assert!(!expected.rejected.is_empty(), "some texts are too long");
    assert_eq!(reviews_figures(&aws).await, expected.figures);
    let content = "SELECT reviewer_id, asin, reviewer_name, overall, summary, review_text, review_time, review_day, \
                   CAST(helpful[0] AS INTEGER), CAST(helpful[1] AS INTEGER), \"_tidegate_row\" FROM app.reviews";
    expected.assert_rows(aws.rows(content).await);

    // The same content under another key is another object: its rows are no older, and take the place of their likes.
    aws.put("amazon/reviews-again.json.gz", body).await;
    aws.until_loaded("reviews", 2).await;
    aws.until_drained().await;
    assert_eq!(reviews_figures(&aws).await, expected.figures);
    expected.assert_rows(aws.rows(content).await);
    assert_rejected(&aws, "reviews", "amazon/reviews.json.gz", "review_text", &expected).await;
    assert_rejected(&aws, "reviews", "amazon/reviews-again.json.gz", "review_text", &expected).await;
    aws.assert_balanced("reviews").await;
    aws.assert_nothing_parked().await;
}

async fn reviews_figures(aws: &Aws) -> Vec<String> {
    let ledger =
        "SELECT rows_read, rows_rejected FROM tidegate.objects_reviews WHERE object_key = 'amazon/reviews.json.gz'";
    let mut figures = aws.rows(ledger).await.remove(0);
    let table = "SELECT COUNT(*), SUM(overall), \
                 SUM(DATEDIFF(second, CAST('1970-01-01 00:00:00' AS TIMESTAMP), review_time)), \
                 SUM(OCTET_LENGTH(review_text)), SUM(OCTET_LENGTH(summary)), SUM(CAST(helpful[1] AS INTEGER)), \
                 COUNT(*) - COUNT(reviewer_name) FROM app.reviews";
    figures.extend(aws.rows(table).await.remove(0));
    figures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wikipedia_edits_are_what_python_finds_in_the_files() {
    let Some(data) = Data::find() else { return };
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[EDITS, BRIEF_EDITS]);
    let _daemon = Daemon::start(&aws, &config);
    let names = data.files("streams/wikipedia");
    for name in &names {
        aws.put(&format!("wikipedia/{name}"), data.read(&format!("streams/wikipedia/{name}"))).await;
    }
    for pipeline in ["edits", "brief_edits"] {
        aws.until_loaded(pipeline, names.len() as u64).await;
    }
    aws.until_drained().await;
    let expected = data.expected("edits");
    let figures = "SELECT COUNT(*), SUM(added), SUM(deleted), SUM(delta), MIN(delta), MAX(delta), \
                   SUM(CASE WHEN is_robot THEN 1 ELSE 0 END), COUNT(*) - COUNT(city), SUM(OCTET_LENGTH(page)), SUM(LEN(page)), \
                   SUM(DATEDIFF(millisecond, CAST('1970-01-01 00:00:00' AS TIMESTAMP), at)), MIN(at), MAX(at) FROM app.edits";
    assert_eq!(aws.rows(figures).await.remove(0), expected.figures);
    let content = "SELECT at, channel, city, comment, country_code, country, is_anonymous, is_minor, is_new, is_robot, \
                   is_unpatrolled, metro_code, namespace, page, region_code, region, author, delta, added, deleted, \
                   \"_tidegate_row\" FROM app.edits";
    expected.assert_rows(aws.rows(content).await);

    // A text is measured in bytes, in whatever script.
    let brief = "SELECT COUNT(*), MAX(OCTET_LENGTH(comment)) FROM app.brief_edits";
    let kept = expected.rows.len() - expected.rejected.len();
    assert_eq!(aws.rows(brief).await, [[kept.to_string(), "200".to_owned()]]);
    assert_rejected(&aws, "brief_edits", &format!("wikipedia/{}", names[0]), "comment", &expected).await;
    for pipeline in ["edits", "brief_edits"] {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_ticks_upserted_in_either_order_or_together_are_the_newest_of_each_key() {
    let Some(data) = Data::find() else { return };
    let expected = data.expected("ticks");
    for (names, one_by_one) in [
        (["batch_1.json", "batch_2.json"], true),
        (["batch_2.json", "batch_1.json"], true),
        (["batch_1.json", "batch_2.json"], false),
    ] {
        let aws = Aws::start().await;
        let config = aws.configure(&Service::default(), &[TICKS]);
        let mut daemon = one_by_one.then(|| Daemon::start(&aws, &config));
        for (at, name) in names.into_iter().enumerate() {
            aws.put(&format!("ticks/{name}"), data.read(&format!("streams/hudi_stock_ticks/{name}"))).await;
            if one_by_one {
                aws.until_loaded("ticks", at as u64 + 1).await;
            }
        }
        // Both are there when it starts: as a rule, one batch takes them.
        daemon.get_or_insert_with(|| Daemon::start(&aws, &config));
        aws.until_loaded("ticks", 2).await;
        aws.until_drained().await;
        let figures = "SELECT COUNT(*), SUM(volume), SUM(close), MIN(low), MAX(high), MIN(ts), MAX(ts) FROM app.ticks";
        assert_eq!(aws.rows(figures).await.remove(0), expected.figures, "{names:?}");
        let content = "SELECT t.key, t.ts, t.symbol, t.date, t.year, t.month, t.volume, t.open, t.high, t.low, t.close, \
                       l.object_key, t.\"_tidegate_row\" \
                       FROM app.ticks t JOIN tidegate.objects_ticks l ON l.object_id = t.\"_tidegate_object\"";
        expected.assert_rows(aws.rows(content).await);
        aws.assert_balanced("ticks").await;
        aws.assert_nothing_parked().await;
    }
}

/// Asserts that the quarantine has exactly the expected records of an object, each for the length of `column`.
async fn assert_rejected(aws: &Aws, pipeline: &str, key: &str, column: &str, expected: &Expected) {
    let quarantined = aws.quarantine(pipeline).await;
    let of_object: Vec<&Value> = quarantined.iter().filter(|record| record["object_key"] == key).collect();
    for record in &of_object {
        assert_eq!((record["rule"].as_str(), record["column"].as_str()), (Some("length"), Some(column)), "{record}");
    }
    let mut numbers: Vec<u64> = of_object.iter().map(|record| record["record"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, expected.rejected);
}
