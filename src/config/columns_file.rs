//! The `[columns]` of a pipeline's file, in their order.

mod bounds;
mod reading;
mod source;
mod texts;

use self::bounds::Bounds;
use self::texts::TextKeys;
use super::column::{Column, ColumnSource};
use super::spelling::{listed, nearest};
use super::value::{Item, shown};
use super::values_file::{self, Values};
use crate::schema::ColumnType;
use crate::schema::identifier;

/// Redshift's 1,600 columns of a table, but for the two of lineage.
const MOST_COLUMNS: usize = 1_598;

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

    /// Whether there is a column of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|entry| entry.name == name)
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

/// Reads the columns under `[columns]`; `captures` are those of the key's pattern, if that could be read, and `values` what columns do that
/// do not say otherwise.
pub(super) fn read(item: Item<'_>, captures: Option<&[String]>, values: &Values) -> Columns {
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
                let column = column(item, &name, captures, values).filter(|_| named_well);
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

fn column(item: Item<'_>, name: &str, captures: Option<&[String]>, values: &Values) -> Option<Column> {
    let from = source::capture(item.key, captures).unwrap_or_else(|| ColumnSource::Field(item.key.to_owned()));
    let mut column = Column::new(name, from, ColumnType::Super);
    let mut values = values.clone();
    if item.is_text() {
        column.column_type = column_type(item)?;
        return Some(finished(column, values));
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
    let parse = table.optional("parse");
    let pattern = table.optional("pattern");
    let mask = table.optional("mask");
    let bounds = Bounds {
        min: table.optional("min"),
        max: table.optional("max"),
        one_of: table.optional("one_of"),
        default: table.optional("default"),
    };
    let texts = TextKeys::of(&mut table);
    let time_zone = table.optional("time_zone");
    let shared = values_file::shared(&mut table, &mut values);
    let understood = table.finish() && shared;
    let from = from.map(|from| source::explicit(from, captures));
    column.column_type = column_type(type_item?)?;
    column = finished(column, values);

    if let Some(item) = time_zone.filter(|_| !column.column_type.is_time()) {
        let message = format!("`time_zone` is of local times, but the column is {}", column.column_type);
        item.problem(message, "remove `time_zone`, or make the column a date, timestamp or timestamptz");
        return None;
    }
    // All of them, whatever is wrong with one.
    let masked = mask.map(|item| texts::mask(item, column.column_type));
    column.mask = masked.clone().flatten();
    let parsed = parse.map_or(Some(()), |item| reading::parse(item, &mut column));
    let pattern = pattern.map(|item| reading::pattern(item, column.read_type()));
    let texts = texts.read(&mut column);
    bounds.read(&mut column)?;
    parsed?;
    texts?;
    column.pattern = pattern.map_or(Some(None), |pattern| pattern.map(Some))?;
    if let Some(masked) = masked {
        masked?;
    }
    if let Some(from) = from {
        column.from = from?;
    }
    column.required = required.unwrap_or(Some(false))?;
    understood.then_some(column)
}

/// The column with what `values` says; captures are texts whatever they say, and no record's fault.
fn finished(mut column: Column, values: Values) -> Column {
    column.reading = values.reading;
    column.texts = values.texts;
    column
}

fn column_type(item: Item<'_>) -> Option<ColumnType> {
    item.parsed(
        "write a type as Redshift does, such as \"varchar(32)\", \"decimal(12,2)\" or \"timestamp\"",
        str::parse,
    )
}
