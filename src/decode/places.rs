//! Places in an object that is decoded as UTF-8 and stored in another encoding.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};

use super::encoding::source_length;
use crate::error::Result;
use crate::model::{Extra, Place, Raw, RecordSink, Rule, SlotSpan, TextEncoding, Value};

/// Follows how far the UTF-8 is behind what is stored.
pub(super) struct Original {
    encoding: TextEncoding,
    /// More than this of UTF-8 no decoder holds, so that no place before is asked for.
    most: usize,
    state: RefCell<State>,
}

struct State {
    /// UTF-8 that was read, and whose place was not asked for yet: as much as a decoder holds.
    text: VecDeque<u8>,
    /// Where `text` begins in the UTF-8, and in what is stored.
    decoded: u64,
    stored: u64,
}

impl Original {
    /// An object in `encoding`, behind a mark of `mark` bytes, with records of at most `most`.
    pub(super) fn new(encoding: TextEncoding, mark: u64, most: usize) -> Self {
        // The window of a decoder holds a record, and doubles where it is full.
        let most = most.saturating_mul(4).saturating_add(1 << 20);
        Original { encoding, most, state: RefCell::new(State { text: VecDeque::new(), decoded: 0, stored: mark }) }
    }

    /// The reader, whose bytes are taken note of.
    pub(super) fn following<R: Read>(&self, reader: R) -> Following<'_, R> {
        Following { original: self, reader }
    }

    /// The sink, which is told places in what is stored.
    pub(super) fn placing<'s>(&'s self, sink: &'s mut dyn RecordSink) -> Placing<'s> {
        Placing { original: self, sink }
    }

    /// The bytes of what is stored, as far as it was read.
    pub(super) fn length(&self) -> u64 {
        let state = self.state.borrow();
        let rest: Vec<u8> = state.text.iter().copied().collect();
        state.stored + source_length(self.encoding, &rest)
    }

    /// Where this offset of the UTF-8 is in what is stored; offsets are asked for in their order.
    fn place(&self, offset: u64) -> u64 {
        let mut state = self.state.borrow_mut();
        let length = usize::try_from(offset.saturating_sub(state.decoded)).unwrap_or(usize::MAX);
        state.pass(length, self.encoding);
        state.stored
    }
}

impl State {
    fn pass(&mut self, length: usize, encoding: TextEncoding) {
        let length = length.min(self.text.len());
        let text: Vec<u8> = self.text.drain(..length).collect();
        self.decoded += length as u64;
        self.stored += source_length(encoding, &text);
    }
}

pub(super) struct Following<'o, R> {
    original: &'o Original,
    reader: R,
}

impl<R: Read> Read for Following<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        let mut state = self.original.state.borrow_mut();
        state.text.extend(&buffer[..length]);
        if state.text.len() > 2 * self.original.most {
            let mut surplus = state.text.len() - self.original.most;
            // Between two characters.
            while surplus > 0 && state.text[surplus] & 0xc0 == 0x80 {
                surplus -= 1;
            }
            state.pass(surplus, self.original.encoding);
        }
        Ok(length)
    }
}

pub(super) struct Placing<'s> {
    original: &'s Original,
    sink: &'s mut dyn RecordSink,
}

impl Placing<'_> {
    fn place(&self, place: Place) -> Place {
        Place { offset: place.offset.map(|offset| self.original.place(offset)), ..place }
    }
}

impl RecordSink for Placing<'_> {
    fn offer(&mut self, place: Place, bytes: &[u8]) -> Result<bool> {
        self.sink.offer(self.place(place), bytes)
    }

    fn offer_fields(&mut self, place: Place, record: &[u8], fields: &[SlotSpan]) -> Result<bool> {
        self.sink.offer_fields(self.place(place), record, fields)
    }

    fn record(&mut self, place: Place, raw: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        self.sink.record(self.place(place), raw, slots, extras)
    }

    fn refuse(&mut self, place: Place, raw: Raw<'_>, rule: Rule, message: String) -> Result<()> {
        self.sink.refuse(self.place(place), raw, rule, message)
    }
}
