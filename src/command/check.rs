//! `tidegate check`: the configuration, without AWS.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::{self, Mode};
use crate::error::Result;

/// Check the configuration, and say what it means.
///
/// Reports every problem at once, with file, line and remedy; exits with 2 if there are any. Needs no AWS account.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service's configuration; pipelines are in the folder beside it.
    #[arg(long, default_value = "tidegate.toml")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let config = match config::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    super::plan::check_sizes(&config)?;
    println!("{} is valid: {} pipelines", arguments.config.display(), config.pipelines.len());
    for pipeline in &config.pipelines {
        let mode = match pipeline.target.mode {
            Mode::Append => "append to".to_owned(),
            Mode::None => "by steps to".to_owned(),
            Mode::ReplaceObject => "replace-object in".to_owned(),
            Mode::ReplacePartition => {
                format!("replace-partition by {} in", pipeline.target.options.partition.join(", "))
            }
            mode @ (Mode::Upsert | Mode::InsertNew | Mode::Scd2) => {
                format!("{} by {} into", mode.as_str(), pipeline.target.key.join(", "))
            }
        };
        println!(
            "  {}: s3://{}/{} → {mode} {}, {} columns, fresh within {:?}",
            pipeline.name,
            pipeline.source.bucket,
            pipeline.source.key.as_str(),
            pipeline.target.table,
            pipeline.columns.len(),
            pipeline.freshness,
        );
    }
    Ok(ExitCode::SUCCESS)
}
