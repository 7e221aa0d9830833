//! The DDL of a pipeline's target. Pure.

use super::Statement;
use super::columns::wanted;
use crate::config::{Encode, Pipeline};
use crate::error::Result;
use crate::model::ManifestColumn;
use crate::schema::ddl::{self, DdlColumn, Table};

/// The columns that a pipeline stages, as its manifests say them.
pub fn staged_columns(pipeline: &Pipeline) -> Vec<ManifestColumn> {
    let column = |column: &crate::config::Column| ManifestColumn {
        name: column.name.clone(),
        sql_type: column.column_type.to_string(),
    };
    pipeline.columns.iter().map(column).collect()
}

/// The statements that create a pipeline's target and its schema where they are missing.
///
/// # Errors
/// `Malformed` if a column's type cannot be read, which the configuration rules out.
pub fn target_ddl(pipeline: &Pipeline) -> Result<Vec<Statement>> {
    let target = &pipeline.target;
    let columns = wanted(pipeline, &staged_columns(pipeline))?;
    let columns = columns
        .iter()
        .map(|column| DdlColumn { name: &column.name, column_type: column.column_type, required: !column.nullable })
        .collect();
    let table = Table {
        name: &target.table,
        columns,
        distkey: target.distkey.as_deref(),
        diststyle: target.physical.diststyle,
        sortkey: &target.sortkey,
        encoded: target.physical.encode == Encode::Explicit,
    };
    Ok(vec![
        Statement { name: "create schema".to_owned(), sql: ddl::create_schema(&target.table.schema) },
        Statement { name: "create target".to_owned(), sql: ddl::create_table(&table) },
    ])
}
