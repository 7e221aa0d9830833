//! Collecting the records of one object: typed rows in pieces, and what was rejected.

use arrow_array::RecordBatch;

use super::drift::Drift;
use super::evolve::{Discovery, NewField};
use super::runtime::Runtime;
use crate::decode::JsonScanner;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Extra, FieldWriter, Origin, Piece, Place, Raw, RecordSink, Reject, Rule, SlotSpan, Value};
use crate::normalize::{Outcome, Refusal, RowWriter, Rows, Shortcut};
use crate::schema::value::Cell;

/// Rows are handed on in pieces of about this many bytes: what is held of them, and the window before it, stay in a core's own cache.
const PIECE_BYTES: usize = 1 << 20;

/// Rows are handed on in pieces of at most this many.
const PIECE_ROWS: usize = 64 * 1024;

/// The bytes of an object's rejects that are kept, in all, of records and messages; beyond it, a reject has only its place, column and rule.
const REJECTED_BYTES: usize = 4 << 20;

/// The longest message of a reject, in bytes.
const MESSAGE_BYTES: usize = 512;

/// What became of an object's records.
pub(super) struct Summary {
    pub(super) read: u64,
    pub(super) staged: u64,
    pub(super) rejects: Vec<Reject>,
    pub(super) rejected: u64,
    /// The object's bytes after decompression.
    pub(super) decompressed: u64,
    /// Fields that are to become columns. Where there are any, no rows were handed on for those records and all behind, and the object is to be read again.
    pub(super) new_fields: Vec<NewField>,
}

/// Takes a piece of rows, on the decoding thread.
pub(super) type HandOn<'a> = dyn FnMut(RecordBatch) -> Result<()> + 'a;

/// Makes rows of records, on the decoding thread.
pub(super) struct Collector<'a> {
    runtime: &'a Runtime,
    origin: &'a Origin,
    rows: Rows,
    drift: Drift<'a>,
    /// The new fields, where they are looked for.
    discovery: Option<Discovery<'a>>,
    hand_on: &'a mut HandOn<'a>,
    summary: Summary,
    kept: usize,
    /// The fast way, where the pipeline and the object allow it.
    fast: Option<(JsonScanner, Shortcut)>,
    /// The records that went the fast way.
    taken_fast: u64,
}

impl<'a> Collector<'a> {
    /// No rows yet of the object with the identity `id`; pieces of rows go to `hand_on`.
    pub(super) fn new(runtime: &'a Runtime, origin: &'a Origin, id: String, hand_on: &'a mut HandOn<'a>) -> Self {
        let rows = Rows::new(runtime.schema.clone(), id);
        let summary =
            Summary { read: 0, staged: 0, rejects: Vec::new(), rejected: 0, decompressed: 0, new_fields: Vec::new() };
        let fast =
            Shortcut::new(&runtime.plan, origin).map(|shortcut| (JsonScanner::new(runtime.plan.fields()), shortcut));
        let drift = Drift::new(&runtime.unknown_fields, runtime.name(), &origin.object.key);
        Collector { runtime, origin, rows, drift, discovery: None, hand_on, summary, kept: 0, fast, taken_fast: 0 }
    }

    /// The same, looking for fields that are to become columns.
    pub(super) fn discovering(mut self) -> Self {
        self.discovery = Some(Discovery::new(self.runtime));
        self
    }

    /// The sums, after the last piece was handed on.
    ///
    /// # Errors
    /// `TooManyRejects` if the share of rejected records is above what the pipeline tolerates.
    pub(super) fn finish(mut self, decompressed: u64) -> Result<Summary> {
        self.hand_on()?;
        let Summary { read, rejected, .. } = self.summary;
        let max_share = self.runtime.pipeline.rejects.max_share;
        if rejected as f64 > max_share * read as f64 {
            return Err(too_many(&self.summary, &format!("max_share = {max_share}")));
        }
        self.summary.decompressed = decompressed;
        self.summary.new_fields = self.discovery.take().map(Discovery::finish).unwrap_or_default();
        tracing::debug!(pipeline = self.runtime.name(), read, fast = self.taken_fast, "decoded an object");
        Ok(self.summary)
    }

    /// Counts a row that was staged, and hands the rows on where they are enough.
    fn staged(&mut self) -> Result<()> {
        self.summary.read += 1;
        self.summary.staged += 1;
        if self.rows.bytes() >= PIECE_BYTES || self.rows.len() >= PIECE_ROWS { self.hand_on() } else { Ok(()) }
    }

    /// Whether the object is read again, so that its rows are only checked now.
    fn only_checks(&self) -> bool {
        self.discovery.as_ref().is_some_and(Discovery::has_found)
    }

    fn hand_on(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let piece = self.rows.take()?;
        (self.hand_on)(piece)
    }

