//! The values that pass between the stages; no I/O.

mod batch;
mod codec;
mod fields;
mod object;
mod random_access;
mod record;
mod reject;
mod sink;
mod staged;
mod text_encoding;
mod writer;

pub use batch::{
    BatchCounts, BatchId, LoadMessage, Manifest, ManifestColumn, ObjectEntry, Partition, PartitionValue, StagedFile,
};
pub use codec::Codec;
pub use fields::{FieldIndex, FieldNode, Fields};
pub use object::{ObjectId, ObjectRef, Origin, Removal, Sequencer};
pub use random_access::{RandomAccess, beyond};
pub use record::{Extra, Place, Value};
pub use reject::{Reject, Rule};
pub use sink::{Raw, RecordSink, SlotSpan};
pub use staged::{CSV_NULL, Compression, Form, StagedFormat};
pub use text_encoding::TextEncoding;
pub use writer::{FieldWriter, Piece};
