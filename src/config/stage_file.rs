//! The `[stage]` of a pipeline's file.

use super::pipeline::Stage;
use super::value::{Item, Table, shown};
use crate::model::{Compression, Form, StagedFormat};
use crate::schema::identifier::{self, TableName};

/// The most partition columns: each is a folder in the key of every data file.
const MOST_PARTITION_COLUMNS: usize = 4;

/// Reads the table; `captures` are those of the key's pattern. What is wrong is reported, and the default stands in for it.
pub(super) fn read(mut table: Table<'_>, captures: &[String]) -> Stage {
    let form = table
        .optional("format")
        .and_then(|item| item.one_of(&[("parquet", Form::Parquet), ("csv", Form::Csv), ("json", Form::Json)]))
        .unwrap_or_default();
    let compression_item = table.optional("compression");
    let partition_item = table.optional("partition_by");
    let external_item = table.optional("external_table");
    table.finish();

    let compression = compression_item.and_then(|item| match form {
        Form::Parquet => item.one_of(&[("zstd", Compression::Zstd), ("snappy", Compression::Snappy)]),
        Form::Csv | Form::Json => item.one_of(&[("zstd", Compression::Zstd), ("gzip", Compression::Gzip)]),
    });
    let partition_by = partition_item.and_then(|item| partition_columns(item, captures)).unwrap_or_default();
    let external_table = external_item.and_then(|item| {
        if partition_item.is_none() {
            item.key_problem(
                "`external_table` stands without `partition_by`: there are no partitions to add to it",
                "name the captures of the key by which data files are to lie in folders, or remove `external_table`",
            );
        }
        item.parsed("write the schema and the table, such as \"lake.reviews\"", table_name)
    });
    Stage { format: StagedFormat { form, compression: compression.unwrap_or_default() }, partition_by, external_table }
}

/// The places of the captures that a list names.
fn partition_columns(item: Item<'_>, captures: &[String]) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    let items = item.list("[\"downloaded_at\"]")?;
    if items.is_empty() || items.len() > MOST_PARTITION_COLUMNS {
        let message =
            format!("`partition_by` names {} captures, but may name 1 to {MOST_PARTITION_COLUMNS}", items.len());
        item.problem(message, "name the few captures by which queries select");
    }
    for item in items {
        let Some(name) = item.text() else { continue };
        match captures.iter().position(|capture| *capture == name) {
            None => item.problem(
                format!("`partition_by` names `{}`, which the key's pattern does not capture", shown(&name)),
                format!("write `{{{}}}` into `key` of [source], or name another capture", shown(&name)),
            ),
            Some(place) if places.contains(&place) => {
                item.problem(format!("`partition_by` names `{}` twice", shown(&name)), "remove one of the two");
            }
            Some(place) => places.push(place),
        }
    }
    Some(places)
}

fn table_name(text: &str) -> Result<TableName, String> {
    match text.split('.').collect::<Vec<_>>().as_slice() {
        [schema, table] => match [schema, table].iter().find_map(|part| identifier::problem(part)) {
            Some(problem) => Err(format!("`{}`: {problem}", shown(text))),
            None => Ok(TableName::new(schema, table)),
        },
        _ => Err(format!("`{}` is no schema and table", shown(text))),
    }
}
