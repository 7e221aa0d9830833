//! JSON: objects one behind the other, or in an array within a document.

mod document;
mod lines;
mod nan;
mod object;
mod outline;
mod prefix;
mod records;

pub(in crate::decode) use document::decode as decode_document;
pub(super) use lines::decode as decode_lines;
pub use object::{Syntax, json_object};

use super::context::Context;
use super::recycle;
use crate::error::Result;
use crate::model::{Place, Raw, RecordSink, Rule, Value};

/// Whether the object in `text` could be read and was handed to `sink`; if not, why.
type Handed = std::result::Result<(), Syntax>;

/// The slots of a record, kept for the next.
type Slots = Vec<Option<Value<'static>>>;

/// Hands the object in `text`, which stands in the record `raw`, to `sink`; gives the reason where it is none, and nobody was told.
fn hand_on(
    text: &str,
    raw: &[u8],
    place: Place,
    context: &Context<'_>,
    slots: &mut Slots,
    sink: &mut dyn RecordSink,
) -> Result<Handed> {
    let mut own = recycle(std::mem::take(slots));
    let read = match context.characters.allow_nan {
        false => json_object(text, context.fields, &mut own),
        true => nan::json_object(text, context.fields, &mut own),
    };
    let handed = match read {
        Ok(extras) => sink.record(place, Raw::Bytes(raw), &own, &extras).map(Ok),
        Err(syntax) => Ok(Err(syntax)),
    };
    *slots = recycle(own);
    handed
}

/// Offers a whole record to `sink`, and otherwise decodes it, or refuses it.
fn record(
    bytes: &[u8],
    place: Place,
    context: &Context<'_>,
    slots: &mut Slots,
    sink: &mut dyn RecordSink,
) -> Result<()> {
    if sink.offer(place, bytes)? {
        return Ok(());
    }
    refusing(bytes, place, context, slots, sink)
}

/// Decodes a record, or refuses it.
fn refusing(
    bytes: &[u8],
    place: Place,
    context: &Context<'_>,
    slots: &mut Slots,
    sink: &mut dyn RecordSink,
) -> Result<()> {
    let text = match context.text(bytes) {
        Ok(text) => text,
        Err(message) => return sink.refuse(place, Raw::Bytes(bytes), Rule::Encoding, message),
    };
    match hand_on(&text, bytes, place, context, slots, sink)? {
        Ok(()) => Ok(()),
        Err(Syntax(message)) => sink.refuse(place, Raw::Bytes(bytes), Rule::Syntax, message),
    }
}
