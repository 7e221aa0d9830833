//! What a load says it did.

use crate::model::BatchId;

/// What stands in the place of a batch in the row of a check that only warns.
const WARNING: &str = "warning";

/// What became of the rows of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchFates {
    /// The batch, in text.
    pub batch: String,
    /// The load that committed it; another one's if the batch was loaded before.
    pub token: String,
    /// Rows of objects that the ledger had.
    pub already_loaded: u64,
    /// Rows whose key was new.
    pub inserted: u64,
    /// Rows that replaced an older one.
    pub updated: u64,
    /// Rows equal to what was there.
    pub unchanged: u64,
    /// Rows older than another of the same key.
    pub superseded: u64,
}

/// What became of the batches of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// One entry for each batch, or for each part of one that was loaded in parts.
    pub batches: Vec<BatchFates>,
    /// The checks that only warn and did not hold, each with the number that was found.
    pub warnings: Vec<(String, String)>,
}

impl Report {
    /// Reads the rows of the load's last statement; `None` if they are not of its form.
    pub fn read(rows: &[Vec<Option<String>>]) -> Option<Self> {
        let text = |row: &[Option<String>], at: usize| row.get(at).cloned().flatten();
        let (warnings, rows): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| text(row, 0).is_some_and(|first| first == WARNING));
        let warnings = warnings
            .iter()
            .map(|row| Some((text(row, 1)?, text(row, 7).unwrap_or_else(|| "NULL".to_owned()))))
            .collect::<Option<_>>()?;
        let batches = rows
            .iter()
            .map(|row| {
                let text = |at: usize| text(row, at);
                let number = |at: usize| text(at)?.parse().ok();
                Some(BatchFates {
                    batch: text(0)?,
                    token: text(1)?,
                    already_loaded: number(2)?,
                    inserted: number(3)?,
                    updated: number(4)?,
                    unchanged: number(5)?,
                    superseded: number(6)?,
                })
            })
            .collect::<Option<_>>()?;
        Some(Report { batches, warnings })
    }

    /// Whether `batch` had been loaded before, and nothing of it by `token`'s load. A batch that is loaded in parts has a row for each.
    pub fn was_loaded_before(&self, batch: BatchId, token: &str) -> bool {
        let batch = batch.to_string();
        let mut rows = self.batches.iter().filter(|fates| fates.batch == batch).peekable();
        rows.peek().is_some() && rows.all(|fates| fates.token != token)
    }
}
