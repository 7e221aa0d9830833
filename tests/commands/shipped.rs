//! `tidegate test` on the folders of `pipelines/`: each has cases, and they hold.

use std::path::Path;
use std::process::Command;

/// The folder's examples hold; every one of its pipelines has some, among them records that do not fit.
fn holds(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines").join(name);
    let ended = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["test", &format!("pipelines/{name}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stdout).unwrap() + &String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}");
    let pipelines: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter(|path| path.file_stem().unwrap() != "tidegate")
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(pipelines.len() >= 2, "{pipelines:?}");
    for pipeline in pipelines {
        assert!(said.contains(&format!("ok      {name}_{pipeline}/")), "{name}/{pipeline}.toml has no case: {said}");
    }
    let odd = said.lines().filter(|line| line.contains("parked as") || !line.ends_with(" 0 rejects"));
    assert!(odd.filter(|line| line.starts_with("ok ")).count() > 0, "nothing is rejected: {said}");
}

#[test]
fn the_cases_of_showcase_hold() {
    holds("showcase");
}

#[test]
fn the_cases_of_sparkify_hold() {
    holds("sparkify");
}

#[test]
fn the_cases_of_retail_hold() {
    holds("retail");
}

#[test]
fn the_cases_of_bestsellers_hold() {
    holds("bestsellers");
}

#[test]
fn the_cases_of_supplier_hold() {
    holds("supplier");
}
