//! Normalisation: from a record's untyped values to a row of typed columns, or a reject with its reason.
//!
//! Takes the values of a record by slot; gives rows in Arrow columns ([`Rows`]), every value checked so that COPY cannot refuse it.
//! A pipeline's columns are compiled once into a [`Plan`]. No I/O.

mod column;
mod growing;
mod mask;
mod plan;
mod quick;
mod rows;
mod shortcut;
mod staged_size;
mod texts;
mod writer;

pub use column::{Planned, Simple};
pub use plan::{Plan, Refusal};
pub use rows::{OBJECT_COLUMN, ROW_COLUMN, Rows};
pub use shortcut::Shortcut;
pub use writer::{Outcome, RowWriter};

#[cfg(test)]
mod tests;
