//! `tidegate test`: pipelines against examples of their own, without any server.

mod case;
mod lines;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;

use self::case::Case;
use self::lines::Found;
use crate::config::{self, Pipeline};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::Reject;
use crate::pipeline::Offline;

/// The most differences of a case that are shown.
const SHOWN: usize = 20;

/// The service's own file, which is no pipeline.
const SERVICE: &str = "tidegate.toml";

/// Run pipelines against the examples beside them, without any server.
///
/// The cases of pipelines/reviews.toml are the folders in pipelines/reviews.cases/, each with an object as it would come, the rows that
/// are expected of it (expected.jsonl) and the rejects (rejects.jsonl). The exit code is 1 if anything is otherwise.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files of pipelines, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Write what is found as what is expected.
    #[arg(long)]
    update: bool,
}

/// What became of the cases.
#[derive(Debug, Default)]
struct Tally {
    held: usize,
    failed: usize,
    updated: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let mut files = Vec::new();
    for path in &arguments.paths {
        pipelines(path, &mut files)?;
    }
    let mut problems = false;
    let mut tally = Tally::default();
    for file in &files {
        match config::load_pipeline(file, &|name| std::env::var(name).ok()) {
            Ok(pipeline) => run_all(file, pipeline, arguments.update, &mut tally)?,
            Err(found) => {
                eprintln!("{found}");
                problems = true;
            }
        }
    }
    let Tally { held, failed, updated } = tally;
    let took = started.elapsed().as_millis();
    println!("{held} of {} cases of {} pipelines hold ({took} ms)", held + failed, files.len());
    if updated > 0 {
        println!("UPDATED {updated} files with what was found: read the changes before you keep them");
    }
    if problems {
        return Ok(ExitCode::from(2));
    }
    if held + failed == 0 {
        let message = "there is no case: add a folder such as NAME.cases/small/ beside NAME.toml, with an object in it, and run with --update";
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Adds the file, or every pipeline in the folder and below it, by name.
///
/// # Errors
/// `Configuration` where there is no such file or folder.
fn pipelines(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.exists() {
        let message = format!("{} is neither a pipeline's file nor a folder of them", path.display());
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in case::entries(path)? {
        let extension = entry.extension().unwrap_or_default();
        if entry.is_dir() && extension != "cases" {
            pipelines(&entry, files)?;
        } else if entry.is_file() && extension == "toml" && entry.file_name().is_some_and(|name| name != SERVICE) {
            files.push(entry);
        }
    }
    Ok(())
}

fn run_all(file: &Path, pipeline: Pipeline, update: bool, tally: &mut Tally) -> Result<()> {
    let folders = case::list(&case::folder(file))?;
    if folders.is_empty() {
        println!("none    {}: no folder in {}", pipeline.name, case::folder(file).display());
    }
    let offline = Offline::new(pipeline.clone());
    for folder in folders {
        let case = Case::read(&folder, &pipeline)?;
        let name = format!("{}/{}", pipeline.name, case.name);
        let outcome = outcome(&offline, &case)?;
        if update {
            tally.updated += write(&outcome, &case)?;
        }
        let differences = outcome.differences(&case)?;
        if differences.is_empty() {
            println!("ok      {name}: {}", outcome.summary());
            tally.held += 1;
            continue;
        }
        println!("FAILED  {name}: {}", outcome.summary());
        for difference in differences.iter().take(SHOWN) {
            println!("          {difference}");
        }
        if differences.len() > SHOWN {
            println!("          and {} more", differences.len() - SHOWN);
        }
        tally.failed += 1;
    }
    Ok(())
}

/// What became of the object of a case.
enum Outcome {
    Read { rows: Vec<Found>, rejects: Vec<Found> },
    Parked(Error),
}

/// Reads the object just as intake does.
///
/// # Errors
/// None but of this machine: what is wrong with the object is an outcome.
fn outcome(offline: &Offline, case: &Case) -> Result<Outcome> {
    let mut rows = Vec::new();
    let body = Bytes::from(case.body.clone());
    let read = offline.read_whole(&case.origin, body, |piece| {
        offline.each_row(&piece, |record, json| {
            rows.push(Found { json: String::from_utf8_lossy(json).into_owned(), record });
        })
    });
    match read {
        Ok(decoded) => Ok(Outcome::Read { rows, rejects: decoded.rejects.iter().map(rejected).collect() }),
        Err(error) if error.fault() == Fault::Poison => Ok(Outcome::Parked(error)),
        Err(error) => Err(error),
    }
}

fn rejected(reject: &Reject) -> Found {
    let record = reject.place.record;
    // By its text: an object of serde_json would sort its members by name.
    let json = format!(
        "{{\"record\":{record},\"rule\":\"{}\",\"column\":{}}}",
        reject.rule.as_str(),
        serde_json::Value::from(reject.column.clone())
    );
    Found { json, record }
}

impl Outcome {
    fn summary(&self) -> String {
        match self {
            Outcome::Read { rows, rejects } => format!("{} rows, {} rejects", rows.len(), rejects.len()),
            Outcome::Parked(error) => format!("parked as {}", error.kind().as_str()),
        }
    }

    /// What is otherwise than expected, a line each.
    fn differences(&self, case: &Case) -> Result<Vec<String>> {
        let (rows, rejects) = match (self, &case.parked) {
            (Outcome::Parked(error), Some(kind)) if error.kind().as_str() == kind => return Ok(Vec::new()),
            (Outcome::Parked(error), Some(kind)) => {
                return Ok(vec![format!("expected to be parked as {kind}, but: {error}")]);
            }
            (Outcome::Parked(error), None) => {
                let kind = error.kind().as_str();
                return Ok(vec![
                    format!("the object would be parked whole: {error}"),
                    format!("if that is meant, write parked = \"{kind}\" in its case.toml"),
                ]);
            }
            (Outcome::Read { .. }, Some(kind)) => {
                return Ok(vec![format!("expected to be parked as {kind}, and read")]);
            }
            (Outcome::Read { rows, rejects }, None) => (rows, rejects),
        };
        let path = case.expected();
        if !path.exists() {
            let message = format!("{} is missing: write it, or let --update write what is found", path.display());
            return Ok(vec![message]);
        }
        let mut differences = lines::differences("row", &expected(&path)?, rows);
        differences.extend(lines::differences("reject", &expected(&case.rejects())?, rejects));
        Ok(differences)
    }
}

/// The lines of a file; none if there is no file.
fn expected(path: &Path) -> Result<Vec<String>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&case::read(path)?).into_owned();
    lines::parse(&text)
        .map_err(|problem| Error::new(ErrorKind::Configuration, format!("{}, {problem}", path.display())))
}

/// Writes what was found as what is expected, where the two differ; gives the number of files that changed.
fn write(outcome: &Outcome, case: &Case) -> Result<usize> {
    let Outcome::Read { rows, rejects } = outcome else { return Ok(0) };
    let mut changed = 0;
    for (path, found, needed) in [(case.expected(), rows, true), (case.rejects(), rejects, !rejects.is_empty())] {
        let differs = match path.exists() {
            true => !needed || !lines::differences("", &expected(&path)?, found).is_empty(),
            false => needed,
        };
        if !differs {
            continue;
        }
        match needed {
            true => std::fs::write(&path, lines::file(found))?,
            false => std::fs::remove_file(&path)?,
        }
        println!("UPDATED {}: {} lines", path.display(), found.len());
        changed += 1;
    }
    Ok(changed)
}
