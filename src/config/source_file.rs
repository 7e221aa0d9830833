//! The `[source]` of a pipeline's file as a [`Source`].

use std::ops::RangeInclusive;
use std::time::Duration;

use super::pipeline::{OnUnknownField, Source};
use super::service::bucket_problem;
use super::value::{Item, Table};
use super::{KeyPattern, format_file};
use crate::model::Codec;

/// The names of `compression`.
const COMPRESSIONS: &[(&str, Codec)] = &[
    ("gzip", Codec::Gzip),
    ("zlib", Codec::Zlib),
    ("zstd", Codec::Zstd),
    ("bzip2", Codec::Bzip2),
    ("xz", Codec::Xz),
    ("lz4", Codec::Lz4),
    ("snappy", Codec::Snappy),
    ("brotli", Codec::Brotli),
    ("zip", Codec::Zip),
    ("none", Codec::Plain),
];

const READ_TIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(11 * 3_600);

/// The bucket, the pattern of its keys, and where that stands.
pub(super) type Place<'t> = (String, KeyPattern, Item<'t>);

/// Reads the table; what is wrong is reported. The place is known where the format may not be.
pub(super) fn read(mut table: Table<'_>) -> (Option<Source>, Option<Place<'_>>) {
    let bucket = table.required("bucket", "\"landing\"").and_then(|item| {
        item.parsed("write the bucket's name alone, without `s3://` and prefix", |text| {
            bucket_problem(text).map_or_else(|| Ok(text.to_owned()), Err)
        })
    });
    let key = table.required("key", "\"reviews/*.json.gz\"").and_then(|item| {
        Some((item.parsed("`*` matches within a folder, `**` across folders, `{name}` captures", key_pattern)?, item))
    });
    let (format, characters) = format_file::read(&mut table);
    let compression = table.optional("compression").and_then(|item| item.one_of(COMPRESSIONS));
    let ignore_case = table.optional("ignore_case").and_then(Item::boolean);
    let on_unknown_field = table
        .optional("on_unknown_field")
        .and_then(|item| item.one_of(&[("ignore", OnUnknownField::Ignore), ("reject", OnUnknownField::Reject)]));
    let max_record_bytes = table.optional("max_record_bytes").and_then(|item| item.bytes(1 << 10..=64 << 20));
    let max_object_bytes = table.optional("max_object_bytes").and_then(|item| item.bytes(1 << 10..=1 << 50));
    let max_expansion = table.optional("max_expansion").and_then(|item| item.integer(1..=1_000_000));
    let max_read_time = table.optional("max_read_time").and_then(|item| item.duration(READ_TIME));
    let max_window = table.optional("max_window").and_then(|item| item.bytes(16 << 20..=2 << 30));
    table.finish();
    let (Some(bucket), Some((key, item))) = (bucket, key) else { return (None, None) };
    let source = format.map(|format| Source {
        bucket: bucket.clone(),
        key: key.clone(),
        format,
        characters,
        ignore_case: ignore_case.unwrap_or(false),
        compression,
        on_unknown_field: on_unknown_field.unwrap_or(OnUnknownField::Ignore),
        max_record_bytes: max_record_bytes.map_or(4 << 20, |bytes| bytes as usize),
        max_object_bytes: max_object_bytes.unwrap_or(1 << 40),
        max_expansion: max_expansion.unwrap_or(1_000),
        max_read_time: max_read_time.unwrap_or(Duration::from_secs(3_600)),
        max_window: max_window.unwrap_or(64 << 20),
    });
    (source, Some((bucket, key, item)))
}

fn key_pattern(text: &str) -> Result<KeyPattern, String> {
    match text.is_empty() {
        true => Err("`key` is empty and would match no object; `**` matches all".to_owned()),
        false => KeyPattern::parse(text),
    }
}
