//! The `[columns]` of a pipeline's file, in their order.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use super::pipeline::{Column, ColumnSource, Mask};
use super::spelling::{listed, nearest};
use super::value::{Item, Scalar, shown};
use crate::model::Value;
use crate::schema::ColumnType;
use crate::schema::identifier;
use crate::schema::value::{Cell, TimeParse, coerce, format_problem};

/// Redshift's 1,600 columns of a table, but for the two of lineage.
const MOST_COLUMNS: usize = 1_598;
/// How large a compiled pattern may become, in bytes.
const PATTERN_BYTES: usize = 1 << 20;
/// How many bytes the hexadecimal digits of a SHA-256 take.
const SHA256_DIGITS: u16 = 64;

/// The columns, as far as they could be read.
pub(super) struct Columns(Vec<Entry>);

struct Entry {
    name: String,
    column: Option<Column>,
}

impl Columns {
    /// The name of the column that `item` refers to, and the column unless it has a problem of its own; reports a name that
    /// no column has.
    pub(super) fn refer(&self, item: Item<'_>) -> Option<(String, Option<&Column>)> {
        let name = item.text()?.to_lowercase();
        if let Some(entry) = self.0.iter().find(|entry| entry.name == name) {
            return Some((name, entry.column.as_ref()));
        }
        let names = || self.0.iter().map(|entry| entry.name.as_str());
        let meant = nearest(&name, names()).map_or_else(String::new, |name| format!("did you mean `{name}`? "));
        let message = format!("`{}` names `{}`, which is no column", item.key, shown(&name));
        item.problem(message, format!("{meant}the columns are {}", listed(names())));
        None
    }

    /// The column of this name, `None` within if it has a problem of its own.
    pub(super) fn find(&self, name: &str) -> Option<Option<&Column>> {
        self.0.iter().find(|entry| entry.name == name).map(|entry| entry.column.as_ref())
    }

    /// The columns, if none has a problem.
    pub(super) fn complete(self) -> Option<Vec<Column>> {
        self.0.into_iter().map(|entry| entry.column).collect()
    }
}

