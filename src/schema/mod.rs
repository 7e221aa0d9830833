//! Column types, the values they hold, and the DDL that creates their tables.
//!
//! Gives: [`ColumnType`] (one type seen as Redshift writes it, as Arrow holds it, as Parquet stages it), exact parsing of
//! texts into values ([`value`]), and `CREATE TABLE` statements ([`ddl`]). No I/O.

pub mod condition;
pub mod ddl;
pub mod identifier;
mod types;
pub mod value;

pub use types::ColumnType;
