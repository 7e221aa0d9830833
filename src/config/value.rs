//! Reading TOML by hand: tables that know which keys were asked for, and values that say what they should have been.
//!
//! A reader asks a [`Table`] for every key it knows, whatever else is wrong, and then calls [`Table::finish`], which reports
//! the keys nobody asked for and those that are missing. What is reported yields `None`, so that reading goes on.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::document::{Document, Span};
use super::problem::printable;
use super::quantity;
use super::spelling::{choices, listed, nearest};
use super::variables::substitute;

/// A table of the configuration.
pub(super) struct Table<'t> {
    document: &'t Document<'t>,
    /// How messages call it, such as `[source]`; empty for the file itself.
    title: String,
    span: Span,
    items: Vec<Item<'t>>,
    known: Vec<&'static str>,
    /// Keys that were told of otherwise, and are not listed among those that are known.
    misplaced: Vec<&'static str>,
    missing: Vec<(&'static str, String)>,
}

impl<'t> Table<'t> {
    /// The file as a table.
    pub(super) fn root(document: &'t Document<'t>, tree: &'t DeTable<'t>) -> Self {
        Table::new(document, String::new(), Span { start: 0, end: 0 }, Some(tree))
    }

    fn new(document: &'t Document<'t>, title: String, span: Span, tree: Option<&'t DeTable<'t>>) -> Self {
        let mut items: Vec<Item<'t>> = tree.map_or_else(Vec::new, |tree| {
            tree.iter()
                .map(|(key, value)| Item { document, key: key.get_ref(), key_span: key.span().into(), value })
                .collect()
        });
        items.sort_by_key(|item| item.key_span.start);
        Table { document, title, span, items, known: Vec::new(), misplaced: Vec::new(), missing: Vec::new() }
    }

    /// The value of a key that may be left out.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Item<'t>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.items.iter().find(|item| item.key == key).copied()
    }

    /// The value of a key that must be there; `example` is a value as TOML writes it.
    pub(super) fn required(&mut self, key: &'static str, example: &str) -> Option<Item<'t>> {
        let item = self.optional(key);
        if item.is_none() {
            self.missing.push((key, format!("add `{key} = {example}`")));
        }
        item
    }

    /// Reports a key that has no meaning beside another, if it is there.
    pub(super) fn misplaced(&mut self, key: &'static str, message: impl FnOnce() -> String, help: &str) {
        if let Some(item) = self.items.iter().find(|item| item.key == key) {
            item.key_problem(message(), help);
            self.misplaced.push(key);
        }
    }

    /// Leaves a key alone of which nothing can be told, as it depends on another.
    pub(super) fn overlook(&mut self, key: &'static str) {
        self.misplaced.push(key);
    }

    /// The table that must stand under a key; `keys` says what belongs into it.
    pub(super) fn required_table(&mut self, key: &'static str, keys: &str) -> Option<Table<'t>> {
        let item = self.optional(key);
        if item.is_none() {
            self.missing.push((key, format!("add a table `[{key}]` with {keys}")));
        }
        item?.table(format!("[{key}]"))
    }

    /// The table under a key; an empty one if it was left out, whose defaults then hold.
    pub(super) fn optional_table(&mut self, key: &'static str) -> Table<'t> {
        let table = self.optional(key).and_then(|item| item.table(format!("[{key}]")));
        table.unwrap_or_else(|| Table::new(self.document, format!("[{key}]"), self.span, None))
    }

    /// Reports a problem with the table as a whole.
    pub(super) fn problem(&self, message: impl Into<String>, help: impl Into<String>) {
        self.document.report(self.span, message.into(), help.into());
    }

    /// Reports every key that was not asked for, and every missing one that no unknown key seems to stand for; whether
    /// there was none of either.
    pub(super) fn finish(self) -> bool {
        let mut meant = Vec::new();
        let mut unknown = 0;
        let taken = |item: &&Item<'_>| self.known.contains(&item.key) || self.misplaced.contains(&item.key);
        for item in self.items.iter().filter(|item| !taken(item)) {
            let absent = |key: &&str| !self.items.iter().any(|item| item.key == *key);
            let suggestion = nearest(item.key, self.known.iter().copied().filter(absent));
            let mut help = suggestion.map_or_else(String::new, |name| format!("did you mean `{name}`? "));
            help.push_str(&format!("the keys here are {}", listed(self.known.iter().copied())));
            let message = format!("unknown key `{}`{}", shown(item.key), self.place());
            self.document.report(item.key_span, message, help);
            meant.extend(suggestion);
            unknown += 1;
        }
        for (key, help) in self.missing.iter().filter(|(key, _)| !meant.contains(key)) {
            self.document.report(self.span, format!("`{key}` is missing{}", self.place()), help.clone());
        }
        unknown == 0 && self.missing.is_empty()
    }

    fn place(&self) -> String {
        if self.title.is_empty() { String::new() } else { format!(" in {}", self.title) }
    }
}

/// A value under its key; for an item of a list, under the key of the list.
#[derive(Clone, Copy)]
pub(super) struct Item<'t> {
    document: &'t Document<'t>,
    /// The key.
    pub(super) key: &'t str,
    /// Where the key stands.
    pub(super) key_span: Span,
    value: &'t Spanned<DeValue<'t>>,
}

/// A value that is compared with others of a column.
pub(super) enum Scalar {
    /// A number by its digits.
    Number(String),
    /// A text.
    Text(String),
    /// A date or time, as ISO 8601.
    Time(String),
    /// True or false.
    Boolean(bool),
}

impl<'t> Item<'t> {
    /// Where the value stands.
    pub(super) fn span(self) -> Span {
        self.value.span().into()
    }

    /// The `file:line:column` of the value.
    pub(super) fn place(self) -> String {
        self.document.locate(self.span())
    }

    /// The `file:line:column` of the key.
    pub(super) fn key_place(self) -> String {
        self.document.locate(self.key_span)
    }

    /// The value as the file writes it, quotes included.
    pub(super) fn written(self) -> &'t str {
        self.document.source(self.span())
    }

    /// Reports a problem with the value.
    pub(super) fn problem(self, message: impl Into<String>, help: impl Into<String>) {
        self.document.report(self.span(), message.into(), help.into());
    }

    /// Reports a problem with the value that has to do with another place.
    pub(super) fn problem_with(self, message: impl Into<String>, note: String, help: impl Into<String>) {
        self.document.report_with(self.span(), message.into(), vec![note], help.into());
    }

    /// Reports a problem with the key.
    pub(super) fn key_problem(self, message: impl Into<String>, help: impl Into<String>) {
        self.document.report(self.key_span, message.into(), help.into());
    }

    /// Reports a problem with the key that has to do with another place.
    pub(super) fn key_problem_with(self, message: impl Into<String>, note: String, help: impl Into<String>) {
        self.document.report_with(self.key_span, message.into(), vec![note], help.into());
    }

    /// Whether the value is a text.
    pub(super) fn is_text(self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Whether the value is a table.
    pub(super) fn is_table(self) -> bool {
        self.value.get_ref().is_table()
    }

    /// Whether the value is a list.
    pub(super) fn is_list(self) -> bool {
        self.value.get_ref().is_array()
    }

    /// The text, its variables replaced.
    pub(super) fn text(self) -> Option<String> {
        let DeValue::String(text) = self.value.get_ref() else {
            return self.mistyped("a text", "write it in \"quotes\"");
        };
        match substitute(text, self.document.environment) {
            Ok(text) => Some(text),
            Err(problems) => {
                let span = self.span();
                for problem in problems {
                    let found = self.document.source(span).find(&problem.reference);
                    let exact = found.map(|at| span.start + at);
                    let span = exact.map_or(span, |start| Span { start, end: start + problem.reference.len() });
                    self.document.report(span, problem.message, problem.help);
                }
                None
            }
        }
    }

    /// The text as `read` understands it, which gives a sentence about what it cannot.
    pub(super) fn parsed<T>(self, help: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text()?;
        read(&text).map_err(|message| self.problem(message, help)).ok()
    }

    /// True or false.
    pub(super) fn boolean(self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.mistyped("true or false", &format!("write `{0} = true` or `{0} = false`", self.key)),
        }
    }

    /// A whole number in `range`.
    pub(super) fn integer(self, range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (range.start(), range.end());
        let help = format!("write a whole number from {least} to {most}, without quotes");
        let DeValue::Integer(integer) = self.value.get_ref() else {
            return self.mistyped("a whole number", &help);
        };
        let value = whole(integer).and_then(|value| u64::try_from(value).ok()).filter(|value| range.contains(value));
        if value.is_none() {
            self.problem(format!("`{}` is {integer}, but may be {least} to {most}", self.key), help);
        }
        value
    }

    /// A number above 0 and at most 1.
    pub(super) fn share(self, help: &str) -> Option<f64> {
        let value = match self.value.get_ref() {
            DeValue::Integer(integer) => whole(integer).map(|value| value as f64),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => return self.mistyped("a number", help),
        };
        let share = value.filter(|value| *value > 0.0 && *value <= 1.0);
        if share.is_none() {
            let written = self.document.source(self.span());
            self.problem(format!("`{}` is {}, but must be above 0 and at most 1", self.key, shown(written)), help);
        }
        share
    }

    /// A duration in `range`, written as a text with its unit.
    pub(super) fn duration(self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let bounds = range.clone();
        let (least, most) = (quantity::show_duration(*bounds.start()), quantity::show_duration(*bounds.end()));
        let help = format!("write a whole number and its unit (ms, s, m, h), from \"{least}\" to \"{most}\"");
        if !self.is_text() {
            return self.mistyped("a duration", &help);
        }
        self.parsed(&help, |text| {
            let duration = quantity::duration(text).ok_or_else(|| format!("`{}` is no duration", shown(text)))?;
            let outside = || format!("`{}` is {}, but may be {least} to {most}", self.key, shown(text));
            if range.contains(&duration) { Ok(duration) } else { Err(outside()) }
        })
    }

    /// A size in bytes in `range`, written as a number or as a text with its unit.
    pub(super) fn bytes(self, range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (quantity::show_bytes(*range.start()), quantity::show_bytes(*range.end()));
        let help = format!("write bytes, or a text with the unit KiB, MiB, GiB or TiB, from \"{least}\" to \"{most}\"");
        if let DeValue::Integer(_) = self.value.get_ref() {
            return self.integer(range);
        }
        if !self.is_text() {
            return self.mistyped("a size", &help);
        }
        self.parsed(&help, |text| {
            let bytes = quantity::bytes(text).ok_or_else(|| format!("`{}` is no size", shown(text)))?;
            let outside = || format!("`{}` is {}, but may be {least} to {most}", self.key, shown(text));
            if range.contains(&bytes) { Ok(bytes) } else { Err(outside()) }
        })
    }

    /// One of a few names, as what it stands for.
    pub(super) fn one_of<T: Copy>(self, named: &[(&str, T)]) -> Option<T> {
        let names = || named.iter().map(|(name, _)| *name);
        let list = choices(names());
        if !self.is_text() {
            return self.mistyped("a text", &format!("choose {list}"));
        }
        let text = self.text()?;
        let found = named.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let meant = nearest(&text, names()).map_or_else(String::new, |name| format!("did you mean `{name}`? "));
            let message = format!("`{}` is `{}`, which this version does not know", self.key, shown(&text));
            self.problem(message, format!("{meant}choose {list}"));
        }
        found
    }

    /// The values of a list; `example` is one as TOML writes it.
    pub(super) fn list(self, example: &str) -> Option<Vec<Item<'t>>> {
        match self.value.get_ref() {
            DeValue::Array(values) => Some(values.iter().map(|value| Item { value, ..self }).collect()),
            _ => self.mistyped("a list", &format!("write `{} = {example}`", self.key)),
        }
    }

    /// A number, text or time.
    pub(super) fn scalar(self) -> Option<Scalar> {
        match self.value.get_ref() {
            DeValue::Integer(integer) => match whole(integer) {
                Some(value) => Some(Scalar::Number(value.to_string())),
                None => Some(Scalar::Number(integer.as_str().to_owned())),
            },
            DeValue::Float(float) => Some(Scalar::Number(float.as_str().to_owned())),
            DeValue::Datetime(time) => Some(Scalar::Time(time.to_string())),
            DeValue::Boolean(value) => Some(Scalar::Boolean(*value)),
            DeValue::String(_) => self.text().map(Scalar::Text),
            _ => self.mistyped("a number, a text or a time", "write a value that the column could hold"),
        }
    }

    /// The value as a table that messages call `title`.
    pub(super) fn table(self, title: String) -> Option<Table<'t>> {
        match self.value.get_ref() {
            DeValue::Table(tree) => Some(Table::new(self.document, title, self.span(), Some(tree))),
            _ => {
                self.mistyped("a table", &format!("write `[{}]` on a line of its own and the keys below it", self.key))
            }
        }
    }

    /// The keys of the table that the value is, in the order of the file.
    pub(super) fn entries(self) -> Option<Vec<Item<'t>>> {
        self.table(String::new()).map(|table| table.items)
    }

    fn mistyped<T>(self, expected: &str, help: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problem(format!("`{}` is {found}, but must be {expected}", shown(self.key)), help);
        None
    }
}

fn whole(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A text for a message: without control characters, and cut where it is long.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => printable(&text[..end]) + "…",
        None => printable(text),
    }
}
