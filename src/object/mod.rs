//! Objects: pinned, resuming reads.
//!
//! Takes an announced [`ObjectRef`](crate::model::ObjectRef); gives the chunks of exactly that version, or fails with
//! `ObjectGone`, `ObjectReplaced`, `ObjectForbidden` or a transient error.

mod s3;

pub use s3::ObjectStream;
