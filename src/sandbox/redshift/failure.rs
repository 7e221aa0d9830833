//! Why a statement failed, in Redshift's words.

use std::fmt;

use tokio_postgres::error::SqlState;

/// The error of a statement, as DescribeStatement shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// A failure with Redshift's text.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Failure(format!("ERROR: {message}"))
    }

    /// An error of the layer that scans columnar files.
    pub(crate) fn scan(code: u32, context: impl fmt::Display, query: i64) -> Self {
        let rule = "-----------------------------------------------";
        Failure::new(format!(
            "Spectrum Scan Error\n  Detail: \n  {rule}\n  error:  Spectrum Scan Error\n  code:      {code}\n  context:   {context}\n  \
             query:     {query}\n  location:  dory_util.cpp:1777\n  process:   worker_thread [pid=1]\n  {rule}\n"
        ))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            return Failure::new(format_args!("the connection to the database was lost: {error}"));
        };
        let message = refusal.message();
        if *refusal.code() == SqlState::NOT_NULL_VIOLATION {
            return Failure::new(format_args!(
                "Cannot insert a NULL value into column {}",
                refusal.column().unwrap_or("?")
            ));
        }
        if *refusal.code() == SqlState::T_R_SERIALIZATION_FAILURE {
            return Failure::new(format_args!("1023\n  Detail: Serializable isolation violation on table: {message}"));
        }
        if *refusal.code() == SqlState::CARDINALITY_VIOLATION && message.starts_with("MERGE") {
            return Failure::new("Found multiple matches to update the same tuple.");
        }
        if message.starts_with("invalid input syntax for type json") {
            let detail = refusal.detail().unwrap_or("The input is not valid JSON.");
            return Failure::new(format_args!(
                "JSON parsing error\n  Detail: error: JSON parsing error code: 8001 context: {detail}"
            ));
        }
        Failure::new(message)
    }
}
