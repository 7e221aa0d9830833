//! The keys of `[target]` that only some modes have.

use super::columns_file::Columns;
use super::keeping::{DeleteWhen, Expiry, ModeOptions, Scd2};
use super::pipeline::Mode;
use super::target_file::{key_column, names};
use super::value::{Item, Scalar, Table, shown};
use crate::model::Value;
use crate::schema::value::{TimeParse, coerce};
use crate::schema::{ColumnType, identifier};

/// The keys, as far as they are there; the table is asked for those of the mode only, so that others are unknown.
pub(super) struct Items<'t> {
    partition: Option<Item<'t>>,
    on_delete: Option<Item<'t>>,
    delete_when: Option<Item<'t>>,
    merge_window: Option<Item<'t>>,
    effective_from: Option<Item<'t>>,
    effective_to: Option<Item<'t>>,
    is_current: Option<Item<'t>>,
    open_end: Option<Item<'t>>,
    expiry: Option<Item<'t>>,
    full_extract: Option<Item<'t>>,
    mode: Option<(Item<'t>, Mode)>,
}

impl<'t> Items<'t> {
    /// Asks `table` for the keys that its mode has.
    pub(super) fn of(table: &mut Table<'t>, mode: Option<(Item<'t>, Mode)>) -> Self {
        let mut of = |modes: &[Mode], key: &'static str| match mode {
            Some((_, mode)) if modes.contains(&mode) => table.optional(key),
            _ => None,
        };
        let mut items = Items {
            partition: None,
            on_delete: of(&[Mode::ReplaceObject], "on_delete"),
            delete_when: of(&[Mode::Upsert], "delete_when"),
            merge_window: of(&[Mode::Upsert, Mode::InsertNew], "merge_window"),
            effective_from: of(&[Mode::Scd2], "effective_from"),
            effective_to: of(&[Mode::Scd2], "effective_to"),
            is_current: of(&[Mode::Scd2], "is_current"),
            open_end: of(&[Mode::Scd2], "open_end"),
            expiry: of(&[Mode::Scd2], "expiry"),
            full_extract: of(&[Mode::Scd2], "full_extract"),
            mode,
        };
        if matches!(mode, Some((_, Mode::ReplacePartition))) {
            items.partition = table.required("partition", "[\"day\"]");
        }
        items
    }

    /// What they say.
    pub(super) fn read(self, columns: &Columns, key: &[String], sortkey: &[String]) -> ModeOptions {
        let partition = self.partition.and_then(|item| {
            let partition = names(item, columns, key_column)?;
            if partition.is_empty() {
                item.problem("`partition` is empty", "name the columns whose values name a partition");
            }
            Some(partition)
        });
        let on_delete = self.on_delete.and_then(|item| item.one_of(&[("keep", false), ("delete", true)]));
        ModeOptions {
            partition: partition.unwrap_or_default(),
            delete_removed: on_delete.unwrap_or(false),
            delete_when: self.delete_when.and_then(|item| delete_when(item, columns, key)),
            merge_window: self.merge_window.and_then(|item| merge_window(item, columns, sortkey)),
            scd2: match self.mode {
                Some((item, Mode::Scd2)) => self.scd2(item, columns, key),
                _ => None,
            },
        }
    }

    /// The names and ends of versions; `mode` is where the problem of a name is told that is nowhere written.
    fn scd2(self, mode: Item<'_>, columns: &Columns, key: &[String]) -> Option<Scd2> {
        let effective_from = name_or(self.effective_from, "effective_from");
        let effective_to = name_or(self.effective_to, "effective_to");
        let is_current = name_or(self.is_current, "is_current");
        let names = [&effective_from, &effective_to, &is_current];
        for (at, (name, item)) in
            names.iter().zip([self.effective_from, self.effective_to, self.is_current]).enumerate()
        {
            let Some(name) = name else { continue };
            let twice = names[..at].iter().any(|other| other.as_ref() == Some(name));
            let item = item.unwrap_or(mode);
            if twice || key.contains(name) {
                item.problem(
                    format!("`{}` has another meaning already", shown(name)),
                    "give each of the columns a name of its own",
                );
                return None;
            }
            if at > 0 && columns.find(name).is_some() {
                item.problem(
                    format!("`{}` is a column of [columns], but is made by the load", shown(name)),
                    "remove it from [columns], or name another",
                );
                return None;
            }
        }
        let effective_from = effective_from?;
        let mut day = false;
        if let Some(Some(column)) = columns.find(&effective_from) {
            let problem = match column.column_type {
                ColumnType::Date | ColumnType::Timestamp if !column.required => {
                    Some(("is not required, and a version without a start has no place", "add `required = true` to it"))
                }
                ColumnType::Date => {
                    day = true;
                    None
                }
                ColumnType::Timestamp => None,
                _ => Some(("is neither a date nor a timestamp", "make it one, or name another column")),
            };
            if let Some((problem, help)) = problem {
                let message = format!("`effective_from` names column `{}`, which {problem}", shown(&effective_from));
                self.effective_from.unwrap_or(mode).problem(message, help);
                return None;
            }
        }
        let expiry_item = self.expiry;
        let expiry = expiry_item.map_or(Some(Expiry::default()), |item| {
            item.one_of(&[
                ("next-start", Expiry::NextStart),
                ("day-before", Expiry::DayBefore),
                ("microsecond-before", Expiry::MicrosecondBefore),
            ])
        })?;
        let unfit = match (expiry, day) {
            (Expiry::MicrosecondBefore, true) => {
                Some(("a microsecond before the next start, but `effective_from` is a date", "day-before"))
            }
            (Expiry::DayBefore, false) => Some((
                "a day before the next start, but `effective_from` is no date column of [columns]",
                "microsecond-before",
            )),
            _ => None,
        };
        if let (Some((what, instead)), Some(item)) = (unfit, expiry_item) {
            item.problem(format!("`expiry` is {what}"), format!("choose `{instead}`"));
            return None;
        }
        Some(Scd2 {
            effective_from,
            effective_to: effective_to?,
            is_current: is_current?,
            open_end: open_end(self.open_end)?,
            expiry,
            full_extract: self.full_extract.map_or(Some(false), Item::boolean)?,
        })
    }
}

