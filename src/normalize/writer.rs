//! The fast way of a record: its values go straight into the columns.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::column::Simple;
use super::plan::ROW_BYTES;
use super::staged_size::staged_bytes;
use super::{Plan, Planned, Rows, quick};
use crate::config::Column;
use crate::model::{FieldWriter, Form, Origin, Value};
use crate::schema::ColumnType;
use crate::schema::value::{Cell, TimeParse};

/// What the fast way needs of a plan, for the records of one object.
#[derive(Debug)]
pub struct Shortcut {
    /// For each slot: the columns that take it.
    slots: Vec<Vec<Lane>>,
    /// The columns that are the same in every record of the object.
    constants: Vec<(usize, Cell<'static>)>,
}

/// One column that takes a slot: all of it that a common value needs, close together in memory.
#[derive(Debug, Clone, Copy)]
struct Lane {
    column: usize,
    how: How,
    required: bool,
    bounded: bool,
}

/// How a column's common values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Text(usize),
    Ascii(usize),
    Int(i64, i64),
    Decimal(u8, u8),
    Float(ColumnType),
    Bool,
    Date,
    IsoMoment,
    EpochMoment(i64),
    /// By the plan itself, value by value.
    Exactly,
}

/// A value as the decoder met it.
#[derive(Clone, Copy)]
enum Token<'t> {
    Text(&'t [u8]),
    Number(&'t [u8]),
    Bool(bool),
    Null,
    Json(&'t [u8]),
}

/// Writes the values of one record behind the rows that are complete.
pub struct RowWriter<'w> {
    plan: &'w Plan,
    shortcut: &'w Shortcut,
    rows: &'w mut Rows,
    /// The record's bytes, as [`Plan::row`] counts them.
    bytes: usize,
}

impl Shortcut {
    /// The shortcut through `plan` for an object; `None` where each of its records has to go the exact way.
    pub fn new(plan: &Plan, origin: &Origin) -> Option<Self> {
        // Rules look at whole rows of cells, which this way never has.
        // The limits of other forms than Parquet are the exact way's.
        if plan.has_rules() || plan.fields().wants_extras() || plan.form() != Form::Parquet {
            return None;
        }
        let mut slots = vec![Vec::new(); plan.fields().len()];
        let mut constants = Vec::new();
        for (at, planned) in plan.planned().iter().enumerate() {
            match planned.slot() {
                Some(slot) => {
                    let Column { min, max, required, .. } = planned.column();
                    let bounded = min.is_some() || max.is_some();
                    let how = How::of(planned.simple());
                    slots.get_mut(slot)?.push(Lane { column: at, how, required: *required, bounded });
                }
                None => match planned.cell(planned.value(&[], origin, &[]).ok()?) {
                    Ok((cell, false)) => constants.push((at, cell.into_owned())),
                    _ => return None,
                },
            }
        }
        Some(Shortcut { slots, constants })
    }
}

impl How {
    fn of(simple: Option<Simple<'_>>) -> Self {
        let Some(Simple { column_type, parse, .. }) = simple else { return How::Exactly };
        match (column_type, parse) {
            (ColumnType::Varchar(length), _) => How::Text(usize::from(length)),
            (ColumnType::Char(length), _) => How::Ascii(usize::from(length)),
            (ColumnType::SmallInt, _) => How::Int(i16::MIN.into(), i16::MAX.into()),
            (ColumnType::Integer, _) => How::Int(i32::MIN.into(), i32::MAX.into()),
            (ColumnType::BigInt, _) => How::Int(i64::MIN, i64::MAX),
            (ColumnType::Decimal { precision, scale }, _) => How::Decimal(precision, scale),
            (ColumnType::Real | ColumnType::Double, _) => How::Float(column_type),
            (ColumnType::Boolean, _) => How::Bool,
            (ColumnType::Date, TimeParse::Iso) => How::Date,
            (ColumnType::Timestamp | ColumnType::TimestampTz, TimeParse::Iso) => How::IsoMoment,
            (ColumnType::Timestamp | ColumnType::TimestampTz, TimeParse::EpochSeconds) => How::EpochMoment(1_000_000),
            (ColumnType::Timestamp | ColumnType::TimestampTz, TimeParse::EpochMillis) => How::EpochMoment(1_000),
            (ColumnType::Timestamp | ColumnType::TimestampTz, TimeParse::EpochMicros) => How::EpochMoment(1),
            _ => How::Exactly,
        }
    }

    /// The cell of a common value; `None` for all else.
    #[inline(always)]
    fn cell(self, token: Token<'_>) -> Option<Cell<'static>> {
        let digits = match token {
            Token::Text(bytes) | Token::Number(bytes) => bytes,
            Token::Bool(value) if self == How::Bool => return Some(Cell::Bool(value)),
            _ => return None,
        };
        match self {
            How::Int(least, most) => {
                quick::integer(digits).filter(|value| (least..=most).contains(value)).map(Cell::Int)
            }
            How::Decimal(precision, scale) => quick::decimal(digits, precision, scale).map(Cell::Decimal),
            How::Float(column_type) => quick::float(digits, column_type),
            How::Bool if matches!(token, Token::Text(_)) => match digits {
                b"true" => Some(Cell::Bool(true)),
                b"false" => Some(Cell::Bool(false)),
                _ => None,
            },
            How::Date => quick::date(digits).map(Cell::Date),
            How::IsoMoment => quick::iso_moment(digits).map(Cell::Micros),
            How::EpochMoment(factor) => quick::epoch_moment(digits, factor).map(Cell::Micros),
            _ => None,
        }
    }
}

impl<'w> RowWriter<'w> {
    /// A writer of the next record behind `rows`.
    pub fn new(plan: &'w Plan, shortcut: &'w Shortcut, rows: &'w mut Rows) -> Self {
        RowWriter { plan, shortcut, rows, bytes: 0 }
    }

    /// Completes the row of record `record`: fills the columns whose fields the record lacks; `false` if it has to go the exact way.
    pub fn finish(mut self, record: u64) -> bool {
        let rows = self.rows.len();
        for (at, cell) in &self.shortcut.constants {
            self.bytes += cell_bytes(cell);
            self.rows.columns[*at].push(cell);
        }
        for (growing, planned) in self.rows.columns.iter_mut().zip(self.plan.planned()) {
            if growing.len() == rows {
                match planned.cell(None) {
                    Ok((cell, false)) => {
                        self.bytes += cell_bytes(&cell);
                        growing.push(&cell);
                    }
                    _ => return false,
                }
            }
        }
        if self.bytes > ROW_BYTES {
            return false;
        }
        self.rows.complete(record, self.bytes);
        true
    }

    #[inline(always)]
    fn put(&mut self, slot: usize, token: Token<'_>) -> bool {
        let shortcut: &Shortcut = self.shortcut;
        match shortcut.slots.get(slot).map(Vec::as_slice) {
            Some([lane]) => self.put_lane(lane, token),
            Some(lanes) => lanes.iter().all(|lane| self.put_lane(lane, token)),
            None => false,
        }
    }

    #[inline(always)]
    fn put_lane(&mut self, lane: &Lane, token: Token<'_>) -> bool {
        let rows = self.rows.len();
        let Some(growing) = self.rows.columns.get_mut(lane.column) else { return false };
        if growing.len() != rows {
            // The field stands twice.
            return false;
        }
        match (token, lane.how) {
            (Token::Text(text), How::Text(most)) if !lane.bounded => {
                self.bytes += text.len();
                if text.len() <= most {
                    growing.push_text(text);
                    return true;
                }
                return false;
            }
            (Token::Text(text), How::Ascii(most)) if !lane.bounded => {
                self.bytes += text.len();
                if text.len() <= most && text.is_ascii() {
                    growing.push_text(text);
                    return true;
                }
                return false;
            }
            (Token::Null, How::Exactly) => {}
            (Token::Null, _) if !lane.required => {
                self.bytes += 16;
                growing.push_null();
                return true;
            }
            (token, how) => {
                if let Some(cell) = how.cell(token) {
                    self.bytes += 16;
                    match cell {
                        Cell::Int(value) | Cell::Micros(value) => growing.push_i64(value),
                        ref cell => {
                            growing.push(cell);
                        }
                    }
                    return !lane.bounded || within(self.plan.planned()[lane.column].column(), &cell);
                }
            }
        }
        self.put_exactly(lane.column, token)
    }

    /// Puts what is not common, by the plan itself.
    #[cold]
    fn put_exactly(&mut self, column: usize, token: Token<'_>) -> bool {
        match exactly(&self.plan.planned()[column], token) {
            Some(cell) => {
                self.bytes += cell_bytes(&cell);
                self.rows.columns[column].push(&cell);
                true
            }
            None => false,
        }
    }
}

/// Whether a value is within the column's bounds.
fn within(column: &Column, cell: &Cell<'_>) -> bool {
    let from = |min| matches!(cell.order(min), Some(Ordering::Greater | Ordering::Equal));
    let to = |max| matches!(cell.order(max), Some(Ordering::Less | Ordering::Equal));
    column.min.as_ref().is_none_or(from) && column.max.as_ref().is_none_or(to)
}

/// The cell that the plan makes of the value; `None` where it refuses it.
fn exactly<'t>(planned: &Planned, token: Token<'t>) -> Option<Cell<'t>> {
    let text = |bytes: &'t [u8]| std::str::from_utf8(bytes).ok();
    let value = match token {
        Token::Text(bytes) => Value::Text(Cow::Borrowed(text(bytes)?)),
        Token::Number(bytes) => Value::Number(text(bytes)?),
        Token::Bool(value) => Value::Bool(value),
        Token::Null => Value::Null,
        Token::Json(bytes) => Value::Json(Cow::Borrowed(text(bytes)?)),
    };
    // A text that is cut is counted by the exact way.
    let (cell, cut) = planned.cell(Some(value)).ok()?;
    (!cut && staged_bytes(&cell, planned.column(), Form::Parquet).is_ok()).then_some(cell)
}

fn cell_bytes(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        _ => 16,
    }
}

impl FieldWriter for RowWriter<'_> {
    #[inline(always)]
    fn text(&mut self, slot: usize, text: &[u8]) -> bool {
        self.put(slot, Token::Text(text))
    }

    #[inline(always)]
    fn number(&mut self, slot: usize, digits: &[u8]) -> bool {
        self.put(slot, Token::Number(digits))
    }

    #[inline(always)]
    fn boolean(&mut self, slot: usize, value: bool) -> bool {
        self.put(slot, Token::Bool(value))
    }

    #[inline(always)]
    fn null(&mut self, slot: usize) -> bool {
        self.put(slot, Token::Null)
    }

    #[inline(always)]
    fn json(&mut self, slot: usize, text: &[u8]) -> bool {
        self.put(slot, Token::Json(text))
    }
}
