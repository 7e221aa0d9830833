//! Whether bytes are the beginning of a JSON object, and where it ends.

/// How deeply an object may be nested before its end is no longer looked for: lines that each open a bracket and close none are
/// begun anew one by one, so that this bounds how often each is looked at.
const DEPTH: usize = 128;

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Object,
    KeyOrEnd,
    Key,
    Colon,
    Value,
    ValueOrEnd,
    CommaOrEnd,
    /// Within a text, which is a key or not.
    Text {
        key: bool,
    },
    Escaped {
        key: bool,
    },
    /// Within a number or word; which one, is left to the parser.
    Word,
}

/// How far the object came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It goes on.
    More,
    /// It ends before this byte.
    End(usize),
    /// This byte cannot stand here.
    Wrong(usize),
}

/// An automaton over the bytes of an object: exact as to its structure, while numbers and words are left to the parser.
#[derive(Debug)]
pub(super) struct Prefix {
    expect: Expect,
    /// Which of the open brackets are braces.
    open: Vec<bool>,
}

impl Prefix {
    pub(super) fn new() -> Self {
        Prefix { expect: Expect::Object, open: Vec::new() }
    }

    /// Takes the bytes from `from` on.
    pub(super) fn take(&mut self, bytes: &[u8], from: usize) -> Step {
        let mut at = from;
        while at < bytes.len() {
            if let Expect::Text { .. } = self.expect {
                let rest = &bytes[at..];
                match rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r')) {
                    None => return Step::More,
                    Some(length) => at += length,
                }
            }
            match self.step(bytes[at]) {
                Step::More => at += 1,
                Step::End(_) => return Step::End(at + 1),
                Step::Wrong(_) => return Step::Wrong(at),
            }
        }
        Step::More
    }

    fn step(&mut self, byte: u8) -> Step {
        let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.expect = match (self.expect, byte) {
            (Expect::Text { key }, b'\\') => Expect::Escaped { key },
            (Expect::Text { key: true }, b'"') => Expect::Colon,
            (Expect::Text { key: false }, b'"') => Expect::CommaOrEnd,
            (Expect::Text { .. } | Expect::Escaped { .. }, b'\n' | b'\r') => return Step::Wrong(0),
            (Expect::Text { key } | Expect::Escaped { key }, _) => Expect::Text { key },
            (Expect::Word, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.') => Expect::Word,
            (Expect::Word, _) if space => Expect::CommaOrEnd,
            (expect, _) if space => expect,
            (Expect::Word | Expect::CommaOrEnd, b',') => match self.open.last() {
                Some(true) => Expect::Key,
                _ => Expect::Value,
            },
            (Expect::Word | Expect::CommaOrEnd | Expect::KeyOrEnd, b'}') => return self.close(true),
            (Expect::Word | Expect::CommaOrEnd | Expect::ValueOrEnd, b']') => return self.close(false),
            (Expect::Key | Expect::KeyOrEnd, b'"') => Expect::Text { key: true },
            (Expect::Colon, b':') => Expect::Value,
            (Expect::Object | Expect::Value | Expect::ValueOrEnd, b'{') if self.open.len() < DEPTH => {
                self.open.push(true);
                Expect::KeyOrEnd
            }
            (Expect::Value | Expect::ValueOrEnd, b'[') if self.open.len() < DEPTH => {
                self.open.push(false);
                Expect::ValueOrEnd
            }
            (Expect::Value | Expect::ValueOrEnd, b'"') => Expect::Text { key: false },
            (Expect::Value | Expect::ValueOrEnd, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-') => Expect::Word,
            _ => return Step::Wrong(0),
        };
        Step::More
    }

    fn close(&mut self, brace: bool) -> Step {
        if self.open.pop() != Some(brace) {
            return Step::Wrong(0);
        }
        self.expect = Expect::CommaOrEnd;
        if self.open.is_empty() { Step::End(0) } else { Step::More }
    }

    /// Whether the rest of the line, behind what was wrong in it, closes what is open, by its brackets and quotes alone.
    pub(super) fn is_closed_by(&self, rest: &[u8]) -> bool {
        let mut depth = self.open.len();
        let mut text = matches!(self.expect, Expect::Text { .. } | Expect::Escaped { .. });
        let mut escaped = false;
        for byte in rest {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if text => escaped = true,
                b'"' => text = !text,
                b'{' | b'[' if !text => depth += 1,
                b'}' | b']' if !text => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        depth == 0 && !text
    }
}
