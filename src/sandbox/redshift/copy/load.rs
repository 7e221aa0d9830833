//! A COPY from start to end: files are read and encoded on a blocking thread, PostgreSQL's COPY takes the bytes.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::sync::mpsc;
use tokio_postgres::Client;

use super::file::{HEADER, TRAILER, encode};
use super::history::{Load, Problem};
use super::options::FileFormat;
use super::target::{Column, columns};
use super::{Copy, manifest, text};
use crate::sandbox::redshift::Objects;
use crate::sandbox::redshift::failure::Failure;
use crate::sandbox::redshift::rewrite::tokens::identifier;

/// How many encoded chunks may wait for PostgreSQL.
const CHUNKS: usize = 4;

/// What the blocking side has read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) rows: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Copy {
    /// Loads into the open transaction; gives the load for the history, and the number of rows.
    pub(crate) async fn run(
        &self,
        client: &Client,
        objects: &Arc<dyn Objects>,
        query: i64,
    ) -> (Load, Result<u64, Failure>) {
        let mut load = Load::new(query, &self.table, self.source(), self.format_name());
        match self.load(client, objects, query, &mut load).await {
            Ok(rows) => (load, Ok(rows)),
            Err(problem) => {
                load.failure = Some(problem.failure.clone());
                load.detail = problem.detail;
                (load, Err(problem.failure))
            }
        }
    }

    async fn load(
        &self,
        client: &Client,
        objects: &Arc<dyn Objects>,
        query: i64,
        load: &mut Load,
    ) -> Result<u64, Problem> {
        let columns = columns(client, self).await?;
        let names: Vec<String> = columns.iter().map(|column| identifier(&column.name)).collect();
        let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.target(), names.join(", "));
        let (send, mut receive) = mpsc::channel(CHUNKS);
        let (copy, objects) = (self.clone(), objects.clone());
        let reader = tokio::task::spawn_blocking(move || copy.read(objects, &columns, query, &send));

        let sink = client.copy_in::<_, Bytes>(&sql).await.map_err(Failure::from)?;
        let mut sink = std::pin::pin!(sink);
        let mut refused = None;
        while let Some(chunk) = receive.recv().await {
            if let Err(error) = sink.send(chunk).await {
                refused = Some(Failure::from(error));
                break;
            }
        }
        drop(receive);
        let read = reader.await.map_err(|error| Failure::new(format_args!("the load's reader failed: {error}")))?;
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        // Leaving without `finish` drops the sink, which tells PostgreSQL that the COPY failed.
        let read = read?;
        let rows = sink.finish().await.map_err(Failure::from)?;
        (load.rows, load.files, load.bytes) = (read.rows, read.files, read.bytes);
        client
            .batch_execute(&format!(
                "SELECT set_config('redshift.last_copy_count', '{rows}', false), set_config('redshift.last_copy_id', '{query}', false)"
            ))
            .await
            .map_err(Failure::from)?;
        Ok(rows)
    }

    /// Reads and encodes all files; stops early if nobody takes the bytes. Blocking.
    pub(super) fn read(
        &self,
        objects: Arc<dyn Objects>,
        columns: &[Column],
        query: i64,
        send: &mpsc::Sender<Bytes>,
    ) -> Result<Read, Problem> {
        let mut read = Read::default();
        if send.blocking_send(Bytes::from_static(HEADER)).is_err() {
            return Ok(read);
        }
        let columnar = self.format == FileFormat::Parquet;
        for file in manifest::open(objects, &self.bucket, &self.key, columnar, query)? {
            let file = file?;
            read.files += 1;
            read.bytes += file.body.len() as u64;
            let give = |chunk| send.blocking_send(chunk).is_ok();
            read.rows += match &self.format {
                FileFormat::Parquet => encode(file, columns, self, query, give)?,
                FileFormat::Text(format) => text::encode(file, format, columns, self, query, give)?,
            };
        }
        // The receiver is gone only if PostgreSQL refused, and its error tells more.
        let _ = send.blocking_send(Bytes::from_static(TRAILER));
        Ok(read)
    }
}
