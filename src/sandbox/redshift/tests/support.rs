//! A warehouse over a map of objects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::Result;
use crate::sandbox::redshift::{Objects, Redshift};

/// Objects in memory.
#[derive(Default)]
pub(in crate::sandbox::redshift) struct Memory(Mutex<HashMap<String, Vec<u8>>>);

impl Memory {
    pub(in crate::sandbox::redshift) fn put(&self, url: &str, body: Vec<u8>) {
        self.0.lock().unwrap().insert(url.to_owned(), body);
    }
}

impl Objects for Memory {
    fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(&format!("s3://{bucket}/{key}")).cloned())
    }
}

/// A warehouse with its folder and its objects.
pub(in crate::sandbox::redshift) struct House {
    pub(in crate::sandbox::redshift) redshift: Arc<Redshift>,
    pub(in crate::sandbox::redshift) objects: Arc<Memory>,
    pub(in crate::sandbox::redshift) folder: TempDir,
}

impl House {
    /// An embedded one.
    pub(in crate::sandbox::redshift) async fn new() -> House {
        House::on(tempfile::tempdir().unwrap(), None).await
    }

    pub(in crate::sandbox::redshift) async fn on(folder: TempDir, url: Option<String>) -> House {
        let objects = Arc::new(Memory::default());
        let redshift = Redshift::start_over(&folder.path().join("postgres"), url, objects.clone()).await.unwrap();
        House { redshift, objects, folder }
    }

    /// Calls an operation: its status and its JSON.
    pub(in crate::sandbox::redshift) async fn call(&self, operation: &str, body: Value) -> (u16, Value) {
        let reply = self.redshift.handle(operation, body.to_string().as_bytes()).await;
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
    }

    /// Submits and waits for the end: the reply of DescribeStatement.
    pub(in crate::sandbox::redshift) async fn end(&self, operation: &str, mut body: Value) -> Value {
        body["Database"] = json!("dev");
        body["WorkgroupName"] = json!("tidegate");
        let (status, reply) = self.call(operation, body).await;
        assert_eq!(status, 200, "{reply}");
        self.call("DescribeStatement", json!({ "Id": reply["Id"], "WaitTimeSeconds": 30 })).await.1
    }

    /// Runs one statement that may fail.
    pub(in crate::sandbox::redshift) async fn run(&self, sql: &str) -> Value {
        self.end("ExecuteStatement", json!({ "Sql": sql })).await
    }

    /// Runs statements as one transaction that may fail.
    pub(in crate::sandbox::redshift) async fn batch(&self, sqls: &[&str]) -> Value {
        self.end("BatchExecuteStatement", json!({ "Sqls": sqls })).await
    }

    /// Runs one statement that must succeed, and gives its rows as text.
    pub(in crate::sandbox::redshift) async fn rows(&self, sql: &str) -> Vec<String> {
        let described = self.run(sql).await;
        assert_eq!(described["Status"], "FINISHED", "{sql}: {described}");
        if described["HasResultSet"] != true {
            return Vec::new();
        }
        self.result(described["Id"].as_str().unwrap()).await
    }

    /// The rows of a result, each as `a|b`.
    pub(in crate::sandbox::redshift) async fn result(&self, id: &str) -> Vec<String> {
        let (status, reply) = self.call("GetStatementResult", json!({ "Id": id })).await;
        assert_eq!(status, 200, "{reply}");
        let cell = |field: &Value| {
            let (member, value) = field.as_object().unwrap().iter().next().unwrap();
            if member == "isNull" { "NULL".to_owned() } else { value.as_str().map_or(value.to_string(), str::to_owned) }
        };
        let row = |row: &Value| row.as_array().unwrap().iter().map(cell).collect::<Vec<_>>().join("|");
        reply["Records"].as_array().unwrap().iter().map(row).collect()
    }

    /// Puts a Parquet file and gives its manifest entry.
    pub(in crate::sandbox::redshift) fn parquet(&self, url: &str, columns: Vec<(&str, ArrayRef)>) -> Value {
        let body = parquet(columns);
        let entry = json!({ "url": url, "mandatory": true, "meta": { "content_length": body.len() } });
        self.objects.put(url, body);
        entry
    }

    /// Puts a manifest.
    pub(in crate::sandbox::redshift) fn manifest(&self, url: &str, entries: Vec<Value>) {
        self.objects.put(url, json!({ "entries": entries }).to_string().into_bytes());
    }

    /// Puts a file and a manifest of it at `s3://staging/m`, ready to be loaded.
    pub(in crate::sandbox::redshift) fn stage(&self, columns: Vec<(&str, ArrayRef)>) {
        let entry = self.parquet("s3://staging/part-0.parquet", columns);
        self.manifest("s3://staging/m", vec![entry]);
    }

    /// Loads `s3://staging/m`.
    pub(in crate::sandbox::redshift) async fn copy(&self, target: &str) -> Value {
        self.run(&copy_sql(target)).await
    }
}

/// A COPY from `s3://staging/m`.
pub(in crate::sandbox::redshift) fn copy_sql(target: &str) -> String {
    format!("COPY {target} FROM 's3://staging/m' IAM_ROLE 'arn:aws:iam::0:role/r' FORMAT AS PARQUET MANIFEST")
}

/// A Parquet file.
pub(in crate::sandbox::redshift) fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}
