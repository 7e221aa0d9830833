//! Splitting a record into its fields.

use crate::config::CsvOptions;
use crate::decode::window::{LineEnd, LineEnds};

/// A field of a record: where what it holds stands, without the quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
    /// Whether characters stand for others, so that the bytes are not the text.
    pub(super) escaped: bool,
}

/// What is wrong with the form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A closing quote is followed by something other than a delimiter.
    BehindQuote,
    /// A quote is not closed.
    Unclosed,
    /// The record ends in the character that escapes another.
    EndsInEscape,
    /// The record does not end in a delimiter, though each is to.
    NoTrailingDelimiter,
}

impl Fault {
    pub(super) fn message(self) -> &'static str {
        match self {
            Fault::BehindQuote => "a closing quote is followed by neither a delimiter nor the line's end",
            Fault::Unclosed => "a quoted field is not closed on its line",
            Fault::EndsInEscape => "the record ends in the character that escapes the next",
            Fault::NoTrailingDelimiter => "the record does not end in the delimiter, as trailing_delimiter says",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A field begins.
    Start,
    Plain,
    PlainEscape,
    Quoted,
    QuotedEscape,
    /// Behind a quote, which closes the field if it is not the first of two.
    Closed,
}

/// How far the record came.
pub(super) enum Step {
    /// It goes on; the bytes from here on are to be given again, with more.
    More(usize),
    /// It ends here.
    End(LineEnd),
}

/// An automaton over the bytes of a record.
pub(super) struct Splitter {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    trailing: bool,
    embedded: bool,
    /// What a plain field may not run over.
    stops: [bool; 256],
    state: State,
    field: Field,
    /// The fields so far.
    pub(super) fields: Vec<Field>,
    /// The first thing that is wrong.
    pub(super) fault: Option<Fault>,
}

const EMPTY: Field = Field { start: 0, end: 0, quoted: false, escaped: false };

impl Splitter {
    pub(super) fn new(options: &CsvOptions) -> Self {
        let mut stops = [false; 256];
        for byte in [Some(options.delimiter), options.escape, Some(b'\n'), Some(b'\r')].into_iter().flatten() {
            stops[usize::from(byte)] = true;
        }
        Splitter {
            delimiter: options.delimiter,
            quote: options.quote,
            escape: options.escape,
            trailing: options.trailing_delimiter,
            embedded: options.embedded_newlines,
            stops,
            state: State::Start,
            field: EMPTY,
            fields: Vec::new(),
            fault: None,
        }
    }

    /// Begins a record.
    pub(super) fn begin(&mut self) {
        self.state = State::Start;
        self.fields.clear();
        self.fault = None;
    }

    /// Takes the record's bytes from `at` on; where `last` is true there are no more.
    pub(super) fn take(&mut self, bytes: &[u8], at: usize, last: bool, ends: &mut LineEnds) -> Step {
        let mut at = at;
        loop {
            at += match self.state {
                State::Plain => bytes[at..].iter().position(|byte| self.stops[usize::from(*byte)]),
                State::Quoted => bytes[at..].iter().position(|byte| self.stops_quoted(*byte)),
                _ => Some(0),
            }
            .unwrap_or(bytes.len() - at);
            let Some(&byte) = bytes.get(at) else {
                if !last {
                    return Step::More(at);
                }
                return self.end(LineEnd { at, length: 0 });
            };
            let line_end = match byte {
                b'\n' | b'\r' if self.sees_line_ends() => match line_end(bytes, at, last, ends) {
                    Some(length) => length,
                    None => return Step::More(at),
                },
                _ => 0,
            };
            if line_end > 0 {
                return self.end(LineEnd { at, length: line_end });
            }
            match self.state {
                State::Start => {
                    let quoted = Some(byte) == self.quote;
                    self.field = Field { start: at + usize::from(quoted), quoted, ..EMPTY };
                    self.state = if quoted { State::Quoted } else { State::Plain };
                    at += usize::from(quoted);
                    continue;
                }
                State::Plain | State::Closed if byte == self.delimiter => self.push(at),
                State::Plain if Some(byte) == self.escape => {
                    self.field.escaped = true;
                    self.state = State::PlainEscape;
                }
                // A `\r` that ends no line.
                State::Plain => {}
                State::PlainEscape => self.state = State::Plain,
                State::Quoted if Some(byte) == self.escape => {
                    self.field.escaped = true;
                    self.state = State::QuotedEscape;
                }
                State::Quoted if Some(byte) == self.quote => self.state = State::Closed,
                State::Quoted => {}
                State::QuotedEscape => self.state = State::Quoted,
                State::Closed if self.escape.is_none() && Some(byte) == self.quote => {
                    self.field.escaped = true;
                    self.state = State::Quoted;
                }
                State::Closed => {
                    self.wrong(Fault::BehindQuote);
                    self.state = State::Plain;
                    continue;
                }
            }
            at += 1;
        }
    }

    fn stops_quoted(&self, byte: u8) -> bool {
        Some(byte) == self.quote || Some(byte) == self.escape || (!self.embedded && matches!(byte, b'\n' | b'\r'))
    }

    fn sees_line_ends(&self) -> bool {
        match self.state {
            State::Start | State::Plain | State::Closed => true,
            State::Quoted | State::PlainEscape | State::QuotedEscape => !self.embedded,
        }
    }

    fn wrong(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// A field ends before `at`.
    fn push(&mut self, at: usize) {
        let end = if self.state == State::Closed { at.saturating_sub(1) } else { at };
        self.fields.push(Field { end, ..self.field });
        self.state = State::Start;
    }

    fn end(&mut self, end: LineEnd) -> Step {
        match self.state {
            State::Quoted => self.wrong(Fault::Unclosed),
            State::PlainEscape | State::QuotedEscape => self.wrong(Fault::EndsInEscape),
            State::Start => self.field = Field { start: end.at, ..EMPTY },
            State::Plain | State::Closed => {}
        }
        self.push(end.at);
        if self.trailing {
            match self.fields.last() {
                Some(Field { start, end, quoted: false, .. }) if start == end && self.fields.len() > 1 => {
                    self.fields.pop();
                }
                _ => self.wrong(Fault::NoTrailingDelimiter),
            }
        }
        Step::End(end)
    }

    /// Appends what an escaped field stands for.
    pub(super) fn unescape(&self, field: &[u8], text: &mut Vec<u8>) {
        let mark = self.escape.or(self.quote);
        let mut bytes = field.iter().copied();
        while let Some(byte) = bytes.next() {
            match Some(byte) == mark {
                true => text.extend(bytes.next()),
                false => text.push(byte),
            }
        }
    }
}

/// The length of the line's end at `at`, 0 if it is none; `None` if more bytes must tell.
fn line_end(bytes: &[u8], at: usize, last: bool, ends: &mut LineEnds) -> Option<usize> {
    if bytes[at] == b'\r' && at + 1 == bytes.len() {
        return last.then_some(1);
    }
    match ends.find(bytes, at, last) {
        Some(end) if end.at == at => Some(end.length),
        _ => Some(0),
    }
}
