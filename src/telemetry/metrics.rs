//! The one table of metrics: names, units, labels and meanings.
//!
//! Labels are bounded: pipelines, queues, and enumerations of ours; never an object key.

use std::time::Duration;

use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::error::{Error, ErrorKind, Result};

/// What a metric counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name as Prometheus shows it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// One sentence for `# HELP`.
    pub help: &'static str,
}

macro_rules! table {
    ($($constant:ident = $name:literal, $kind:ident, $unit:ident, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*
        /// Every metric that a Tidegate process exports.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name, kind: Kind::$kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
        }),*];
    };
}

table! {
    BUILD_INFO = "tidegate_build_info", Gauge, Count, ["version", "role"], "1, with the version and the role of the process.";
    MESSAGES_RECEIVED = "tidegate_messages_received_total", Counter, Count, ["queue"], "Messages received from a queue, redeliveries included.";
    MESSAGES_SETTLED = "tidegate_messages_settled_total", Counter, Count, ["queue", "outcome"], "Messages settled: deleted, parked in the dead-letter queue, or released for another delivery.";
    MESSAGES_HELD = "tidegate_messages_held", Gauge, Count, ["queue"], "Messages received and not yet settled by this process.";
    LEASES_LOST = "tidegate_leases_lost_total", Counter, Count, ["queue"], "Messages whose visibility could not be extended, so that another process may hold them.";
    QUEUE_MESSAGES = "tidegate_queue_messages", Gauge, Count, ["queue", "state"], "Messages in a queue by SQS's own count: visible, in_flight, delayed; for events, loads and their dead-letter queues.";
    QUEUE_OLDEST = "tidegate_queue_oldest_received_seconds", Gauge, Seconds, ["queue"], "Age of the oldest message in the newest receipt, since it was sent.";
    EVENTS = "tidegate_events_total", Counter, Count, ["outcome"], "Object events in notifications: routed, unrouted, ignored (removals, test events), malformed.";
    OBJECTS = "tidegate_objects_total", Counter, Count, ["pipeline", "outcome"], "Objects by where they ended: staged, parked, replaced by a newer version before they were read, released for another try.";
    OBJECTS_READING = "tidegate_objects_reading", Gauge, Count, ["pipeline"], "Objects being read now.";
    BYTES = "tidegate_bytes_total", Counter, Bytes, ["pipeline", "stage"], "Bytes by stage: read (as stored), decompressed, staged.";
    RECORDS = "tidegate_records_total", Counter, Count, ["pipeline", "outcome"], "Records of objects that were staged: read = staged + rejected.";
    REJECTS = "tidegate_rejects_total", Counter, Count, ["pipeline", "rule"], "Rejected records by the rule they broke.";
    VALUES_TRUNCATED = "tidegate_values_truncated_total", Counter, Count, ["pipeline"], "Texts cut to what their column holds, where truncate asks for that.";
    UNKNOWN_FIELDS = "tidegate_unknown_fields_total", Counter, Count, ["pipeline"], "Fields that no column takes, each counted once a process, where on_unknown_field looks at them; the log has each with its first object.";
    READ_RESUMED = "tidegate_reads_resumed_total", Counter, Count, ["pipeline"], "Broken reads of objects that went on from where they had stopped.";
    CODEC_MISMATCHES = "tidegate_codec_mismatches_total", Counter, Count, ["pipeline"], "Objects compressed otherwise than their declaration, Content-Encoding or suffix says.";
    BATCHES = "tidegate_batches_staged_total", Counter, Count, ["pipeline", "cut"], "Batches made durable, by what closed them: freshness, rows, bytes, objects, partitions, schema (objects with other columns), memory, held (no more could be received), shutdown.";
    COLLECTING_SECONDS = "tidegate_batch_collecting_seconds", Gauge, Seconds, ["pipeline"], "For how long a batch may collect objects at the moment, by freshness, load time and backlog.";
    COLLECTING_REASON = "tidegate_batch_collecting_reason", Gauge, Count, ["pipeline", "reason"], "1 for what decides how long a batch may collect, else 0: unmeasured, loading, loads_wait, events_wait, held.";
    BATCH_ROWS = "tidegate_batch_rows", Histogram, Count, ["pipeline"], "Rows of a staged batch.";
    STAGE_SECONDS = "tidegate_stage_seconds", Histogram, Seconds, ["pipeline"], "Time from a batch's close until its manifest is durable and its load is queued.";
    LOADS = "tidegate_loads_total", Counter, Count, ["pipeline", "outcome"], "Loads: committed, retried, parked, or divided, of which a part is parked and the rest committed.";
    LOAD_BATCHES = "tidegate_load_batches", Histogram, Count, ["pipeline"], "Batches in a load transaction.";
    LOAD_SECONDS = "tidegate_load_seconds", Histogram, Seconds, ["pipeline"], "Time from submitting a load transaction until its outcome is known.";
    ROWS_LOADED = "tidegate_rows_loaded_total", Counter, Count, ["pipeline", "fate"], "Rows copied, by what became of them: inserted, updated, unchanged, superseded, already_loaded.";
    CHECKS_FAILED = "tidegate_checks_failed_total", Counter, Count, ["pipeline", "check"], "Checks that only warn and did not hold; one that aborts parks its batch.";
    AFTER = "tidegate_after_total", Counter, Count, ["pipeline", "outcome"], "Statements after commits: done, retried, failed.";
    SCHEMA_DRIFT = "tidegate_schema_drift", Gauge, Count, ["pipeline", "kind"], "Columns of the live table that differ from the declared ones, when last looked at: missing, type, shorter, nullable, unfilled.";
    FRESHNESS_SECONDS = "tidegate_freshness_seconds", Histogram, Seconds, ["pipeline"], "Time from an object's creation until the commit that loaded it.";
    FRESHNESS_TARGET = "tidegate_freshness_target_seconds", Gauge, Seconds, ["pipeline"], "The freshness that the pipeline owes.";
    PARKED = "tidegate_parked_total", Counter, Count, ["queue", "stage", "kind"], "Messages parked in a dead-letter queue, by the stage that gave up and the kind of error.";
    RETRIES = "tidegate_retries_total", Counter, Count, ["operation"], "Calls and loads tried again after a transient fault, with back-off.";
    ORPHANS = "tidegate_orphans_total", Counter, Count, ["pipeline", "outcome"], "Loads of another loader that were found running: adopted, which is to say awaited, or cancelled as too old.";
    WAREHOUSE_BREAKER = "tidegate_warehouse_breaker", Gauge, Count, ["state"], "1 for the state of the circuit breaker before the warehouse, else 0: closed, open (no loads are received), half_open (one is tried).";
    FIREHOSE_LINES = "tidegate_firehose_lines_total", Counter, Count, ["pipeline", "outcome"], "Lines for Firehose: delivered, or dropped because there was no room, they were too long, or a staged file could not be read back.";
    FIREHOSE_WAITING = "tidegate_firehose_batches_waiting", Gauge, Count, ["pipeline"], "Batches whose copy waits for Firehose.";
    WAREHOUSE_UP = "tidegate_warehouse_up", Gauge, Count, [], "1 if the last call to the warehouse was answered, else 0.";
}

