//! Staging: data files, quarantine and manifest in S3.
//!
//! Takes columns of rows, rejects and object entries; gives files of known length in the staging area. A batch exists when its
//! manifest exists, which is written last. Fails with the errors of S3; what was begun and not finished is aborted.

mod drain;
mod files;
mod group;
mod layout;
mod local;
mod manifest;
mod objects;
mod parquet;
mod quarantine;
mod read_back;
mod text;
mod upload;

pub use files::{DataFiles, DataFolder};
pub use layout::{Area, parse_url};
pub use local::LocalFile;
pub use manifest::{copy_manifest, read_manifest, write_manifest};
pub use objects::{LEDGER_COLUMNS, objects_file};
pub use quarantine::{Quarantine, QuarantineLine, read_quarantine};
pub use read_back::ReadBack;
pub use upload::{Store, Upload};

#[cfg(test)]
mod tests;
