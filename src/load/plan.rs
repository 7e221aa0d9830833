//! The statements that load a group of batches. Pure.

use minijinja::{Value, context};

use super::columns::{Columns, compared, version_columns};
use super::statement::{literal, render};
use super::{Ledger, Statement, Token, copy, steps};
use crate::config::{Expiry, Mode, Pipeline, Scd2, Step, Warehouse};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Manifest;
use crate::schema::ColumnType;
use crate::schema::identifier::{TableName, quote};

/// What the COPYs of a load read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFiles {
    /// The manifest of the data files, as `s3://bucket/key`; none if no batch has rows.
    pub rows: Option<String>,
    /// The manifest of the files of objects.
    pub objects: String,
    /// Whether this is a load of some objects or files of a batch: rows of others are then left out.
    pub partial: bool,
}

/// The most statements of one BatchExecuteStatement.
const MOST_STATEMENTS: usize = 40;

/// The most bytes of SQL of one BatchExecuteStatement; the service says 100 KB.
const MOST_BYTES: usize = 100_000;

/// Why these statements are too many for one transaction of the Data API; `None` if they fit.
pub fn oversize(statements: &[Statement]) -> Option<String> {
    let bytes: usize = statements.iter().map(|statement| statement.sql.len()).sum();
    if statements.len() > MOST_STATEMENTS {
        return Some(format!(
            "a load takes {} statements, but one transaction of the Data API takes {MOST_STATEMENTS}",
            statements.len()
        ));
    }
    (bytes > MOST_BYTES)
        .then(|| format!("a load takes {bytes} bytes of SQL, but one transaction of the Data API takes {MOST_BYTES}"))
}

