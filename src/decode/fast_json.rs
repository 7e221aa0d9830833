//! The common case of JSON lines at the speed of memory: a line goes straight into columns, without a value in between.
//!
//! The scanner knows in which order the fields stood in the lines before, and expects the same. Whatever is out of the common (a field
//! twice, a value that the writer leaves to the exact way, broken syntax) makes it give the line up: the exact way of [`json_object`](super::json_object) then decides,
//! so that this file has to be right only about what it accepts. It accepts nothing that the exact way refuses; tests hold the two against each other.

use super::scan::{number_end, skip_blanks, string_end, unescape};
use crate::model::{FieldIndex, FieldWriter, Fields, Piece};

/// How deeply nested a record may be: what serde_json allows.
const MAX_DEPTH: usize = 127;

/// How many fields ahead of the expected one are tried where some may be missing.
const LOOK_AHEAD: usize = 4;

/// How many fields of a level are expected in order; those beyond are looked up.
const MOST_EXPECTED: usize = 512;

/// Scans lines for the fields of one index.
pub struct JsonScanner {
    levels: Vec<Level>,
    /// Whether a record with a field of the outermost level that nobody takes goes the exact way, which alone makes something of it.
    wants_extras: bool,
    scratch: Vec<u8>,
}

/// The wanted fields of one object within the record.
struct Level {
    fields: Fields,
    /// For each of `fields`: where its value goes.
    targets: Vec<Target>,
    /// The fields in the order in which they were seen.
    expected: Vec<Expected>,
}

#[derive(Clone, Copy)]
enum Target {
    /// The value is one column's or several's.
    Slot(usize),
    /// What is within the value is wanted, and the value as a whole if it has a slot too.
    Within(usize, Option<usize>),
    /// Nothing of the value is wanted.
    Skip,
}

/// A field's name with its quotes and colon, as the lines before had it.
struct Expected {
    token: Box<[u8]>,
    /// The token's first 16 bytes, and a mask of those that it has: what follows it is compared for nothing.
    head: u128,
    mask: u128,
    target: Target,
}

impl Expected {
    fn new(token: &[u8], target: Target) -> Self {
        let padded = |byte: &dyn Fn(usize) -> u8| u128::from_le_bytes(std::array::from_fn(byte));
        Expected {
            token: token.into(),
            head: padded(&|at| token.get(at).copied().unwrap_or(0)),
            mask: padded(&|at| if at < token.len() { 0xff } else { 0 }),
            target,
        }
    }

    /// Whether `rest` begins with the token.
    #[inline(always)]
    fn begins(&self, rest: &[u8]) -> bool {
        match rest.first_chunk::<16>() {
            Some(head) => {
                (u128::from_le_bytes(*head) ^ self.head) & self.mask == 0
                    && (self.token.len() <= 16 || rest.starts_with(&self.token))
            }
            None => rest.starts_with(&self.token),
        }
    }
}

/// The rest of a line. What is beyond ASCII can only stand in strings, and is checked there.
struct Cursor<'l> {
    line: &'l [u8],
    at: usize,
}

impl JsonScanner {
    /// A scanner for the fields of `index`.
    pub fn new(index: &FieldIndex) -> Self {
        let mut scanner = JsonScanner { levels: Vec::new(), wants_extras: index.wants_extras(), scratch: Vec::new() };
        scanner.add_level(index.fields());
        scanner
    }

    fn add_level(&mut self, fields: &Fields) -> usize {
        let at = self.levels.len();
        self.levels.push(Level { fields: fields.clone(), targets: Vec::new(), expected: Vec::new() });
        for node in fields.nodes() {
            let target = match (node.children.is_empty(), node.slot) {
                (true, Some(slot)) => Target::Slot(slot),
                (true, None) => Target::Skip,
                (false, slot) => Target::Within(self.add_level(&node.children), slot),
            };
            self.levels[at].targets.push(target);
        }
        at
    }