/// Reads the columns under `[columns]`; `captures` are those of the key's pattern, if that could be read.
pub(super) fn read(item: Item<'_>, captures: Option<&[String]>) -> Columns {
    let Some(items) = item.entries() else { return Columns(Vec::new()) };
    if items.is_empty() {
        item.problem("there are no columns", "add one, such as `id = { type = \"bigint\", required = true }`");
    }
    if let Some(beyond) = items.get(MOST_COLUMNS) {
        let message = format!("there are {} columns; a table has at most {MOST_COLUMNS} of its own", items.len());
        beyond.key_problem(message, "keep what is rarely used in a super column");
    }
    let mut seen: Vec<(String, Item<'_>)> = Vec::new();
    let mut entries = Vec::new();
    for item in items {
        let name = item.key.to_lowercase();
        let named_well = check_name(item, &name);
        match seen.iter().find(|(other, _)| *other == name) {
            Some((_, first)) => item.key_problem_with(
                format!("column `{}` stands twice, as Redshift folds names to lower case", shown(item.key)),
                format!("the first is at {}", first.key_place()),
                "rename one of the two; `from` can name the field it comes from",
            ),
            None => {
                seen.push((name.clone(), item));
                let column = column(item, &name, captures).filter(|_| named_well);
                entries.push(Entry { name, column });
            }
        }
    }
    Columns(entries)
}

fn check_name(item: Item<'_>, name: &str) -> bool {
    if let Some(problem) = identifier::problem(name) {
        item.key_problem(problem, "rename the column; `from` can name the field it comes from");
        return false;
    }
    if name.starts_with("_tidegate_") {
        let message = format!("column `{}`: names with `_tidegate_` are reserved for lineage", shown(name));
        item.key_problem(message, "rename the column; `from` can name the field it comes from");
        return false;
    }
    true
}

fn column(item: Item<'_>, name: &str, captures: Option<&[String]>) -> Option<Column> {
    let mut column = Column {
        name: name.to_owned(),
        from: source(item.key, captures).unwrap_or_else(|| ColumnSource::Field(item.key.to_owned())),
        column_type: ColumnType::Super,
        required: false,
        parse: TimeParse::Iso,
        pattern: None,
        min: None,
        max: None,
        mask: None,
    };
    if item.is_text() {
        column.column_type = column_type(item)?;
        return Some(column);
    }
    if !item.is_table() {
        let message = format!("column `{}` has neither a type nor keys", shown(name));
        item.problem(message, "write its type, such as \"varchar(32)\", or `{ type = \"varchar(32)\", … }`");
        return None;
    }
    let mut table = item.table(format!("column `{}`", shown(name)))?;
    let from = table.optional("from");
    let type_item = table.required("type", "\"varchar(32)\"");
    let required = table.optional("required").map(Item::boolean);
    let rules = Rules {
        parse: table.optional("parse"),
        pattern: table.optional("pattern"),
        min: table.optional("min"),
        max: table.optional("max"),
        mask: table.optional("mask"),
    };
    let understood = table.finish();
    let from = from.map(|from| explicit_source(from, captures));
    let read = type_item.and_then(column_type).and_then(|column_type| {
        column.column_type = column_type;
        rules.read(&mut column)
    });
    read?;
    if let Some(from) = from {
        column.from = from?;
    }
    column.required = required.unwrap_or(Some(false))?;
    understood.then_some(column)
}

fn column_type(item: Item<'_>) -> Option<ColumnType> {
    item.parsed(
        "write a type as Redshift does, such as \"varchar(32)\", \"decimal(12,2)\" or \"timestamp\"",
        str::parse,
    )
}

/// The capture of this name, if there is one.
fn source(name: &str, captures: Option<&[String]>) -> Option<ColumnSource> {
    captures?.iter().position(|capture| capture == name).map(ColumnSource::Capture)
}

/// A field's or capture's name, or `{capture}`.
fn explicit_source(item: Item<'_>, captures: Option<&[String]>) -> Option<ColumnSource> {
    let text = item.text()?;
    if text.is_empty() {
        item.problem("`from` is empty", "write the name of the record's field, or remove `from` if the column has it");
        return None;
    }
    let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return Some(source(&text, captures).unwrap_or(ColumnSource::Field(text)));
    };
    let known = captures?;
    let found = source(name, captures);
    if found.is_none() {
        let message = format!("`{{{}}}` is no capture of `key`", shown(name));
        let help = match known {
            [] => "add it to the `key` of [source], which has no captures".to_owned(),
            known => format!("the captures are {}", listed(known.iter().map(String::as_str))),
        };
        item.problem(message, help);
    }
    found
}

/// The keys of a column whose meaning depends on its type.
struct Rules<'t> {
    parse: Option<Item<'t>>,
    pattern: Option<Item<'t>>,
    min: Option<Item<'t>>,
    max: Option<Item<'t>>,
    mask: Option<Item<'t>>,
}

impl Rules<'_> {
    /// Fills in what the rules say; `None` if there is a problem with one.
    fn read(self, column: &mut Column) -> Option<()> {
        let column_type = column.column_type;
        let parse = self.parse.map(|item| parse(item, column_type));
        let pattern = self.pattern.map(|item| pattern(item, column_type));
        let mask = self.mask.map(|item| mask(item, column_type));
        if let Some(Some(parse)) = &parse {
            column.parse = parse.clone();
        }
        let bound = |item: Item<'_>| bound(item, column_type, &column.parse);
        let (min, max) = (self.min.map(bound), self.max.map(bound));
        if let (Some((Some(min), min_item)), Some((Some(max), max_item))) =
            (min.clone().zip(self.min), max.clone().zip(self.max))
            && min.order(&max) == Some(Ordering::Greater)
        {
            max_item.problem_with(
                "`max` is below `min`: no value could pass",
                format!("`min` is at {}", min_item.place()),
                "swap the two, or correct one",
            );
        }
        if let Some(parse) = parse {
            parse?;
        }
        column.pattern = pattern.map_or(Some(None), |pattern| pattern.map(Some))?;
        column.mask = mask.map_or(Some(None), |mask| mask.map(Some))?;
        column.min = min.map_or(Some(None), |min| min.map(Some))?;
        column.max = max.map_or(Some(None), |max| max.map(Some))?;
        Some(())
    }
}

fn is_time(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz)
}

