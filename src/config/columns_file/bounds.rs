//! Values of a column that its configuration names: `min`, `max`, `one_of`, `default`.

use std::cmp::Ordering;

use crate::config::column::Column;
use crate::config::value::{Item, Scalar};
use crate::model::Value;
use crate::schema::ColumnType;
use crate::schema::value::{Cell, Reading, TimeParse, coerce_as};

/// The keys of a column that name values of it.
pub(super) struct Bounds<'t> {
    pub(super) min: Option<Item<'t>>,
    pub(super) max: Option<Item<'t>>,
    pub(super) one_of: Option<Item<'t>>,
    pub(super) default: Option<Item<'t>>,
}

impl Bounds<'_> {
    /// Fills in what the keys say; `None` if there is a problem with one.
    pub(super) fn read(self, column: &mut Column) -> Option<()> {
        let read = |item: Item<'_>| ordered(item, column.read_type()).and_then(|()| value(item, column));
        let (min, max) = (self.min.map(read), self.max.map(read));
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
        let one_of = self.one_of.map(|item| one_of(item, column));
        let default = self.default.map(|item| {
            if column.mask.is_some() {
                item.problem("`default` stands beside `mask`, which would hide it", "remove one of the two");
                return None;
            }
            value(item, column)
        });
        column.min = min.map_or(Some(None), |min| min.map(Some))?;
        column.max = max.map_or(Some(None), |max| max.map(Some))?;
        column.one_of = one_of.map_or(Some(None), |values| values.map(Some))?;
        column.default = default.map_or(Some(None), |value| value.map(Some))?;
        Some(())
    }
}

fn ordered(item: Item<'_>, column_type: ColumnType) -> Option<()> {
    if column_type.is_ordered() {
        return Some(());
    }
    let message = format!("`{}` needs values that have an order, but the column is {column_type}", item.key);
    item.problem(message, format!("remove `{}`", item.key));
    None
}

fn one_of(item: Item<'_>, column: &Column) -> Option<Vec<Cell<'static>>> {
    if column.read_type() == ColumnType::Super {
        item.problem("`one_of` compares values, which a super column does not", "remove `one_of`");
        return None;
    }
    let items = item.list("[\"a\", \"b\"]")?;
    if items.is_empty() {
        item.problem("`one_of` is an empty list: no value could pass", "name the values, or remove `one_of`");
        return None;
    }
    let values: Vec<Option<Cell<'static>>> = items.into_iter().map(|item| value(item, column)).collect();
    values.into_iter().collect()
}

/// A value of the column: numbers as the column reads them, texts and times of a time column as ISO 8601, and JSON text of a super.
fn value(item: Item<'_>, column: &Column) -> Option<Cell<'static>> {
    let column_type = column.read_type();
    let reading = Reading { strict: false, ..column.reading.clone() };
    let coerce = |value, parse: &TimeParse| coerce_as(value, column_type, parse, &reading).map(Cell::into_owned);
    let cell = match item.scalar()? {
        Scalar::Number(_) if column_type.is_text() => {
            let message = format!("`{}` is a number, but the column is {column_type}", item.key);
            item.problem(message, "write it in \"quotes\"; texts are compared by their bytes");
            return None;
        }
        Scalar::Number(digits) => coerce(Value::Number(&digits), &column.parse),
        Scalar::Boolean(value) => coerce(Value::Bool(value), &TimeParse::Iso),
        Scalar::Text(text) if column_type == ColumnType::Super => {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
                item.problem(
                    format!("`{}` of a super column is no JSON: {error}", item.key),
                    "write JSON, such as \"[]\" or '{\"a\": 1}'; a text stands in quotes of its own, such as '\"a\"'",
                );
                return None;
            }
            coerce(Value::Json(text.into()), &TimeParse::Iso)
        }
        Scalar::Text(text) | Scalar::Time(text) => coerce(Value::Text(text.into()), &TimeParse::Iso),
    };
    cell.map_err(|violation| {
        let help = match column_type.is_time() {
            true => "write it as ISO 8601, such as \"2026-01-31\", or as an epoch number if `parse` is one",
            false => "write a value that the column can hold exactly",
        };
        item.problem(format!("`{}` is no value of the column: {}", item.key, violation.message), help);
    })
    .ok()
}
