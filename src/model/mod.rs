//! The values that pass between the stages; no I/O.

mod batch;
mod codec;
mod object;
mod random_access;
mod record;
mod reject;
mod text_encoding;

pub use batch::{BatchCounts, BatchId, LoadMessage, Manifest, ManifestColumn, ObjectEntry, StagedFile};
pub use codec::Codec;
pub use object::{ObjectId, ObjectRef, Sequencer};
pub use random_access::{RandomAccess, beyond};
pub use record::{FieldIndex, Value};
pub use reject::{Reject, Rule};
pub use text_encoding::TextEncoding;
