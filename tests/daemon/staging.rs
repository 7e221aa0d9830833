//! How batches are staged: every form of file loads the same rows, spread over the slices, in folders of their partition.

use serde_json::{Value, json};

use crate::support::daemon::Daemon;
use crate::support::sandbox::{Aws, STAGING, Service, gzip};

/// A pipeline of all types into `app.{name}`, staged as `stage` says.
fn all_types(name: &str, stage: &str) -> String {
    format!(
        r#"
name = "{name}"
freshness = "1s"
[source]
bucket = "landing"
key = "types/**"
format = "json-lines"
[columns]
id = {{ type = "bigint", required = true }}
s = "smallint"
i = "integer"
d = "decimal(38,10)"
r = "real"
f = "double"
b = "boolean"
c = "char(4)"
t = "varchar(200)"
day = "date"
at = "timestamp"
tz = "timestamptz"
doc = "super"
[target]
table = "app.{name}"
mode = "append"
create = true
[stage]
{stage}
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_staged_file_loads_the_same_rows_exactly() {
    let aws = Aws::start().await;
    let forms = [
        ("pz", "format = \"parquet\""),
        ("ps", "format = \"parquet\"\ncompression = \"snappy\""),
        ("cz", "format = \"csv\"\ncompression = \"zstd\""),
        ("cg", "format = \"csv\"\ncompression = \"gzip\""),
        ("jz", "format = \"json\"\ncompression = \"zstd\""),
        ("jg", "format = \"json\"\ncompression = \"gzip\""),
    ];
    let pipelines: Vec<String> = forms.iter().map(|(name, stage)| all_types(name, stage)).collect();
    let pipelines: Vec<&str> = pipelines.iter().map(String::as_str).collect();
    let config = aws.configure(&Service::default(), &pipelines);
    let texts =
        ["", " ", "\\N", "NULL", "a,b", "\"", "\"\"", "line\nend", "\r\n", "tab\t", "é😀", "'; --", "\\", "null", "{}"];
    let body: String = texts
        .iter()
        .enumerate()
        .map(|(id, text)| {
            let row = json!({
                "id": id, "s": -32768, "i": 2147483647, "r": 0.1, "f": 1e-300, "b": id % 2 == 0, "c": "ab", "t": text,
                "day": "0001-01-01", "at": "2026-11-21T08:00:00.000001Z", "tz": "1969-12-31T23:59:59.999999+00:00",
                "doc": { "text": text, "list": [1, null, 2.50], "deep": { "x": [] } },
            });
            // By its digits, which serde_json's numbers would not keep.
            let row = row.to_string();
            format!("{},\"d\":-1234567890123456789012345678.0123456789}}\n", row.strip_suffix('}').unwrap())
        })
        .chain(["{\"id\":1000}\n".to_owned(), "{\"id\":1001,\"doc\":\"text\"}\n".to_owned()])
        .collect();
    aws.put("types/a.json", body.into_bytes()).await;
    let _daemon = Daemon::start(&aws, &config);
    let query = |name: &str| {
        format!(
            "SELECT id, s, i, d, r, f, b, c, t IS NULL, t, LEN(t), day, at, tz, doc IS NULL, JSON_SERIALIZE(doc) FROM app.{name} ORDER BY id"
        )
    };
    let mut expected: Option<Vec<Vec<String>>> = None;
    for (name, _) in forms {
        aws.until_loaded(name, 1).await;
        let rows = aws.rows(&query(name)).await;
        assert_eq!(rows.len(), texts.len() + 2);
        for (row, text) in rows.iter().zip(texts) {
            assert_eq!(
                (row[9].as_str(), row[3].as_str()),
                (text, "-1234567890123456789012345678.0123456789"),
                "{name}"
            );
        }
        assert_eq!(rows[texts.len()][8..10], ["true", "NULL"], "{name}");
        match &expected {
            None => expected = Some(rows),
            Some(expected) => assert_eq!(*expected, rows, "{name} against Parquet"),
        }
        aws.assert_balanced(name).await;
    }
    aws.until_drained().await;
    aws.assert_nothing_parked().await;
    for suffix in [".parquet", ".csv.zst", ".csv.gz", ".jsonl.zst", ".jsonl.gz"] {
        let keys = aws.keys(STAGING, "tidegate/data/").await;
        assert!(keys.iter().any(|key| key.ends_with(suffix)), "{suffix}: {keys:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_super_above_64_kb_loads_through_json_and_is_rejected_by_parquet_with_the_remedy() {
    let aws = Aws::start().await;
    let pipeline = |name: &str, stage: &str| {
        all_types(name, stage)
            .replace("format = \"json-lines\"", "format = \"json-lines\"\nmax_record_bytes = \"8MiB\"")
    };
    let json = pipeline("wide", "format = \"json\"");
    let parquet = pipeline("narrow", "format = \"parquet\"");
    let config = aws.configure(&Service::default(), &[&json, &parquet]);
    let document = |bytes: usize| json!({ "text": "x".repeat(bytes) });
    let rows = [
        json!({ "id": 1, "doc": document(65_000) }),
        json!({ "id": 2, "doc": document(100_000) }),
        json!({ "id": 3, "doc": document(3_900_000) }),
        json!({ "id": 4, "doc": document(4_100_000) }),
    ];
    aws.put_rows("types/a.gz", rows).await;
    let _daemon = Daemon::start(&aws, &config);
    aws.until_loaded("wide", 1).await;
    aws.until_loaded("narrow", 1).await;
    assert_eq!(aws.rows("SELECT id FROM app.wide ORDER BY id").await, [["1"], ["2"], ["3"]]);
    let length = "SELECT LEN(JSON_SERIALIZE(doc)) FROM app.wide WHERE id = 3";
    assert!(aws.number(length).await > 3_900_000);
    assert_eq!(aws.rows("SELECT id FROM app.narrow").await, [["1"]]);
    let lines = aws.quarantine("narrow").await;
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["rule"] == "length" && line["column"] == "doc"), "{lines:?}");
    assert!(lines[0]["message"].as_str().unwrap().contains("stage the pipeline's files as JSON"), "{lines:?}");
    let lines = aws.quarantine("wide").await;
    assert_eq!((lines.len(), lines[0]["record"].as_u64()), (1, Some(4)), "COPY takes no object above 4 MB");
    aws.assert_nothing_parked().await;
}

/// Rows that do not compress.
fn noise(rows: u64) -> Vec<Value> {
    let mut random = fastrand::Rng::with_seed(rows);
    (0..rows)
        .map(|id| json!({ "id": id, "t": (0..12).map(|_| format!("{:016x}", random.u64(..))).collect::<String>() }))
        .collect()
}

/// The files of the newest batch of a pipeline, by its manifest: bytes of each, and the rows of all.
async fn files(aws: &Aws, name: &str) -> (Vec<u64>, u64) {
    let keys = aws.keys(STAGING, &format!("tidegate/batches/{name}/")).await;
    let key = keys.iter().filter(|key| key.ends_with("manifest.json")).max().unwrap();
    let manifest: Value = serde_json::from_slice(&aws.get(STAGING, key).await).unwrap();
    let files = manifest["files"].as_array().unwrap();
    let number = |file: &Value, name: &str| file[name].as_u64().unwrap();
    let rows = files.iter().map(|file| number(file, "rows")).sum();
    (files.iter().map(|file| number(file, "bytes")).collect(), rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_a_file_for_each_slice_where_each_gets_a_megabyte() {
    let aws = Aws::start().await;
    let forms = [("sp", "format = \"parquet\""), ("sj", "format = \"json\"\ncompression = \"gzip\"")];
    let pipelines: Vec<String> = forms.iter().map(|(name, stage)| all_types(name, stage)).collect();
    let pipelines: Vec<&str> = pipelines.iter().map(String::as_str).collect();
    let config = aws.configure(&Service::default(), &pipelines);
    let text = std::fs::read_to_string(&config).unwrap().replace("[warehouse]\n", "[warehouse]\nslices = 4\n");
    std::fs::write(&config, text).unwrap();
    // Each of the two forms, once as an object with files of its own and once as one that shares them.
    let large = noise(80_000);
    aws.put_rows("types/large.gz", large).await;
    let _daemon = Daemon::start(&aws, &config);
    for (name, _) in forms {
        aws.until_loaded(name, 1).await;
        let (bytes, rows) = files(&aws, name).await;
        assert_eq!((bytes.len(), rows), (4, 80_000), "{name}: {bytes:?}");
        assert!(bytes.iter().all(|bytes| (1_000_000..1_000_000_000).contains(bytes)), "{name}: {bytes:?}");
        assert_eq!(aws.number(&format!("SELECT COUNT(DISTINCT id) FROM app.{name}")).await, 80_000);
    }
    aws.put_rows("types/small.gz", noise(100)).await;
    for (name, _) in forms {
        aws.until_loaded(name, 2).await;
        let (bytes, rows) = files(&aws, name).await;
        assert_eq!((bytes.len(), rows), (1, 100), "{name}: a small batch is one file: {bytes:?}");
    }
    aws.assert_nothing_parked().await;
}

const PARTITIONED: &str = r#"
name = "reviews"
freshness = "1s"
[source]
bucket = "landing"
key = "reviews/day={day}/{part}.gz"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
day = { type = "date", parse = "%Y%m%d" }
[target]
table = "app.reviews"
mode = "append"
create = true
[stage]
partition_by = ["day"]
external_table = "lake.reviews"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_lie_in_folders_of_their_partition_which_become_partitions_of_the_external_table() {
    let aws = Aws::start().await;
    aws.rows("CREATE EXTERNAL SCHEMA IF NOT EXISTS lake FROM DATA CATALOG DATABASE 'lake' IAM_ROLE default").await;
    aws.rows(
        "CREATE EXTERNAL TABLE lake.reviews (id BIGINT) PARTITIONED BY (day DATE) STORED AS PARQUET \
         LOCATION 's3://staging/tidegate/data/reviews/'",
    )
    .await;
    let config = aws.configure(&Service::default(), &[PARTITIONED]);
    // More days than a batch has partitions for, and a day that no statement may hold.
    let days: Vec<String> = (1..=12).map(|day| format!("202611{day:02}")).chain(["it's; DROP".to_owned()]).collect();
    for (id, day) in days.iter().enumerate() {
        aws.put(&format!("reviews/day={day}/a.gz"), gzip(format!("{{\"id\":{id}}}\n").as_bytes())).await;
    }
    let daemon = Daemon::start(&aws, &config);
    aws.until_loaded("reviews", 13).await;
    aws.until_drained().await;
    // That the last day is no date is what its record is rejected for.
    assert_eq!(
        aws.rows("SELECT COUNT(*), MIN(day), MAX(day) FROM app.reviews").await,
        [["12", "2026-11-01", "2026-11-12"]]
    );
    let known = "SELECT \"values\", location FROM svv_external_partitions ORDER BY \"values\"";
    let partitions = aws.rows(known).await;
    let expected: Vec<Vec<String>> = (1..=12)
        .map(|day| {
            let day = format!("2026-11-{day:02}");
            vec![format!("[\"{day}\"]"), format!("s3://staging/tidegate/data/reviews/day={day}/")]
        })
        .collect();
    assert_eq!(partitions, expected);
    for day in 1..=12 {
        let keys = aws.keys(STAGING, &format!("tidegate/data/reviews/day=2026-11-{day:02}/")).await;
        assert!(!keys.is_empty() && keys.iter().all(|key| key.ends_with(".parquet")), "{keys:?}");
    }
    assert!(!daemon.log().contains("DROP') LOCATION"));
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_the_warehouse_refuses_parks_the_load_whose_rows_are_loaded_once() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[PARTITIONED]);
    aws.put("reviews/day=20261101/a.gz", gzip(b"{\"id\":1}\n")).await;
    let _daemon = Daemon::start(&aws, &config);
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.reviews").await, 1);
    let parked = aws.take(&aws.queues.loads_dlq).await;
    assert!(parked[0].get("reason").contains("the rows are loaded"), "{}", parked[0].get("reason"));
    aws.rows("CREATE EXTERNAL SCHEMA lake FROM DATA CATALOG DATABASE 'lake' IAM_ROLE default").await;
    aws.rows("CREATE EXTERNAL TABLE lake.reviews (id BIGINT) PARTITIONED BY (day DATE) STORED AS PARQUET LOCATION 's3://staging/x/'").await;
    let redrive = aws.clients.sqs.send_message().queue_url(&aws.queues.loads).message_body(&parked[0].body);
    redrive.message_group_id("reviews").message_deduplication_id("again").send().await.unwrap();
    aws.until_drained().await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM svv_external_partitions").await, 1);
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.reviews").await, 1);
    aws.assert_nothing_parked().await;
}