/// Installs the recorder and describes every metric; called once a process.
///
/// # Errors
/// When a recorder is installed already.
pub fn install() -> Result<PrometheusHandle> {
    let bucket_error = |error| Error::caused(ErrorKind::Configuration, "the metrics' buckets are not usable", error);
    let handle = PrometheusBuilder::new()
        .set_buckets(&[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0])
        .map_err(bucket_error)?
        .set_buckets_for_metric(Matcher::Full(BATCH_ROWS.to_owned()), &[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 5e6])
        .map_err(bucket_error)?
        .set_buckets_for_metric(Matcher::Full(LOAD_BATCHES.to_owned()), &[1.0, 2.0, 3.0, 5.0, 7.0, 10.0])
        .map_err(bucket_error)?
        .install_recorder()
        .map_err(|error| Error::caused(ErrorKind::Configuration, "the metrics recorder is installed already", error))?;
    describe();
    let upkeep = handle.clone();
    std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(5));
            upkeep.run_upkeep();
        }
    })?;
    Ok(handle)
}

/// Gives the counters of these pipelines their first zero, so that the first event is an increase and not a new series.
pub fn begin<'a>(pipelines: impl IntoIterator<Item = &'a str>) {
    for queue in ["events", "loads"] {
        for name in [MESSAGES_RECEIVED, LEASES_LOST] {
            metrics::counter!(name, "queue" => queue).increment(0);
        }
        for outcome in ["deleted", "parked", "released"] {
            metrics::counter!(MESSAGES_SETTLED, "queue" => queue, "outcome" => outcome).increment(0);
        }
    }
    for outcome in ["routed", "unrouted", "ignored", "malformed"] {
        metrics::counter!(EVENTS, "outcome" => outcome).increment(0);
    }
    for operation in
        ["receive", "delete", "park", "release", "quarantine", "objects", "manifest", "send", "describe", "firehose"]
    {
        metrics::counter!(RETRIES, "operation" => operation).increment(0);
    }
    for pipeline in pipelines {
        for (name, label, values) in PIPELINE_COUNTERS {
            for value in *values {
                metrics::counter!(*name, "pipeline" => pipeline.to_owned(), *label => *value).increment(0);
            }
        }
        for name in [READ_RESUMED, VALUES_TRUNCATED, UNKNOWN_FIELDS, CODEC_MISMATCHES] {
            metrics::counter!(name, "pipeline" => pipeline.to_owned()).increment(0);
        }
        metrics::gauge!(FIREHOSE_WAITING, "pipeline" => pipeline.to_owned()).set(0.0);
    }
}

/// The counters of a pipeline with one more label, and that label's values.
const PIPELINE_COUNTERS: &[(&str, &str, &[&str])] = &[
    (OBJECTS, "outcome", &["staged", "parked", "replaced", "released"]),
    (BYTES, "stage", &["read", "decompressed", "staged"]),
    (RECORDS, "outcome", &["read", "staged", "rejected"]),
    (BATCHES, "cut", &["freshness", "rows", "bytes", "objects", "held", "shutdown"]),
    (LOADS, "outcome", &["committed", "retried", "parked", "divided"]),
    (FIREHOSE_LINES, "outcome", &["delivered", "dropped"]),
    (ORPHANS, "outcome", &["adopted", "cancelled"]),
    (AFTER, "outcome", &["done", "retried", "failed"]),
    (ROWS_LOADED, "fate", &["inserted", "updated", "unchanged", "superseded", "already_loaded"]),
];

/// Gives every metric its help text.
fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.unit, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_prometheus_conventions() {
        for metric in METRICS {
            assert!(metric.name.starts_with("tidegate_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            if metric.unit == Unit::Seconds {
                assert!(metric.name.ends_with("_seconds"), "{}", metric.name);
            }
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn no_label_is_unbounded() {
        const BOUNDED: &[&str] = &[
            "version",
            "role",
            "queue",
            "outcome",
            "state",
            "pipeline",
            "stage",
            "rule",
            "cut",
            "fate",
            "kind",
            "operation",
            "reason",
            "check",
        ];
        for label in METRICS.iter().flat_map(|metric| metric.labels) {
            assert!(BOUNDED.contains(label), "{label}");
        }
    }
}
