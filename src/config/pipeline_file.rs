//! A file under `pipelines/` as a [`Pipeline`].

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use super::document::Document;
use super::pipeline::{BatchLimits, Firehose, OnFull, Pipeline, Rejects, TeeOf};
use super::steps_file::{self, Scripts};
use super::value::{Item, Table, shown};
use super::{KeyPattern, columns_file, rescue_file, rules_file, source_file, stage_file, target_file, values_file};

/// Messages are held until their batch is cut, and SQS gives them back after 12 hours whatever is done.
const FRESHNESS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(6 * 3_600);

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
    let values = values_file::read(root.optional_table("values"));
    let columns_item = root.required("columns", "{ id = \"bigint\" }");
    let rule_items = rules_file::items(root.optional("rule"));
    let target_table = root.required_table("target", "`table` and `mode`");
    let stage_table = root.optional_table("stage");
    let batch = batch(root.optional_table("batch"));
    let rejects = rejects(root.optional_table("rejects"));
    let firehose_item = root.optional("firehose");
    let firehose = firehose_item.and_then(|item| firehose(item.table("[firehose]".to_owned())?));
    let (step_item, check_item, after_item) = (root.optional("step"), root.optional("check"), root.optional("after"));
    root.finish();
    let scripts = Scripts::beside(folder);

    let (source, place, rescue) = source_table.map_or((None, None, None), source_file::read);
    let captures = place.as_ref().map(|(_, key, _)| key.captures());
    let stage = stage_file::read(stage_table, captures.unwrap_or_default());
    let columns = columns_item.map(|item| columns_file::read(item, captures, &values.clone().unwrap_or_default()));
    let target = match (target_table, &columns) {
        (Some(table), Some(columns)) => target_file::read(table, columns, &scripts),
        _ => None,
    };
    let steps = steps_file::read(step_item, check_item, &scripts, target.as_ref().map(|target| &target.table));
    let after = after_item.and_then(|item| steps_file::after(item.table("[after]".to_owned())?));
    let rescued = rescue.and_then(|rescue| rescue_file::rescued(rescue, columns.as_ref()?));
    let columns = columns.and_then(|columns| columns.complete()).filter(|_| values.is_some());
    let rules = match (rule_items, &columns) {
        (Some(items), Some(columns)) => items.read(columns),
        _ => None,
    };
    let pipeline = match (&name, freshness, source, columns, rules, target) {
        (Some((name, _)), Some(freshness), Some(source), Some(mut columns), Some(rules), Some(target)) => {
            columns.extend(rescued);
            Some(Pipeline {
                name: name.clone(),
                freshness,
                source,
                columns,
                rules,
                target,
                stage,
                batch,
                rejects,
                firehose,
                steps,
                after,
            })
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

fn firehose(mut table: Table<'_>) -> Option<Firehose> {
    let stream = table.required("stream", "\"tidegate-reviews\"").and_then(|item| {
        item.parsed("write the name of the delivery stream alone, without its ARN", |text| {
            let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            if text.is_empty() || text.len() > 64 || !text.bytes().all(inside) {
                return Err(format!("`{}` is no name of a delivery stream", shown(text)));
            }
            Ok(text.to_owned())
        })
    });
    let what = table.required("what", "\"rows\"").and_then(|item| {
        item.one_of(&[("rows", TeeOf::Rows), ("rejects", TeeOf::Rejects), ("batches", TeeOf::Batches)])
    });
    let on_full =
        table.optional("on_full").and_then(|item| item.one_of(&[("drop", OnFull::Drop), ("block", OnFull::Block)]));
    let buffer = table.optional("buffer").and_then(|item| item.integer(1..=10_000));
    table.finish();
    Some(Firehose {
        stream: stream?,
        what: what?,
        on_full: on_full.unwrap_or(OnFull::Drop),
        buffer: buffer.map_or(100, |batches| batches as usize),
    })
}

fn rejects(mut table: Table<'_>) -> Rejects {
    let share_help = "write a share such as 0.05; to tolerate no reject at all, write `max_rows = 0`";
    let max_share = table.optional("max_share").and_then(|item| item.share(share_help));
    let max_rows = table.optional("max_rows").and_then(|item| item.integer(0..=100_000));
    table.finish();
    Rejects { max_share: max_share.unwrap_or(1.0), max_rows: max_rows.unwrap_or(10_000) }
}
