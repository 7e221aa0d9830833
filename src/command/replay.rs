//! `tidegate replay`: rejected records, once more.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::aws::Clients;
use crate::config;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Replay, replay};
use crate::telemetry::logging;

/// How many of the records that stay in the quarantine are shown.
const SHOWN: usize = 20;

/// Read rejected records again with the pipeline as it is configured now, and stage those that are valid.
///
/// Each record is loaded at most once, however often it is replayed. What is still invalid is shown, and stays in the quarantine; the exit code
/// is then 3.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service's configuration; pipelines are in the folder beside it.
    #[arg(long, default_value = "tidegate.toml")]
    config: PathBuf,
    /// The pipeline whose quarantine is replayed.
    #[arg(long, required_unless_present = "quarantine")]
    pipeline: Option<String>,
    /// One quarantine file, or a folder of them, as s3://bucket/key.
    #[arg(long)]
    quarantine: Option<String>,
    /// Only this day's files, such as 2026-11-21.
    #[arg(long)]
    date: Option<jiff::civil::Date>,
    /// Only records that broke this rule, such as length.
    #[arg(long)]
    rule: Option<String>,
    /// Lines of the quarantine whose `raw` was edited, each a JSON object with the source's names: they are taken instead of the source's records.
    #[arg(long)]
    corrected: Option<PathBuf>,
    /// Show what would be staged, and stage nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(arguments: Arguments, log_format: logging::LogFormat) -> Result<ExitCode> {
    logging::init(log_format, "warn");
    let config = match config::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    let corrected = match &arguments.corrected {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            Error::caused(ErrorKind::Configuration, format!("{} cannot be read", path.display()), error)
        })?),
    };
    let request = Replay {
        pipeline: arguments.pipeline,
        quarantine: arguments.quarantine,
        date: arguments.date.map(|date| date.to_string()),
        rule: arguments.rule,
        corrected,
        dry_run: arguments.dry_run,
    };
    let replayed = replay(config, Clients::from_environment().await, &request).await?;
    let did = if request.dry_run { "would be staged" } else { "staged" };
    println!(
        "{} records selected: {} {did}, {} still invalid",
        replayed.selected,
        replayed.valid,
        replayed.invalid.len()
    );
    for batch in &replayed.batches {
        println!("  batch {batch} waits for its load");
    }
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for invalid in &replayed.invalid {
        *by_rule.entry(invalid.rule).or_default() += 1;
    }
    for (rule, count) in by_rule {
        println!("  {count} by {rule}");
    }
    for invalid in replayed.invalid.iter().take(SHOWN) {
        let column = invalid.column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default();
        println!("  {} record {}{column}: {}: {}", invalid.object, invalid.record, invalid.rule, invalid.message);
    }
    if replayed.invalid.len() > SHOWN {
        println!("  and {} more", replayed.invalid.len() - SHOWN);
    }
    Ok(if replayed.invalid.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
