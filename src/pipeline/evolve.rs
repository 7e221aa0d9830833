//! New fields as columns: `on_unknown_field = "evolve"`.
//!
//! What all processes of a pipeline agree on lies in the staging area, an object for each column, `schema/{pipeline}/fields/{column}.json`.
//! It is written only if it is not there (`If-None-Match: *`) and read back then: whoever is first decides which field fills the column,
//! and its type; nothing changes it later. An object that brings a new field is read to its end, so that only fields of objects that are
//! not parked, in records that are not rejected, become columns; then the fields are agreed on, and the object is read again with the
//! columns that came of it. A pipeline's columns of that moment are a version of its [`Runtime`]; no batch mixes two.

mod field;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

pub(super) use self::field::NewField;
use self::field::{Agreed, column_name, column_type};
use super::runtime::Runtime;
use crate::config::{Column, ColumnSource, OnUnknownField};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::Extra;
use crate::schema::ColumnType;
use crate::stage::{Area, Store};

/// How often an object is read again for the fields that it brings. The first time finds them all; a second is for an object that was
/// replaced meanwhile.
pub(super) const MOST_ROUNDS: usize = 2;

/// The columns that a pipeline gets beyond those of its file.
const MOST_ADDED: usize = 200;

/// The bytes of all columns' names, with four for each: what an upsert's SQL has room for in a transaction of the Data API, measured
/// as 400 columns of 14 bytes, which fit.
const MOST_NAME_BYTES: usize = 400 * 18;

/// The fields of an object of which it is remembered that they were looked at.
const MOST_LOOKED_AT: usize = 1_000;

/// Objects of the registry that are read or written at once.
const CONCURRENT_CALLS: usize = 16;

/// A column's name, and what the registry says of it; none of an object that cannot be understood, whose column nobody can use.
type Entry = (String, Option<(Agreed, ColumnType)>);

/// The newest version of a pipeline that a process knows.
#[derive(Default)]
pub(super) struct Versions(Mutex<State>);

#[derive(Default)]
struct State {
    /// What the registry has, by column.
    agreed: BTreeMap<String, Option<(Agreed, ColumnType)>>,
    newest: Newest,
}

#[derive(Default, Clone)]
enum Newest {
    /// The registry was not read yet.
    #[default]
    Unknown,
    /// The pipeline as it is configured.
    Configured,
    /// With columns of the registry.
    Evolved(Arc<Runtime>),
}

/// The newest version of a pipeline, as far as this process knows; the registry is read before the first.
///
/// # Errors
/// Those of S3, none of which is the fault of an object to be read.
pub(super) async fn current(configured: &Arc<Runtime>, store: &Store, area: &Area) -> Result<Arc<Runtime>> {
    if configured.pipeline.source.on_unknown_field != OnUnknownField::Evolve {
        return Ok(configured.clone());
    }
    let known = configured.versions.lock().newest.clone();
    match known {
        Newest::Configured => Ok(configured.clone()),
        Newest::Evolved(runtime) => Ok(runtime),
        Newest::Unknown => Ok(install(configured, read_all(configured, store, area).await?)),
    }
}

/// Agrees with all other processes on the columns of new fields; gives the pipeline with what came of it.
///
/// # Errors
/// Those of S3, none of which is the fault of an object to be read.
pub(super) async fn learn(
    configured: &Arc<Runtime>,
    store: &Store,
    area: &Area,
    object: &str,
    fields: Vec<NewField>,
) -> Result<Arc<Runtime>> {
    let runtime = install(configured, read_all(configured, store, area).await?);
    let (mut missing, mut bytes) = (Vec::new(), 0);
    for new in fields {
        // Another process was first with this field or with others. What is left without a column is told when the object is read again.
        if !runtime.takes(&new.column) && has_room(&runtime, &new.column, missing.len(), bytes) {
            bytes += name_bytes(&new.column);
            missing.push(new);
        }
    }
    let agree = |new| agree_on(configured.name(), store, area, object, new);
    let agreed = stream::iter(missing).map(agree).buffer_unordered(CONCURRENT_CALLS).try_collect().await?;
    Ok(install(configured, agreed))
}

