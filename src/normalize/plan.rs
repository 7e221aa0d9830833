//! A pipeline's columns, compiled once, and the check of a row against them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::config::{Column, ColumnSource, Mask, OnUnknownField, Pipeline};
use crate::model::{Extra, FieldIndex, Origin, Rule, Value};
use crate::schema::value::{Cell, Violation, coerce};

/// The most bytes of a row: Redshift refuses rows above 4 MB.
pub(super) const ROW_BYTES: usize = 4_000_000;

/// A pipeline's columns, ready to check rows.
#[derive(Debug, Clone)]
pub struct Plan {
    fields: FieldIndex,
    columns: Vec<Planned>,
    on_unknown_field: OnUnknownField,
}

/// A column, and where its value comes from.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) column: Column,
    pub(super) source: Source,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Slot(usize),
    Capture(usize),
}

/// Why a record is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The column at fault, where there is one.
    pub column: Option<String>,
    /// The rule, and what was found.
    pub violation: Violation,
}

impl Plan {
    /// The plan of a pipeline.
    pub fn new(pipeline: &Pipeline) -> Self {
        let mut fields = match pipeline.source.on_unknown_field {
            OnUnknownField::Ignore => FieldIndex::new(),
            OnUnknownField::Reject => FieldIndex::new().with_extras(),
        };
        let columns = pipeline
            .columns
            .iter()
            .map(|column| {
                let source = match &column.from {
                    ColumnSource::Field(name) => Source::Slot(fields.insert(name)),
                    ColumnSource::Capture(place) => Source::Capture(*place),
                };
                Planned { column: column.clone(), source }
            })
            .collect();
        Plan { fields, columns, on_unknown_field: pipeline.source.on_unknown_field }
    }

    /// The fields that the decoder is to fill.
    pub fn fields(&self) -> &FieldIndex {
        &self.fields
    }

    /// The columns, in the order of the table.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().map(|planned| &planned.column)
    }

    /// The columns with their sources.
    pub(super) fn planned(&self) -> &[Planned] {
        &self.columns
    }

    /// Checks a record and makes its row: one cell for each column, in `row`.
    ///
    /// `slots` are what the decoder filled, `extras` the fields that no column takes.
    ///
    /// # Errors
    /// The first column and rule that the record breaks.
    pub fn row<'a>(
        &self,
        slots: &[Option<Value<'a>>],
        origin: &'a Origin,
        extras: &[Extra<'_>],
        row: &mut Vec<Cell<'a>>,
    ) -> Result<(), Refusal> {
        if let (OnUnknownField::Reject, Some(extra)) = (self.on_unknown_field, extras.first()) {
            let message = format!("the field {:?} has no column", extra.name);
            return Err(Refusal { column: None, violation: Violation::new(Rule::UnknownField, message) });
        }
        row.clear();
        let mut bytes = 0;
        for planned in &self.columns {
            let value = match planned.source {
                // Cloned, not taken: several columns may take one field.
                Source::Slot(slot) => slots.get(slot).cloned().flatten(),
                Source::Capture(place) => captured(origin, place),
            };
            let cell = planned
                .cell(value)
                .map_err(|violation| Refusal { column: Some(planned.column.name.clone()), violation })?;
            bytes += match &cell {
                Cell::Text(text) => text.len(),
                _ => 16,
            };
            row.push(cell);
        }
        if bytes > ROW_BYTES {
            let message = format!("the row has {bytes} bytes; Redshift takes {ROW_BYTES}");
            return Err(Refusal { column: None, violation: Violation::new(Rule::RowSize, message) });
        }
        Ok(())
    }
}

/// What the key's pattern captured at this place.
fn captured(origin: &Origin, place: usize) -> Option<Value<'_>> {
    origin.captures.get(place).map(|text| Value::Text(Cow::Borrowed(text.as_str())))
}

impl Planned {
    /// The cell of a column that is the same in every record of an object.
    pub(super) fn constant<'a>(&self, origin: &'a Origin) -> Result<Cell<'a>, Violation> {
        match self.source {
            Source::Slot(_) => self.cell(None),
            Source::Capture(place) => self.cell(captured(origin, place)),
        }
    }

    /// The cell of a value, or of its absence, after all of the column's checks.
    pub(super) fn cell<'a>(&self, value: Option<Value<'a>>) -> Result<Cell<'a>, Violation> {
        let Column { column_type, required, parse, pattern, min, max, mask, .. } = &self.column;
        let cell = match (value, mask) {
            (None | Some(Value::Null), _) => Cell::Null,
            (Some(value), None) => coerce(value, *column_type, parse)?,
            (Some(value), Some(Mask::Sha256)) => Cell::Text(Cow::Owned(sha256(&value)?)),
        };
        if cell == Cell::Null {
            return if *required {
                Err(Violation::new(Rule::Required, "there is no value, and the column requires one"))
            } else {
                Ok(cell)
            };
        }
        if let (Some(pattern), Cell::Text(text)) = (pattern, &cell)
            && !pattern.is_match(text)
        {
            return Err(Violation::new(Rule::Pattern, format!("the text does not match {}", pattern.as_str())));
        }
        if let Some(min) = min
            && cell.order(min) == Some(Ordering::Less)
        {
            return Err(Violation::new(Rule::Min, "the value is below the column's min"));
        }
        if let Some(max) = max
            && cell.order(max) == Some(Ordering::Greater)
        {
            return Err(Violation::new(Rule::Max, "the value is above the column's max"));
        }
        Ok(cell)
    }
}

/// The SHA-256 of a scalar's text, as 64 hexadecimal digits.
fn sha256(value: &Value<'_>) -> Result<String, Violation> {
    let text = match value {
        Value::Text(text) => text.as_ref(),
        Value::Number(digits) => digits,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        _ => return Err(Violation::new(Rule::Type, format!("a value of type {} cannot be masked", value.type_name()))),
    };
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::with_capacity(64);
    for byte in digest {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}
