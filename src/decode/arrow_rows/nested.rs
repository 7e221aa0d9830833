//! Nested values of an Arrow batch: as JSON text, and what columns take from within them.

use super::super::json_text::{NotText, digits, scalar, string};
use super::super::typed::Unfit;
use super::column::{Column, Kind};
use crate::model::{Fields, Rule, Value};

/// The longest text of a nested value: no record may be larger, whatever `max_record_bytes` says.
const MAX_TEXT: usize = 64 << 20;

/// Writes the value at `row` as JSON: structs and maps as objects, lists as arrays.
pub(super) fn write(column: &Column<'_>, row: usize, not_text: NotText, out: &mut String) -> Result<(), Unfit> {
    if column.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match &column.kind {
        Kind::Struct(children) => {
            for (at, (name, child)) in children.iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                string(name, out);
                out.push(':');
                write(child, row, not_text, out)?;
            }
            out.push_str(if children.is_empty() { "{}" } else { "}" });
        }
        Kind::List { spans, items } => {
            out.push('[');
            for (at, item) in spans.at(row).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(items, item, not_text, out)?;
            }
            out.push(']');
        }
        Kind::Map { offsets, keys, values } => {
            out.push('{');
            for (at, entry) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                string(&key(keys, entry)?, out);
                out.push(':');
                write(values, entry, not_text, out)?;
            }
            out.push('}');
        }
        Kind::Dictionary { keys, values } => match keys.get(row) {
            Some(key) => write(values, *key, not_text, out)?,
            None => out.push_str("null"),
        },
        Kind::Union { .. } => match column.variant(row) {
            Some((child, row)) => write(child, row, not_text, out)?,
            None => out.push_str("null"),
        },
        _ => {
            let value = column.value(row)?;
            let length = match &value {
                Value::Text(text) => text.len(),
                Value::Bytes(bytes) => bytes.len(),
                _ => 0,
            };
            if out.len() + length > MAX_TEXT {
                return Err(Unfit::new(Rule::RecordSize, "a nested value is longer than 64 MiB"));
            }
            scalar(&value, column.zoned(), not_text, out)?;
        }
    }
    Ok(())
}

/// A map's key as the name of a field: a text as it is, another scalar as JSON writes it.
fn key(keys: &Column<'_>, entry: usize) -> Result<String, Unfit> {
    match keys.value(entry)? {
        Value::Null => Err(Unfit::new(Rule::Type, "a map has a null among its keys, which no JSON object can have")),
        Value::Text(text) => Ok(text.into_owned()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Decimal { units, scale } => Ok(digits(units, scale)),
        other => {
            let mut text = String::new();
            scalar(&other, keys.zoned(), NotText::Refused, &mut text)?;
            Ok(match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(bare) if !bare.contains('\\') => bare.to_owned(),
                _ => text,
            })
        }
    }
}

/// Reads what columns take from within the value at `row`; a value of another kind has nothing within it.
pub(super) fn within<'a>(
    column: &Column<'a>,
    row: usize,
    fields: &Fields,
    slots: &mut [Option<Value<'a>>],
) -> Result<(), Unfit> {
    if column.is_null(row) {
        return Ok(());
    }
    match &column.kind {
        Kind::Struct(children) => {
            for (name, child) in children {
                take(fields, name, child, row, slots)?;
            }
        }
        Kind::List { spans, items } => {
            for (at, item) in spans.at(row).enumerate() {
                take(fields, &at.to_string(), items, item, slots)?;
            }
        }
        Kind::Map { offsets, keys, values } => {
            for entry in offsets[row] as usize..offsets[row + 1] as usize {
                take(fields, &key(keys, entry)?, values, entry, slots)?;
            }
        }
        Kind::Dictionary { keys, values } => {
            if let Some(key) = keys.get(row) {
                within(values, *key, fields, slots)?;
            }
        }
        Kind::Union { .. } => {
            if let Some((child, row)) = column.variant(row) {
                within(child, row, fields, slots)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn take<'a>(
    fields: &Fields,
    name: &str,
    column: &Column<'a>,
    row: usize,
    slots: &mut [Option<Value<'a>>],
) -> Result<(), Unfit> {
    let Some(node) = fields.get(name) else { return Ok(()) };
    if !node.children.is_empty() {
        within(column, row, &node.children, slots)?;
    }
    if let Some(slot) = node.slot {
        slots[slot] = Some(column.value(row)?);
    }
    Ok(())
}
