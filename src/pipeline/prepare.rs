//! Before a load: the tables are there, and the target can take what was staged.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::runtime::Runtime;
use crate::config::{Mode, OnUnknownField};
use crate::error::{Error, ErrorKind, Result};
use crate::load::{
    Ledger, Statement, Token, Warehouse, create_statements, is_already_there, ledger_pipelines, live_columns,
    target_ddl, wanted,
};
use crate::model::{BatchId, ManifestColumn};
use crate::schema::ColumnType;
use crate::schema::ddl;
use crate::schema::drift::{Difference, Kind, LiveColumn, differences};
use crate::schema::identifier::TableName;
use crate::telemetry::metrics as names;

/// For how long a table that was looked at is believed to be as it was.
const BELIEVED: Duration = Duration::from_secs(60);

/// The kinds of difference between a live table and a pipeline, as metrics name them.
const KINDS: [&str; 5] = ["missing", "type", "shorter", "nullable", "unfilled"];

/// What is known of the pipelines' tables, so that not every load asks.
#[derive(Default)]
pub(super) struct Prepared(Mutex<HashMap<usize, Known>>);

struct Known {
    columns: Vec<ManifestColumn>,
    at: Instant,
}

impl Prepared {
    /// Creates what is missing, lets the target evolve where the pipeline says so, and looks whether it takes the staged columns.
    ///
    /// # Errors
    /// `WarehouseSchema` if the target is missing and not to be created; `SchemaDrift`, column by column, if no load can succeed; the
    /// errors of the warehouse.
    pub(super) async fn ensure(
        &self,
        warehouse: &Warehouse,
        ledger: &Ledger,
        runtime: &Runtime,
        staged: &[ManifestColumn],
    ) -> Result<()> {
        let (known, fresh) = {
            let all = self.lock();
            let known = all.get(&runtime.index);
            (known.is_some(), known.is_some_and(|known| known.columns == staged && known.at.elapsed() < BELIEVED))
        };
        if fresh {
            return Ok(());
        }
        if !known {
            create(warehouse, ledger, runtime).await?;
        }
        conform(warehouse, ledger, runtime, staged).await?;
        self.lock().insert(runtime.index, Known { columns: staged.to_vec(), at: Instant::now() });
        Ok(())
    }

