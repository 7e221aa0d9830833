//! Objects: pinned, resuming reads.
//!
//! Takes an announced [`ObjectRef`](crate::model::ObjectRef); gives the chunks of exactly that version in their order ([`ObjectStream`]),
//! or any part of it ([`ObjectFile`]), or fails with `ObjectGone`, `ObjectReplaced`, `ObjectForbidden` or a transient error.

mod ranged;
mod s3;

pub use ranged::ObjectFile;
pub use s3::ObjectStream;

#[cfg(all(test, feature = "sandbox"))]
mod tests;