/// A column's name, folded to lower case; `default` where none is given.
fn name_or(item: Option<Item<'_>>, default: &str) -> Option<String> {
    let Some(item) = item else { return Some(default.to_owned()) };
    column_name(item)
}

fn column_name(item: Item<'_>) -> Option<String> {
    item.parsed("write a column's name", |text| {
        let name = text.to_lowercase();
        if name.starts_with("_tidegate_") {
            return Err(format!("`{}`: names with `_tidegate_` are reserved for lineage", shown(&name)));
        }
        identifier::problem(&name).map_or(Ok(name), Err)
    })
}

fn open_end(item: Option<Item<'_>>) -> Option<Option<String>> {
    let Some(item) = item else { return Some(Some("9999-12-31".to_owned())) };
    let help = "write \"null\", or a date such as \"9999-12-31\"";
    item.parsed(help, |text| match text {
        "null" => Ok(None),
        text => match text.parse::<jiff::civil::Date>() {
            Ok(date) => Ok(Some(date.to_string())),
            Err(_) => Err(format!("`{}` is no date", shown(text))),
        },
    })
}

fn delete_when(item: Item<'_>, columns: &Columns, key: &[String]) -> Option<DeleteWhen> {
    let mut table = item.table("`delete_when`".to_owned())?;
    let column_item = table.required("column", "\"op\"");
    let value_item = table.required("value", "\"D\"");
    let mark_item = table.optional("mark");
    table.finish();
    let (name, column) = columns.refer(column_item?)?;
    let column_type = column?.column_type;
    let literal = literal(value_item?, column_type)?;
    let mark = match mark_item {
        None => None,
        Some(item) => {
            let mark = column_name(item)?;
            if columns.find(&mark).is_some() || key.contains(&mark) {
                item.problem(
                    format!("`{}` is a column of [columns], but is set by the load", shown(&mark)),
                    "remove it from [columns], or name another",
                );
                return None;
            }
            Some(mark)
        }
    };
    Some(DeleteWhen { column: name, literal, mark })
}

/// A value of the column as SQL. The text comes from the configuration, and holds nothing that could end a literal.
fn literal(item: Item<'_>, column_type: ColumnType) -> Option<String> {
    let whole = matches!(column_type, ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt);
    if column_type == ColumnType::Boolean {
        return item.boolean().map(|value| value.to_string());
    }
    if !whole && !column_type.is_text() {
        item.problem(
            format!("the column is {column_type}, which cannot say that a key is gone"),
            "choose a column of text, whole numbers or true and false",
        );
        return None;
    }
    let help = "write a value of the column's type";
    let digits = match (item.scalar()?, whole) {
        (Scalar::Number(digits), true) => digits,
        (Scalar::Text(text), false) => {
            let plain = |c: char| !c.is_control() && c != '\'' && c != '\\';
            if text.chars().all(plain) {
                return Some(format!("'{text}'"));
            }
            item.problem("`value` holds a quote, a backslash or a control character", "choose a plain value");
            return None;
        }
        _ => {
            item.problem(format!("`value` is no value of a {column_type} column"), help);
            return None;
        }
    };
    match coerce(Value::Number(&digits), column_type, &TimeParse::Iso) {
        Ok(_) if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => Some(digits),
        _ => {
            item.problem(format!("`value` is no value of a {column_type} column"), help);
            None
        }
    }
}

fn merge_window(item: Item<'_>, columns: &Columns, sortkey: &[String]) -> Option<String> {
    let (name, column) = columns.refer(item)?;
    let column = column?;
    // What is staged as another type has another order there.
    if !column.column_type.is_ordered() || column.column_type.staged() != column.column_type || !column.required {
        item.problem(
            format!(
                "`merge_window` column `{}` is not required, has no order, or is staged as another type",
                shown(&name)
            ),
            "choose a required column of numbers, text, dates or times: rows outside of the window are not looked for",
        );
        return None;
    }
    if sortkey.first().is_some_and(|first| *first != name) {
        item.problem(
            format!("`merge_window` names `{}`, but the table is sorted by another column first", shown(&name)),
            "name the first column of `sortkey`: only its range spares reading blocks",
        );
        return None;
    }
    Some(name)
}
