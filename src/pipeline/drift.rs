//! What objects bring that their pipeline does not expect: fields without a column, and values of other types than their column's.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::model::Extra;
use crate::telemetry::metrics as names;

/// The most names of unknown fields that a process remembers of a pipeline.
const MOST_NAMES: usize = 1_000;

/// The bytes of a name that are remembered and shown.
const NAME_BYTES: usize = 128;

/// The most kinds of contradictions of an object that are told apart.
const MOST_CONTRADICTIONS: usize = 1_000;

/// The fields without a column that a process has seen in a pipeline's objects.
#[derive(Debug, Default)]
pub(super) struct UnknownFields {
    seen: Mutex<HashSet<String>>,
    /// Those of which it was told that they get no column.
    staying: Mutex<HashSet<String>>,
}

impl UnknownFields {
    /// Counts and logs a field that was not seen before; whether it was not. Beyond the bound, none is new.
    fn note(&self, pipeline: &str, object: &str, extra: &Extra<'_>) -> bool {
        let name = &extra.name[..extra.name.floor_char_boundary(NAME_BYTES)];
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_NAMES || !seen.insert(name.to_owned()) {
            return false;
        }
        let last = seen.len() == MOST_NAMES;
        drop(seen);
        metrics::counter!(names::UNKNOWN_FIELDS, "pipeline" => pipeline.to_owned()).increment(1);
        let found = extra.value.type_name();
        tracing::warn!(pipeline, object.key = object, field = name, found, "a field has no column");
        if last {
            tracing::warn!(pipeline, fields = MOST_NAMES, "no further fields without a column are told apart");
        }
        true
    }

    /// Tells, once a process and field, why a field gets no column.
    pub(super) fn stays(&self, pipeline: &str, field: &str, reason: &str) {
        let name = &field[..field.floor_char_boundary(NAME_BYTES)];
        let mut staying = self.staying.lock().unwrap_or_else(PoisonError::into_inner);
        if staying.len() < MOST_NAMES && staying.insert(name.to_owned()) {
            drop(staying);
            tracing::warn!(pipeline, field = name, reason, "a field gets no column, and is ignored");
        }
    }
}

/// What one object brought.
pub(super) struct Drift<'a> {
    unknown: &'a UnknownFields,
    pipeline: &'a str,
    object: &'a str,
    /// The names already noted by this object's records: most records have the same.
    noted: HashSet<String>,
    /// How many values were refused, by column and the type that was found instead.
    contradictions: BTreeMap<(String, &'static str), u64>,
}

impl<'a> Drift<'a> {
    /// Nothing yet of the object of this key.
    pub(super) fn new(unknown: &'a UnknownFields, pipeline: &'a str, object: &'a str) -> Self {
        Drift { unknown, pipeline, object, noted: HashSet::new(), contradictions: BTreeMap::new() }
    }

    /// Notes the fields of a record that no column takes.
    pub(super) fn fields(&mut self, extras: &[Extra<'_>]) {
        for extra in extras {
            if self.noted.len() < MOST_NAMES && !self.noted.contains(extra.name.as_ref()) {
                self.unknown.note(self.pipeline, self.object, extra);
                // Longer names cost a look at the shared set each time: what is kept of them must stay bounded.
                if extra.name.len() <= NAME_BYTES {
                    self.noted.insert(extra.name.as_ref().to_owned());
                }
            }
        }
    }

    /// Notes that a column refused a value of the type `found`.
    pub(super) fn contradiction(&mut self, column: &str, found: &'static str) {
        if let Some(refused) = self.contradictions.get_mut(&(column.to_owned(), found)) {
            *refused += 1;
        } else if self.contradictions.len() < MOST_CONTRADICTIONS {
            self.contradictions.insert((column.to_owned(), found), 1);
        }
    }
}

impl Drop for Drift<'_> {
    /// Reports the contradictions once, whether the object ended well or not.
    fn drop(&mut self) {
        for ((column, found), refused) in &self.contradictions {
            tracing::warn!(
                pipeline = self.pipeline,
                object.key = self.object,
                column,
                found,
                refused,
                "values are not of their column's type"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    fn extra(name: &str) -> Extra<'_> {
        Extra { name: name.into(), value: Value::Bool(true) }
    }

    #[test]
    fn a_field_is_new_once_a_process_and_the_names_are_bounded() {
        let unknown = UnknownFields::default();
        assert!(unknown.note("p", "a", &extra("x")));
        assert!(!unknown.note("p", "b", &extra("x")));
        let long = "é".repeat(500);
        assert!(unknown.note("p", "a", &extra(&long)));
        assert!(!unknown.note("p", "a", &extra(&format!("{long}x"))), "names are told apart by their beginning");
        let new = (0..2_000).filter(|at| unknown.note("p", "a", &extra(&format!("f{at}")))).count();
        assert_eq!(new, MOST_NAMES - 2);
    }

    #[test]
    fn contradictions_are_counted_by_column_and_found_type() {
        let unknown = UnknownFields::default();
        let mut drift = Drift::new(&unknown, "p", "a");
        for found in ["text", "text", "object"] {
            drift.contradiction("id", found);
        }
        let expected = [(("id".to_owned(), "object"), 1), (("id".to_owned(), "text"), 2)];
        assert_eq!(drift.contradictions, BTreeMap::from(expected));
    }
}
