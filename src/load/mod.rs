//! Loading: from staged batches to rows in the target, in one transaction with the ledger.
//!
//! Takes the manifests of batches; gives the statements of their load ([`plan`](plan()), pure) and the outcome of running them
//! through the Redshift Data API ([`Warehouse`]). Fails with `WarehouseBusy` and other transient kinds, `WarehouseRefused` or
//! `CopyRefused`, `Unbalanced` if a condition that the load asserts about itself did not hold, or `CheckFailed` for one of the
//! pipeline's. Nothing is committed then, and [`Bisect`] narrows down what the load fails at.

mod bisect;
mod catalog;
mod columns;
mod copy;
mod copy_errors;
mod data_api;
mod group;
mod known;
mod ledger;
mod partition;
mod plan;
mod report;
mod statement;
mod steps;
mod target;
mod token;
mod verdict;

pub use bisect::{Bisect, Narrowed};
pub use catalog::{ledger_pipelines, live_columns};
pub use columns::wanted;
pub use data_api::{Rows, Running, StatementId, Warehouse};
pub use group::{first_group, same_columns};
pub use known::known_objects;
pub use ledger::Ledger;
pub use partition::add_partition;
pub use plan::{LoadFiles, oversize, plan};
pub use report::{BatchFates, Report};
pub use statement::Statement;
pub use steps::{after_statements, create_statements, needs_one_batch};
pub use target::{staged_columns, target_ddl};
pub use token::Token;
pub use verdict::{is_already_there, is_missing_relation, verdict};

#[cfg(test)]
mod tests;