/// Says what a new field is to become, unless that is said already; gives what is said.
async fn agree_on(pipeline: &str, store: &Store, area: &Area, object: &str, new: NewField) -> Result<Entry> {
    let NewField { field, column, column_type } = new;
    let key = area.field(pipeline, &column);
    let proposed = Agreed {
        version: Agreed::VERSION,
        field,
        column: column.clone(),
        sql_type: column_type.to_string(),
        object: object.to_owned(),
        at: Timestamp::now(),
    };
    let body = Bytes::from(serde_json::json!(proposed).to_string());
    store.put_once(&key, body, "application/json").await.map_err(not_of_the_object)?;
    let Some(found) = read_one(store, area, &key, &column).await? else {
        let message = format!("{} is gone right after it was written; leave the registry alone", area.url(&key));
        return Err(Error::new(ErrorKind::Unavailable, message));
    };
    if let Some((Agreed { field, sql_type, object, .. }, _)) = &found {
        tracing::info!(pipeline, field, column, sql_type, object.uri = object, "a field becomes a column");
    }
    Ok((column, found))
}

/// Adds what was read of the registry to what is known of it; gives the newest version.
fn install(configured: &Arc<Runtime>, read: Vec<Entry>) -> Arc<Runtime> {
    let mut state = configured.versions.lock();
    let before = state.agreed.len();
    state.agreed.extend(read);
    match (&state.newest, state.agreed.len() == before) {
        (Newest::Configured, true) => return configured.clone(),
        (Newest::Evolved(runtime), true) => return runtime.clone(),
        _ => {}
    }
    if state.agreed.is_empty() {
        state.newest = Newest::Configured;
        return configured.clone();
    }
    let evolved = Arc::new(configured.with(Evolved::of(configured, &state.agreed)));
    state.newest = Newest::Evolved(evolved.clone());
    evolved
}

/// What of the registry is not known yet.
async fn read_all(configured: &Runtime, store: &Store, area: &Area) -> Result<Vec<Entry>> {
    let folder = area.fields_folder(configured.name());
    let keys = store.list(&folder).await.map_err(not_of_the_object)?;
    let new: Vec<(String, String)> = {
        let state = configured.versions.lock();
        let column = |key: &String| Some(key.strip_prefix(&folder)?.strip_suffix(".json")?.to_owned());
        let new = keys.into_iter().filter_map(|key| Some((column(&key)?, key)));
        new.filter(|(column, _)| !state.agreed.contains_key(column)).collect()
    };
    let read = |(column, key): (String, String)| async move {
        let found = read_one(store, area, &key, &column).await?;
        Ok::<_, Error>(found.map(|found| (column, found)))
    };
    let read = stream::iter(new).map(read).buffer_unordered(CONCURRENT_CALLS);
    read.try_filter_map(|read| async { Ok(read) }).try_collect().await
}

/// What the registry says of a column; the inner option is none if that cannot be understood, the outer if there is nothing.
async fn read_one(store: &Store, area: &Area, key: &str, column: &str) -> Result<Option<Option<(Agreed, ColumnType)>>> {
    let bytes = match store.get(key).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::ObjectGone => return Ok(None),
        Err(error) => return Err(not_of_the_object(error)),
    };
    match Agreed::read(&bytes, column) {
        Ok(agreed) => Ok(Some(Some(agreed))),
        Err(reason) => {
            let url = area.url(key);
            tracing::warn!(
                url,
                reason,
                "an object of the registry of fields cannot be understood; no field gets its column"
            );
            Ok(Some(None))
        }
    }
}

/// An error of the registry puts objects off, and never parks one.
fn not_of_the_object(error: Error) -> Error {
    match error.fault() {
        Fault::Poison => {
            Error::caused(ErrorKind::Unavailable, "the registry of fields in the staging area cannot be used", error)
        }
        Fault::Transient | Fault::Fatal => error,
    }
}

