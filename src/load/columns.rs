//! The staged columns of a load, as its templates name them. Pure.

use minijinja::{Value, context};

use super::copy::{of_staged, staged_type};
use crate::config::{Mode, Pipeline};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Form, ManifestColumn};
use crate::schema::ColumnType;
use crate::schema::drift::Wanted;
use crate::schema::identifier::quote;

/// The lineage columns, as the target has them.
const LINEAGE: [&str; 2] = ["\"_tidegate_object\"", "\"_tidegate_row\""];

/// The columns that were staged, with their types.
pub(super) struct Columns<'a> {
    columns: Vec<(&'a str, ColumnType, bool)>,
    /// The form of the staged files.
    form: Form,
}

impl<'a> Columns<'a> {
    /// The columns of a batch of this pipeline, staged in this form.
    ///
    /// # Errors
    /// `Malformed` if the batch lacks a column that the mode needs, or has one of a type that is not known.
    pub(super) fn new(staged: &'a [ManifestColumn], form: Form, pipeline: &Pipeline) -> Result<Self> {
        let mut columns = Vec::with_capacity(staged.len());
        for column in staged {
            let required = pipeline.columns.iter().any(|known| known.name == column.name && known.required);
            columns.push((column.name.as_str(), column_type(column)?, required));
        }
        let columns = Columns { columns, form };
        for needed in needed(pipeline) {
            if columns.find(needed).is_none() {
                let message = format!(
                    "the batch was staged without the column {needed}, which the pipeline {} now needs; read its objects again",
                    pipeline.name
                );
                return Err(Error::new(ErrorKind::Malformed, message));
            }
        }
        Ok(columns)
    }

    /// The type of a column.
    pub(super) fn find(&self, name: &str) -> Option<ColumnType> {
        self.columns.iter().find(|(known, ..)| *known == name).map(|(_, column_type, _)| *column_type)
    }

    /// The columns with what the stage holds of them.
    pub(super) fn sql(&self) -> Vec<Value> {
        let column = |(name, column_type, _): &(&str, ColumnType, bool)| {
            context! {
                name => quote(name),
                staged_type => staged_type(*column_type, self.form).to_string(),
                value => of_staged(&quote(name), *column_type, self.form),
            }
        };
        self.columns.iter().map(column).collect()
    }

    /// The quoted names.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, ..)| quote(name)).collect()
    }

    /// The target's values, from the staged columns of a table of this alias.
    pub(super) fn values(&self, alias: &str) -> Vec<String> {
        self.columns
            .iter()
            .map(|(name, kind, _)| of_staged(&format!("{alias}.{}", quote(name)), *kind, self.form))
            .collect()
    }

    /// Columns by name, with the staged value that each is compared with.
    ///
    /// # Errors
    /// `Malformed` if one was not staged.
    pub(super) fn named(&self, names: &[String]) -> Result<Vec<Value>> {
        let column = |name: &String| {
            let found = self.columns.iter().find(|(known, ..)| known == name);
            let (_, kind, required) = found.ok_or_else(|| {
                Error::new(ErrorKind::Malformed, format!("the batch was staged without the column {name}"))
            })?;
            Ok(context! {
                name => quote(name),
                staged => of_staged(&format!("s.{}", quote(name)), *kind, self.form),
                staged_r => of_staged(&format!("r.{}", quote(name)), *kind, self.form),
                nullable => !required,
            })
        };
        names.iter().map(column).collect()
    }

    /// The columns that an insert fills: the staged ones, the mark of a soft delete, lineage.
    pub(super) fn target_columns(&self, pipeline: &Pipeline) -> Vec<String> {
        let mut names = self.names();
        names.extend(mark(pipeline));
        names.extend(lineage(pipeline));
        names
    }

    /// Their values, from the stage.
    pub(super) fn target_values(&self, pipeline: &Pipeline) -> Vec<String> {
        let mut values: Vec<String> =
            self.columns.iter().map(|(name, kind, _)| of_staged(&quote(name), *kind, self.form)).collect();
        values.extend(lineage(pipeline));
        values
    }

    /// The columns that an update sets: all but the key.
    pub(super) fn updated_columns(&self, pipeline: &Pipeline) -> Vec<String> {
        let keys: Vec<String> = pipeline.target.key.iter().map(|name| quote(name)).collect();
        let mut updated: Vec<String> =
            self.target_columns(pipeline).into_iter().filter(|column| !keys.contains(column)).collect();
        if updated.is_empty() {
            // MERGE wants both clauses: a table of nothing but its key sets it to itself.
            updated.extend(keys.first().cloned());
        }
        updated
    }
}

