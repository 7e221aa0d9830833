//! Before the first load: the ledger's tables, and the target where the pipeline asks for it.

use super::runtime::Runtime;
use crate::error::{Error, ErrorKind, Result};
use crate::load::{Ledger, Statement, Token, Warehouse};
use crate::model::BatchId;
use crate::schema::ddl::{self, DdlColumn};

/// Creates what is missing: the ledger always, the target only with `create = true`.
///
/// # Errors
/// `WarehouseSchema` if the target is missing and not to be created; the errors of the warehouse.
pub(super) async fn prepare(warehouse: &Warehouse, ledger: &Ledger, runtime: &Runtime) -> Result<()> {
    let target = &runtime.pipeline.target;
    let mut statements = Vec::new();
    if !has_ledger(warehouse, ledger).await? {
        statements.extend(missing(warehouse, &ledger.objects.schema, ledger.ddl()?).await?);
    }
    if !warehouse.has_table(&target.table.sql()).await? {
        if !target.create {
            let message = format!(
                "the table {} of pipeline {} does not exist; create it, or set create = true in [target]",
                target.table,
                runtime.name()
            );
            return Err(Error::new(ErrorKind::WarehouseSchema, message));
        }
        statements.extend(missing(warehouse, &target.table.schema, target_ddl(runtime)).await?);
    }
    if statements.is_empty() {
        return Ok(());
    }
    tracing::info!(pipeline = runtime.name(), table = %target.table, "creating tables");
    let token = Token::new([(BatchId::new(), "create")], 0);
    let created = warehouse.transaction(&statements, &token, &format!("tidegate-{}-create", runtime.name())).await;
    match created {
        Ok(_) => Ok(()),
        // Another process may have been first: `IF NOT EXISTS` does not keep two creators of one table apart.
        Err(error) if has_ledger(warehouse, ledger).await? && warehouse.has_table(&target.table.sql()).await? => {
            tracing::debug!(%error, "the tables were created by another process");
            Ok(())
        }
        // No batch is at fault for it.
        Err(error) if error.kind() == ErrorKind::WarehouseRefused => {
            Err(Error::caused(ErrorKind::WarehouseForbidden, "the tables cannot be created", error))
        }
        Err(error) => Err(error),
    }
}

async fn has_ledger(warehouse: &Warehouse, ledger: &Ledger) -> Result<bool> {
    Ok(warehouse.has_table(&ledger.objects.sql()).await? && warehouse.has_table(&ledger.batches.sql()).await?)
}

/// The statements without that which creates a schema that is there: it needs a privilege on the database even then.
async fn missing(warehouse: &Warehouse, schema: &str, mut ddl: Vec<Statement>) -> Result<Vec<Statement>> {
    if warehouse.has_schema(schema).await? {
        ddl.retain(|statement| statement.name != "create schema");
    }
    Ok(ddl)
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
