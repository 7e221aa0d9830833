//! `COPY … FROM 's3://…' … MANIFEST` of Parquet, CSV and JSON: loads what Redshift would load and refuses what it would refuse.
//!
//! `options` is the statement, `manifest` the list of files, `target` the table's columns, `file` one Parquet file
//! against them, `text` one file of CSV or JSON, `cell` and `scalar` the bytes of a value, `load` the run as a whole, and `history` what SYS_LOAD_HISTORY and
//! SYS_LOAD_ERROR_DETAIL say of it.

mod cell;
mod file;
pub(super) mod history;
mod load;
mod manifest;
mod options;
mod scalar;
mod target;
mod text;

pub(crate) use options::Copy;

#[cfg(test)]
mod tests;
