//! A file of the configuration: its text, its TOML, and the problems found in it.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, printable};
use super::variables::Environment;

/// A part of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Span { start: range.start, end: range.end }
    }
}

/// A file being read.
pub(super) struct Document<'e> {
    /// The name by which problems call it.
    pub(super) name: String,
    /// What `${NAME}` stands for.
    pub(super) environment: &'e Environment<'e>,
    text: String,
    /// Where the first byte stands that is not UTF-8.
    broken_at: Option<usize>,
    problems: RefCell<Vec<(usize, Problem)>>,
}

impl<'e> Document<'e> {
    /// The file `name` with these bytes.
    pub(super) fn new(name: String, bytes: Vec<u8>, environment: &'e Environment<'e>) -> Self {
        let (text, broken_at) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(error.utf8_error().valid_up_to()))
            }
        };
        Document { name, environment, text, broken_at, problems: RefCell::new(Vec::new()) }
    }

    /// The file's TOML; `None`, and problems, if what it says cannot be told.
    ///
    /// A key that stands twice is a problem, but its first value is read on, so that later problems are told too.
    pub(super) fn parse(&self) -> Option<DeTable<'_>> {
        if let Some(at) = self.broken_at {
            let help = "save the file as UTF-8".to_owned();
            self.report(Span { start: at, end: at + 1 }, "the file is not UTF-8 from here on".to_owned(), help);
            return None;
        }
        let (tree, errors) = DeTable::parse_recoverable(&self.text);
        let tree = tree.into_inner();
        let mut readable = true;
        let mut last = None;
        for error in errors {
            let span = Span::from(error.span().unwrap_or(0..0));
            if last.replace(span) == Some(span) {
                continue;
            }
            if error.message() == "duplicate key" {
                self.report_duplicate(&tree, span);
            } else {
                readable = false;
                let help = "texts stand in \"quotes\", lists in [brackets], and each key on a line of its own";
                self.report(span, format!("this is no TOML: {}", error.message()), help.to_owned());
            }
        }
        readable.then_some(tree)
    }

    /// The text of a part of the file.
    pub(super) fn source(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Notes a problem.
    pub(super) fn report(&self, span: Span, message: String, help: String) {
        self.report_with(span, message, Vec::new(), help);
    }

    /// Notes a problem that has to do with other places.
    pub(super) fn report_with(&self, span: Span, message: String, notes: Vec<String>, help: String) {
        let place = Some(Place::find(&self.text, span.start, span.end));
        let problem = Problem { file: self.name.clone(), place, message: printable(&message), notes, help };
        self.problems.borrow_mut().push((span.start, problem));
    }

    /// The `file:line:column` of a part of the file.
    pub(super) fn locate(&self, span: Span) -> String {
        let place = Place::find(&self.text, span.start, span.end);
        format!("{}:{}:{}", self.name, place.line, place.column)
    }

    /// The problems by their place.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(start, _)| *start);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }

    fn report_duplicate(&self, tree: &DeTable<'_>, span: Span) {
        let key = self.source(span);
        let first = first_header(&self.text, span).or_else(|| first_key(tree, &self.text, span));
        let notes = first.map(|first| format!("the first `{key}` is at {}", self.locate(first)));
        let help = "keep one of the two, or rename one".to_owned();
        self.report_with(span, format!("`{key}` stands twice"), notes.into_iter().collect(), help);
    }
}

/// The first header of the table whose second header holds the key at `second`.
fn first_header(text: &str, second: Span) -> Option<Span> {
    let line_start = text[..second.start].rfind('\n').map_or(0, |newline| newline + 1);
    let before = &text[line_start..second.start];
    if !before.trim_start().starts_with('[') {
        return None;
    }
    let header = text[line_start..].split(']').next()?.trim();
    let mut start = 0;
    for line in text[..line_start].split_inclusive('\n') {
        let shown = line.trim_start();
        if shown.split(']').next().is_some_and(|other| other.trim() == header) {
            let start = start + line.len() - shown.len();
            return Some(Span { start, end: start + header.len() + 1 });
        }
        start += line.len();
    }
    None
}

/// The first of two equal keys in the table that holds the second: the innermost inline table around it, or else the table
/// of the last header before it.
fn first_key(tree: &DeTable<'_>, text: &str, second: Span) -> Option<Span> {
    let mut holder = (0, tree);
    find_holder(tree, text, second.start, &mut holder);
    let key = text.get(second.start..second.end)?;
    let (first, _) = holder.1.iter().find(|(first, _)| text.get(first.span()) == Some(key))?;
    Some(Span::from(first.span())).filter(|first| first.start < second.start)
}

fn find_holder<'t>(table: &'t DeTable<'t>, text: &str, at: usize, holder: &mut (usize, &'t DeTable<'t>)) {
    for value in table.values() {
        find_in_value(value, text, at, holder);
    }
}

fn find_in_value<'t>(value: &'t Spanned<DeValue<'t>>, text: &str, at: usize, holder: &mut (usize, &'t DeTable<'t>)) {
    match value.get_ref() {
        DeValue::Table(table) => {
            let span = value.span();
            let holds = match text.as_bytes().get(span.start) {
                Some(b'[') => span.start <= at,
                Some(b'{') => span.contains(&at),
                _ => false,
            };
            if holds && span.start >= holder.0 {
                *holder = (span.start, table);
            }
            find_holder(table, text, at, holder);
        }
        DeValue::Array(items) => items.iter().for_each(|item| find_in_value(item, text, at, holder)),
        _ => {}
    }
}
