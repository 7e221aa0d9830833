//! What the batch operations share: the rules of their entries, and replies that succeed in part.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Answer;
use crate::sandbox::sqs::refusal::{Code, Refusal};

/// The most entries of a batch.
const ENTRY_LIMIT: usize = 10;

/// A batch request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch<T> {
    pub(super) queue_url: Option<String>,
    #[serde(default = "Vec::new")]
    pub(super) entries: Vec<Entry<T>>,
}

/// An entry of a batch: what a single request would carry, and an id by which the reply refers to it.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry<T> {
    #[serde(rename = "Id", default)]
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) request: T,
}

impl<T> Batch<T> {
    /// Refuses the batch as a whole if its entries cannot be told apart or are none or too many.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.entries.is_empty() {
            return Err(Refusal::new(Code::EmptyBatchRequest, "There should be at least one entry in the request."));
        }
        if self.entries.len() > ENTRY_LIMIT {
            return Err(Refusal::new(
                Code::TooManyEntriesInBatchRequest,
                format!(
                    "Maximum number of entries per request are {ENTRY_LIMIT}. You have sent {}.",
                    self.entries.len()
                ),
            ));
        }
        let mut ids = HashSet::new();
        for Entry { id, .. } in &self.entries {
            let valid = (1..=80).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            if !valid {
                return Err(Refusal::new(
                    Code::InvalidBatchEntryId,
                    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                     most 80 letters long.",
                ));
            }
            if !ids.insert(id) {
                return Err(Refusal::new(Code::BatchEntryIdsNotDistinct, format!("Id {id} repeated.")));
            }
        }
        Ok(())
    }

    /// Carries the entries out one by one, and reports those that failed beside those that did not.
    pub(super) fn run(self, mut operation: impl FnMut(T) -> Answer) -> Answer {
        self.check()?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for Entry { id, request } in self.entries {
            match operation(request) {
                Ok(mut entry) => {
                    entry["Id"] = Value::String(id);
                    successful.push(entry);
                }
                Err(refusal) => failed.push(refusal.entry(&id)),
            }
        }
        // As SQS does, an empty list is left out.
        let lists = [("Successful", successful), ("Failed", failed)];
        let lists = lists.into_iter().filter(|(_, entries)| !entries.is_empty());
        Ok(Value::Object(lists.map(|(name, entries)| (name.to_owned(), Value::Array(entries))).collect::<Map<_, _>>()))
    }
}
