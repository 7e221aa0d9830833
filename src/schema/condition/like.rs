//! LIKE and ILIKE.

/// A pattern: `%` for any characters, `_` for one, `\\` before one that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Character(char),
}

impl Pattern {
    /// Reads a pattern; `None` if it ends with a `\\`.
    pub(super) fn new(text: &str, ignore_case: bool) -> Option<Self> {
        let mut parts = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => parts.push(Part::Any),
                '_' => parts.push(Part::One),
                '\\' => parts.push(Part::Character(fold(characters.next()?, ignore_case))),
                other => parts.push(Part::Character(fold(other, ignore_case))),
            }
        }
        parts.dedup_by(|next, last| *next == Part::Any && *last == Part::Any);
        Some(Pattern { parts, ignore_case })
    }

    /// Whether the whole of `text` is of the pattern; only the last `%` is ever tried again.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if self.parts.get(at) == Some(&Part::Any) {
                at += 1;
                if at == self.parts.len() {
                    return true;
                }
                again = Some((at, rest.clone()));
                continue;
            }
            let mut ahead = rest.clone();
            let matched = match (self.parts.get(at), ahead.next()) {
                (None, None) => return true,
                (Some(Part::One), Some(_)) => true,
                (Some(Part::Character(wanted)), Some(found)) => *wanted == fold(found, self.ignore_case),
                _ => false,
            };
            if matched {
                rest = ahead;
                at += 1;
                continue;
            }
            match &mut again {
                Some((after, from)) => {
                    if from.next().is_none() {
                        return false;
                    }
                    at = *after;
                    rest = from.clone();
                }
                None => return false,
            }
        }
    }
}

/// The character without its case, where that is one character too.
fn fold(character: char, ignore_case: bool) -> char {
    let mut lower = character.to_lowercase();
    match (ignore_case, lower.next(), lower.next()) {
        (true, Some(lower), None) => lower,
        _ => character,
    }
}
