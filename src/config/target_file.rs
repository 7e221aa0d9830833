//! The `[target]` of a pipeline's file.

use super::column::Column;
use super::columns_file::Columns;
use super::keeping::{Encode, Physical};
use super::mode_file;
use super::pipeline::{Mode, Target};
use super::steps_file::Scripts;
use super::value::{Item, Table, shown};
use crate::schema::ColumnType;
use crate::schema::identifier::{self, TableName};

/// Reads the table, which refers to `columns`; `None` if there is a problem with it.
pub(super) fn read(mut table: Table<'_>, columns: &Columns, scripts: &Scripts<'_>) -> Option<Target> {
    let name = table
        .required("table", "\"schema.table\"")
        .and_then(|item| item.parsed("write the schema and the table, such as \"bestsellers.reviews\"", table_name));
    let mode_item = table.required("mode", "\"append\"");
    let mode = mode_item.and_then(|item| item.one_of(&MODES.map(|mode| (mode.as_str(), mode))));
    let key_item = match mode {
        Some(Mode::Upsert | Mode::InsertNew | Mode::Scd2) => table.required("key", "[\"id\"]"),
        _ => table.optional("key"),
    };
    let newest_by_item = table.optional("newest_by");
    let distkey_item = table.optional("distkey");
    let distkey = distkey_item.and_then(|item| physical(item, columns));
    let sortkey = table.optional("sortkey").and_then(|item| names(item, columns, physical));
    let create_item = table.optional("create");
    let create = create_item.and_then(Item::boolean).unwrap_or(false);
    let lineage_item = table.optional("lineage");
    let lineage = lineage_item.and_then(Item::boolean).unwrap_or(true);
    let physical_side = Physical {
        evolve: table.optional("evolve").and_then(Item::boolean).unwrap_or(false),
        encode: table.optional("encode").and_then(|item| item.one_of(&ENCODES)).unwrap_or_default(),
        diststyle: table.optional("diststyle").and_then(|item| diststyle(item, distkey_item)),
        create_sql: table.optional("create_sql").map(|item| scripts.creating(item)).unwrap_or_default(),
    };
    let mode_items = mode_file::Items::of(&mut table, mode_item.zip(mode));
    table.finish();

    let key_check = if mode == Some(Mode::InsertNew) { distinct_column } else { key_column };
    let key = key_item.and_then(|item| {
        let key = names(item, columns, key_check)?;
        if key.is_empty() {
            item.problem("`key` is empty", "name the columns that tell rows apart");
        }
        Some(key)
    });
    let newest_by = newest_by_item.and_then(|item| names(item, columns, version_column));
    refuse_other_modes(mode, [key_item, newest_by_item]);
    match (mode, lineage_item) {
        (Some(Mode::Upsert), Some(item)) if !lineage && newest_by_item.is_none() => item.problem(
            "`lineage = false` leaves nothing that tells which of two rows of a key is newer",
            "add `newest_by` with the columns that tell it, or keep lineage, by which the newer object wins",
        ),
        (Some(mode @ (Mode::Scd2 | Mode::ReplacePartition | Mode::ReplaceObject)), Some(item)) if !lineage => item
            .problem(
                format!(
                    "`lineage = false` stands beside `mode = \"{}\"`, which tells by lineage what it replaces",
                    mode.as_str()
                ),
                "remove `lineage`",
            ),
        (Some(Mode::None), _) if create => {
            if let Some(item) = create_item {
                item.problem(
                    "`create = true` stands beside `mode = \"none\"`, whose table need not have the pipeline's columns",
                    "create the tables of the steps by `create_sql = [\"tables.sql\"]`",
                );
            }
        }
        _ => {}
    }
    let options = mode_items.read(columns, key.as_deref().unwrap_or_default(), sortkey.as_deref().unwrap_or_default());
    Some(Target {
        table: name?,
        mode: mode?,
        key: key.unwrap_or_default(),
        newest_by: newest_by.unwrap_or_default(),
        distkey,
        sortkey: sortkey.unwrap_or_default(),
        create,
        lineage,
        options,
        physical: physical_side,
    })
}

const MODES: [Mode; 7] =
    [Mode::Append, Mode::InsertNew, Mode::Upsert, Mode::Scd2, Mode::ReplacePartition, Mode::ReplaceObject, Mode::None];

const ENCODES: [(&str, Encode); 2] = [("auto", Encode::Auto), ("explicit", Encode::Explicit)];

