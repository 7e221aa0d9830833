//! Finding the files, reading them all, and what must hold between them.

use std::io;
use std::path::{Path, PathBuf};

use super::document::{Document, Span};
use super::pipeline_file::{self, PipelineFile};
use super::problem::{Problem, Problems, printable};
use super::service_file::{self, ServiceFile};
use super::variables::Environment;
use super::{Pipeline, Service};

/// The configuration: valid as far as files alone can tell.
#[derive(Debug, Clone)]
pub struct Config {
    /// What `tidegate.toml` says.
    pub service: Service,
    /// The pipelines, by the names of their files.
    pub pipelines: Vec<Pipeline>,
}

/// Reads `tidegate.toml` at `path` and every other `*.toml` in its folder of pipelines, but for names that begin with `.`;
/// `environment` gives the values of `${NAME}`.
///
/// # Errors
/// Every problem in any of the files.
pub fn load(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let service_document = match document(path, environment) {
        Ok(document) => document,
        Err(problem) => return Err(Problems::new(vec![*problem])),
    };
    let service_tree = service_document.parse();
    let service_file = service_tree.as_ref().map(|tree| service_file::read(&service_document, tree));

    let mut unreadable = Vec::new();
    let mut documents = Vec::new();
    let mut folders = Vec::new();
    for path in pipeline_paths(path, &service_document, service_file.as_ref()) {
        match document(&path, environment) {
            Ok(document) => {
                documents.push(document);
                folders.push(path.parent().unwrap_or(Path::new("")).to_owned());
            }
            Err(problem) => unreadable.push(*problem),
        }
    }
    let trees: Vec<_> = documents.iter().map(Document::parse).collect();
    let files: Vec<PipelineFile<'_>> = documents
        .iter()
        .zip(&trees)
        .zip(&folders)
        .filter_map(|((document, tree), folder)| Some(pipeline_file::read(document, tree.as_ref()?, folder)))
        .collect();
    check_names(&files);
    check_staging(service_file.as_ref(), &files);

    let service = service_file.and_then(|file| file.service);
    let pipelines: Vec<Pipeline> = files.into_iter().filter_map(|file| file.pipeline).collect();
    drop((service_tree, trees));
    let files = documents.len();
    let mut problems = service_document.into_problems();
    problems.extend(unreadable);
    problems.extend(documents.into_iter().flat_map(Document::into_problems));
    match service {
        Some(service) if problems.is_empty() && pipelines.len() == files => Ok(Config { service, pipelines }),
        _ => Err(Problems::new(problems)),
    }
}

/// Reads the pipeline at `path` by itself, without the service that runs it.
///
/// # Errors
/// Every problem in the file.
pub fn load_pipeline(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Pipeline, Problems> {
    let document = document(path, environment).map_err(|problem| Problems::new(vec![*problem]))?;
    let tree = document.parse();
    let folder = path.parent().unwrap_or(Path::new(""));
    let pipeline = tree.as_ref().and_then(|tree| pipeline_file::read(&document, tree, folder).pipeline);
    drop(tree);
    let problems = document.into_problems();
    match pipeline {
        Some(pipeline) if problems.is_empty() => Ok(pipeline),
        _ => Err(Problems::new(problems)),
    }
}

fn document<'e>(path: &Path, environment: &'e Environment<'e>) -> Result<Document<'e>, Box<Problem>> {
    let name = printable(&path.display().to_string());
    match std::fs::read(path) {
        Ok(bytes) => Ok(Document::new(name, bytes, environment)),
        Err(error) => {
            let help = match error.kind() {
                io::ErrorKind::NotFound => "check the path; `tidegate.toml` describes the service",
                _ => "make it a file that the service may read",
            };
            let message = format!("the file cannot be read: {error}");
            Err(Box::new(Problem { file: name, place: None, message, notes: Vec::new(), help: help.to_owned() }))
        }
    }
}

/// The files of the pipelines by name; a folder that cannot be listed, or is empty, is reported where it is named.
///
/// Where `tidegate.toml` itself cannot be read, pipelines in the default folder are read all the same.
fn pipeline_paths(path: &Path, document: &Document<'_>, service: Option<&ServiceFile<'_>>) -> Vec<PathBuf> {
    let named = service.and_then(|service| service.folder.as_ref());
    let base = path.parent().unwrap_or(Path::new(""));
    let folder = base.join(named.map_or("pipelines", |(folder, _)| folder));
    let report = |message: String, help: &str| match (service, named) {
        (None, _) => {}
        (_, Some((_, item))) => item.problem(message, help),
        (_, None) => document.report(Span { start: 0, end: 0 }, message, help.to_owned()),
    };
    let listed = std::fs::read_dir(&folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("the folder of the pipelines, {}, cannot be listed: {error}", folder.display());
            report(message, "create it, or name another by `pipelines = \"…\"`, relative to this file");
            return Vec::new();
        }
    };
    let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).collect();
    // With `pipelines = "."`, the service's own file is among them.
    let service_path = path.canonicalize().ok();
    names.retain(|name| {
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let toml = Path::new(name).extension().is_some_and(|extension| extension == "toml");
        !hidden && toml && (service_path.is_none() || folder.join(name).canonicalize().ok() != service_path)
    });
    names.sort();
    if names.is_empty() {
        let message = format!("the folder of the pipelines, {}, holds no `*.toml`", folder.display());
        report(message, "add a pipeline: without one, no object goes anywhere");
    }
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Names are unique: the ledger's tables bear them.
fn check_names(files: &[PipelineFile<'_>]) {
    for (at, file) in files.iter().enumerate() {
        let Some((name, item)) = &file.name else { continue };
        let first = files[..at].iter().filter_map(|other| other.name.as_ref()).find(|(other, _)| other == name);
        if let Some((_, first)) = first {
            item.problem_with(
                format!("a second pipeline has the name `{name}`"),
                format!("the first is at {}", first.place()),
                "rename one of the two: the name is that of its ledger",
            );
        }
    }
}

/// What is staged must not be announced as new input.
fn check_staging(service: Option<&ServiceFile<'_>>, files: &[PipelineFile<'_>]) {
    let Some((staging, staging_item)) = service.and_then(|service| service.staging.as_ref()) else { return };
    for file in files {
        let Some((bucket, key, item)) = &file.source else { continue };
        let (taken, written) = (key.literal_prefix(), staging.prefix.as_str());
        if *bucket == staging.bucket && (taken.starts_with(written) || written.starts_with(taken)) {
            item.problem_with(
                format!(
                    "`key` takes objects from where batches are staged, {staging}: the output would be input again"
                ),
                format!("the staging area is at {}", staging_item.place()),
                "stage in another bucket, or begin `key` with a prefix that the staging area is not under",
            );
        }
    }
}
