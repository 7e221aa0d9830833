//! How a table is kept: what single modes have, the physical side of its DDL, steps, checks, and what runs after a load.

use std::time::Duration;

use crate::schema::identifier::TableName;

/// What only some modes have; the defaults are those of a mode that has none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModeOptions {
    /// The columns whose values name a partition, for `replace-partition`.
    pub partition: Vec<String>,
    /// Whether the removal of an object deletes its rows, for `replace-object`.
    pub delete_removed: bool,
    /// Which rows say that their key is gone, for `upsert`.
    pub delete_when: Option<DeleteWhen>,
    /// The names and ends of versions, for `scd2`.
    pub scd2: Option<Scd2>,
    /// The sort key column to whose range in the batch the reading of the target is limited; declared where a row never moves out of
    /// the range in which it comes again.
    pub merge_window: Option<String>,
}

/// Which rows of an upsert say that their key is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteWhen {
    /// The column that says it.
    pub column: String,
    /// Its value then, as a SQL literal of the column's type.
    pub literal: String,
    /// The boolean column of the target that is set instead of deleting the row.
    pub mark: Option<String>,
}

/// How versions of a key stand in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scd2 {
    /// The column with a version's start; one of the pipeline's own, or added and filled with the object's event time.
    pub effective_from: String,
    /// The column with a version's end.
    pub effective_to: String,
    /// The boolean column that is true for the newest version.
    pub is_current: String,
    /// The end of the newest version, as ISO 8601; `None` for NULL.
    pub open_end: Option<String>,
    /// How the end of a version stands to the start of the next.
    pub expiry: Expiry,
    /// Whether each object names every key there is, so that a key that it lacks has ended.
    pub full_extract: bool,
}

/// How the end of a version stands to the start of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// It is the same instant: `from <= t AND t < to`.
    #[default]
    NextStart,
    /// It is the day before: `t BETWEEN from AND to` by days.
    DayBefore,
    /// It is the microsecond before: `t BETWEEN from AND to`.
    MicrosecondBefore,
}

/// What only DDL has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Physical {
    /// Whether missing columns are added and short VARCHARs widened before a load.
    pub evolve: bool,
    /// Who chooses the columns' encodings.
    pub encode: Encode,
    /// The distribution style; Redshift's choice where there is none.
    pub diststyle: Option<&'static str>,
    /// Statements that create what steps need, run before the first load of a process.
    pub create_sql: Vec<Script>,
}

/// Who chooses the columns' encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encode {
    /// Redshift, which also changes them as the data changes (ENCODE AUTO).
    #[default]
    Auto,
    /// Tidegate, by the columns' types; Redshift then leaves them as they are.
    Explicit,
}

/// A file of SQL beside the pipeline's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its name, for statements and messages.
    pub name: String,
    /// Its text, a MiniJinja template.
    pub template: String,
}

/// What runs in the transaction after the rows are in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Statements that write.
    Sql {
        /// The statements.
        script: Script,
        /// The tables that they write to beside the pipeline's own; locked with it.
        targets: Vec<TableName>,
    },
    /// A condition.
    Check(Check),
}

/// A condition on what a load is about to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name: letters, digits, blanks, `_`, `-` and `.`, at most 60.
    pub name: String,
    /// One query that gives one number.
    pub template: String,
    /// The number it must be, as digits.
    pub expect: Option<String>,
    /// The least it may be.
    pub min: Option<String>,
    /// The greatest it may be.
    pub max: Option<String>,
    /// Whether the load is aborted where it does not hold; if not, it is only counted and logged.
    pub aborts: bool,
}

/// What runs once a load is committed; it can neither undo nor hold up a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The statements, each in a transaction of its own.
    pub statements: Vec<String>,
    /// How far apart two runs of a process are at least.
    pub every: Duration,
}
