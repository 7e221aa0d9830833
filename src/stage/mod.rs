//! Staging: Parquet parts, quarantine and manifest in S3.
//!
//! Takes columns of rows, rejects and object entries; gives files of known length in the staging area. A batch exists when its
//! manifest exists, which is written last. Fails with the errors of S3; what was begun and not finished is aborted.

mod layout;
mod manifest;
mod objects;
mod parquet;
mod part;
mod quarantine;
mod read_back;
mod upload;

pub use layout::{Area, parse_url};
pub use manifest::{copy_manifest, read_manifest, write_manifest};
pub use objects::{LEDGER_COLUMNS, objects_file};
pub use part::PartFile;
pub use quarantine::Quarantine;
pub use read_back::ReadBack;
pub use upload::{Store, Upload};

#[cfg(test)]
mod tests;