fn diststyle(item: Item<'_>, distkey: Option<Item<'_>>) -> Option<&'static str> {
    let style = item.one_of(&[("auto", "AUTO"), ("even", "EVEN"), ("all", "ALL"), ("key", "KEY")])?;
    match distkey {
        Some(key) if style != "KEY" => {
            let message = format!("`diststyle` is `{}`, but there is a `distkey`", style.to_lowercase());
            item.problem_with(message, format!("the distkey is at {}", key.place()), "remove one of the two");
            None
        }
        None if style == "KEY" => {
            item.problem("`diststyle` is `key`, but there is no `distkey`", "add `distkey = \"…\"`");
            None
        }
        _ => Some(style),
    }
}

/// `key` and `newest_by` are refused where they would mean nothing.
fn refuse_other_modes(mode: Option<Mode>, [key, newest_by]: [Option<Item<'_>>; 2]) {
    let (what, refused): (&str, &[Option<Item<'_>>]) = match mode {
        Some(Mode::Append) => ("which inserts every row", &[key, newest_by]),
        Some(Mode::InsertNew) => ("which never replaces a row", &[newest_by]),
        Some(Mode::Scd2) => ("which tells versions by `effective_from`", &[newest_by]),
        Some(Mode::ReplacePartition) => ("which replaces whole partitions", &[key, newest_by]),
        Some(Mode::ReplaceObject) => ("which replaces whole objects", &[key, newest_by]),
        Some(Mode::None) => ("whose rows only the steps see", &[key, newest_by]),
        Some(Mode::Upsert) | None => return,
    };
    let mode = mode.map_or("", Mode::as_str);
    for item in refused.iter().flatten() {
        item.key_problem(
            format!("`{}` stands beside `mode = \"{mode}\"`, {what}", item.key),
            format!("remove `{}`, or keep one row of each key by `mode = \"upsert\"`", item.key),
        );
    }
}

pub(super) fn table_name(text: &str) -> Result<TableName, String> {
    let parts: Vec<&str> = text.split('.').collect();
    let [schema, table] = parts.as_slice() else {
        return Err(format!("`{}` is no schema and table", shown(text)));
    };
    for part in [schema, table] {
        if let Some(problem) = identifier::problem(&part.to_lowercase()) {
            return Err(format!("`{}`: {problem}", shown(text)));
        }
    }
    Ok(TableName::new(schema, table))
}

/// The columns that a list names, if each stands there once and is as `check` demands.
pub(super) fn names(
    item: Item<'_>,
    columns: &Columns,
    check: fn(Item<'_>, &Columns) -> Option<String>,
) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let items = item.list("[\"a\", \"b\"]")?;
    let complete = items.len();
    for item in items {
        let Some(name) = check(item, columns) else { continue };
        if names.contains(&name) {
            item.problem(format!("`{}` names `{}` twice", item.key, shown(&name)), "remove one of the two");
        } else {
            names.push(name);
        }
    }
    (names.len() == complete).then_some(names)
}

/// A column by which rows are told apart, values or not.
fn distinct_column(item: Item<'_>, columns: &Columns) -> Option<String> {
    let (name, column) = columns.refer(item)?;
    let Some(column) = column else { return Some(name) };
    if !column.column_type.is_comparable() {
        let message =
            format!("key column `{}` is {}, by which rows cannot be told apart", shown(&name), column.column_type);
        item.problem(message, "choose a column of integers, decimals, text, dates or times");
        return None;
    }
    Some(name)
}

/// The same, and every row has a value.
pub(super) fn key_column(item: Item<'_>, columns: &Columns) -> Option<String> {
    let name = distinct_column(item, columns)?;
    let Some(Some(column)) = columns.find(&name) else { return Some(name) };
    if !column.required {
        item.problem(
            format!(
                "key column `{}` is not required, and a missing key never matches: the row would be inserted again",
                shown(&name)
            ),
            format!("add `required = true` to column `{}`", shown(&name)),
        );
        return None;
    }
    Some(name)
}

fn version_column(item: Item<'_>, columns: &Columns) -> Option<String> {
    let (name, column) = columns.refer(item)?;
    match column {
        Some(Column { column_type, .. }) if !column_type.is_ordered() => {
            let message = format!("`newest_by` column `{}` is {column_type}, which has no order", shown(&name));
            item.problem(message, "choose a column of numbers, text, dates or times");
            None
        }
        _ => Some(name),
    }
}

/// A column for the distribution or sort key, which Redshift does not make of a SUPER.
fn physical(item: Item<'_>, columns: &Columns) -> Option<String> {
    let (name, column) = columns.refer(item)?;
    match column {
        Some(Column { column_type: ColumnType::Super, .. }) => {
            let message =
                format!("`{}` names `{}`, a super column, which Redshift does not allow", item.key, shown(&name));
            item.problem(message, "choose a column of another type");
            None
        }
        _ => Some(name),
    }
}