    /// Settles a record that was offered; whether it is.
    #[inline(always)]
    fn settle(&mut self, outcome: Outcome, place: Place, bytes: &[u8]) -> Result<bool> {
        match outcome {
            Outcome::Row => {
                self.taken_fast += 1;
                self.staged()?;
                Ok(true)
            }
            Outcome::Refused(refusal) => {
                self.rows.roll_back();
                self.refused(refusal, place, Raw::Bytes(bytes))?;
                Ok(true)
            }
            Outcome::Undecided => {
                self.rows.roll_back();
                Ok(false)
            }
        }
    }

    /// Counts and rejects a record that a column or rule refuses.
    fn refused(&mut self, refusal: Refusal, place: Place, raw: Raw<'_>) -> Result<()> {
        let Refusal { column, violation, found } = refusal;
        self.summary.read += 1;
        if let (Some(column), Some(found)) = (&column, found) {
            self.drift.contradiction(column, found);
        }
        self.reject(place, raw, column, violation.rule, violation.message)
    }

    fn reject(
        &mut self,
        place: Place,
        raw: Raw<'_>,
        column: Option<String>,
        rule: Rule,
        message: String,
    ) -> Result<()> {
        self.summary.rejected += 1;
        let (raw, message) = match self.kept < REJECTED_BYTES {
            true => (raw.first(Reject::RAW_LIMIT), cut(message)),
            false => (Vec::new(), String::new()),
        };
        self.kept += raw.len() + message.len();
        let max_rows = self.runtime.pipeline.rejects.max_rows;
        let too_many_rows = self.summary.rejected > max_rows;
        if !too_many_rows || self.summary.rejects.is_empty() {
            self.summary.rejects.push(Reject { place, column, rule, message, raw });
        }
        if too_many_rows { Err(too_many(&self.summary, &format!("max_rows = {max_rows}"))) } else { Ok(()) }
    }
}

impl RecordSink for Collector<'_> {
    fn offer(&mut self, place: Place, bytes: &[u8]) -> Result<bool> {
        if self.only_checks() {
            return Ok(false);
        }
        let Some((scanner, shortcut)) = &mut self.fast else { return Ok(false) };
        let mut writer = RowWriter::new(&self.runtime.plan, shortcut, &mut self.rows);
        let outcome = if scanner.row(bytes, &mut writer) { writer.finish(place.record) } else { Outcome::Undecided };
        self.settle(outcome, place, bytes)
    }

    fn offer_fields(&mut self, place: Place, record: &[u8], fields: &[SlotSpan]) -> Result<bool> {
        if self.only_checks() {
            return Ok(false);
        }
        let Some((_, shortcut)) = &self.fast else { return Ok(false) };
        let mut writer = RowWriter::new(&self.runtime.plan, shortcut, &mut self.rows);
        let written = fields.iter().all(|field| match (field.null, record.get(field.start..)) {
            (true, _) => writer.null(field.slot),
            (false, Some(from)) => writer.text(field.slot, Piece::new(from, field.end.saturating_sub(field.start))),
            (false, None) => false,
        });
        let outcome = if written { writer.finish(place.record) } else { Outcome::Undecided };
        self.settle(outcome, place, record)
    }

    fn record(&mut self, place: Place, raw: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        self.drift.fields(extras);
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(self.runtime.pipeline.columns.len());
        match self.runtime.plan.row(slots, self.origin, extras, &mut cells) {
            Ok(()) if self.discovery.as_mut().is_some_and(|discovery| discovery.look(extras)) => {
                // The object is read again: what it still has is only checked.
                self.summary.read += 1;
                self.summary.staged += 1;
                Ok(())
            }
            Ok(()) => {
                self.rows.push(&cells, place.record);
                self.staged()
            }
            Err(refusal) => self.refused(refusal, place, raw),
        }
    }

    fn refuse(&mut self, place: Place, raw: Raw<'_>, rule: Rule, message: String) -> Result<()> {
        self.summary.read += 1;
        self.reject(place, raw, None, rule, message)
    }
}

/// The message, cut where a parser has put the whole record into it.
fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        let end = (0..=MESSAGE_BYTES).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}

fn too_many(summary: &Summary, limit: &str) -> Error {
    let first = summary.rejects.first().map_or_else(String::new, |reject| {
        let column = reject.column.as_deref().map(|column| format!(", column {column}")).unwrap_or_default();
        format!("; the first is record {}{column}, {}: {}", reject.place.record, reject.rule.as_str(), reject.message)
    });
    let message =
        format!("{} of {} records are rejected, more than {limit} allows{first}", summary.rejected, summary.read);
    Error::new(ErrorKind::TooManyRejects, message)
}

#[cfg(test)]
mod tests;
