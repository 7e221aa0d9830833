//! The fast way of a record: its values go straight into the columns.

use std::borrow::Cow;

use super::growing::Growing;
use super::plan::ROW_BYTES;
use super::shortcut::{FIXED, How, Lane, Lanes};
use super::staged_size::staged_bytes;
use super::{Plan, Planned, Refusal, Rows, Shortcut};
use crate::model::{FieldWriter, Form, Piece, Rule, Value};
use crate::schema::value::{Cell, Violation};

/// Writes the values of one record behind the rows that are complete.
pub struct RowWriter<'w> {
    plan: &'w Plan,
    shortcut: &'w Shortcut,
    rows: &'w mut Rows,
    /// The number of complete rows.
    complete: usize,
    /// How many columns have got their value.
    filled: usize,
    /// The record's bytes, as [`Plan::row`] counts them.
    bytes: usize,
    /// The first column, in the order of the table, that refused its value, and why.
    refused: Option<(usize, Violation, Option<&'static str>)>,
}

/// What became of a record.
#[derive(Debug)]
pub enum Outcome {
    /// A row was completed.
    Row,
    /// A column or rule refuses the record, for the reason that the exact way would give. What was written of it is to be taken back.
    Refused(Refusal),
    /// The record has to go the exact way. What was written of it is to be taken back.
    Undecided,
}

impl<'w> RowWriter<'w> {
    /// A writer of the next record behind `rows`.
    #[inline(always)]
    pub fn new(plan: &'w Plan, shortcut: &'w Shortcut, rows: &'w mut Rows) -> Self {
        let complete = rows.len();
        RowWriter { plan, shortcut, rows, complete, filled: 0, bytes: 0, refused: None }
    }

    /// Completes the row of record `record`, of which all fields were written: fills the columns whose fields it lacks.
    #[inline(always)]
    pub fn finish(mut self, record: u64) -> Outcome {
        for (at, cell) in &self.shortcut.constants {
            self.bytes += cell_bytes(cell);
            self.rows.columns[*at].push(cell);
        }
        let whole = self.filled + self.shortcut.constants.len() == self.rows.columns.len();
        if !whole && !self.fill() {
            return Outcome::Undecided;
        }
        if let Some((column, violation, found)) = self.refused {
            let column = Some(self.plan.planned()[column].column().name.clone());
            return Outcome::Refused(Refusal { column, violation, found });
        }
        if self.bytes > ROW_BYTES {
            return Outcome::Undecided;
        }
        if self.plan.has_rules()
            && let Some(outcome) = self.rules()
        {
            return outcome;
        }
        self.rows.complete(record, self.bytes);
        Outcome::Row
    }

    /// Fills the columns that have no value yet; `false` if the exact way has to.
    #[inline(never)]
    fn fill(&mut self) -> bool {
        for (column, planned) in self.plan.planned().iter().enumerate() {
            if self.rows.columns[column].len() == self.complete {
                match planned.cell(None) {
                    Ok((cell, false)) => {
                        self.bytes += cell_bytes(&cell);
                        self.rows.columns[column].push(&cell);
                    }
                    Ok((_, true)) => return false,
                    Err(violation) => self.refuse(column, violation, None),
                }
            }
        }
        true
    }

    /// Notes that a column refuses its value.
    #[cold]
    fn refuse(&mut self, column: usize, violation: Violation, found: Option<&'static str>) {
        if self.refused.as_ref().is_none_or(|(first, ..)| column < *first) {
            self.refused = Some((column, violation, found));
        }
    }

