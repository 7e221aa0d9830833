//! Objects: pinned, resuming reads.
//!
//! Takes an announced [`ObjectRef`](crate::model::ObjectRef); gives the chunks of exactly that version in their order ([`ObjectStream`]),
//! or any part of it ([`ObjectFile`]); of a prefix, what is there now ([`Listing`]); or fails with `ObjectGone`, `ObjectReplaced`, `ObjectForbidden` or a transient error.

mod listing;
mod ranged;
mod s3;

pub use listing::Listing;
pub use ranged::ObjectFile;
pub use s3::ObjectStream;

#[cfg(all(test, feature = "sandbox"))]
mod tests;
