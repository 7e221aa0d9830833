//! What is wrong with the configuration, where, and what would be right.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as reached from the path that was given.
    pub file: String,
    /// Where in the file; `None` if the file itself is at fault.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// Other places that have to do with it.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters of the line are at fault, at least 1.
    pub width: usize,
    /// The line's text.
    pub text: String,
}

/// The text with its control characters escaped, so that nothing read from a file or the environment steers a terminal.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => printable.extend(character.escape_debug()),
            false => printable.push(character),
        }
    }
    printable
}

/// The longest part of a line that is shown, in characters.
const SHOWN: usize = 140;

impl Place {
    /// Finds the bytes from `start` to `end` in `text`; what lies beyond the first line is left out.
    pub(super) fn find(text: &str, start: usize, end: usize) -> Self {
        let start = text.floor_char_boundary(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let end = text.floor_char_boundary(end).clamp(start, (line_start + line.len()).max(start));
        Place {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count().max(1),
            text: line.to_owned(),
        }
    }

    /// The line without control characters and cut to what fits, and the column of the place in it, from 0.
    fn shown(&self) -> (String, usize) {
        let column = self.column - 1;
        let skipped = if column + self.width.min(40) > SHOWN { column.saturating_sub(SHOWN / 2) } else { 0 };
        let mut characters = self.text.chars().skip(skipped).map(|c| if c.is_control() { ' ' } else { c });
        let mut line: String = characters.by_ref().take(SHOWN).collect();
        if characters.next().is_some() {
            line.push('…');
        }
        if skipped > 0 { (format!("…{line}"), column - skipped + 1) } else { (line, column) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let margin = match &self.place {
            None => {
                writeln!(f, " --> {}", self.file)?;
                " ".to_owned()
            }
            Some(place) => {
                let margin = " ".repeat(place.line.to_string().len());
                let (line, column) = place.shown();
                let width = place.width.min((line.chars().count()).saturating_sub(column)).max(1);
                writeln!(f, "{margin}--> {}:{}:{}", self.file, place.line, place.column)?;
                writeln!(f, "{margin} |")?;
                writeln!(f, "{}", format!("{} | {line}", place.line).trim_end())?;
                writeln!(f, "{margin} | {}{}", " ".repeat(column), "^".repeat(width))?;
                writeln!(f, "{margin} |")?;
                margin
            }
        };
        for note in &self.notes {
            writeln!(f, "{margin} = note: {note}")?;
        }
        writeln!(f, "{margin} = help: {}", self.help)
    }
}

/// Every problem of a configuration, by file and place; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Problems(problems)
    }

    /// The problems: those of `tidegate.toml` first, then those of the pipelines by file name.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    /// Each problem with the line at fault and its remedy, then their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 problem in the configuration"),
            number => write!(f, "{number} problems in the configuration"),
        }
    }
}

impl std::error::Error for Problems {}