fn parse(item: Item<'_>, column_type: ColumnType) -> Option<TimeParse> {
    if !is_time(column_type) {
        item.problem(
            format!("`parse` says how times are read, but the column is {column_type}"),
            "remove `parse`, or make the column a date, timestamp or timestamptz",
        );
        return None;
    }
    let help = "write \"iso\", \"epoch-seconds\", \"epoch-millis\", \"epoch-micros\", or a strftime format or list of \
                them, such as \"%d/%b/%Y:%H:%M:%S %z\"";
    if item.is_list() {
        let items = item.list("[\"%Y-%m-%d\", \"%d.%m.%Y\"]")?;
        if items.is_empty() {
            item.problem("`parse` is an empty list: no time could be read", help);
            return None;
        }
        let formats: Vec<Option<String>> = items.into_iter().map(|item| item.parsed(help, format)).collect();
        return formats.into_iter().collect::<Option<Vec<_>>>().map(TimeParse::Formats);
    }
    item.parsed(help, |text| match text {
        "iso" => Ok(TimeParse::Iso),
        "epoch-seconds" => Ok(TimeParse::EpochSeconds),
        "epoch-millis" => Ok(TimeParse::EpochMillis),
        "epoch-micros" => Ok(TimeParse::EpochMicros),
        _ => format(text).map(|format| TimeParse::Formats(vec![format])),
    })
}

fn format(text: &str) -> Result<String, String> {
    if !text.contains('%') {
        return Err(format!("`{}` is no way to read times: a strftime format contains `%`", shown(text)));
    }
    match format_problem(text) {
        Some(problem) => Err(format!("the format cannot work: {problem}")),
        None => Ok(text.to_owned()),
    }
}

fn pattern(item: Item<'_>, column_type: ColumnType) -> Option<Regex> {
    if !column_type.is_text() {
        item.problem(
            format!("`pattern` is for texts, but the column is {column_type}"),
            "remove `pattern`; `min` and `max` bound numbers and times",
        );
        return None;
    }
    item.parsed("write a regular expression of the `regex` crate, such as '^[A-Z0-9]{10}$'", |text| {
        RegexBuilder::new(text).size_limit(PATTERN_BYTES).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern compiles to more than 1 MiB".to_owned(),
            error => {
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                format!("the pattern is no regular expression: {}", reason.trim_start_matches("error: "))
            }
        })
    })
}

fn mask(item: Item<'_>, column_type: ColumnType) -> Option<Mask> {
    let mask = item.one_of(&[("sha256", Mask::Sha256)])?;
    match column_type {
        ColumnType::Char(length) | ColumnType::Varchar(length) if length >= SHA256_DIGITS => Some(mask),
        _ => {
            let message =
                format!("a masked value has {SHA256_DIGITS} hexadecimal digits, but the column is {column_type}");
            item.problem(message, format!("make the column char({SHA256_DIGITS})"));
            None
        }
    }
}

/// A bound as a value of the column: numbers as the column reads them, texts and times of a time column as ISO 8601.
fn bound(item: Item<'_>, column_type: ColumnType, parse: &TimeParse) -> Option<Cell<'static>> {
    if !column_type.is_ordered() {
        let message = format!("`{}` needs values that have an order, but the column is {column_type}", item.key);
        item.problem(message, format!("remove `{}`", item.key));
        return None;
    }
    let cell = match item.scalar()? {
        Scalar::Number(_) if column_type.is_text() => {
            let message = format!("`{}` is a number, but the column is {column_type}", item.key);
            item.problem(message, "write the bound in \"quotes\"; texts are compared by their bytes");
            return None;
        }
        Scalar::Number(digits) => coerce(Value::Number(&digits), column_type, parse).map(Cell::into_owned),
        Scalar::Text(text) | Scalar::Time(text) => coerce(Value::Text(text.into()), column_type, &TimeParse::Iso),
    };
    cell.map_err(|violation| {
        let help = match is_time(column_type) {
            true => "write it as ISO 8601, such as \"2026-01-31\", or as an epoch number if `parse` is one",
            false => "write a value that the column can hold exactly",
        };
        item.problem(format!("`{}` is no value of the column: {}", item.key, violation.message), help);
    })
    .ok()
}
