//! Where a JSON value ends, by its brackets and quotes alone.

/// How deeply a value may be nested before its end is no longer looked for.
const DEPTH: usize = 1 << 16;

/// How far the value came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It goes on.
    More,
    /// It ends before this byte.
    End(usize),
    /// Its brackets do not match here.
    Broken(usize),
}

/// A scan of one value, which may be wrong in any other way.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The closing brackets that are awaited.
    open: Vec<u8>,
    text: bool,
    escaped: bool,
    /// A number or word began, which ends where something else does.
    word: bool,
}

impl Outline {
    /// Takes the bytes from `from` on, of which the very first is no space.
    pub(super) fn take(&mut self, bytes: &[u8], from: usize) -> Outcome {
        let mut at = from;
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            if self.text {
                let Some(length) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else { return Outcome::More };
                at += length + 1;
                self.escaped = bytes[at - 1] == b'\\';
                self.text = self.escaped;
                if !self.text && self.open.is_empty() {
                    return Outcome::End(at);
                }
                continue;
            }
            match bytes[at] {
                b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' if self.open.is_empty() => return Outcome::End(at),
                b'"' | b'{' | b'[' if self.word && self.open.is_empty() => return Outcome::End(at),
                b'"' => self.text = true,
                b'{' | b'[' if self.open.len() == DEPTH => return Outcome::Broken(at),
                b'{' => self.open.push(b'}'),
                b'[' => self.open.push(b']'),
                byte @ (b'}' | b']') => {
                    if self.open.pop() != Some(byte) {
                        return Outcome::Broken(at);
                    }
                    if self.open.is_empty() {
                        return Outcome::End(at + 1);
                    }
                }
                _ => self.word = true,
            }
            at += 1;
        }
        Outcome::More
    }

    /// Whether the value is complete where nothing follows.
    pub(super) fn may_end(&self) -> bool {
        self.open.is_empty() && !self.text
    }
}
