//! One column, compiled: from a value of its source to a checked cell.
//!
//! The order is fixed: texts (NUL, trim, empty, null values, case, parts), default, cut, type, checks, mask.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;

use super::{mask, texts};
use crate::config::{Column, ColumnSource, ObjectField, Texts};
use crate::model::{Extra, FieldIndex, Origin, Rule, Value};
use crate::schema::ColumnType;
use crate::schema::value::{Cell, Reading, TimeParse, Violation, coerce_as};

/// A column, ready to check values.
#[derive(Debug, Clone)]
pub struct Planned {
    column: Column,
    source: Source,
    /// The type that values are read as.
    read_type: ColumnType,
    /// Whether texts are changed before they are read.
    changes_texts: bool,
    /// The most bytes to which a longer text is cut.
    cut_to: Option<usize>,
    /// Whether anything is asked of a value beyond its type and bounds.
    more_checks: bool,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Slot(usize),
    Capture(usize),
    Object(ObjectField),
    Rescued,
}

/// A column that takes a field of the record as it is: nothing is done to a value but what its type, its bounds and `required` ask for.
#[derive(Debug, Clone, Copy)]
pub struct Simple<'p> {
    /// The field's slot.
    pub slot: usize,
    /// The type.
    pub column_type: ColumnType,
    /// How texts and numbers are read as times, those without an offset as UTC.
    pub parse: &'p TimeParse,
    /// Whether a record without a value is rejected.
    pub required: bool,
    /// The least value.
    pub min: Option<&'p Cell<'static>>,
    /// The greatest value.
    pub max: Option<&'p Cell<'static>>,
}

impl Planned {
    /// Compiles a column, whose field gets a slot of `fields`.
    pub(super) fn new(column: &Column, fields: &mut FieldIndex) -> Self {
        let source = match &column.from {
            ColumnSource::Field(name) => Source::Slot(fields.insert(name)),
            ColumnSource::Path(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                Source::Slot(fields.insert_path(&names))
            }
            ColumnSource::Capture(place) => Source::Capture(*place),
            ColumnSource::Object(field) => Source::Object(*field),
            ColumnSource::Rescued => Source::Rescued,
        };
        let mut column = column.clone();
        // Captures are texts, whatever they say: nobody could have sent them as numbers.
        column.reading.strict &= matches!(source, Source::Slot(_));
        let read_type = column.read_type();
        let Texts { max_bytes, truncate, .. } = column.texts;
        let cut_to = truncate.then(|| max_bytes.or(read_type.text_bytes())).flatten();
        let lengths_aside = Texts { max_bytes: None, truncate: false, ..column.texts.clone() };
        let changes_texts = lengths_aside != Texts::default();
        let more_checks = column.pattern.is_some() || column.one_of.is_some() || column.texts.max_bytes.is_some();
        Planned { source, read_type, changes_texts, cut_to, more_checks, column }
    }

    /// The column as it was configured.
    pub fn column(&self) -> &Column {
        &self.column
    }

