//! The demo's reconciliation: what the table and the ledger hold, beside what the producer counted.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::producer::Written;

/// What was found in table, ledger and dead-letter queues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) loaded_objects: u64,
    pub(super) parked_objects: u64,
    /// Rows of the table, and the sums over them.
    pub(super) rows: u64,
    pub(super) rating_tenths: i64,
    pub(super) seconds: i64,
    /// Of the ledger's batches.
    pub(super) read: u64,
    pub(super) rejected: u64,
    pub(super) superseded: u64,
    /// The mean time from an object's creation to its commit, by the daemon's metric.
    pub(super) mean_freshness: Duration,
}

/// One figure from both sides.
pub(super) struct Line {
    pub(super) what: String,
    pub(super) name: String,
    pub(super) found: i64,
    pub(super) written: i64,
}

/// The comparison.
pub(super) struct Report {
    lines: Vec<Line>,
    read: u64,
    mean_freshness: Duration,
    took: Duration,
}

impl Report {
    pub(super) fn new(written: &Written, found: Found, took: Duration) -> Self {
        let good_objects = written.objects - written.corrupt_objects;
        let older = written.records - written.malformed - written.reviews();
        let line = |what: &str, name: &str, found: u64, written: u64| Line {
            what: what.to_owned(),
            name: name.to_owned(),
            found: found as i64,
            written: written as i64,
        };
        let lines = vec![
            line("objects loaded", "objects_loaded", found.loaded_objects, good_objects),
            line("objects parked", "objects_parked", found.parked_objects, written.corrupt_objects),
            line(
                "objects put = loaded + parked",
                "objects",
                found.loaded_objects + found.parked_objects,
                written.objects,
            ),
            line("rows in the table", "rows_loaded", found.rows, written.reviews()),
            line("older versions superseded", "rows_superseded", found.superseded, older),
            line("records rejected", "rows_rejected", found.rejected, written.malformed),
            line(
                "records = loaded + superseded + rejected",
                "records",
                found.rows + found.superseded + found.rejected,
                written.records,
            ),
            Line {
                what: "sum of overall × 10".to_owned(),
                name: "sum_overall_tenths".to_owned(),
                found: found.rating_tenths,
                written: written.rating_tenths(),
            },
            Line {
                what: "sum of review_time, seconds after 2006-09-12".to_owned(),
                name: "sum_review_seconds".to_owned(),
                found: found.seconds,
                written: written.seconds(),
            },
        ];
        Report::of(lines, found.read, found.mean_freshness, took)
    }

    /// Of these lines, with the records that were read and the mean time from an object's creation to its commit.
    pub(super) fn of(lines: Vec<Line>, read: u64, mean_freshness: Duration, took: Duration) -> Self {
        Report { lines, read, mean_freshness, took }
    }

    /// Whether every figure is the same on both sides.
    pub(super) fn reconciles(&self) -> bool {
        self.lines.iter().all(|line| line.found == line.written)
    }

    /// The comparison as JSON.
    pub(super) fn json(&self) -> String {
        let figures: serde_json::Map<String, serde_json::Value> = self
            .lines
            .iter()
            .map(|line| (line.name.to_owned(), json!({ "found": line.found, "produced": line.written })))
            .collect();
        let report = json!({
            "reconciles": self.reconciles(),
            "figures": figures,
            "seconds": self.took.as_secs_f64(),
            "mean_freshness_seconds": self.mean_freshness.as_secs_f64(),
        });
        format!("{report:#}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Reconciliation:{:>47}{:>14}", "found", "produced")?;
        for line in &self.lines {
            let mark = if line.found == line.written { "✓" } else { "✗ DIFFERS" };
            writeln!(f, "  {:<46}{:>14}{:>14}  {mark}", line.what, line.found, line.written)?;
        }
        let rows = self.read as f64 / self.took.as_secs_f64().max(0.001);
        writeln!(
            f,
            "\n{} in {:.1} s ({rows:.0} records/s, set-up included); from an object's put to its commit {:.1} s on average",
            if self.reconciles() { "Everything reconciles" } else { "SOMETHING DIFFERS" },
            self.took.as_secs_f64(),
            self.mean_freshness.as_secs_f64(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::demo::producer::Producer;

    #[test]
    fn any_difference_is_found() {
        let mut producer = Producer::new(1, 4, 50);
        (0..4).for_each(|_| drop(producer.next()));
        let written = producer.written;
        let found = Found {
            loaded_objects: 3,
            parked_objects: 1,
            rows: written.reviews(),
            rating_tenths: written.rating_tenths(),
            seconds: written.seconds(),
            read: written.records,
            rejected: written.malformed,
            superseded: written.records - written.malformed - written.reviews(),
            mean_freshness: Duration::ZERO,
        };
        let report = |found| Report::new(&written, found, Duration::from_secs(1));
        assert!(report(found.clone()).reconciles());
        assert!(!report(Found { rows: found.rows + 1, ..found.clone() }).reconciles());
        assert!(!report(Found { rejected: 0, superseded: found.superseded + 1, ..found.clone() }).reconciles());
        assert!(!report(Found { rating_tenths: 1, ..found.clone() }).reconciles());
        assert!(report(Found { rows: 0, ..found }).to_string().contains("DIFFERS"));
    }
}