/// The columns by which two rows of a key are the same, first those of the key. A SUPER is compared by its text, as bytes: a set
/// operation does not take it, and a VARCHAR may be too short for it.
pub(super) fn compared(columns: &Columns<'_>, pipeline: &Pipeline) -> Vec<Value> {
    let target = &pipeline.target;
    let start = target.options.scd2.as_ref().map(|scd2| scd2.effective_from.as_str());
    let staged = columns.columns.iter().filter(|(name, ..)| Some(*name) != start);
    let mut compared: Vec<Value> = staged
        .map(|(name, column_type, _)| {
            let quoted = quote(name);
            match column_type {
                ColumnType::Super => context! {
                    of_changes => format!("JSON_SERIALIZE_TO_VARBYTE({quoted}) AS {quoted}"),
                    of_t => format!("JSON_SERIALIZE_TO_VARBYTE(t.{quoted})"),
                },
                _ => context! { of_t => format!("t.{quoted}"), of_changes => quoted },
            }
        })
        .collect();
    compared.extend(mark(pipeline).map(|mark| context! { of_t => format!("t.{mark}"), of_changes => mark }));
    compared
}

/// The columns of the key, and of an upsert those by which the newer row is told.
pub(super) fn version_columns(pipeline: &Pipeline) -> Vec<String> {
    let target = &pipeline.target;
    let newest_by = target.newest_by.iter().filter(|name| !target.key.contains(name));
    target.key.iter().chain(newest_by).cloned().collect()
}

/// The columns that a load of these staged columns fills in the target, with their types; none for a mode whose steps do it.
///
/// # Errors
/// `Malformed` if a staged column has a type that is not known.
pub fn wanted(pipeline: &Pipeline, staged: &[ManifestColumn]) -> Result<Vec<Wanted>> {
    let target = &pipeline.target;
    if target.mode == Mode::None {
        return Ok(Vec::new());
    }
    let mut wanted = Vec::with_capacity(staged.len() + 5);
    for column in staged {
        let required = pipeline.columns.iter().any(|known| known.name == column.name && known.required);
        wanted.push(Wanted { name: column.name.clone(), column_type: column_type(column)?, nullable: !required });
    }
    let mut add =
        |name: &str, column_type, nullable| wanted.push(Wanted { name: name.to_owned(), column_type, nullable });
    if let Some(mark) = target.options.delete_when.as_ref().and_then(|delete| delete.mark.as_ref()) {
        add(mark, ColumnType::Boolean, true);
    }
    if let Some(scd2) = &target.options.scd2 {
        let own = staged.iter().find(|column| column.name == scd2.effective_from).map(column_type).transpose()?;
        let start_type = own.unwrap_or(ColumnType::Timestamp);
        if own.is_none() {
            add(&scd2.effective_from, start_type, false);
        }
        add(&scd2.effective_to, start_type, scd2.open_end.is_none());
        add(&scd2.is_current, ColumnType::Boolean, false);
    }
    if target.lineage {
        add("_tidegate_object", ColumnType::Varchar(32), true);
        add("_tidegate_row", ColumnType::BigInt, true);
    }
    Ok(wanted)
}

/// The columns without which a load of this pipeline cannot work.
fn needed(pipeline: &Pipeline) -> impl Iterator<Item = &String> {
    let target = &pipeline.target;
    let own_start = target.options.scd2.as_ref().map(|scd2| &scd2.effective_from);
    let own_start = own_start.filter(|start| pipeline.columns.iter().any(|column| column.name == **start));
    target
        .key
        .iter()
        .chain(&target.newest_by)
        .chain(&target.options.partition)
        .chain(&target.options.merge_window)
        .chain(target.options.delete_when.as_ref().map(|delete| &delete.column))
        .chain(own_start)
}

fn mark(pipeline: &Pipeline) -> Option<String> {
    pipeline.target.options.delete_when.as_ref().and_then(|delete| delete.mark.as_deref()).map(quote)
}

fn lineage(pipeline: &Pipeline) -> impl Iterator<Item = String> {
    LINEAGE.iter().filter(|_| pipeline.target.lineage).map(|name| (*name).to_owned())
}

fn column_type(column: &ManifestColumn) -> Result<ColumnType> {
    column.sql_type.parse().map_err(|reason: String| {
        Error::new(ErrorKind::Malformed, format!("the manifest's column {}: {reason}", column.name))
    })
}
