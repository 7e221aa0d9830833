//! Batches: which objects go together, and when a batch is closed. Pure.
//!
//! Takes objects that were read; gives an [`OpenBatch`] that knows its entries and sums, for how long it may collect
//! ([`collecting`](collecting())), and the decision to close it ([`cut`](cut())).
//! A batch is cut only between objects: an object is in one batch, whole.

mod builder;
mod collecting;
mod cut;

pub use builder::OpenBatch;
pub use collecting::{Collecting, Observed, Smoothed, Why, collecting};
pub use cut::{Cut, cut, deadline};
