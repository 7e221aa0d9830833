//! `tidegate plan`: the SQL that a pipeline will run, without AWS.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;

use crate::config::{self, Config, Mode, Pipeline, Warehouse};
use crate::error::{Error, ErrorKind, Result};
use crate::load::{
    Ledger, LoadFiles, Statement, Token, after_statements, create_statements, needs_one_batch, oversize, plan,
    staged_columns, target_ddl,
};
use crate::model::{BatchId, Manifest, ObjectEntry, StagedFile};
use crate::stage::LEDGER_COLUMNS;

/// The most batches that a load takes together.
const MOST_BATCHES: usize = 10;

/// Print the SQL that pipelines will run: DDL, a load, and what follows its commit.
///
/// Needs no AWS account and runs nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service's configuration; pipelines are in the folder beside it.
    #[arg(long, default_value = "tidegate.toml")]
    config: PathBuf,
    /// Only this pipeline.
    #[arg(long)]
    pipeline: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let config = match config::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    let wanted = |pipeline: &&Pipeline| arguments.pipeline.as_ref().is_none_or(|name| *name == pipeline.name);
    let pipelines: Vec<&Pipeline> = config.pipelines.iter().filter(wanted).collect();
    if pipelines.is_empty() {
        let names: Vec<&str> = config.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        let name = arguments.pipeline.as_deref().unwrap_or_default();
        let message = format!("there is no pipeline {name:?}; there are {}", names.join(", "));
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    for pipeline in pipelines {
        print!("{}", page(pipeline, &config.service.warehouse)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses pipelines whose load is too large for one transaction of the Data API: splitting it would give up that it is one.
///
/// # Errors
/// `Configuration`, with every such pipeline and its remedy.
pub(super) fn check_sizes(config: &Config) -> Result<()> {
    let mut problems = Vec::new();
    for pipeline in &config.pipelines {
        let batches = if needs_one_batch(pipeline) { 1 } else { MOST_BATCHES };
        if let Err(error) = sample_load(pipeline, &config.service.warehouse, batches) {
            problems.push(format!(
                "pipeline {}: {}\n  help: give it fewer or shorter-named columns (rarely used ones fit a super column), fewer or merged \
                 [[step]]s and [[check]]s, or the mode `append`",
                pipeline.name,
                error.message()
            ));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Configuration, problems.join("\n"))),
    }
}

/// The statements of a load of so many batches of a pipeline.
fn sample_load(pipeline: &Pipeline, warehouse: &Warehouse, batches: usize) -> Result<Vec<Statement>> {
    let ledger = Ledger::new(&warehouse.ledger_schema, &pipeline.name);
    let batches: Vec<Manifest> = (0..batches).map(|at| sample_batch(pipeline, at)).collect();
    let token = Token::new(batches.iter().map(|batch| (batch.batch, "plan")), 1);
    let files = LoadFiles {
        rows: Some(format!("s3://STAGING/loads/{}/DATE/{}/rows.manifest", pipeline.name, token.as_str())),
        objects: format!("s3://STAGING/loads/{}/DATE/{}/objects.manifest", pipeline.name, token.as_str()),
        partial: false,
    };
    plan(pipeline, warehouse, &ledger, LEDGER_COLUMNS, &batches, &files, &token)
}

fn sample_batch(pipeline: &Pipeline, at: usize) -> Manifest {
    let file = |name: &str| StagedFile { url: format!("s3://STAGING/{name}"), bytes: 1 << 30, rows: 1_000_000 };
    let object = ObjectEntry {
        id: format!("{at:032x}"),
        bucket: pipeline.source.bucket.clone(),
        key: pipeline.source.key.as_str().to_owned(),
        version: None,
        etag: None,
        size: 1 << 30,
        sequencer: None,
        event_time: Timestamp::UNIX_EPOCH,
        read: 1_000_000,
        rejected: 0,
        staged: 1_000_000,
        removal: None,
    };
    Manifest {
        version: Manifest::VERSION,
        batch: BatchId::new(),
        pipeline: pipeline.name.clone(),
        columns: staged_columns(pipeline),
        format: pipeline.stage.format,
        partitions: Vec::new(),
        files: vec![file("rows.parquet")],
        objects_file: file("objects.parquet"),
        quarantine: None,
        objects: vec![object],
        opened_at: Timestamp::UNIX_EPOCH,
        closed_at: Timestamp::UNIX_EPOCH,
    }
}

/// All of a pipeline, as a text that is SQL.
fn page(pipeline: &Pipeline, warehouse: &Warehouse) -> Result<String> {
    let ledger = Ledger::new(&warehouse.ledger_schema, &pipeline.name);
    let target = &pipeline.target;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "-- ===== pipeline {}: s3://{}/{} -> {} {} =====\n",
        pipeline.name,
        pipeline.source.bucket,
        pipeline.source.key.as_str(),
        target.mode.as_str(),
        target.table
    );
    let mut ledger_ddl = ledger.ddl()?;
    ledger_ddl.extend(ledger.memory_ddl(pipeline)?);
    section(&mut text, "DDL of the ledger, once", &ledger_ddl);
    section(
        &mut text,
        "DDL of the steps' tables, at the start of a process",
        &create_statements(pipeline, ledger.objects.sql())?,
    );
    match (target.mode, target.create) {
        (Mode::None, _) => {}
        (_, true) => section(&mut text, "DDL of the target, where it is missing", &target_ddl(pipeline)?),
        (_, false) => section(&mut text, "DDL of the target, not run: create = false", &target_ddl(pipeline)?),
    }
    let load = sample_load(pipeline, warehouse, 1)?;
    let bytes: usize = load.iter().map(|statement| statement.sql.len()).sum();
    let title = format!("a load of one batch, one transaction: {} statements, {bytes} bytes", load.len());
    section(&mut text, &title, &load);
    if let Some(reason) = oversize(&load) {
        let _ = writeln!(text, "-- too large: {reason}\n");
    }
    if let Some(after) = &pipeline.after {
        let title = format!("after commits, at most every {:?}, each by itself", after.every);
        section(&mut text, &title, &after_statements(pipeline, ledger.objects.sql())?);
    }
    Ok(text)
}

fn section(text: &mut String, title: &str, statements: &[Statement]) {
    if statements.is_empty() {
        return;
    }
    let _ = writeln!(text, "-- ----- {title} -----\n");
    for statement in statements {
        let _ = writeln!(text, "-- {}\n{};\n", statement.name, statement.sql);
    }
}
