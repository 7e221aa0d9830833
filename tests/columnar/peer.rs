//! The rows of all real files are those that pyarrow reads.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::Value;
use tidegate::config::Format;
use tidegate::model::FieldIndex;

use crate::rows::{self, Rows};
use crate::support::data::Data;
use crate::support::{LIMIT, python};

const PARQUET: &str = "streams/parquet/parquet-testing/data";
const ORC: &str = "streams/orc/apache-orc";

/// The files whose rows are held against something else than pyarrow's, and why.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("nation.dict-malformed.parquet", "damaged: see parquet.rs"),
    ("TestOrcFile.testTimestamp.orc", "its rows are no structs: see orc.rs"),
    ("int96_from_spark.parquet", "pyarrow wraps the last: see parquet.rs"),
    ("large_string_map.brotli.parquet", "2 GiB of text: see parquet.rs"),
    ("dict-page-offset-zero.parquet", "parked: see parquet.rs"),
    ("repeated_no_annotation.parquet", "parked: see parquet.rs"),
    ("datapage_v1-corrupt-checksum.parquet", "pyarrow does not check either: see parquet.rs"),
];

fn files(data: &Data, folder: &str, suffix: &str) -> Vec<String> {
    let names = data.files(folder).into_iter().filter(|name| name.ends_with(suffix));
    names.map(|name| format!("{folder}/{name}")).collect()
}

#[test]
fn the_rows_of_every_parquet_and_orc_file_are_those_of_pyarrow() {
    let Some(data) = Data::find() else { return };
    let mut paths = files(&data, PARQUET, ".parquet");
    paths.extend(files(&data, &format!("{PARQUET}/geospatial"), ".parquet"));
    paths.extend(files(&data, ORC, ".orc"));
    paths.push("tpch/sf1/supplier.parquet".into());
    paths.retain(|path| !NOT_COMPARED.iter().any(|(name, _)| path.ends_with(name)));
    let full: Vec<PathBuf> = paths.iter().map(|path| data.path(path)).collect();
    let Some(output) = python::run("columnar/rows.py", &full, LIMIT * 5) else { return };
    assert!(output.status.success(), "{}", output.stderr);
    let peer: HashMap<String, Value> = output
        .stdout
        .lines()
        .map(|line| {
            let found: Value = serde_json::from_str(line).unwrap();
            (found["path"].as_str().unwrap().to_owned(), found)
        })
        .collect();

    let mut problems = Vec::new();
    let mut compared = 0;
    for (path, full) in paths.iter().zip(&full) {
        let theirs = &peer[full.to_str().unwrap()];
        let format = if path.ends_with(".orc") { Format::Orc } else { Format::Parquet };
        let step = theirs["step"].as_u64().unwrap_or(1);
        let ours = rows::decode(format, &FieldIndex::new().with_extras(), data.read(path), step);
        match (ours, theirs["error"].as_str()) {
            (Ok(ours), None) => match difference(&ours, theirs) {
                None => compared += 1,
                Some(difference) => problems.push(format!("{path}: {difference}")),
            },
            (Ok(_), Some(error)) => println!("{path}: read, which pyarrow refuses: {error}"),
            (Err(error), _) => problems.push(format!("{path}: {error}")),
        }
    }
    assert!(problems.is_empty(), "{compared} files are the same, but:\n{}", problems.join("\n"));
    assert!(compared > 60, "only {compared} files were compared");
}

/// The first difference to the peer's rows.
fn difference(ours: &Rows, theirs: &Value) -> Option<String> {
    if ours.count != theirs["count"].as_u64().unwrap() {
        return Some(format!("{} rows, pyarrow {}", ours.count, theirs["count"]));
    }
    if let Some((record, rule, message)) = ours.refused.first() {
        return Some(format!("row {record} refused: {rule:?} {message}"));
    }
    let names: Vec<&str> = theirs["fields"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for (at, (ours, theirs)) in ours.records.iter().zip(theirs["rows"].as_array().unwrap()).enumerate() {
        for (column, theirs) in theirs.as_array().unwrap().iter().enumerate() {
            let (ours, theirs) = (&ours.extras[column].1, theirs.as_str().unwrap());
            // As values: the order of an object's fields and the form of a float's digits say nothing.
            let json =
                |text: &str| text.strip_prefix("json ").and_then(|text| serde_json::from_str::<Value>(text).ok());
            let same = match (json(ours), json(theirs)) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => ours == theirs,
            };
            if !same {
                return Some(format!("row {at}, {}: {ours}, pyarrow {theirs}", names[column]));
            }
        }
    }
    None
}
