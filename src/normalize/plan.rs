//! A pipeline's columns, compiled once, and the check of a row against them.

use super::Planned;
use crate::config::{Column, OnUnknownField, Pipeline};
use crate::model::{Extra, FieldIndex, Origin, Rule, Value};
use crate::schema::value::{Cell, Violation};
use crate::telemetry::metrics as names;

/// The most bytes of a row: Redshift refuses rows above 4 MB.
pub(super) const ROW_BYTES: usize = 4_000_000;

/// A pipeline's columns, ready to check rows.
#[derive(Debug, Clone)]
pub struct Plan {
    pipeline: String,
    fields: FieldIndex,
    columns: Vec<Planned>,
    on_unknown_field: OnUnknownField,
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
        let source = &pipeline.source;
        let mut fields = if source.ignore_case { FieldIndex::ignoring_case() } else { FieldIndex::new() };
        if source.on_unknown_field != OnUnknownField::Ignore {
            fields = fields.with_extras();
        }
        let columns = pipeline.columns.iter().map(|column| Planned::new(column, &mut fields)).collect();
        Plan { pipeline: pipeline.name.clone(), fields, columns, on_unknown_field: source.on_unknown_field }
    }

    /// The fields that the decoder is to fill.
    pub fn fields(&self) -> &FieldIndex {
        &self.fields
    }

    /// The columns, in the order of the table.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().map(Planned::column)
    }

    /// The compiled columns, in the order of the table.
    pub fn planned(&self) -> &[Planned] {
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
            let (cell, cut) = planned
                .cell(planned.value(slots, origin))
                .map_err(|violation| Refusal { column: Some(planned.column().name.clone()), violation })?;
            if cut {
                metrics::counter!(names::VALUES_TRUNCATED, "pipeline" => self.pipeline.clone()).increment(1);
            }
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
