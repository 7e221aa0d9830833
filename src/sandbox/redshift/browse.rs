//! What is in the database: ListDatabases, ListSchemas, ListTables, DescribeTable.

use serde_json::{Value, json};
use tokio_postgres::types::Type;

use super::Warehouse;
use super::api::{Input, Refusal};
use super::result::{ResultSet, Shape};
use super::rewrite::tokens::literal;

/// The page size where none is asked for, and the largest.
const PAGE: usize = 1000;

/// The names under which the embedded database is known.
pub(super) async fn databases(_warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    paged("Databases", vec![json!(input.text("Database").unwrap_or("dev"))], input, PAGE)
}

/// The schemas; `SchemaPattern` is a LIKE pattern.
pub(super) async fn schemas(warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    let pattern = literal(input.text("SchemaPattern").unwrap_or("%"));
    let found = query(
        warehouse,
        &format!(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE {pattern} AND nspname NOT IN ('redshift', 'pg_toast') \
             AND nspname NOT LIKE 'pg\\\\_t%' ORDER BY 1"
        ),
    )
    .await?;
    let names = (0..found.len()).map(|row| json!(found.text(row, 0))).collect();
    paged("Schemas", names, input, PAGE)
}

/// The tables and views; the patterns are LIKE patterns.
pub(super) async fn tables(warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    let schema = literal(input.text("SchemaPattern").unwrap_or("%"));
    let table = literal(input.text("TablePattern").unwrap_or("%"));
    let found = query(
        warehouse,
        &format!(
            "SELECT n.nspname, c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'VIEW' ELSE 'TABLE' END \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p') \
             AND n.nspname NOT IN ('redshift', 'pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\\\_t%' \
             AND n.nspname LIKE {schema} AND c.relname LIKE {table} ORDER BY 1, 2"
        ),
    )
    .await?;
    let members = (0..found.len())
        .map(|row| json!({ "schema": found.text(row, 0), "name": found.text(row, 1), "type": found.text(row, 2) }))
        .collect();
    paged("Tables", members, input, PAGE)
}

/// A table's columns; none, if there is no such table, as in Redshift.
pub(super) async fn table(warehouse: &Warehouse, input: &Input) -> Result<Value, Refusal> {
    let schema = input.text("Schema").unwrap_or("public").to_lowercase();
    let name = input.text("Table").ok_or_else(|| Refusal::invalid("Table is required"))?.to_lowercase();
    let found = query(
        warehouse,
        &format!(
            "SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull, pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a \
             JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname = {} AND c.relname = {} ORDER BY a.attnum",
            literal(&schema),
            literal(&name)
        ),
    )
    .await?;
    let columns = (0..found.len())
        .map(|row| {
            let oid = found.text(row, 1).and_then(|oid| oid.parse().ok()).and_then(Type::from_oid).unwrap_or(Type::VARCHAR);
            let modifier = found.text(row, 2).and_then(|modifier| modifier.parse().ok()).unwrap_or(-1);
            let shape = Shape::of(&oid, modifier);
            json!({
                "name": found.text(row, 0), "label": found.text(row, 0), "typeName": shape.name, "length": shape.precision,
                "precision": shape.precision, "scale": shape.scale, "nullable": i32::from(found.text(row, 3) != Some("t")),
                "columnDefault": found.text(row, 4), "schemaName": schema, "tableName": name, "isSigned": shape.signed,
                "isCurrency": false, "isCaseSensitive": shape.text,
            })
        })
        .collect();
    let mut reply = paged("ColumnList", columns, input, PAGE)?;
    reply["TableName"] = json!(name);
    Ok(reply)
}

async fn query(warehouse: &Warehouse, sql: &str) -> Result<ResultSet, Refusal> {
    let session =
        warehouse.engine.session().await.map_err(|error| Refusal("DatabaseConnectionException", error.to_string()))?;
    let found = ResultSet::query(session.client(), sql).await;
    warehouse.engine.give_back(session);
    found.map_err(|failure| Refusal("QueryTimeoutException", failure.0))
}

/// One page of a list, under its name, with the token of the next.
pub(super) fn paged(name: &str, all: Vec<Value>, input: &Input, most: usize) -> Result<Value, Refusal> {
    let (start, size) = (input.page_start()?, input.page_size(most)?);
    let more = all.len() > start.saturating_add(size);
    let page: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let mut reply = json!({ name: page });
    if more {
        reply["NextToken"] = json!((start + size).to_string());
    }
    Ok(reply)
}