/// The statements of one transaction that loads `batches`, which have the same columns and no object twice.
///
/// `ledger_columns` are the columns of the files of objects, in their order. The last statement reports what became of the rows, in
/// the form that [`Report`](super::Report) reads.
///
/// # Errors
/// `Malformed` if the batches lack a column that the pipeline's mode needs: it was changed since they were staged.
pub fn plan(
    pipeline: &Pipeline,
    warehouse: &Warehouse,
    ledger: &Ledger,
    ledger_columns: &[(&'static str, ColumnType)],
    batches: &[Manifest],
    files: &LoadFiles,
    token: &Token,
) -> Result<Vec<Statement>> {
    let target = &pipeline.target;
    let staged = batches.first().map(|batch| batch.columns.as_slice()).unwrap_or_default();
    let format = batches.first().map(|batch| batch.format).unwrap_or_default();
    let columns = Columns::new(staged, format.form, pipeline)?;
    let locks: Vec<String> = locks(pipeline, ledger).iter().map(TableName::sql).collect();
    let iam_role = if warehouse.iam_role == "default" { "default".to_owned() } else { literal(&warehouse.iam_role) };
    let hard_delete = target.options.delete_when.as_ref().is_some_and(|delete| delete.mark.is_none());
    let deleted_when =
        target.options.delete_when.as_ref().map(|delete| format!("r.{} = {}", quote(&delete.column), delete.literal));

    let load = context! {
        statement_timeout_ms => warehouse.statement_timeout.as_millis() as u64,
        locks,
        iam_role,
        rows_manifest => files.rows.as_deref().map(literal),
        rows_options => copy::copy_options(format),
        objects_manifest => literal(&files.objects),
        objects_options => copy::objects_options(),
        object_columns => ledger_columns
            .iter()
            .map(|(name, column_type)| context! { name => *name, type => column_type.to_string() })
            .collect::<Vec<_>>(),
        staged => match files.partial {
            // What comes is then more than what stays: rows of other objects are in the same files.
            true => batches.iter().flat_map(|batch| &batch.files).map(|file| file.rows).sum::<u64>(),
            false => batches.iter().map(|batch| batch.counts().staged).sum::<u64>(),
        },
        object_count => batches.iter().map(|batch| batch.objects.len()).sum::<usize>(),
        batches => batches.iter().map(sql_batch).collect::<Vec<_>>(),
        token => token.as_str(),
        partial => files.partial,
        warnings => steps::warns(pipeline).then_some(steps::WARNINGS),
        ledger_objects => ledger.objects.sql(),
        ledger_batches => ledger.batches.sql(),
    };
    let kept = context! {
        ledger_versions => ledger.versions.sql(),
        ledger_versions_table => quote(&ledger.versions.table),
        ledger_extracts => ledger.extracts.sql(),
        target => target.table.sql(),
        target_table => quote(&target.table.table),
        columns => columns.sql(),
        target_columns => columns.target_columns(pipeline),
        target_values => columns.target_values(pipeline),
        updated_columns => columns.updated_columns(pipeline),
        keys => columns.named(&target.key)?,
        newest_by => columns.named(&target.newest_by)?,
        newest_by_alone => columns.named(&alone(&target.newest_by, &target.key))?,
        remembered => columns.named(&version_columns(pipeline))?,
        partition => columns.named(&target.options.partition)?,
        compared => compared(&columns, pipeline),
        lineage => target.lineage,
        remembers => ledger.has_versions(pipeline),
        hard_delete,
        deleted_when,
        mark => target.options.delete_when.as_ref().and_then(|delete| delete.mark.as_deref()).map(quote),
        window => target.options.merge_window.as_deref().map(quote),
    };
    let history = match &target.options.scd2 {
        Some(scd2) => history(scd2, &columns),
        None => context! {},
    };
    let context = context! { ..load, ..kept, ..history };
    let (name, template) = template(target.mode);
    let mut statements = render("load/begin.sql.j2", include_str!("../../sql/load/begin.sql.j2"), context.clone())?;
    statements.extend(render(name, template, context.clone())?);
    let ids = batches.iter().map(|batch| batch.batch.to_string()).collect();
    statements.extend(steps::statements(pipeline, &steps::variables(pipeline, ledger.objects.sql(), ids))?);
    statements.extend(render("load/end.sql.j2", include_str!("../../sql/load/end.sql.j2"), context)?);
    match oversize(&statements) {
        // `check` says so first; a table that evolved, or a pipeline that was changed, comes here.
        Some(reason) => Err(Error::new(ErrorKind::Malformed, format!("{reason}; `tidegate plan` shows them"))),
        None => Ok(statements),
    }
}

fn template(mode: Mode) -> (&'static str, &'static str) {
    match mode {
        Mode::Append => ("merge/append.sql.j2", include_str!("../../sql/merge/append.sql.j2")),
        Mode::InsertNew => ("merge/insert-new.sql.j2", include_str!("../../sql/merge/insert-new.sql.j2")),
        Mode::Upsert => ("merge/upsert.sql.j2", include_str!("../../sql/merge/upsert.sql.j2")),
        Mode::Scd2 => ("merge/scd2.sql.j2", include_str!("../../sql/merge/scd2.sql.j2")),
        Mode::ReplacePartition => {
            ("merge/replace-partition.sql.j2", include_str!("../../sql/merge/replace-partition.sql.j2"))
        }
        Mode::ReplaceObject => ("merge/replace-object.sql.j2", include_str!("../../sql/merge/replace-object.sql.j2")),
        Mode::None => ("merge/none.sql.j2", include_str!("../../sql/merge/none.sql.j2")),
    }
}

/// Every table that a load writes to, in the order of names: two loads, of whatever pipelines, cannot wait for each other.
fn locks(pipeline: &Pipeline, ledger: &Ledger) -> Vec<TableName> {
    let mut locks = vec![ledger.objects.clone(), ledger.batches.clone(), pipeline.target.table.clone()];
    if ledger.has_versions(pipeline) {
        locks.push(ledger.versions.clone());
    }
    if Ledger::has_extracts(pipeline) {
        locks.push(ledger.extracts.clone());
    }
    for step in &pipeline.steps {
        if let Step::Sql { targets, .. } = step {
            locks.extend(targets.iter().cloned());
        }
    }
    locks.sort();
    locks.dedup();
    locks
}

fn alone(names: &[String], others: &[String]) -> Vec<String> {
    names.iter().filter(|name| !others.contains(name)).cloned().collect()
}

/// What only scd2 has.
fn history(scd2: &Scd2, columns: &Columns<'_>) -> Value {
    let own = columns.find(&scd2.effective_from);
    let start_type = own.unwrap_or(ColumnType::Timestamp);
    let open_end = match &scd2.open_end {
        Some(end) => format!("CAST('{end}' AS {start_type})"),
        None => format!("CAST(NULL AS {start_type})"),
    };
    let next = "h.\"_tidegate_next\"";
    let expires = match scd2.expiry {
        Expiry::NextStart => next.to_owned(),
        Expiry::DayBefore => format!("CAST(DATEADD(day, -1, {next}) AS {start_type})"),
        Expiry::MicrosecondBefore => format!("CAST(DATEADD(microsecond, -1, {next}) AS {start_type})"),
    };
    context! {
        effective_from => quote(&scd2.effective_from),
        effective_to => quote(&scd2.effective_to),
        is_current => quote(&scd2.is_current),
        own_start => own.is_some(),
        start_of_row => match own {
            Some(_) => format!("r.{}", quote(&scd2.effective_from)),
            None => "o.event_time".to_owned(),
        },
        full_extract => scd2.full_extract,
        open_end,
        expires,
        kept_columns => columns.names(),
        kept_values => columns.values("s"),
    }
}

fn sql_batch(batch: &Manifest) -> Value {
    let time = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    context! {
        id => batch.batch.to_string(),
        files => batch.files.len(),
        bytes => batch.bytes(),
        opened_at => time(batch.opened_at),
        closed_at => time(batch.closed_at),
    }
}
