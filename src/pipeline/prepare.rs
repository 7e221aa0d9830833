//! Before the first load: the ledger's tables, and the target where the pipeline asks for it.

use super::runtime::Runtime;
use crate::error::{Error, ErrorKind, Result};
use crate::load::{Ledger, Statement, Token, Warehouse};
use crate::model::BatchId;
use crate::schema::ddl::{self, DdlColumn};

/// Creates what is missing: the ledger always, the target only with `create = true`.
///
/// # Errors
/// `WarehouseRefused` if the target is missing and not to be created; the errors of the warehouse.
pub(super) async fn prepare(warehouse: &Warehouse, ledger: &Ledger, runtime: &Runtime) -> Result<()> {
    let mut statements = Vec::new();
    if !(warehouse.has_table(&ledger.objects.sql()).await? && warehouse.has_table(&ledger.batches.sql()).await?) {
        statements.extend(ledger.ddl()?);
    }
    let target = &runtime.pipeline.target;
    if !warehouse.has_table(&target.table.sql()).await? {
        if !target.create {
            let message = format!(
                "the table {} of pipeline {} does not exist; create it, or set create = true in [target]",
                target.table,
                runtime.name()
            );
            return Err(Error::new(ErrorKind::WarehouseForbidden, message));
        }
        statements.extend(target_ddl(runtime));
    }
    if statements.is_empty() {
        return Ok(());
    }
    tracing::info!(pipeline = runtime.name(), table = %target.table, "creating tables");
    let token = Token::new([BatchId::new()], 0);
    warehouse.transaction(&statements, &token, &format!("tidegate-{}-create", runtime.name())).await?;
    Ok(())
}

/// The DDL of a pipeline's target.
pub(super) fn target_ddl(runtime: &Runtime) -> Vec<Statement> {
    let target = &runtime.pipeline.target;
    let columns: Vec<DdlColumn<'_>> = runtime
        .pipeline
        .columns
        .iter()
        .map(|column| DdlColumn { name: &column.name, column_type: column.column_type, required: column.required })
        .collect();
    let table = ddl::create_table(&target.table, &columns, target.distkey.as_deref(), &target.sortkey, target.lineage);
    vec![
        Statement { name: "create schema".to_owned(), sql: ddl::create_schema(&target.table.schema) },
        Statement { name: "create target".to_owned(), sql: table },
    ]
}
