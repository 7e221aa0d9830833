//! A file under `pipelines/` as a [`Pipeline`].

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use super::document::Document;
use super::pipeline::{BatchLimits, Format, OnUnknownField, Pipeline, Rejects, Source};
use super::service::bucket_problem;
use super::steps_file::{self, Scripts};
use super::value::{Item, Table, shown};
use super::{KeyPattern, columns_file, target_file};

/// Messages are held until their batch is cut, and SQS gives them back after 12 hours whatever is done.
const FRESHNESS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(6 * 3_600);
const READ_TIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(11 * 3_600);

/// What a pipeline's file says, as far as it could be read.
pub(super) struct PipelineFile<'t> {
    /// The pipeline; `None` if there is a problem with it.
    pub(super) pipeline: Option<Pipeline>,
    /// Its name, which must be its alone.
    pub(super) name: Option<(String, Item<'t>)>,
    /// The bucket, and the pattern of its keys.
    pub(super) source: Option<(String, KeyPattern, Item<'t>)>,
}

/// Reads the file, whose SQL lies in `folder`; what is wrong is reported to the document.
pub(super) fn read<'t>(document: &'t Document<'t>, tree: &'t DeTable<'t>, folder: &Path) -> PipelineFile<'t> {
    let mut root = Table::root(document, tree);
    let name_help = "write a lower-case letter, then lower-case letters, digits and `_`, at most 40 in all";
    let name =
        root.required("name", "\"reviews\"").and_then(|item| Some((item.parsed(name_help, pipeline_name)?, item)));
    let freshness = root.required("freshness", "\"60s\"").and_then(|item| item.duration(FRESHNESS));
    let source_table = root.required_table("source", "`bucket`, `key` and `format`");
    let columns_item = root.required("columns", "{ id = \"bigint\" }");
    let target_table = root.required_table("target", "`table` and `mode`");
    let batch = batch(root.optional_table("batch"));
    let rejects = rejects(root.optional_table("rejects"));
    let (step_item, check_item, after_item) = (root.optional("step"), root.optional("check"), root.optional("after"));
    root.finish();
    let scripts = Scripts::beside(folder);

    let (source, place) = source_table.map_or((None, None), source);
    let captures = place.as_ref().map(|(_, key, _)| key.captures());
    let columns = columns_item.map(|item| columns_file::read(item, captures));
    let target = match (target_table, &columns) {
        (Some(table), Some(columns)) => target_file::read(table, columns, &scripts),
        _ => None,
    };
    let steps = steps_file::read(step_item, check_item, &scripts, target.as_ref().map(|target| &target.table));
    let after = after_item.and_then(|item| steps_file::after(item.table("[after]".to_owned())?));
    let pipeline = match (&name, freshness, source, columns.and_then(|columns| columns.complete()), target) {
        (Some((name, _)), Some(freshness), Some(source), Some(columns), Some(target)) => {
            Some(Pipeline { name: name.clone(), freshness, source, columns, target, batch, rejects, steps, after })
        }
        _ => None,
    };
    PipelineFile { pipeline, name, source: place }
}

fn pipeline_name(text: &str) -> Result<String, String> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    if !begins || text.len() > 40 || !text.bytes().all(inside) {
        return Err(format!("`{}` is no name of a pipeline", shown(text)));
    }
    Ok(text.to_owned())
}

type Place<'t> = (String, KeyPattern, Item<'t>);

fn source(mut table: Table<'_>) -> (Option<Source>, Option<Place<'_>>) {
    let bucket = table.required("bucket", "\"landing\"").and_then(|item| {
        item.parsed("write the bucket's name alone, without `s3://` and prefix", |text| {
            bucket_problem(text).map_or_else(|| Ok(text.to_owned()), Err)
        })
    });
    let key = table.required("key", "\"reviews/*.json.gz\"").and_then(|item| {
        Some((item.parsed("`*` matches within a folder, `**` across folders, `{name}` captures", key_pattern)?, item))
    });
    let format =
        table.required("format", "\"json-lines\"").and_then(|item| item.one_of(&[("json-lines", Format::JsonLines)]));
    let on_unknown_field = table
        .optional("on_unknown_field")
        .and_then(|item| item.one_of(&[("ignore", OnUnknownField::Ignore), ("reject", OnUnknownField::Reject)]));
    let max_record_bytes = table.optional("max_record_bytes").and_then(|item| item.bytes(1 << 10..=64 << 20));
    let max_object_bytes = table.optional("max_object_bytes").and_then(|item| item.bytes(1 << 10..=1 << 50));
    let max_expansion = table.optional("max_expansion").and_then(|item| item.integer(1..=1_000_000));
    let max_read_time = table.optional("max_read_time").and_then(|item| item.duration(READ_TIME));
    table.finish();
    let (Some(bucket), Some((key, item))) = (bucket, key) else { return (None, None) };
    let source = format.map(|format| Source {
        bucket: bucket.clone(),
        key: key.clone(),
        format,
        on_unknown_field: on_unknown_field.unwrap_or(OnUnknownField::Ignore),
        max_record_bytes: max_record_bytes.map_or(4 << 20, |bytes| bytes as usize),
        max_object_bytes: max_object_bytes.unwrap_or(1 << 40),
        max_expansion: max_expansion.unwrap_or(1_000),
        max_read_time: max_read_time.unwrap_or(Duration::from_secs(3_600)),
    });
    (source, Some((bucket, key, item)))
}

fn key_pattern(text: &str) -> Result<KeyPattern, String> {
    match text.is_empty() {
        true => Err("`key` is empty and would match no object; `**` matches all".to_owned()),
        false => KeyPattern::parse(text),
    }
}

fn batch(mut table: Table<'_>) -> BatchLimits {
    let max_rows = table.optional("max_rows").and_then(|item| item.integer(1..=1_000_000_000));
    let max_bytes = table.optional("max_bytes").and_then(|item| item.bytes(1 << 20..=1 << 40));
    let max_objects = table.optional("max_objects").and_then(|item| item.integer(1..=100_000));
    table.finish();
    BatchLimits {
        max_rows: max_rows.unwrap_or(5_000_000),
        max_bytes: max_bytes.unwrap_or(1 << 30),
        max_objects: max_objects.map_or(10_000, |number| number as usize),
    }
}

fn rejects(mut table: Table<'_>) -> Rejects {
    let share_help = "write a share such as 0.05; to tolerate no reject at all, write `max_rows = 0`";
    let max_share = table.optional("max_share").and_then(|item| item.share(share_help));
    let max_rows = table.optional("max_rows").and_then(|item| item.integer(0..=100_000));
    table.finish();
    Rejects { max_share: max_share.unwrap_or(1.0), max_rows: max_rows.unwrap_or(10_000) }
}
