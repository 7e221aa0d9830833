//! What the warehouse's error texts mean: the Data API gives no codes, so this is the one table of texts.

use crate::error::ErrorKind;

/// Part of a text, in lower case, and what it means; the first that fits counts.
///
/// Sources: the Redshift developer guide ("Serializable isolation", "Query troubleshooting", "Data load errors") and its error reference.
const TEXTS: &[(&str, ErrorKind)] = &[
    // Another transaction was in the way.
    ("serializable isolation violation", ErrorKind::WarehouseBusy), // 1023
    ("conflict with concurrent transaction", ErrorKind::WarehouseBusy), // 1018
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
    // The warehouse is not there at the moment.
    ("is paused", ErrorKind::WarehouseBusy),
    ("is resuming", ErrorKind::WarehouseBusy),
    ("resizing", ErrorKind::WarehouseBusy),
    ("read-only mode", ErrorKind::WarehouseBusy),
    ("shutting down", ErrorKind::WarehouseBusy),
    ("starting up", ErrorKind::WarehouseBusy),
    ("too many connections", ErrorKind::WarehouseBusy),
    ("connection refused", ErrorKind::WarehouseBusy),
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
];

/// The kind of a failed statement, by its text.
pub fn verdict(text: &str) -> ErrorKind {
    let text = text.to_lowercase();
    TEXTS.iter().find(|(part, _)| text.contains(part)).map_or(ErrorKind::WarehouseRefused, |(_, kind)| *kind)
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
