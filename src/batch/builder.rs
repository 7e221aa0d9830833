//! A batch that still takes objects.

use std::collections::HashSet;
use std::time::Instant;

use jiff::Timestamp;

use crate::model::{BatchId, ObjectEntry};

/// A batch that still takes objects: its entries and their sums.
#[derive(Debug)]
pub struct OpenBatch {
    id: BatchId,
    opened: Instant,
    opened_at: Timestamp,
    objects: Vec<ObjectEntry>,
    ids: HashSet<String>,
    rows: u64,
    bytes: u64,
    rejected_bytes: u64,
}

impl OpenBatch {
    /// A batch without objects, opened now by both clocks.
    pub fn new(now: Instant, at: Timestamp) -> Self {
        OpenBatch {
            id: BatchId::new(),
            opened: now,
            opened_at: at,
            objects: Vec::new(),
            ids: HashSet::new(),
            rows: 0,
            bytes: 0,
            rejected_bytes: 0,
        }
    }

    /// Adds an object whose rows take `bytes` in memory, and its rejects `rejected_bytes`.
    pub fn add(&mut self, object: ObjectEntry, bytes: u64, rejected_bytes: u64) {
        self.rows += object.staged;
        self.bytes += bytes;
        self.rejected_bytes += rejected_bytes;
        self.ids.insert(object.id.clone());
        self.objects.push(object);
    }

    /// The batch's identity.
    pub fn id(&self) -> BatchId {
        self.id
    }

    /// When the batch was opened, for decisions.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// When the batch was opened, for people.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// The rows of all objects.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes that the rows took in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes of the rejected records, of which the quarantine file is held in memory until the batch is closed.
    pub fn rejected_bytes(&self) -> u64 {
        self.rejected_bytes
    }

    /// Whether the batch has the object with this identity.
    pub fn holds(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// The objects.
    pub fn objects(&self) -> &[ObjectEntry] {
        &self.objects
    }

    /// The objects, of a batch that takes no more.
    pub fn into_objects(self) -> Vec<ObjectEntry> {
        self.objects
    }
}
