//! Column types, the values they hold, and the DDL that creates their tables.
//!
//! Gives: [`ColumnType`] (one type seen as Redshift writes it, as Arrow holds it, as Parquet stages it), exact parsing of
//! texts into values ([`value`]), `CREATE TABLE` statements ([`ddl`]), how a live table
//! differs from what is declared ([`drift`]), and the statements of a pipeline's own SQL ([`script`]). No I/O.

pub mod condition;
pub mod ddl;
pub mod drift;
pub mod identifier;
pub mod script;
mod types;
pub mod value;

pub use types::ColumnType;
