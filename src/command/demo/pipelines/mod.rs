//! The demo of a folder of `pipelines/`: its configuration as it is shipped, and objects in the shape of its source, with what is odd
//! about real ones.
//!
//! A generator takes a seed and a size, and gives objects with what must become of them by its own count: [`Written`].

mod bestsellers;
mod folder;
mod play;
mod retail;
mod showcase;
mod sparkify;
mod supplier;

use std::io::Write;

use arrow_array::{ArrayRef, RecordBatch};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

use super::producer::Object;
use crate::error::{Error, ErrorKind, Result};

pub(super) use folder::scene;
pub(super) use play::play;

/// The fewest records in a day with which every generator shows all that is odd about its source.
const LEAST: u64 = 50;

/// A folder of `pipelines/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Name {
    /// Products, customers and sales into a star with versions.
    Showcase,
    /// Songs and what listeners did into a star.
    Sparkify,
    /// Purchases by day, and what customers spent.
    Retail,
    /// Reviews and products, joined in a view.
    Bestsellers,
    /// TPC-H's suppliers, all rows and the versions of each.
    Supplier,
}

/// Objects, and what must become of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Written {
    /// Objects that are loaded, each by one pipeline, before the others are put: their keys are written again.
    first: Vec<Object>,
    /// In the order in which they are put; one may stand there again.
    objects: Vec<Object>,
    /// What each pipeline must have read.
    read: Vec<Read>,
    /// Numbers that the tables must give.
    figures: Vec<Figure>,
    /// The tables that are shown.
    tables: Vec<Table>,
}

/// What a pipeline must have read, by its ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Read {
    pipeline: &'static str,
    objects: u64,
    records: u64,
    rejected: u64,
}

/// A number that a query must give.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Figure {
    what: &'static str,
    sql: &'static str,
    value: i64,
}

/// A table of which some rows are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    name: &'static str,
    columns: &'static str,
    order: &'static str,
}

/// What the generator of a folder writes.
fn write(name: Name, seed: u64, rows: u64) -> Result<Written> {
    let rows = rows.max(LEAST);
    match name {
        Name::Showcase => showcase::write(seed, rows),
        Name::Sparkify => Ok(sparkify::write(seed, rows)),
        Name::Retail => Ok(retail::write(seed, rows)),
        Name::Bestsellers => Ok(bestsellers::write(seed, rows)),
        Name::Supplier => supplier::write(rows),
    }
}

fn object(key: impl Into<String>, body: impl Into<Vec<u8>>) -> Object {
    Object { key: key.into(), body: body.into() }
}

fn figure(what: &'static str, sql: &'static str, value: impl TryInto<i64>) -> Figure {
    Figure { what, sql, value: value.try_into().unwrap_or(i64::MAX) }
}

/// A gzip member.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail.
    gzip.write_all(body).ok();
    gzip.finish().unwrap_or_default()
}

/// A Parquet file of these columns.
fn parquet(columns: Vec<(&str, ArrayRef)>) -> Result<Vec<u8>> {
    let failed = |error| Error::caused(ErrorKind::Io, "the demo's Parquet file cannot be written", error);
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| failed(error.into()))?;
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.into_inner().map_err(failed)
}

/// One of these.
fn pick<'a, T: ?Sized>(random: &mut fastrand::Rng, from: &[&'a T]) -> &'a T {
    from[random.usize(0..from.len())]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_same_seed_and_size_write_the_same_objects() {
        for name in [Name::Showcase, Name::Sparkify, Name::Retail, Name::Bestsellers] {
            assert_eq!(write(name, 7, 60).unwrap(), write(name, 7, 60).unwrap(), "{name:?}");
            assert_ne!(write(name, 7, 60).unwrap().objects, write(name, 8, 60).unwrap().objects, "{name:?}");
        }
        // TPC-H's are the same for everybody.
        assert_eq!(write(Name::Supplier, 7, 60).unwrap(), write(Name::Supplier, 8, 60).unwrap());
    }

    #[test]
    fn what_is_written_is_read_by_pipelines_of_the_folder_and_not_all_of_it_fits() {
        for name in [Name::Showcase, Name::Sparkify, Name::Retail, Name::Bestsellers, Name::Supplier] {
            let written = write(name, 42, 50).unwrap();
            for Read { pipeline, .. } in &written.read {
                let defined =
                    folder::files(name).iter().any(|(_, text)| text.contains(&format!("\nname      = \"{pipeline}\"")));
                assert!(defined, "{name:?} has no {pipeline}");
            }
            assert!(written.read.iter().any(|read| read.rejected > 0), "{name:?} has records that do not fit");
        }
    }
}
