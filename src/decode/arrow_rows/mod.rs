//! Rows of Arrow batches as records: one value for each wanted field, nested ones as JSON text or by what columns take from within them.

mod column;
mod nested;

use std::borrow::Cow;

use arrow_array::{Array, RecordBatch};

use self::column::Column;
use super::json_text::{NotText, string};
use super::typed::Unfit;
use crate::config::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Extra, FieldIndex, FieldNode, Place, Raw, RecordSink, Rule, Value};

/// Small objects may expand freely up to this size, as those of other formats may: 10 MiB.
const FREE_EXPANSION: u64 = 10 << 20;

/// A rendered record ends after the field that makes it longer than this; the quarantine keeps less.
const RENDERED: usize = 64 << 10;

/// What an Arrow type does not say of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing.
    Plain,
    /// The 16 bytes are a UUID.
    Uuid,
    /// The decimals are nanoseconds since 1970.
    WideNanos {
        /// Whether they are instants, and not local times.
        zoned: bool,
    },
    /// What is nested in the column, in its order.
    Children(Vec<Hint>),
}

impl Hint {
    fn child(&self, at: usize) -> &Hint {
        match self {
            Hint::Children(children) => children.get(at).unwrap_or(&Hint::Plain),
            _ => &Hint::Plain,
        }
    }
}

/// Hands the rows of an object's batches to a sink.
pub(super) struct ArrowRows<'f> {
    fields: &'f FieldIndex,
    source: &'f Source,
    /// The object's bytes as stored.
    stored: u64,
    record: u64,
    bytes: u64,
}

/// One field of a batch.
struct Field<'a, 'f> {
    name: &'a str,
    column: Column<'a>,
    node: Option<&'f FieldNode>,
}

impl<'f> ArrowRows<'f> {
    pub(super) fn new(fields: &'f FieldIndex, source: &'f Source, stored: u64) -> Self {
        ArrowRows { fields, source, stored, record: 0, bytes: 0 }
    }

    /// The bytes of the values handed on.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hands on the rows of `batch`, whose columns are hinted at by `hints`; `twin` holds some of them again, with INT96 in nanoseconds.
    ///
    /// # Errors
    /// `TooLarge` beyond the bounds of the source; those of the sink.
    pub(super) fn hand_on(
        &mut self,
        batch: &RecordBatch,
        twin: Option<&RecordBatch>,
        hints: &[Hint],
        sink: &mut dyn RecordSink,
    ) -> Result<()> {
        let schema = batch.schema_ref();
        let fields: Vec<Field<'_, 'f>> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .enumerate()
            .map(|(at, (field, array))| {
                let twin = twin.and_then(|twin| twin.column_by_name(field.name())).map(|twin| twin as &dyn Array);
                let column = Column::new(array, twin, hints.get(at).unwrap_or(&Hint::Plain));
                Field { name: field.name(), column, node: self.fields.fields().get(field.name()) }
            })
            .collect();
        let mut slots = vec![None; self.fields.len()];
        let mut extras = Vec::new();
        for row in 0..batch.num_rows() {
            self.record += 1;
            let place = Place { record: self.record, line: None, offset: None };
            let render = || render(&fields, row);
            let raw = Raw::Rendered(&render);
            slots.fill(None);
            extras.clear();
            let read = read(&fields, row, self.fields.wants_extras(), &mut slots, &mut extras);
            let bytes = size(&slots, &extras);
            // Eight for the row itself: a column of nothing but nulls is counted too.
            self.bytes += 8 + bytes as u64;
            match read {
                Ok(()) if bytes > self.source.max_record_bytes => {
                    let most = self.source.max_record_bytes;
                    let message = format!("the record's {bytes} bytes are more than max_record_bytes = {most}");
                    sink.refuse(place, raw, Rule::RecordSize, message)?;
                }
                Ok(()) => sink.record(place, raw, &slots, &extras)?,
                Err(Unfit { rule, message }) => sink.refuse(place, raw, rule, message)?,
            }
        }
        self.check_bounds()
    }

    fn check_bounds(&self) -> Result<()> {
        let Source { max_object_bytes, max_expansion, .. } = self.source;
        if self.bytes > *max_object_bytes {
            let message = format!("more than max_object_bytes = {max_object_bytes} after decoding");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if self.bytes > FREE_EXPANSION && self.bytes / (*max_expansion).max(1) > self.stored {
            let message = format!("decodes to more than max_expansion = {max_expansion} times its size");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(())
    }
}

/// Reads a row; of a column whose name stands twice, the last counts.
fn read<'a>(
    fields: &[Field<'a, '_>],
    row: usize,
    wants_extras: bool,
    slots: &mut [Option<Value<'a>>],
    extras: &mut Vec<Extra<'a>>,
) -> std::result::Result<(), Unfit> {
    let named = |name: &str, unfit: Unfit| Unfit { message: format!("field {name:?}: {}", unfit.message), ..unfit };
    for Field { name, column, node } in fields {
        match node {
            Some(node) => {
                if !node.children.is_empty() {
                    nested::within(column, row, &node.children, slots).map_err(|unfit| named(name, unfit))?;
                }
                if let Some(slot) = node.slot {
                    slots[slot] = Some(column.value(row).map_err(|unfit| named(name, unfit))?);
                }
            }
            None if wants_extras => {
                let value = column.value(row).map_err(|unfit| named(name, unfit))?;
                extras.push(Extra { name: Cow::Borrowed(name), value });
            }
            None => {}
        }
    }
    Ok(())
}

/// The bytes that a row's values take, about: eight for each, and those of texts.
fn size(slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> usize {
    let each = |value: &Value<'_>| match value {
        Value::Text(text) | Value::Json(text) => 8 + text.len(),
        Value::Bytes(bytes) => 8 + bytes.len(),
        _ => 8,
    };
    let extras: usize = extras.iter().map(|extra| each(&extra.value) + extra.name.len()).sum();
    extras + slots.iter().flatten().map(each).sum::<usize>()
}

/// A row as a JSON object, for people: bytes that are no text in base64, and a value that has no text as null.
fn render(fields: &[Field<'_, '_>], row: usize) -> String {
    let mut text = String::from("{");
    for (at, Field { name, column, .. }) in fields.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        string(name, &mut text);
        text.push(':');
        let begin = text.len();
        if nested::write(column, row, NotText::Base64, &mut text).is_err() {
            text.truncate(begin);
            text.push_str("null");
        }
        if text.len() > RENDERED {
            break;
        }
    }
    text.push('}');
    text
}
