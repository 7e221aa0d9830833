//! The keys of `[source]` that describe its format.

use super::format::{Characters, CsvOptions, InvalidUtf8, JsonOptions, LinePattern, Ragged, TextOptions};
use super::pipeline::Format;
use super::spelling::choices;
use super::value::{Item, Table, shown};
use crate::model::TextEncoding;

/// A format without its options.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    JsonLines,
    Json,
    Csv,
    PythonLiteral,
    Text,
}

const FORMATS: &[(&str, Kind)] = &[
    ("json-lines", Kind::JsonLines),
    ("json", Kind::Json),
    ("csv", Kind::Csv),
    ("python-literal", Kind::PythonLiteral),
    ("text", Kind::Text),
];

const ALL_TEXT: &[Kind] = &[Kind::JsonLines, Kind::Json, Kind::Csv, Kind::PythonLiteral, Kind::Text];
const JSON: &[Kind] = &[Kind::JsonLines, Kind::Json];
const CSV: &[Kind] = &[Kind::Csv];
const CSV_AND_TEXT: &[Kind] = &[Kind::Csv, Kind::Text];

/// Which formats an option is of.
const OPTIONS: &[(&str, &[Kind])] = &[
    ("encoding", ALL_TEXT),
    ("invalid_utf8", ALL_TEXT),
    ("allow_nan", JSON),
    ("records", &[Kind::Json]),
    ("delimiter", CSV),
    ("quote", CSV),
    ("escape", CSV),
    ("header", CSV),
    ("columns", CSV),
    ("trailing_delimiter", CSV),
    ("ragged", CSV),
    ("embedded_newlines", CSV),
    ("null_values", CSV_AND_TEXT),
    ("comment", CSV_AND_TEXT),
    ("skip_lines", CSV_AND_TEXT),
    ("pattern", &[Kind::Text]),
];

/// The most names on the way to the records of a document.
const POINTER: usize = 16;

/// Reads `format` and its options; what is wrong is reported.
pub(super) fn read(table: &mut Table<'_>) -> (Option<Format>, Characters) {
    let kind = table.required("format", "\"json-lines\"").and_then(|item| item.one_of(FORMATS));
    let Some(kind) = kind else {
        // Whose options they are cannot be told.
        for (key, _) in OPTIONS {
            table.overlook(key);
        }
        return (None, Characters::default());
    };
    for (key, kinds) in OPTIONS.iter().filter(|(_, kinds)| !kinds.contains(&kind)) {
        let message = || format!("`{key}` means nothing for the format `{}`", name(kind));
        let help = format!("remove it, or choose its format: {}", choices(kinds.iter().map(|kind| name(*kind))));
        table.misplaced(key, message, &help);
    }
    let characters = characters(table, kind);
    let format = match kind {
        Kind::JsonLines => Some(Format::JsonLines),
        Kind::Json => json(table).map(Format::Json),
        Kind::Csv => csv(table).map(Format::Csv),
        Kind::PythonLiteral => Some(Format::PythonLiteral),
        Kind::Text => text(table).map(Format::Text),
    };
    (format, characters)
}

fn name(kind: Kind) -> &'static str {
    FORMATS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name)
}

fn characters(table: &mut Table<'_>, kind: Kind) -> Characters {
    let known = Characters::default();
    if !ALL_TEXT.contains(&kind) {
        return known;
    }
    let encoding = table.optional("encoding").and_then(|item| item.one_of(TextEncoding::NAMES));
    let invalid_utf8 = table
        .optional("invalid_utf8")
        .and_then(|item| item.one_of(&[("reject", InvalidUtf8::Reject), ("replace", InvalidUtf8::Replace)]));
    let allow_nan = match JSON.contains(&kind) {
        true => table.optional("allow_nan").and_then(Item::boolean),
        false => None,
    };
    Characters {
        encoding: encoding.unwrap_or(known.encoding),
        invalid_utf8: invalid_utf8.unwrap_or(known.invalid_utf8),
        allow_nan: allow_nan.unwrap_or(known.allow_nan),
    }
}

fn json(table: &mut Table<'_>) -> Option<JsonOptions> {
    let Some(item) = table.optional("records") else { return Some(JsonOptions::default()) };
    let help = "write a JSON pointer such as \"/Records\", or leave it out where the document is the array";
    item.parsed(help, |text| {
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!("`records` is `{}`, which does not begin with a `/`", shown(text)));
        };
        let names: Vec<String> = path.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        match names.len() {
            0..=POINTER => Ok(JsonOptions { records: names }),
            length => Err(format!("`records` leads over {length} names, but may over {POINTER}")),
        }
    })
}

