//! Real files, loaded by the real binary; the expected figures are computed from the files by Python.

use crate::support::daemon::Daemon;
use crate::support::data::{expected, folder};
use crate::support::sandbox::{Aws, Service};

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
channel = "varchar(64)"
city = { from = "cityName", type = "varchar(256)" }
page = "varchar(1024)"
comment = "varchar(4096)"
is_robot = { from = "isRobot", type = "boolean" }
added = "integer"
deleted = "integer"
delta = "integer"
[target]
table = "app.edits"
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
volume = "bigint"
close = "decimal(12,4)"
[target]
table = "app.ticks"
mode = "upsert"
key = ["key"]
newest_by = ["ts"]
create = true
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amazon_reviews_are_what_python_counts_in_the_file() {
    let Some(data) = folder() else { return };
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[REVIEWS]);
    let _daemon = Daemon::start(&aws, &config);
    let body = std::fs::read(data.join("amazon/share/reviews_Digital_Music_5.first3500.json.gz")).unwrap();
    aws.put("amazon/reviews.json.gz", body.clone()).await;
    aws.until_loaded("reviews", 1).await;
    // The same content under another key is another object, and changes nothing.
    aws.put("amazon/again.json.gz", body).await;
    aws.until_loaded("reviews", 2).await;
    aws.until_drained().await;
    let counts =
        "SELECT rows_read, rows_rejected FROM tidegate.objects_reviews WHERE object_key = 'amazon/reviews.json.gz'";
    let mut found = aws.rows(counts).await.remove(0);
    let table = "SELECT COUNT(*), SUM(overall), SUM(DATEDIFF(second, CAST('1970-01-01 00:00:00' AS TIMESTAMP), review_time)), \
                 SUM(OCTET_LENGTH(review_text)), SUM(OCTET_LENGTH(summary)), SUM(CAST(helpful[1] AS INTEGER)) FROM app.reviews";
    found.extend(aws.rows(table).await.remove(0));
    let found: Vec<String> = found.iter().map(|figure| figure.trim_end_matches(".0").to_owned()).collect();
    let expected: Vec<String> =
        expected("reviews", &data).iter().map(|figure| figure.trim_end_matches(".0").to_owned()).collect();
    assert_eq!(found, expected);
    assert_ne!(expected[1], "0", "some texts are too long, and are rejected");
    let days = "SELECT COUNT(*) FROM app.reviews WHERE review_day <> CAST(review_time AS DATE)";
    assert_eq!(aws.number(days).await, 0, "`09 12, 2006` is the day of its epoch");
    aws.assert_balanced("reviews").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wikipedia_edits_are_what_python_counts_in_the_files() {
    let Some(data) = folder() else { return };
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[EDITS]);
    let _daemon = Daemon::start(&aws, &config);
    let mut files = 0;
    for entry in std::fs::read_dir(data.join("streams/wikipedia")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".json.gz") {
            let key = format!("wikipedia/{}", path.file_name().unwrap().to_string_lossy());
            aws.put(&key, std::fs::read(&path).unwrap()).await;
            files += 1;
        }
    }
    aws.until_loaded("edits", files).await;
    aws.until_drained().await;
    let found = aws
        .rows(
            "SELECT COUNT(*), SUM(added), SUM(deleted), SUM(delta), SUM(CASE WHEN is_robot THEN 1 ELSE 0 END), \
             SUM(CASE WHEN city IS NULL THEN 1 ELSE 0 END), SUM(OCTET_LENGTH(page)), \
             SUM(DATEDIFF(millisecond, CAST('1970-01-01 00:00:00' AS TIMESTAMP), at)) FROM app.edits",
        )
        .await
        .remove(0);
    assert_eq!(found, expected("wikipedia", &data));
    aws.assert_balanced("edits").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_ticks_upserted_in_either_order_or_together_are_the_newest_of_each_key() {
    let Some(data) = folder() else { return };
    let read = |name: &str| std::fs::read(data.join("streams/hudi_stock_ticks").join(name)).unwrap();
    let expected = expected("stock_ticks", &data);
    let whole = "SELECT key, ts, symbol, volume, close FROM app.ticks ORDER BY key";
    let mut contents = Vec::new();
    for (order, one_by_one) in [
        (["batch_1.json", "batch_2.json"], true),
        (["batch_2.json", "batch_1.json"], true),
        (["batch_1.json", "batch_2.json"], false),
    ] {
        let aws = Aws::start().await;
        let config = aws.configure(&Service::default(), &[TICKS]);
        let _daemon = Daemon::start(&aws, &config);
        for (at, name) in order.into_iter().enumerate() {
            aws.put(&format!("ticks/{name}"), read(name)).await;
            if one_by_one {
                aws.until_loaded("ticks", at as u64 + 1).await;
            }
        }
        aws.until_loaded("ticks", 2).await;
        aws.until_drained().await;
        let found =
            aws.rows("SELECT COUNT(*), SUM(volume), SUM(close), MAX(ts), MIN(ts) FROM app.ticks").await.remove(0);
        let found: Vec<String> = found.iter().map(|text| text.trim_end_matches(".0").to_owned()).collect();
        assert_eq!(found, expected, "{order:?}");
        aws.assert_balanced("ticks").await;
        contents.push(aws.rows(whole).await);
    }
    assert_eq!(contents[0], contents[1]);
    assert_eq!(contents[0], contents[2]);
}
