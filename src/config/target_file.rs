//! The `[target]` of a pipeline's file.

use super::column::Column;
use super::columns_file::Columns;
use super::pipeline::{Mode, Target};
use super::value::{Item, Table, shown};
use crate::schema::ColumnType;
use crate::schema::identifier::{self, TableName};

/// Reads the table, which refers to `columns`; `None` if there is a problem with it.
pub(super) fn read(mut table: Table<'_>, columns: &Columns) -> Option<Target> {
    let name = table
        .required("table", "\"schema.table\"")
        .and_then(|item| item.parsed("write the schema and the table, such as \"bestsellers.reviews\"", table_name));
    let mode = table
        .required("mode", "\"append\"")
        .and_then(|item| item.one_of(&[("append", Mode::Append), ("upsert", Mode::Upsert)]));
    let key_item = match mode {
        Some(Mode::Upsert) => table.required("key", "[\"id\"]"),
        _ => table.optional("key"),
    };
    let newest_by_item = table.optional("newest_by");
    let distkey = table.optional("distkey").and_then(|item| physical(item, columns));
    let sortkey = table.optional("sortkey").and_then(|item| names(item, columns, physical));
    let create = table.optional("create").and_then(Item::boolean).unwrap_or(false);
    let lineage_item = table.optional("lineage");
    let lineage = lineage_item.and_then(Item::boolean).unwrap_or(true);
    table.finish();

    if mode == Some(Mode::Append) {
        for item in [key_item, newest_by_item].into_iter().flatten() {
            item.key_problem(
                format!("`{}` stands beside `mode = \"append\"`, which inserts every row", item.key),
                format!("remove `{}`, or keep one row of each key by `mode = \"upsert\"`", item.key),
            );
        }
    }
    let key = key_item.and_then(|item| {
        let key = names(item, columns, key_column)?;
        if key.is_empty() && mode == Some(Mode::Upsert) {
            item.problem("`key` is empty", "name the columns that tell rows apart");
        }
        Some(key)
    });
    let newest_by = newest_by_item.and_then(|item| names(item, columns, version_column));
    match lineage_item {
        Some(item) if mode == Some(Mode::Upsert) && !lineage && newest_by_item.is_none() => item.problem(
            "`lineage = false` leaves nothing that tells which of two rows of a key is newer",
            "add `newest_by` with the columns that tell it, or keep lineage, by which the newer object wins",
        ),
        _ => {}
    }
    Some(Target {
        table: name?,
        mode: mode?,
        key: key.unwrap_or_default(),
        newest_by: newest_by.unwrap_or_default(),
        distkey,
        sortkey: sortkey.unwrap_or_default(),
        create,
        lineage,
    })
}

fn table_name(text: &str) -> Result<TableName, String> {
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
fn names(item: Item<'_>, columns: &Columns, check: fn(Item<'_>, &Columns) -> Option<String>) -> Option<Vec<String>> {
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

fn key_column(item: Item<'_>, columns: &Columns) -> Option<String> {
    let (name, column) = columns.refer(item)?;
    let Some(column) = column else { return Some(name) };
    if !column.column_type.is_comparable() {
        let message =
            format!("key column `{}` is {}, by which rows cannot be told apart", shown(&name), column.column_type);
        item.problem(message, "choose a column of integers, decimals, text, dates or times");
        return None;
    }
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
