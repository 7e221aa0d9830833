//! What the form of the staged files allows a value and a row.

use crate::config::Column;
use crate::model::{CSV_NULL, Form, Rule};
use crate::schema::ColumnType;
use crate::schema::value::{Cell, Violation};

/// The most bytes that a number, time or boolean takes in any form.
const SCALAR_BYTES: usize = 48;

/// The bytes that a cell takes in a staged row, about; never less than it does in JSON, of which COPY takes no object above 4 MB.
///
/// # Errors
/// `length` for a SUPER that files of this form cannot carry, `character` for the one text that stands for null in CSV.
pub(super) fn staged_bytes(cell: &Cell<'_>, column: &Column, form: Form) -> Result<usize, Violation> {
    let key = if form == Form::Json { json_bytes(&column.name) + 2 } else { 0 };
    let Cell::Text(text) = cell else {
        return Ok(key + if form == Form::Json { SCALAR_BYTES } else { 16 });
    };
    if column.column_type == ColumnType::Super {
        if text.len() > form.super_bytes() {
            let remedy = if form == Form::Json { "" } else { "; stage the pipeline's files as JSON to load it" };
            let message =
                format!("{} bytes of JSON do not fit a staged super of {}{remedy}", text.len(), form.super_bytes());
            return Err(Violation::new(Rule::Length, message));
        }
        return Ok(key + text.len());
    }
    if form == Form::Csv && text == CSV_NULL {
        let message = format!("the text is {CSV_NULL:?}, which stands for null in the staged CSV");
        return Err(Violation::new(Rule::Character, message));
    }
    Ok(if form == Form::Json { key + json_bytes(text) } else { text.len() })
}

/// The bytes of a text in JSON, its quotes included.
fn json_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        0x20.. => 1,
        _ => 6,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}
