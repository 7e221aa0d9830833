//! What the warehouse's catalogue says of tables.

use std::collections::BTreeMap;

use super::Warehouse;
use super::statement::literal;
use crate::error::Result;
use crate::schema::drift::LiveColumn;
use crate::schema::identifier::TableName;

/// The columns of these tables, of each in its order; none of a table that there is not, or that the user may not see.
///
/// Read from `SVV_COLUMNS`, which shows local tables with the types that DDL gave them.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn live_columns(
    warehouse: &Warehouse,
    tables: &[&TableName],
) -> Result<BTreeMap<TableName, Vec<LiveColumn>>> {
    let wanted: Vec<String> = tables
        .iter()
        .map(|table| format!("(table_schema = {} AND table_name = {})", literal(&table.schema), literal(&table.table)))
        .collect();
    let sql = format!(
        "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, \
         is_nullable, column_default FROM svv_columns WHERE {} ORDER BY table_schema, table_name, ordinal_position",
        wanted.join(" OR ")
    );
    let mut found: BTreeMap<TableName, Vec<LiveColumn>> = BTreeMap::new();
    for row in warehouse.query(&sql).await? {
        let text = |at: usize| row.get(at).and_then(Option::as_deref);
        let number = |at: usize| text(at).and_then(|text| text.trim().parse::<u32>().ok());
        let (Some(schema), Some(table), Some(name), Some(data_type)) = (text(0), text(1), text(2), text(3)) else {
            continue;
        };
        let column = LiveColumn::from_catalog(
            name,
            data_type,
            number(4),
            number(5).zip(number(6)),
            text(7).is_none_or(|nullable| nullable.trim().eq_ignore_ascii_case("yes")),
            text(8).is_some_and(|default| !default.is_empty()),
        );
        found.entry(TableName::new(schema, table)).or_default().push(column);
    }
    Ok(found)
}

/// The pipelines that have a ledger in `schema`.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn ledger_pipelines(warehouse: &Warehouse, schema: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT DISTINCT table_name FROM svv_columns WHERE table_schema = {} AND column_name = 'rows_superseded'",
        literal(&schema.to_lowercase())
    );
    let rows = warehouse.query(&sql).await?;
    let plain =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let mut pipelines: Vec<String> = rows
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .filter_map(|table| table.strip_prefix("batches_").map(str::to_owned))
        .filter(|name| plain(name))
        .collect();
    pipelines.sort();
    Ok(pipelines)
}
