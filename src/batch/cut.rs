//! When a batch is closed.

use std::time::{Duration, Instant};

use super::{Collecting, OpenBatch, Why};
use crate::config::BatchLimits;

/// What closed a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Its age, so that the pipeline's freshness is met.
    Freshness,
    /// The number of its rows.
    Rows,
    /// The bytes of its rows.
    Bytes,
    /// The number of its objects.
    Objects,
    /// The number of its partitions.
    Partitions,
    /// Objects that were read with other columns.
    Schema,
    /// The memory that all batches may take together.
    Memory,
    /// As many messages are held as may be: nothing more would come into it.
    Held,
    /// The end of the process.
    Shutdown,
}

impl Cut {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Cut::Freshness => "freshness",
            Cut::Rows => "rows",
            Cut::Bytes => "bytes",
            Cut::Objects => "objects",
            Cut::Partitions => "partitions",
            Cut::Schema => "schema",
            Cut::Memory => "memory",
            Cut::Held => "held",
            Cut::Shutdown => "shutdown",
        }
    }
}

/// The rejected records of a batch are held in memory: at most about this many bytes of them, and compressed.
const REJECTED_BYTES: u64 = 16 << 20;

/// When a batch opened at `opened` must be closed for its age, if it may collect for so long.
pub fn deadline(opened: Instant, collecting: Duration) -> Instant {
    opened + collecting
}

/// Whether the batch is to be closed now, and why.
pub fn cut(batch: &OpenBatch, limits: &BatchLimits, collecting: Collecting, now: Instant) -> Option<Cut> {
    if batch.rows() >= limits.max_rows {
        Some(Cut::Rows)
    } else if batch.bytes() >= limits.max_bytes || batch.rejected_bytes() >= REJECTED_BYTES {
        Some(Cut::Bytes)
    } else if batch.objects().len() >= limits.max_objects {
        Some(Cut::Objects)
    } else if now >= deadline(batch.opened(), collecting.time) {
        Some(if collecting.why == Why::Held { Cut::Held } else { Cut::Freshness })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::ObjectEntry;

    const LIMITS: BatchLimits = BatchLimits { max_rows: 100, max_bytes: 1_000, max_objects: 3 };
    const COLLECTING: Collecting = Collecting { time: Duration::from_secs(30), why: Why::Unmeasured };

    fn batch(now: Instant, objects: &[(u64, u64)]) -> OpenBatch {
        let mut batch = OpenBatch::new(now, Timestamp::UNIX_EPOCH);
        for (at, (rows, bytes)) in objects.iter().enumerate() {
            let entry = ObjectEntry {
                id: at.to_string(),
                bucket: "b".into(),
                key: "k".into(),
                version: None,
                etag: None,
                size: 1,
                sequencer: None,
                event_time: Timestamp::UNIX_EPOCH,
                read: rows + 1,
                rejected: 1,
                staged: *rows,
                removal: None,
            };
            batch.add(entry, *bytes, 0);
        }
        batch
    }

    #[test]
    fn each_limit_closes_a_batch_and_names_itself() {
        let now = Instant::now();
        let decide = |objects: &[(u64, u64)]| cut(&batch(now, objects), &LIMITS, COLLECTING, now);
        assert_eq!(decide(&[(99, 10)]), None);
        assert_eq!(decide(&[(60, 10), (40, 10)]), Some(Cut::Rows));
        assert_eq!(decide(&[(1, 1_000)]), Some(Cut::Bytes));
        assert_eq!(decide(&[(0, 0), (0, 0), (0, 0)]), Some(Cut::Objects));
    }

    #[test]
    fn rejects_close_a_batch_before_they_fill_the_memory() {
        let now = Instant::now();
        let mut batch = batch(now, &[(1, 1)]);
        let entry = batch.objects()[0].clone();
        assert_eq!(cut(&batch, &LIMITS, COLLECTING, now), None);
        batch.add(entry, 0, REJECTED_BYTES);
        assert_eq!(cut(&batch, &LIMITS, COLLECTING, now), Some(Cut::Bytes));
    }

    /// What goes wrong elsewhere, row 1: workers hold messages while the batcher waits for more data.
    #[test]
    fn row_1_a_batch_closes_by_age_however_little_it_holds() {
        let opened = Instant::now();
        let batch = batch(opened, &[(1, 1)]);
        assert_eq!(cut(&batch, &LIMITS, COLLECTING, opened + Duration::from_secs(29)), None);
        assert_eq!(cut(&batch, &LIMITS, COLLECTING, opened + Duration::from_secs(30)), Some(Cut::Freshness));
        assert_eq!(cut(&batch, &LIMITS, COLLECTING, deadline(opened, COLLECTING.time)), Some(Cut::Freshness));
    }

    /// What goes wrong elsewhere, row 1: in-flight is never capped below what closes a batch.
    #[test]
    fn row_1_a_batch_closes_at_once_where_nothing_more_can_be_received() {
        let opened = Instant::now();
        let held = Collecting { time: Duration::ZERO, why: Why::Held };
        assert_eq!(cut(&batch(opened, &[(1, 1)]), &LIMITS, held, opened), Some(Cut::Held));
    }
}
