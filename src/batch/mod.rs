//! Batches: which objects go together, and when a batch is closed. Pure.
//!
//! Takes objects that were read; gives an [`OpenBatch`] that knows its entries and sums, and the decision to close it ([`cut`]).
//! A batch is cut only between objects: an object is in one batch, whole.

mod builder;
mod cut;

pub use builder::OpenBatch;
pub use cut::{Cut, cut, deadline};