/// What a version has beyond the configuration.
#[derive(Default)]
pub(super) struct Evolved {
    /// The columns, in the order of their names, so that all processes have the same.
    pub(super) columns: Vec<Column>,
    /// Names that no column can have.
    pub(super) unusable: BTreeSet<String>,
}

impl Evolved {
    /// The columns that the configuration does not have by now: neither by their name nor by their field.
    fn of(configured: &Runtime, agreed: &BTreeMap<String, Option<(Agreed, ColumnType)>>) -> Self {
        let declared = &configured.pipeline.columns;
        let mut evolved = Evolved::default();
        for (name, entry) in agreed {
            match entry {
                None => {
                    evolved.unusable.insert(name.clone());
                }
                Some(_) if declared.iter().any(|column| column.name == *name) => {}
                Some((Agreed { field, .. }, _)) if configured.plan.fields().get(field).is_some() => {}
                Some((Agreed { field, .. }, column_type)) => {
                    evolved.columns.push(Column::new(name.clone(), ColumnSource::Field(field.clone()), *column_type));
                }
            }
        }
        evolved
    }
}

/// Whether the pipeline may have one more column, beside `added` others with names of so many bytes that it does not have yet.
fn has_room(runtime: &Runtime, column: &str, added: usize, added_bytes: usize) -> bool {
    let bytes: usize = runtime.pipeline.columns.iter().map(|column| name_bytes(&column.name)).sum();
    runtime.evolved + added < MOST_ADDED && bytes + added_bytes + name_bytes(column) <= MOST_NAME_BYTES
}

/// What a name counts of [`MOST_NAME_BYTES`].
fn name_bytes(column: &str) -> usize {
    column.len() + 4
}

/// The new fields of one object.
pub(super) struct Discovery<'a> {
    runtime: &'a Runtime,
    looked_at: HashSet<String>,
    new: Vec<NewField>,
    new_bytes: usize,
}

impl<'a> Discovery<'a> {
    /// No fields yet of an object that is read with this version.
    pub(super) fn new(runtime: &'a Runtime) -> Self {
        Discovery { runtime, looked_at: HashSet::new(), new: Vec::new(), new_bytes: 0 }
    }

    /// Looks at the fields of a record that is valid otherwise; whether the object has new ones by now.
    pub(super) fn look(&mut self, extras: &[Extra<'_>]) -> bool {
        for extra in extras {
            let name = extra.name.as_ref();
            if self.looked_at.contains(name) || self.new.iter().any(|new| new.field == name) {
                continue;
            }
            // A value without a type is no first value.
            let Some(column_type) = column_type(&extra.value) else { continue };
            if self.looked_at.len() < MOST_LOOKED_AT {
                self.looked_at.insert(name.to_owned());
            }
            match self.column(name) {
                Ok(column) => {
                    self.new_bytes += name_bytes(&column);
                    self.new.push(NewField { field: name.to_owned(), column, column_type });
                }
                Err(reason) => self.runtime.unknown_fields.stays(self.runtime.name(), name, reason),
            }
        }
        self.has_found()
    }

    /// Whether the object has new fields by now.
    pub(super) fn has_found(&self) -> bool {
        !self.new.is_empty()
    }

    /// The new fields.
    pub(super) fn finish(self) -> Vec<NewField> {
        self.new
    }

    fn column(&self, field: &str) -> std::result::Result<String, &'static str> {
        let column = column_name(field).ok_or("its name makes none")?;
        if self.runtime.takes(&column) || self.new.iter().any(|new| new.column == column) {
            return Err("a column of its name has another source");
        }
        match has_room(self.runtime, &column, self.new.len(), self.new_bytes) {
            true => Ok(column),
            false => Err("the pipeline has as many columns as may be added; declare those that matter in [columns]"),
        }
    }
}

impl Versions {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