    /// The only column that takes the slot; `None` if there are several, or none.
    #[inline(always)]
    fn lane(&self, slot: usize) -> Option<&'w Lane> {
        match self.shortcut.slots.get(slot) {
            Some(Lanes::One(lane)) => Some(lane),
            _ => None,
        }
    }

    /// Puts a value into each of the columns that take the slot.
    #[inline(never)]
    fn each(&mut self, slot: usize, put: impl Fn(&mut Self, &Lane) -> bool) -> bool {
        let shortcut: &Shortcut = self.shortcut;
        match shortcut.slots.get(slot) {
            Some(Lanes::One(lane)) => put(self, lane),
            Some(Lanes::Several(lanes)) => lanes.iter().all(|lane| put(self, lane)),
            None => false,
        }
    }

    /// The lane's column, if it has no value yet; if it has, the field stands twice.
    #[inline(always)]
    fn empty(&mut self, lane: &Lane) -> Option<&mut Growing> {
        let growing = self.rows.columns.get_mut(lane.column)?;
        if growing.len() != self.complete {
            return None;
        }
        self.filled += 1;
        Some(growing)
    }

    #[inline(always)]
    fn put_piece(&mut self, lane: &Lane, piece: Piece<'_>, text: bool) -> bool {
        let Some(growing) = self.empty(lane) else { return false };
        // Before all else, as most values are texts: a branch that is foreseen, where the jump below is not.
        if text && piece.len() < lane.room {
            growing.push_text(piece);
            self.bytes += piece.len();
            return true;
        }
        if lane.how.put(growing, piece, text).is_some() {
            self.bytes += lane.how.counted(piece);
            return !lane.bounded || self.check_bounds(lane.column);
        }
        self.put_exactly(lane.column, piece.bytes(), text)
    }

    #[inline(always)]
    fn put_null(&mut self, lane: &Lane) -> bool {
        let Some(growing) = self.empty(lane) else { return false };
        if lane.required || lane.how == How::Exactly {
            return self.put_value(lane.column, Value::Null);
        }
        growing.push_null();
        self.bytes += FIXED;
        true
    }

    #[inline(always)]
    fn put_bool(&mut self, lane: &Lane, value: bool) -> bool {
        let Some(growing) = self.empty(lane) else { return false };
        if lane.how != How::Bool || lane.bounded {
            return self.put_value(lane.column, Value::Bool(value));
        }
        growing.push_bool(value);
        self.bytes += FIXED;
        true
    }

    /// Refuses the value that a column has got if it is not within the column's bounds; `false` if the exact way has to decide.
    #[inline(never)]
    fn check_bounds(&mut self, column: usize) -> bool {
        let planned = &self.plan.planned()[column];
        let cell = self.rows.columns[column].cell(self.complete, planned.column().column_type);
        match cell.map(|cell| planned.check(&cell)) {
            Some(Ok(())) => true,
            Some(Err(violation)) => {
                self.refuse(column, violation, None);
                true
            }
            None => false,
        }
    }

    /// What the rules make of the row, which has all its values; `None` where they hold.
    #[inline(never)]
    fn rules(&self) -> Option<Outcome> {
        let columns = self.rows.columns.iter().zip(self.plan.planned());
        let row: Option<Vec<Cell<'_>>> =
            columns.map(|(growing, planned)| growing.cell(self.complete, planned.column().column_type)).collect();
        match row {
            Some(row) => self.plan.check_rules(&row).err().map(Outcome::Refused),
            None => Some(Outcome::Undecided),
        }
    }

    /// Puts a text or number that is not common.
    #[cold]
    fn put_exactly(&mut self, column: usize, bytes: &[u8], text: bool) -> bool {
        value(bytes, text).is_some_and(|value| self.put_value(column, value))
    }

    /// Puts what is not common, by the plan itself; `false` if the exact way has to.
    #[cold]
    fn put_value(&mut self, column: usize, value: Value<'_>) -> bool {
        match exactly(&self.plan.planned()[column], value) {
            Exactly::Cell(cell) => {
                self.bytes += cell_bytes(&cell);
                self.rows.columns[column].push(&cell);
            }
            Exactly::Refused(violation, found) => {
                self.refuse(column, violation, found);
                // In its place, so that it is known to have stood there.
                self.rows.columns[column].push_null();
            }
            Exactly::Undecided => return false,
        }
        true
    }
}

/// The text or number as a value of the exact way; `None` if it is no UTF-8.
fn value(bytes: &[u8], text: bool) -> Option<Value<'_>> {
    let content = std::str::from_utf8(bytes).ok()?;
    Some(if text { Value::Text(Cow::Borrowed(content)) } else { Value::Number(content) })
}

/// What the plan makes of a value.
enum Exactly<'t> {
    Cell(Cell<'t>),
    Refused(Violation, Option<&'static str>),
    Undecided,
}

fn exactly<'t>(planned: &Planned, value: Value<'t>) -> Exactly<'t> {
    let kind = value.type_name();
    match planned.cell(Some(value)) {
        // A text that is cut is counted by the exact way.
        Ok((_, true)) => Exactly::Undecided,
        Ok((cell, false)) => match staged_bytes(&cell, planned.column(), Form::Parquet) {
            Ok(_) => Exactly::Cell(cell),
            Err(violation) => Exactly::Refused(violation, None),
        },
        Err(violation) => {
            let found = (violation.rule == Rule::Type).then_some(kind);
            Exactly::Refused(violation, found)
        }
    }
}

fn cell_bytes(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        _ => FIXED,
    }
}

/// Nearly every field is one column's, whose value is put without passing it through memory: written there by one width and read back by
/// another, it would make the processor wait. So no [`Piece`] goes to a function that is not part of this one, nor is one borrowed.
impl FieldWriter for RowWriter<'_> {
    #[inline(always)]
    fn text(&mut self, slot: usize, text: Piece<'_>) -> bool {
        match self.lane(slot) {
            Some(lane) => self.put_piece(lane, text, true),
            None => self.each(slot, move |this, lane| this.put_piece(lane, text, true)),
        }
    }

    #[inline(always)]
    fn number(&mut self, slot: usize, digits: Piece<'_>) -> bool {
        match self.lane(slot) {
            Some(lane) => self.put_piece(lane, digits, false),
            None => self.each(slot, move |this, lane| this.put_piece(lane, digits, false)),
        }
    }

    #[inline(always)]
    fn boolean(&mut self, slot: usize, value: bool) -> bool {
        match self.lane(slot) {
            Some(lane) => self.put_bool(lane, value),
            None => self.each(slot, |this, lane| this.put_bool(lane, value)),
        }
    }

    #[inline(always)]
    fn null(&mut self, slot: usize) -> bool {
        match self.lane(slot) {
            Some(lane) => self.put_null(lane),
            None => self.each(slot, Self::put_null),
        }
    }

    #[inline(always)]
    fn json(&mut self, slot: usize, text: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(text) else { return false };
        self.each(slot, |this, lane| {
            this.empty(lane).is_some() && this.put_value(lane.column, Value::Json(Cow::Borrowed(text)))
        })
    }
}
