//! The statements that load a group of batches. Pure.

use minijinja::{Value, context};

use super::copy::{copy_options, of_staged, staged_type};
use super::statement::{literal, render};
use super::{Ledger, Statement, Token};
use crate::config::{Mode, Pipeline, Warehouse};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Form, Manifest, ManifestColumn};
use crate::schema::ColumnType;
use crate::schema::identifier::quote;

/// The lineage columns, as the target has them.
const LINEAGE: [&str; 2] = ["\"_tidegate_object\"", "\"_tidegate_row\""];

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

/// The statements of one transaction that loads `batches`, which have the same columns and no object twice.
///
/// `ledger_columns` are the columns of the files of objects, in their order. The last statement reports what became of the rows, in
/// the form that [`Report`](super::Report) reads.
///
/// # Errors
/// `Malformed` if the batches lack a column that the pipeline's key or order needs: it was changed since they were staged.
pub fn plan(
    pipeline: &Pipeline,
    warehouse: &Warehouse,
    ledger: &Ledger,
    ledger_columns: &[(&'static str, ColumnType)],
    batches: &[Manifest],
    files: &LoadFiles,
    token: &Token,
) -> Result<Vec<Statement>> {
    let staged_columns = batches.first().map(|batch| batch.columns.as_slice()).unwrap_or_default();
    let format = batches.first().map(|batch| batch.format).unwrap_or_default();
    let columns: Vec<Value> =
        staged_columns.iter().map(|column| sql_column(column, format.form)).collect::<Result<_>>()?;
    let target = &pipeline.target;
    for needed in target.key.iter().chain(&target.newest_by) {
        if !staged_columns.iter().any(|column| column.name == *needed) {
            let message = format!(
                "the batch was staged without the column {needed}, which the pipeline {} now needs; read its objects again",
                pipeline.name
            );
            return Err(Error::new(ErrorKind::Malformed, message));
        }
    }
    let lineage = if target.lineage { &LINEAGE[..] } else { &[] };
    let keys: Vec<String> = target.key.iter().map(|name| quote(name)).collect();
    let target_columns: Vec<String> = staged_columns
        .iter()
        .map(|column| quote(&column.name))
        .chain(lineage.iter().map(|name| (*name).to_owned()))
        .collect();
    // A column, and the staged value that is compared with it.
    let compared = |names: &[String]| -> Result<Vec<Value>> {
        let column = |name: &String| {
            let staged = staged_columns.iter().find(|column| column.name == *name);
            let column_type = staged.map(column_type).transpose()?.unwrap_or(ColumnType::Boolean);
            Ok(
                context! { name => quote(name), staged => of_staged(&format!("s.{}", quote(name)), column_type, format.form) },
            )
        };
        names.iter().map(column).collect()
    };
    let mut updated_columns: Vec<String> =
        target_columns.iter().filter(|column| !keys.contains(column)).cloned().collect();
    if updated_columns.is_empty() {
        // MERGE wants both clauses: a table of nothing but its key sets it to itself.
        updated_columns.extend(keys.first().cloned());
    }
    let mut locks = [&ledger.objects, &ledger.batches, &target.table];
    locks.sort();
    let iam_role = if warehouse.iam_role == "default" { "default".to_owned() } else { literal(&warehouse.iam_role) };

    let context = context! {
        statement_timeout_ms => warehouse.statement_timeout.as_millis() as u64,
        locks => locks.map(|table| table.sql()),
        iam_role,
        copy_options => copy_options(format),
        rows_manifest => files.rows.as_deref().map(literal),
        objects_manifest => literal(&files.objects),
        partial => files.partial,
        columns,
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
        ledger_objects => ledger.objects.sql(),
        ledger_batches => ledger.batches.sql(),
        target => target.table.sql(),
        target_table => quote(&target.table.table),
        target_columns,
        updated_columns,
        keys => compared(&target.key)?,
        newest_by => compared(&target.newest_by)?,
        lineage => target.lineage,
    };
    let (name, template) = match target.mode {
        Mode::Append => ("merge/append.sql.j2", include_str!("../../sql/merge/append.sql.j2")),
        Mode::Upsert => ("merge/upsert.sql.j2", include_str!("../../sql/merge/upsert.sql.j2")),
    };
    let mut statements = render("load/begin.sql.j2", include_str!("../../sql/load/begin.sql.j2"), context.clone())?;
    statements.extend(render(name, template, context.clone())?);
    statements.extend(render("load/end.sql.j2", include_str!("../../sql/load/end.sql.j2"), context)?);
    Ok(statements)
}

fn column_type(column: &ManifestColumn) -> Result<ColumnType> {
    column.sql_type.parse().map_err(|reason: String| {
        Error::new(ErrorKind::Malformed, format!("the manifest's column {}: {reason}", column.name))
    })
}

fn sql_column(column: &ManifestColumn, form: Form) -> Result<Value> {
    let column_type = column_type(column)?;
    Ok(context! {
        name => quote(&column.name),
        staged_type => staged_type(column_type, form).to_string(),
        value => of_staged(&quote(&column.name), column_type, form),
    })
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