    /// Has the tables of a pipeline looked at anew before its next load.
    pub(super) fn forget(&self, runtime: &Runtime) {
        self.lock().remove(&runtime.index);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates what is missing: the ledger always, the target only with `create = true`, what steps need by the pipeline's own SQL.
async fn create(warehouse: &Warehouse, ledger: &Ledger, runtime: &Runtime) -> Result<()> {
    let target = &runtime.pipeline.target;
    let mut statements = Vec::new();
    if !has_ledger(warehouse, ledger, runtime).await? {
        let mut ddl = ledger.ddl()?;
        ddl.extend(ledger.memory_ddl(&runtime.pipeline)?);
        statements.extend(missing(warehouse, &ledger.objects.schema, ddl).await?);
    }
    create_by_scripts(warehouse, ledger, runtime).await?;
    if !warehouse.has_table(&target.table.sql()).await? {
        if !target.create {
            let message = format!(
                "the table {} of pipeline {} does not exist; create it, or set create = true in [target]",
                target.table,
                runtime.name()
            );
            return Err(Error::new(ErrorKind::WarehouseSchema, message));
        }
        statements.extend(missing(warehouse, &target.table.schema, target_ddl(&runtime.pipeline)?).await?);
    }
    if !statements.is_empty() {
        tracing::info!(pipeline = runtime.name(), table = %target.table, "creating tables");
        let token = Token::new([(BatchId::new(), "create")], 0);
        let created = warehouse.transaction(&statements, &token, &format!("tidegate-{}-create", runtime.name())).await;
        match created {
            Ok(_) => {}
            // Another process may have been first: `IF NOT EXISTS` does not keep two creators of one table apart.
            Err(error)
                if has_ledger(warehouse, ledger, runtime).await?
                    && warehouse.has_table(&target.table.sql()).await? =>
            {
                tracing::debug!(%error, "the tables were created by another process");
            }
            // No batch is at fault for it.
            Err(error) if error.kind() == ErrorKind::WarehouseRefused => {
                return Err(Error::caused(ErrorKind::WarehouseForbidden, "the tables cannot be created", error));
            }
            Err(error) => return Err(error),
        }
    }
    view_balance(warehouse, ledger).await;
    Ok(())
}

async fn has_ledger(warehouse: &Warehouse, ledger: &Ledger, runtime: &Runtime) -> Result<bool> {
    let mut tables = vec![&ledger.objects, &ledger.batches];
    if ledger.has_versions(&runtime.pipeline) {
        tables.push(&ledger.versions);
    }
    if Ledger::has_extracts(&runtime.pipeline) {
        tables.push(&ledger.extracts);
    }
    for table in tables {
        if !warehouse.has_table(&table.sql()).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The statements without that which creates a schema that is there: it needs a privilege on the database even then.
async fn missing(warehouse: &Warehouse, schema: &str, mut ddl: Vec<Statement>) -> Result<Vec<Statement>> {
    if warehouse.has_schema(schema).await? {
        ddl.retain(|statement| statement.name != "create schema");
    }
    Ok(ddl)
}

/// Runs the pipeline's own DDL, each statement by itself; what is there already is no failure.
async fn create_by_scripts(warehouse: &Warehouse, ledger: &Ledger, runtime: &Runtime) -> Result<()> {
    for statement in create_statements(&runtime.pipeline, ledger.objects.sql())? {
        let mut created = warehouse.query(&statement.sql).await;
        if created.as_ref().is_err_and(|error| !is_already_there(error.message())) {
            // Two processes that create one table at once: the second look finds it.
            created = warehouse.query(&statement.sql).await;
        }
        match created {
            Ok(_) => {}
            Err(error) if is_already_there(error.message()) => {}
            Err(error) if error.kind() == ErrorKind::WarehouseRefused => {
                let message = format!("\"{}\" of pipeline {} failed", statement.name, runtime.name());
                return Err(Error::caused(ErrorKind::WarehouseForbidden, message, error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the view over all ledgers anew. It is for people: a load goes on without it.
async fn view_balance(warehouse: &Warehouse, ledger: &Ledger) {
    let schema = &ledger.batches.schema;
    let made = async {
        let pipelines = ledger_pipelines(warehouse, schema).await?;
        if pipelines.is_empty() {
            return Ok(());
        }
        for statement in Ledger::balance_view(schema, &pipelines)? {
            warehouse.query(&statement.sql).await?;
        }
        Ok::<(), Error>(())
    };
    if let Err(error) = made.await {
        tracing::warn!(%error, "the view batch_balance could not be made; loads go on");
    }
}

/// Adds and widens what may be, and reports what differs.
async fn conform(warehouse: &Warehouse, ledger: &Ledger, runtime: &Runtime, staged: &[ManifestColumn]) -> Result<()> {
    let target = &runtime.pipeline.target;
    let mut tables = vec![&target.table, &ledger.objects];
    if ledger.has_versions(&runtime.pipeline) {
        tables.push(&ledger.versions);
    }
    let live = live_columns(warehouse, &tables).await?;
    let of = |table: &TableName| live.get(table).map(Vec::as_slice).unwrap_or_default();

    // The ledger of an older build, or of a pipeline whose key was changed.
    let removal = ("removal".to_owned(), ColumnType::Varchar(8));
    add_missing(warehouse, &ledger.objects, of(&ledger.objects), &[removal]).await?;
    if ledger.has_versions(&runtime.pipeline) {
        let columns = Ledger::version_columns(&runtime.pipeline);
        add_missing(warehouse, &ledger.versions, of(&ledger.versions), &columns).await?;
    }

    let there = of(&target.table);
    if target.mode == Mode::None {
        // What the steps write is theirs.
        return Ok(());
    }
    if there.is_empty() {
        tracing::debug!(pipeline = runtime.name(), table = %target.table, "the catalogue does not show the table");
        return Ok(());
    }
    let mut found = differences(there, &wanted(&runtime.pipeline, staged)?);
    if target.physical.evolve || runtime.pipeline.source.on_unknown_field == OnUnknownField::Evolve {
        found = evolve(warehouse, runtime, found).await?;
    }
    report(runtime, &found)
}

async fn add_missing(
    warehouse: &Warehouse,
    table: &TableName,
    live: &[LiveColumn],
    columns: &[(String, ColumnType)],
) -> Result<()> {
    if live.is_empty() {
        return Ok(());
    }
    for (name, column_type) in columns {
        if !live.iter().any(|column| column.name == *name) {
            alter(warehouse, &ddl::add_column(table, name, *column_type)).await?;
        }
    }
    Ok(())
}

/// Adds what is missing and widens what is shorter; gives the differences that are left.
async fn evolve(warehouse: &Warehouse, runtime: &Runtime, found: Vec<Difference>) -> Result<Vec<Difference>> {
    let table = &runtime.pipeline.target.table;
    let mut left = Vec::new();
    for difference in found {
        let sql = match difference.kind {
            Kind::Missing(column_type) => ddl::add_column(table, &difference.column, column_type),
            Kind::Shorter(declared, _) => ddl::widen_column(table, &difference.column, declared),
            _ => {
                left.push(difference);
                continue;
            }
        };
        tracing::info!(pipeline = runtime.name(), %table, difference = %difference, "the table evolves");
        alter(warehouse, &sql).await?;
    }
    Ok(left)
}

/// Alters a table, by itself and outside of any load; that another loader was first is success.
async fn alter(warehouse: &Warehouse, sql: &str) -> Result<()> {
    match warehouse.query(sql).await {
        Ok(_) => Ok(()),
        Err(error) if is_already_there(error.message()) => Ok(()),
        // No batch is at fault for it.
        Err(error) if error.kind() == ErrorKind::WarehouseRefused => {
            Err(Error::caused(ErrorKind::SchemaDrift, format!("a table cannot be altered by {sql}"), error))
        }
        Err(error) => Err(error),
    }
}

fn report(runtime: &Runtime, found: &[Difference]) -> Result<()> {
    let table = &runtime.pipeline.target.table;
    for kind in KINDS {
        let number = found.iter().filter(|difference| difference.label() == kind).count();
        metrics::gauge!(names::SCHEMA_DRIFT, "pipeline" => runtime.name().to_owned(), "kind" => kind)
            .set(number as f64);
    }
    for difference in found.iter().filter(|difference| !difference.blocks()) {
        tracing::warn!(pipeline = runtime.name(), %table, difference = %difference, "the table differs from the pipeline; some rows may be refused");
    }
    let blocking: Vec<String> =
        found.iter().filter(|difference| difference.blocks()).map(Difference::to_string).collect();
    if blocking.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the table {table} cannot take what pipeline {} loads; alter one of the two, or set `evolve = true` in [target] to add columns: {}",
        runtime.name(),
        blocking.join("; ")
    );
    Err(Error::new(ErrorKind::SchemaDrift, message))
}