fn csv(table: &mut Table<'_>) -> Option<CsvOptions> {
    let known = CsvOptions::default();
    let delimiter_item = table.optional("delimiter");
    let quote_item = table.optional("quote");
    let escape_item = table.optional("escape");
    let header_item = table.optional("header");
    let columns_item = table.optional("columns");
    let header = header_item.map_or(Some(true), Item::boolean)?;
    let columns = columns_item.map_or(Some(Vec::new()), names);
    let trailing_delimiter = table.optional("trailing_delimiter").map_or(Some(false), Item::boolean);
    let ragged = table.optional("ragged").map_or(Some(known.ragged), |item| {
        item.one_of(&[("reject", Ragged::Reject), ("pad", Ragged::Pad), ("ignore", Ragged::Ignore)])
    });
    let embedded_newlines = table.optional("embedded_newlines").map_or(Some(true), Item::boolean);
    let (null_values, comment, skip_lines) = lines(table);
    let delimiter = delimiter_item.map_or(Some(known.delimiter), character);
    let quote = quote_item.map_or(Some(known.quote), |item| match item.is_text() && item.text()? == "none" {
        true => Some(None),
        false => character(item).map(Some),
    });
    let escape = escape_item.map_or(Some(None), |item| character(item).map(Some));

    if let (false, None) = (header, columns_item) {
        let message = "without a header, nothing names the fields";
        if let Some(item) = header_item {
            item.problem(message, "name them in their order: `columns = [\"id\", \"name\"]`");
        }
        return None;
    }
    let (delimiter, quote, escape, comment) = (delimiter?, quote?, escape?, comment?);
    let meanings = [
        ("delimiter", Some(delimiter)),
        ("quote", quote),
        ("escape", escape),
        ("comment", comment.map(|(byte, _)| byte)),
    ];
    let items = [delimiter_item, quote_item, escape_item, comment.map(|(_, item)| item)];
    for (at, (key, byte)) in meanings.iter().enumerate().rev().filter(|(_, (_, byte))| byte.is_some()) {
        let same = meanings[..at].iter().find(|(_, other)| other == byte);
        // Of two equal ones, at most one is a default.
        if let (Some((other, _)), Some(item)) = (same, items[at].or(items[..at].iter().copied().flatten().next())) {
            let help = match (*key, *other) {
                ("escape", "quote") => "leave `escape` out: a quote within quotes is doubled then",
                _ => "give each a character of its own",
            };
            item.problem(format!("`{key}` is the character that `{other}` is already"), help);
            return None;
        }
    }
    Some(CsvOptions {
        delimiter,
        quote,
        escape,
        header,
        columns: columns?,
        null_values: null_values?,
        comment: comment.map(|(byte, _)| byte),
        trailing_delimiter: trailing_delimiter?,
        ragged: ragged?,
        embedded_newlines: embedded_newlines?,
        skip_lines: skip_lines?,
    })
}

fn text(table: &mut Table<'_>) -> Option<TextOptions> {
    let help = "write a regular expression in 'single quotes' for whole lines, with named groups such as `(?<ip>\\S+)`";
    let pattern = table.required("pattern", "'(?<time>\\S+) (?<message>.*)'");
    let pattern = pattern.and_then(|item| item.parsed(help, LinePattern::parse));
    let (null_values, comment, skip_lines) = lines(table);
    Some(TextOptions {
        pattern: pattern?,
        null_values: null_values?,
        comment: comment?.map(|(byte, _)| byte),
        skip_lines: skip_lines?,
    })
}

type Comment<'t> = Option<(u8, Item<'t>)>;

/// What is told alike of all formats of lines; the outer `None` is a problem.
fn lines<'t>(table: &mut Table<'t>) -> (Option<Vec<String>>, Option<Comment<'t>>, Option<u64>) {
    let null_values = table
        .optional("null_values")
        .map_or(Some(Vec::new()), |item| item.list("[\"\", \"NULL\"]")?.into_iter().map(Item::text).collect());
    let comment = table.optional("comment").map_or(Some(None), |item| Some(Some((character(item)?, item))));
    let skip_lines = table.optional("skip_lines").map_or(Some(0), |item| item.integer(0..=1_000_000));
    (null_values, comment, skip_lines)
}

/// One character that is one byte.
fn character(item: Item<'_>) -> Option<u8> {
    item.parsed("write one character, such as \",\", \"|\", \"\\t\" or \"\\u0001\"", |text| match text.as_bytes() {
        [b'\n' | b'\r'] => Err(format!("`{}` is a line end, which ends records", item.key)),
        [byte] => Ok(*byte),
        _ => Err(format!("`{}` is `{}`, but must be one ASCII character", item.key, shown(text))),
    })
}

/// The names of fields, each of which stands once.
fn names(item: Item<'_>) -> Option<Vec<String>> {
    let items = item.list("[\"id\", \"name\"]")?;
    if items.is_empty() {
        item.problem("`columns` is empty", "name the fields in their order, or leave it out for those of the header");
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let name = item.text()?;
        if names.contains(&name) {
            item.problem(format!("`columns` names `{}` twice", shown(&name)), "name each field once");
            return None;
        }
        names.push(name);
    }
    Some(names)
}
