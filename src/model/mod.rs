//! The values that pass between the stages; no I/O.

mod batch;
mod object;
mod record;
mod reject;

pub use batch::{BatchCounts, BatchId, LoadMessage, Manifest, ManifestColumn, ObjectEntry, StagedFile};
pub use object::{ObjectId, ObjectRef, Removal, Sequencer};
pub use record::{FieldIndex, Value};
pub use reject::{Reject, Rule};