    /// Writes the fields of the object in `line`; `false` if the line has to go the exact way, whatever was written of it.
    pub fn row<W: FieldWriter>(&mut self, line: &[u8], writer: &mut W) -> bool {
        let mut cursor = Cursor { line, at: skip_blanks(line, 0) };
        if cursor.next() != Some(b'{') || self.object(&mut cursor, 0, 1, writer).is_none() {
            return false;
        }
        skip_blanks(line, cursor.at) == line.len()
    }

    /// Reads the members of an object whose `{` was read.
    fn object<W: FieldWriter>(
        &mut self,
        cursor: &mut Cursor<'_>,
        level: usize,
        depth: usize,
        writer: &mut W,
    ) -> Option<()> {
        let mut turn = 0;
        cursor.skip_blanks();
        if cursor.peek() == Some(b'}') {
            cursor.at += 1;
            return Some(());
        }
        loop {
            let target = self.member(cursor, level, &mut turn)?;
            cursor.skip_blanks();
            self.value(cursor, target, depth, writer)?;
            let mut behind = cursor.next()?;
            if behind <= b' ' {
                cursor.at -= 1;
                cursor.skip_blanks();
                behind = cursor.next()?;
            }
            match behind {
                b',' => cursor.skip_blanks(),
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Reads a member's name and colon; gives what becomes of its value.
    #[inline(always)]
    fn member(&mut self, cursor: &mut Cursor<'_>, level: usize, turn: &mut usize) -> Option<Target> {
        let rest = cursor.rest();
        let expected = &self.levels[level].expected;
        let ahead = expected.get(*turn..).unwrap_or_default();
        for (skipped, expected) in ahead.iter().take(LOOK_AHEAD).enumerate() {
            if expected.begins(rest) {
                *turn += skipped + 1;
                cursor.at += expected.token.len();
                return Some(expected.target);
            }
        }
        self.unexpected(cursor, level, turn)
    }

    #[cold]
    fn unexpected(&mut self, cursor: &mut Cursor<'_>, level: usize, turn: &mut usize) -> Option<Target> {
        let start = cursor.at;
        if cursor.next()? != b'"' {
            return None;
        }
        let (end, _) = string_end(cursor.line, cursor.at);
        let name = cursor.line.get(cursor.at..end)?;
        // A name with an escape is rare enough for the exact way.
        if cursor.line.get(end) != Some(&b'"') {
            return None;
        }
        cursor.at = end + 1;
        let joined = cursor.peek() == Some(b':');
        cursor.skip_blanks();
        if cursor.next()? != b':' {
            return None;
        }
        let Level { fields, targets, expected } = &mut self.levels[level];
        let target = match fields.position(std::str::from_utf8(name).ok()?) {
            Some(at) => targets[at],
            None if level == 0 && self.wants_extras => return None,
            None => Target::Skip,
        };
        if joined && expected.len() < MOST_EXPECTED {
            let token = Expected::new(&cursor.line[start..cursor.at], target);
            expected.insert((*turn).min(expected.len()), token);
            *turn += 1;
        }
        Some(target)
    }

    #[inline(always)]
    fn value<W: FieldWriter>(
        &mut self,
        cursor: &mut Cursor<'_>,
        target: Target,
        depth: usize,
        writer: &mut W,
    ) -> Option<()> {
        match target {
            Target::Slot(slot) => self.slot(cursor, slot, depth, writer),
            Target::Skip => cursor.skip_value(depth),
            Target::Within(level, slot) => {
                if let Some(slot) = slot {
                    // The whole value first, then once more what is in it.
                    let start = cursor.at;
                    self.slot(cursor, slot, depth, writer)?;
                    cursor.at = start;
                }
                match cursor.peek()? {
                    b'{' if depth < MAX_DEPTH => {
                        cursor.at += 1;
                        self.object(cursor, level, depth + 1, writer)
                    }
                    // Items by number are the exact way's.
                    b'[' | b'{' => None,
                    _ => cursor.skip_value(depth),
                }
            }
        }
    }

    #[inline(always)]
    fn slot<W: FieldWriter>(
        &mut self,
        cursor: &mut Cursor<'_>,
        slot: usize,
        depth: usize,
        writer: &mut W,
    ) -> Option<()> {
        let start = cursor.at;
        let taken = match cursor.peek()? {
            b'"' => {
                let (end, escapes) = cursor.skip_string()?;
                if escapes {
                    unescape(&cursor.line[start + 1..end], &mut self.scratch)?;
                    memchr::memchr(0, &self.scratch).is_none() && writer.text(slot, self.scratch.as_slice().into())
                } else {
                    writer.text(slot, Piece::new(&cursor.line[start + 1..], end - start - 1))
                }
            }
            b'-' | b'0'..=b'9' => {
                cursor.at = number_end(cursor.line, start)?;
                writer.number(slot, Piece::new(&cursor.line[start..], cursor.at - start))
            }
            b't' => cursor.word(b"true").is_some() && writer.boolean(slot, true),
            b'f' => cursor.word(b"false").is_some() && writer.boolean(slot, false),
            b'n' => cursor.word(b"null").is_some() && writer.null(slot),
            b'{' | b'[' => {
                cursor.skip_value(depth)?;
                writer.json(slot, &cursor.line[start..cursor.at])
            }
            _ => false,
        };
        taken.then_some(())
    }
}

impl Cursor<'_> {
    #[inline(always)]
    fn rest(&self) -> &[u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline(always)]
    fn skip_blanks(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.at = skip_blanks(self.line, self.at);
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    /// Skips the string that begins here, and checks that it is UTF-8; gives the place of its closing quote, and whether it has escapes.
    #[inline(always)]
    fn skip_string(&mut self) -> Option<(usize, bool)> {
        let (mut escapes, mut ascii) = (false, true);
        let start = self.at + 1;
        let mut at = start;
        loop {
            let (end, non_ascii) = string_end(self.line, at);
            ascii &= !non_ascii;
            match self.line.get(end)? {
                b'"' => {
                    self.at = end + 1;
                    return (ascii || is_utf8(&self.line[start..end])).then_some((end, escapes));
                }
                b'\\' => {
                    escapes = true;
                    // The escaped character may be a quote or another backslash.
                    let escaped = *self.line.get(end + 1)?;
                    if !(0x20..0x80).contains(&escaped) {
                        return None;
                    }
                    at = end + 2;
                }
                _ => return None,
            }
        }
    }

    /// Skips a value of any kind, and checks that it is one.
    fn skip_value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => {
                let start = self.at + 1;
                let (end, escapes) = self.skip_string()?;
                // What is escaped must be text, in a field that nobody wants too.
                if escapes { unescape(&self.line[start..end], &mut Vec::new()) } else { Some(()) }
            }
            b'-' | b'0'..=b'9' => {
                self.at = number_end(self.line, self.at)?;
                Some(())
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'[' => self.skip_items(b']', depth),
            b'{' => self.skip_items(b'}', depth),
            _ => None,
        }
    }

    fn skip_items(&mut self, close: u8, depth: usize) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        self.at += 1;
        self.skip_blanks();
        if self.peek()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            if close == b'}' {
                if self.peek()? != b'"' {
                    return None;
                }
                self.skip_value(depth)?;
                self.skip_blanks();
                if self.next()? != b':' {
                    return None;
                }
                self.skip_blanks();
            }
            self.skip_value(depth + 1)?;
            self.skip_blanks();
            match self.next()? {
                b',' => self.skip_blanks(),
                byte if byte == close => return Some(()),
                _ => return None,
            }
        }
    }
}

/// Whether a string with characters beyond ASCII is UTF-8; most are short, for which the wide instructions do not pay.
fn is_utf8(text: &[u8]) -> bool {
    const SHORT: usize = 64;
    if text.len() < SHORT { std::str::from_utf8(text).is_ok() } else { simdutf8::basic::from_utf8(text).is_ok() }
}
