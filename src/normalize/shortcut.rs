//! What the fast way needs of a plan: for each field the columns that take it, and how their common values are read.

use super::column::Simple;
use super::growing::Growing;
use super::{Plan, Planned, quick};
use crate::config::Column;
use crate::model::{Form, Origin, Piece};
use crate::schema::ColumnType;
use crate::schema::value::{Cell, TimeParse};

/// The bytes that are counted of a value which is no text.
pub(super) const FIXED: usize = 16;

/// What the fast way needs of a plan, for the records of one object.
#[derive(Debug)]
pub struct Shortcut {
    /// For each slot: the columns that take it.
    pub(super) slots: Vec<Lanes>,
    /// The columns that are the same in every record of the object.
    pub(super) constants: Vec<(usize, Cell<'static>)>,
}

/// The columns that take one slot.
#[derive(Debug, Clone)]
pub(super) enum Lanes {
    One(Lane),
    Several(Vec<Lane>),
}

/// One column that takes a slot: all of it that a common value needs, close together in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) column: usize,
    pub(super) how: How,
    pub(super) required: bool,
    pub(super) bounded: bool,
    /// One more than the bytes that a text may have, of a column that takes any text as it is; 0 of all others.
    pub(super) room: usize,
}

/// How a column's common values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
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

impl Shortcut {
    /// The shortcut through `plan` for an object; `None` where each of its records has to go the exact way.
    pub fn new(plan: &Plan, origin: &Origin) -> Option<Self> {
        // The limits of other forms than Parquet are the exact way's. Rules look at a REAL before it is rounded to one.
        let rounds = |planned: &Planned| planned.column().column_type == ColumnType::Real;
        if plan.form() != Form::Parquet || (plan.has_rules() && plan.planned().iter().any(rounds)) {
            return None;
        }
        let mut slots = vec![Lanes::Several(Vec::new()); plan.fields().len()];
        let mut constants = Vec::new();
        for (column, planned) in plan.planned().iter().enumerate() {
            match planned.slot() {
                Some(slot) => {
                    let Column { required, min, max, .. } = planned.column();
                    let how = How::of(planned.simple());
                    // The bounds of whole numbers are within `how`.
                    let bounded = (min.is_some() || max.is_some()) && !matches!(how, How::Int(..) | How::Exactly);
                    let room = match how {
                        How::Text(most) if !bounded => most + 1,
                        _ => 0,
                    };
                    slots.get_mut(slot)?.add(Lane { column, how, required: *required, bounded, room });
                }
                None => match planned.cell(planned.value(&[], origin, &[]).ok()?) {
                    Ok((cell, false)) => constants.push((column, cell.into_owned())),
                    _ => return None,
                },
            }
        }
        Some(Shortcut { slots, constants })
    }
}

impl Lanes {
    fn add(&mut self, lane: Lane) {
        *self = match std::mem::replace(self, Lanes::Several(Vec::new())) {
            Lanes::Several(lanes) if lanes.is_empty() => Lanes::One(lane),
            Lanes::Several(lanes) => Lanes::Several(lanes.into_iter().chain([lane]).collect()),
            Lanes::One(first) => Lanes::Several(vec![first, lane]),
        }
    }
}

impl How {
    fn of(simple: Option<Simple<'_>>) -> Self {
        let Some(Simple { column_type, parse, min, max, .. }) = simple else { return How::Exactly };
        let bounds = |least: i64, most: i64| match (min, max) {
            (None, None) => How::Int(least, most),
            (Some(Cell::Int(min)), None) => How::Int(least.max(*min), most),
            (None, Some(Cell::Int(max))) => How::Int(least, most.min(*max)),
            (Some(Cell::Int(min)), Some(Cell::Int(max))) => How::Int(least.max(*min), most.min(*max)),
            _ => How::Exactly,
        };
        match (column_type, parse) {
            (ColumnType::SmallInt, _) => bounds(i16::MIN.into(), i16::MAX.into()),
            (ColumnType::Integer, _) => bounds(i32::MIN.into(), i32::MAX.into()),
            (ColumnType::BigInt, _) => bounds(i64::MIN, i64::MAX),
            (ColumnType::Varchar(length), _) => How::Text(usize::from(length)),
            (ColumnType::Char(length), _) => How::Ascii(usize::from(length)),
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

    /// Adds a common value to its column, whose values are of the kind that this one is read as; `None` for all else. `text` tells a
    /// text from a number.
    #[inline(always)]
    pub(super) fn put(self, growing: &mut Growing, piece: Piece<'_>, text: bool) -> Option<()> {
        let digits = piece.bytes();
        match self {
            How::Int(least, most) => {
                growing.push_int(quick::integer(piece).filter(|value| (least..=most).contains(value))?);
            }
            How::Decimal(precision, scale) => growing.push_units(quick::decimal(digits, precision, scale)?),
            How::IsoMoment => growing.push_int(quick::iso_moment(digits)?),
            How::EpochMoment(factor) => growing.push_int(quick::epoch_moment(piece, factor)?),
            How::Float(column_type) => {
                growing.push(&quick::float(digits, column_type)?);
            }
            How::Date => {
                growing.push(&Cell::Date(quick::date(digits)?));
            }
            How::Bool if text => match digits {
                b"true" => growing.push_bool(true),
                b"false" => growing.push_bool(false),
                _ => return None,
            },
            How::Text(most) | How::Ascii(most) if text => {
                if piece.len() > most || (matches!(self, How::Ascii(_)) && !digits.is_ascii()) {
                    return None;
                }
                growing.push_text(piece);
            }
            _ => return None,
        }
        Some(())
    }

    /// The bytes that are counted of a value.
    #[inline(always)]
    pub(super) fn counted(self, piece: Piece<'_>) -> usize {
        if matches!(self, How::Text(_) | How::Ascii(_)) { piece.len() } else { FIXED }
    }
}
