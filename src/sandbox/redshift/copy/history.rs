//! What SYS_LOAD_HISTORY and SYS_LOAD_ERROR_DETAIL say of a load.

use std::time::{Instant, SystemTime};

use tokio_postgres::Client;

use crate::sandbox::redshift::failure::Failure;
use crate::sandbox::redshift::rewrite::tokens::literal;

/// Why a load failed: the statement's error, and the value at fault, if it was one.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) failure: Failure,
    pub(super) detail: Option<Box<Detail>>,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Problem { failure, detail: None }
    }
}

/// A value that does not fit, as SYS_LOAD_ERROR_DETAIL has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Detail {
    pub(super) file: String,
    /// The row in the file, from 1.
    pub(super) line: u64,
    pub(super) column: String,
    pub(super) column_type: String,
    pub(super) column_length: String,
    pub(super) position: u64,
    pub(super) code: u32,
    pub(super) message: String,
}

/// A COPY that has run.
pub(crate) struct Load {
    query: i64,
    table: String,
    source: String,
    format: &'static str,
    started: SystemTime,
    since: Instant,
    pub(super) rows: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) failure: Option<Failure>,
    pub(super) detail: Option<Box<Detail>>,
}

impl Load {
    /// A load that starts now.
    pub(super) fn new(query: i64, table: &str, source: String, format: &'static str) -> Self {
        Load {
            query,
            table: table.to_owned(),
            source,
            format,
            started: SystemTime::now(),
            since: Instant::now(),
            rows: 0,
            files: 0,
            bytes: 0,
            failure: None,
            detail: None,
        }
    }

    /// Writes the load's line, and that of its error, outside of the load's own transaction.
    pub(crate) async fn save(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let took = self.since.elapsed();
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let (status, message) = match &self.failure {
            None => ("completed", ""),
            Some(failure) => ("aborted", failure.0.as_str()),
        };
        let start = format!("to_timestamp({started:.6}) AT TIME ZONE 'UTC'");
        let mut sql = format!(
            "SET standard_conforming_strings = off; SET statement_timeout = 0; \
             INSERT INTO redshift.sys_load_history (query_id, table_name, status, start_time, end_time, duration, data_source, \
             file_format, loaded_rows, loaded_bytes, source_file_count, source_file_bytes, error_count, error_message) \
             VALUES ({query}, {table}, '{status}', {start}, {start} + interval '{micros} microseconds', {micros}, {source}, \
             '{format}', {rows}, {bytes}, {files}, {bytes}, {errors}, {message})",
            format = self.format,
            query = self.query,
            table = literal(&self.table),
            micros = took.as_micros(),
            source = literal(&self.source),
            rows = if self.failure.is_none() { self.rows } else { 0 },
            bytes = self.bytes,
            files = self.files,
            errors = u8::from(self.failure.is_some()),
            message = literal(message),
        );
        if let Some(detail) = &self.detail {
            sql.push_str(&format!(
                "; INSERT INTO redshift.sys_load_error_detail (query_id, start_time, file_name, line_number, column_name, \
                 column_type, column_length, position, error_code, error_message) \
                 VALUES ({}, {start}, {}, {}, {}, {}, {}, {}, {}, {})",
                self.query,
                literal(&detail.file),
                detail.line,
                literal(&detail.column),
                literal(&detail.column_type),
                literal(&detail.column_length),
                detail.position,
                detail.code,
                literal(&detail.message),
            ));
        }
        client.batch_execute(&sql).await
    }
}
