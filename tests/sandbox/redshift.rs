//! The Redshift Data API: the AWS SDK for Rust and boto3 against a sandbox in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use aws_sdk_redshiftdata::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_redshiftdata::types::{Field, SqlParameter, StatementStatusString, StatusString};
use parquet::arrow::ArrowWriter;
use tidegate::sandbox::{NotificationShape, Options, Sandbox};

use crate::support::python;

/// The longest that the script may take.
const LIMIT: Duration = Duration::from_secs(120);

async fn start(data: &Path) -> Sandbox {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.to_owned(),
        postgres_url: None,
        notifications: NotificationShape::S3,
        copy_endpoint: None,
    };
    Sandbox::start(options).await.unwrap()
}

fn warehouse(sandbox: &Sandbox) -> aws_sdk_redshiftdata::Client {
    let config = aws_sdk_redshiftdata::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "thing", None, None, "test"))
        .endpoint_url(sandbox.endpoint())
        .build();
    aws_sdk_redshiftdata::Client::from_conf(config)
}

fn objects(sandbox: &Sandbox) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("us-east-1"))
        .credentials_provider(aws_sdk_s3::config::Credentials::new("any", "thing", None, None, "test"))
        .endpoint_url(sandbox.endpoint())
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_loads_staged_parquet_in_one_transaction_and_reads_the_result() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = start(data.path()).await;
    let (s3, redshift) = (objects(&sandbox), warehouse(&sandbox));

    let columns: [(&str, ArrayRef); 2] = [
        ("asin", Arc::new(StringArray::from(vec!["B1", "B2"]))),
        ("stars", Arc::new(Int32Array::from(vec![Some(5), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let body = writer.into_inner().unwrap();
    let manifest = serde_json::json!({ "entries": [
        { "url": "s3://staging/a b/part.parquet", "mandatory": true, "meta": { "content_length": body.len() } }
    ] });
    s3.create_bucket().bucket("staging").send().await.unwrap();
    s3.put_object().bucket("staging").key("a b/part.parquet").body(body.into()).send().await.unwrap();
    s3.put_object()
        .bucket("staging")
        .key("m.json")
        .body(manifest.to_string().into_bytes().into())
        .send()
        .await
        .unwrap();

    let load = || {
        redshift
            .batch_execute_statement()
            .workgroup_name("tidegate")
            .database("dev")
            .client_token("load-1")
            .wait_time_seconds(30)
            .sqls("CREATE TABLE reviews (asin VARCHAR(16) DISTKEY, stars INTEGER) SORTKEY (asin)")
            .sqls("COPY reviews (asin, stars) FROM 's3://staging/m.json' IAM_ROLE default FORMAT AS PARQUET MANIFEST")
            .sqls("SELECT asin, stars FROM reviews ORDER BY asin")
            .send()
    };
    let submitted = load().await.unwrap();
    assert_eq!(submitted.status(), Some(&StatementStatusString::Finished));
    let id = submitted.id().unwrap();
    let described = redshift.describe_statement().id(id).wait_time_seconds(30).send().await.unwrap();
    assert_eq!(described.status(), Some(&StatusString::Finished), "{:?}", described.error());
    assert_eq!(described.sub_statements()[1].result_rows(), 2);
    assert!(described.duration() > 0 && described.updated_at() >= described.created_at());

    let result = redshift.get_statement_result().id(format!("{id}:3")).send().await.unwrap();
    let first = [Field::StringValue("B1".to_owned()), Field::LongValue(5)];
    let second = [Field::StringValue("B2".to_owned()), Field::IsNull(true)];
    assert_eq!(result.records(), [first, second]);
    assert_eq!(result.column_metadata()[1].type_name(), Some("int4"));

    // The same token is the same submission: nothing is created or loaded again.
    assert_eq!(load().await.unwrap().id(), Some(id));

    let counted = redshift
        .execute_statement()
        .workgroup_name("tidegate")
        .database("dev")
        .sql("SELECT COUNT(*) FROM reviews WHERE asin = :asin")
        .parameters(SqlParameter::builder().name("asin").value("B1").build().unwrap())
        .wait_time_seconds(30)
        .send()
        .await
        .unwrap();
    let counted = redshift.get_statement_result().id(counted.id().unwrap()).send().await.unwrap();
    assert_eq!(counted.records()[0], [Field::LongValue(1)]);

    let error = redshift.describe_statement().id("01234567-0123-0123-0123-0123456789ab").send().await.unwrap_err();
    assert!(error.into_service_error().is_resource_not_found_exception());
    let error = redshift.execute_statement().workgroup_name("w").database("dev").sql("SELECT 1; SELECT 2").send().await;
    assert!(error.unwrap_err().into_service_error().is_validation_exception());
    sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_submits_describes_and_pages() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = start(data.path()).await;
    let endpoint = sandbox.endpoint();
    let output = tokio::task::spawn_blocking(move || python::run("sandbox/redshift_data_api.py", &[endpoint], LIMIT));
    if let Some(output) = output.await.unwrap() {
        assert!(output.status.success(), "{}\n{}", output.stdout, output.stderr);
    }
    sandbox.stop().await.unwrap();
}
