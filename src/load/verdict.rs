//! What the warehouse's error texts mean: the Data API gives no codes, so this is the one table of texts.

use crate::error::ErrorKind;

/// Part of a text, in lower case, and what it means; the first that fits counts.
///
/// Sources: the Redshift developer guide ("Serializable isolation", "Query troubleshooting", "Data load errors") and its error reference.
const TEXTS: &[(&str, ErrorKind)] = &[
    // Another transaction was in the way.
    ("serializable isolation violation", ErrorKind::WarehouseBusy), // 1023
    ("error:1018", ErrorKind::WarehouseBusy), // "Relation does not exist": dropped and made anew by another
    ("error: 1018", ErrorKind::WarehouseBusy),
    ("conflict with concurrent transaction", ErrorKind::WarehouseBusy),
    ("could not serialize access", ErrorKind::WarehouseBusy),
    ("deadlock detected", ErrorKind::WarehouseBusy),
    ("lock timeout", ErrorKind::WarehouseBusy),
    ("could not obtain lock", ErrorKind::WarehouseBusy),
    // A time limit ran out: fewer batches together may pass.
    ("statement timeout", ErrorKind::TimedOut),
    // It was stopped: by its time limit, by an operator, by workload management.
    ("canceling statement due to", ErrorKind::WarehouseBusy),
    ("cancelled on user", ErrorKind::WarehouseBusy),
    ("canceled on user", ErrorKind::WarehouseBusy),
    ("cancelled by wlm", ErrorKind::WarehouseBusy),
    ("canceled by wlm", ErrorKind::WarehouseBusy),
    // The warehouse is not there at the moment: nothing is received until it is back.
    ("is paused", ErrorKind::WarehouseDown),
    ("is pausing", ErrorKind::WarehouseDown),
    ("is resuming", ErrorKind::WarehouseDown),
    ("resizing", ErrorKind::WarehouseDown),
    ("read-only mode", ErrorKind::WarehouseDown), // the end of a classic resize
    ("shutting down", ErrorKind::WarehouseDown),
    ("starting up", ErrorKind::WarehouseDown),
    ("connection refused", ErrorKind::WarehouseDown),
    ("connection to the database was lost", ErrorKind::WarehouseDown),
    ("too many connections", ErrorKind::WarehouseBusy),
    ("connection closed", ErrorKind::WarehouseBusy),
    ("server closed the connection", ErrorKind::WarehouseBusy),
    ("out of memory", ErrorKind::WarehouseBusy),
    ("disk full", ErrorKind::WarehouseBusy),
    ("no space left", ErrorKind::WarehouseBusy),
    // S3 as COPY saw it: itself, or through Spectrum for Parquet ("Spectrum Scan Error … Retries exceeded").
    ("slowdown", ErrorKind::WarehouseBusy),
    ("s3serviceexception:internal", ErrorKind::WarehouseBusy),
    ("slow down", ErrorKind::WarehouseBusy),
    ("retries exceeded", ErrorKind::WarehouseBusy),
    ("access denied", ErrorKind::WarehouseForbidden),
    ("accessdenied", ErrorKind::WarehouseForbidden),
    ("not authorized to assume", ErrorKind::WarehouseForbidden),
    // Grants.
    ("permission denied", ErrorKind::WarehouseForbidden),
    ("must be owner of", ErrorKind::WarehouseForbidden),
    // What COPY says of a file or a value; SYS_LOAD_ERROR_DETAIL has the rest.
    ("spectrum scan error", ErrorKind::CopyRefused),
    ("load_error", ErrorKind::CopyRefused), // "Check 'stl_load_errors' …", "Check 'sys_load_error_detail' …"
    ("load into table", ErrorKind::CopyRefused),
    ("specified key does not exist", ErrorKind::CopyRefused), // a staged file is gone
    ("nosuchkey", ErrorKind::CopyRefused),
    ("manifest file", ErrorKind::CopyRefused),
    // A table or column that is not there: the batch is not at fault, and an operator can mend it.
    ("specified columns do not exist", ErrorKind::WarehouseSchema),
    ("column that does not exist", ErrorKind::WarehouseSchema),
];

/// What does not exist, where a text says so: every batch would fail of it.
const MISSING: &[&str] = &["relation ", "schema ", "column ", "table ", "function ", "external "];

/// The kind of a failed statement, by its text.
pub fn verdict(text: &str) -> ErrorKind {
    let text = text.to_lowercase();
    match TEXTS.iter().find(|(part, _)| text.contains(part)) {
        Some((_, kind)) => *kind,
        None if text.contains("does not exist") && MISSING.iter().any(|what| text.contains(what)) => {
            ErrorKind::WarehouseSchema
        }
        None => ErrorKind::WarehouseRefused,
    }
}

/// Whether the text says that what was to be made is there already: another process was first.
pub fn is_already_there(text: &str) -> bool {
    text.to_lowercase().contains("already exists")
}

/// Whether the text says that a table or schema does not exist.
pub fn is_missing_relation(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("does not exist") && (text.contains("relation") || text.contains("schema"))
}