    /// What a faster way needs to know of the column, if nothing more is to be done to its values.
    pub fn simple(&self) -> Option<Simple<'_>> {
        let Source::Slot(slot) = self.source else { return None };
        let Column { default, mask, reading, parse, required, min, max, column_type, .. } = &self.column;
        let plain = !self.changes_texts
            && self.cut_to.is_none()
            && !self.more_checks
            && default.is_none()
            && mask.is_none()
            && reading == Reading::DEFAULT;
        plain.then_some(Simple {
            slot,
            column_type: *column_type,
            parse,
            required: *required,
            min: min.as_ref(),
            max: max.as_ref(),
        })
    }

    /// The slot of the field that the column takes; none if its value is the same for all records of an object, or made of what is left over.
    pub(super) fn slot(&self) -> Option<usize> {
        if let Source::Slot(slot) = self.source { Some(slot) } else { None }
    }

    /// The column's value before anything is done to it.
    ///
    /// # Errors
    /// Of the fields that no column takes: one that has no form in JSON.
    pub(super) fn value<'a>(
        &self,
        slots: &[Option<Value<'a>>],
        origin: &'a Origin,
        extras: &[Extra<'_>],
    ) -> Result<Option<Value<'a>>, Violation> {
        Ok(match self.source {
            // Cloned, not taken: several columns may take one field.
            Source::Slot(slot) => slots.get(slot).cloned().flatten(),
            Source::Capture(place) => origin.captures.get(place).map(|text| Value::Text(Cow::Borrowed(text.as_str()))),
            Source::Object(field) => of_object(field, origin),
            Source::Rescued => rescued(extras)?,
        })
    }

    /// The value as a cell of the column, and whether a text was cut for it.
    ///
    /// # Errors
    /// The first rule that the value breaks.
    pub(super) fn cell<'a>(&self, value: Option<Value<'a>>) -> Result<(Cell<'a>, bool), Violation> {
        let column = &self.column;
        let value = match value {
            Some(value) if self.changes_texts => texts::changed(value, &column.texts, self.read_type),
            value => value.unwrap_or(Value::Null),
        };
        if value == Value::Null {
            return match &column.default {
                Some(default) => Ok((default.clone(), false)),
                None if column.required => {
                    Err(Violation::new(Rule::Required, "there is no value, and the column requires one"))
                }
                None => Ok((Cell::Null, false)),
            };
        }
        let (value, cut) = match self.cut_to {
            Some(most) => texts::cut(value, most),
            None => (value, false),
        };
        let cell = coerce_as(value, self.read_type, &column.parse, &column.reading)?;
        self.check(&cell)?;
        match &column.mask {
            None => Ok((cell, cut)),
            Some(mask) => mask::masked(cell, mask, column.column_type).map(|cell| (cell, cut)),
        }
    }

    /// Checks a cell against the bounds and whatever else is asked of the column.
    ///
    /// # Errors
    /// The first rule that the cell breaks.
    pub(super) fn check(&self, cell: &Cell<'_>) -> Result<(), Violation> {
        let Column { min, max, .. } = &self.column;
        if let Some(min) = min
            && !matches!(cell.order(min), Some(Ordering::Greater | Ordering::Equal))
        {
            return Err(Violation::new(Rule::Min, "the value is below the column's min"));
        }
        if let Some(max) = max
            && !matches!(cell.order(max), Some(Ordering::Less | Ordering::Equal))
        {
            return Err(Violation::new(Rule::Max, "the value is above the column's max"));
        }
        if self.more_checks { self.check_more(cell) } else { Ok(()) }
    }

    fn check_more(&self, cell: &Cell<'_>) -> Result<(), Violation> {
        let Column { pattern, one_of, texts, .. } = &self.column;
        if let Cell::Text(text) = cell {
            if let Some(most) = texts.max_bytes
                && text.len() > most
            {
                return Err(Violation::new(
                    Rule::Length,
                    format!("{} bytes are more than max_bytes = {most}", text.len()),
                ));
            }
            if let Some(pattern) = pattern
                && !pattern.is_match(text)
            {
                return Err(Violation::new(Rule::Pattern, format!("the text does not match {}", pattern.as_str())));
            }
        }
        if let Some(values) = one_of
            && !values.iter().any(|value| cell.order(value) == Some(Ordering::Equal))
        {
            return Err(Violation::new(Rule::OneOf, "the value is none of the column's one_of"));
        }
        Ok(())
    }
}

/// The fields as one JSON object; none where there are none.
fn rescued(extras: &[Extra<'_>]) -> Result<Option<Value<'static>>, Violation> {
    let mut object = String::new();
    for Extra { name, value } in extras {
        object.push(if object.is_empty() { '{' } else { ',' });
        object.push_str(&serde_json::Value::from(name.as_ref()).to_string());
        object.push(':');
        match value {
            // As it is: what is not valid in it is found with the whole.
            Value::Json(text) => object.push_str(text),
            Value::Null => object.push_str("null"),
            value => match coerce_as(value.clone(), ColumnType::Super, &TimeParse::Iso, Reading::DEFAULT) {
                Ok(Cell::Text(text)) => object.push_str(&text),
                Ok(_) => {}
                Err(Violation { rule, message }) => {
                    return Err(Violation::new(rule, format!("the field {name:?} cannot be kept: {message}")));
                }
            },
        }
    }
    Ok((!object.is_empty()).then(|| Value::Json(Cow::Owned(object + "}"))))
}

/// What the event says of the object, as a value.
fn of_object(field: ObjectField, origin: &Origin) -> Option<Value<'_>> {
    let object = &origin.object;
    let text = |text: &'_ str| Value::Text(Cow::Owned(text.to_owned()));
    match field {
        ObjectField::Bucket => Some(Value::Text(Cow::Borrowed(&object.bucket))),
        ObjectField::Key => Some(Value::Text(Cow::Borrowed(&object.key))),
        ObjectField::Uri => Some(text(&object.uri())),
        ObjectField::Size => object.size.and_then(|size| i64::try_from(size).ok()).map(Value::Int),
        ObjectField::Etag => object.etag.as_deref().map(|etag| Value::Text(Cow::Borrowed(etag))),
        ObjectField::Version => object.version.as_deref().map(|version| Value::Text(Cow::Borrowed(version))),
        ObjectField::EventTime => Some(Value::Micros(Timestamp::as_microsecond(object.event_time))),
        ObjectField::Sequencer => {
            object.sequencer.as_ref().map(|sequencer| Value::Text(Cow::Borrowed(sequencer.as_str())))
        }
    }
}
