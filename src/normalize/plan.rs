//! A pipeline's columns, compiled once, and the check of a row against them.

use super::Planned;
use super::staged_size::staged_bytes;
use crate::config::{Column, OnUnknownField, Pipeline, RowRule};
use crate::model::{Extra, FieldIndex, Form, Origin, Rule, Value};
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
    rules: Vec<RowRule>,
    on_unknown_field: OnUnknownField,
    /// The form of the staged files.
    form: Form,
}

/// Why a record is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The column at fault, where there is one.
    pub column: Option<String>,
    /// The rule, and what was found.
    pub violation: Violation,
    /// The type that was found, where it is not that of the column.
    pub found: Option<&'static str>,
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
        Plan {
            pipeline: pipeline.name.clone(),
            fields,
            columns,
            rules: pipeline.rules.clone(),
            on_unknown_field: source.on_unknown_field,
            form: pipeline.stage.format.form,
        }
    }

    /// The form of the staged files.
    pub(super) fn form(&self) -> Form {
        self.form
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

    /// Checks a row against the rules.
    ///
    /// # Errors
    /// The first rule that the row breaks.
    pub(super) fn check_rules(&self, row: &[Cell<'_>]) -> Result<(), Refusal> {
        self.rules.iter().try_for_each(|rule| hold(rule, row))
    }

    /// Whether rules look at whole rows.
    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
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
            return Err(Refusal { column: None, violation: Violation::new(Rule::UnknownField, message), found: None });
        }
        row.clear();
        let mut bytes = 0;
        for planned in &self.columns {
            let value = planned.value(slots, origin, extras);
            let (cell, cut) = value.and_then(|value| planned.cell(value)).map_err(|violation| {
                let value = planned.value(slots, origin, extras).ok().flatten();
                let found = value.filter(|_| violation.rule == Rule::Type).map(|value| value.type_name());
                Refusal { column: Some(planned.column().name.clone()), violation, found }
            })?;
            if cut {
                metrics::counter!(names::VALUES_TRUNCATED, "pipeline" => self.pipeline.clone()).increment(1);
            }
            bytes += staged_bytes(&cell, planned.column(), self.form).map_err(|violation| Refusal {
                column: Some(planned.column().name.clone()),
                violation,
                found: None,
            })?;
            row.push(cell);
        }
        if bytes > ROW_BYTES {
            let message = format!("the row has {bytes} bytes; Redshift takes {ROW_BYTES}");
            return Err(Refusal { column: None, violation: Violation::new(Rule::RowSize, message), found: None });
        }
        self.check_rules(row)
    }
}

/// Refuses a row of which a rule is false; where it is unknown, the row passes.
fn hold(rule: &RowRule, row: &[Cell<'_>]) -> Result<(), Refusal> {
    let violation = match rule.condition.decide(row) {
        Ok(Some(true) | None) => return Ok(()),
        Ok(Some(false)) => {
            let message = format!("the rule {:?} does not hold: {}", rule.name, rule.condition.as_str());
            Violation::new(Rule::Row, message)
        }
        Err(violation) => {
            let message = format!("the rule {:?} cannot be decided: {}", rule.name, violation.message);
            Violation::new(Rule::Row, message)
        }
    };
    Err(Refusal { column: None, violation, found: None })
}
