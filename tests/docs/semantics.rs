//! The tests that docs/SEMANTICS.md names exist, for every promise and for every row of what goes wrong elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{path, read};

/// Rows without a test of their own so far. One that gets a test leaves this list, and enters the document's table.
const WITHOUT_TEST: &[u32] = &[];

/// The names of all test functions in the sources.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&path(folder), &mut names);
    }
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry").path();
        if entry.is_dir() {
            collect(&entry, names);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_of(&fs::read_to_string(&entry).expect("UTF-8")));
        }
    }
}

/// The functions that follow a test attribute.
fn tests_of(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut attributed = false;
    for line in source.lines().map(str::trim) {
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            attributed = true;
        } else if let (true, Some((_, name))) = (attributed, line.split_once("fn ")) {
            names.extend(name.split(['(', '<']).next().map(str::to_owned));
            attributed = false;
        }
    }
    names
}

/// The tables of a section: each line's first cell and the names of tests in it.
fn table<'a>(document: &'a str, section: &str) -> Vec<(&'a str, Vec<&'a str>)> {
    let (_, text) = document.split_once(section).unwrap_or_else(|| panic!("no section {section}"));
    let text = text.split("\n## ").next().unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with("| "));
    lines
        .skip(1)
        .map(|line| {
            let first = line.trim_matches('|').split('|').next().unwrap_or_default().trim();
            let names = line.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 1);
            (first, names.collect())
        })
        .collect()
}

#[test]
fn every_test_that_the_semantics_name_exists() {
    let document = read("docs/SEMANTICS.md");
    let tests = tests();
    let promises = table(&document, "## What is promised, and what holds it");
    for promise in 1..=7 {
        let of_it = promises.iter().filter(|(first, _)| first.starts_with(&format!("{promise} ")));
        assert!(of_it.flat_map(|(_, names)| names).count() > 0, "promise {promise} has no test");
    }
    for (first, names) in promises.iter().chain(&table(&document, "## What goes wrong elsewhere")) {
        for name in names {
            assert!(tests.contains(*name), "{first}: there is no test {name}");
        }
    }
}

#[test]
fn every_row_of_what_goes_wrong_elsewhere_has_a_test_of_its_number() {
    let document = read("docs/SEMANTICS.md");
    let rows = table(&document, "## What goes wrong elsewhere");
    let bears = |name: &str, number: u32| {
        let rest = name.strip_prefix("row_").or_else(|| name.strip_prefix("rows_"));
        let numbers = rest.into_iter().flat_map(|rest| rest.split('_').map_while(|part| part.parse::<u32>().ok()));
        numbers.into_iter().any(|of_it| of_it == number)
    };
    let tests = tests();
    for number in 1..=25 {
        let row = rows.iter().find(|(first, _)| first.parse() == Ok(number));
        let (_, names) = row.unwrap_or_else(|| panic!("row {number} is missing"));
        let named = names.iter().any(|name| bears(name, number));
        let expected = !WITHOUT_TEST.contains(&number);
        assert_eq!(named, expected, "row {number} of the document");
        assert_eq!(tests.iter().any(|name| bears(name, number)), expected, "row {number} in the sources");
    }
}

#[test]
fn the_check_of_tests_sees_them() {
    let source =
        "#[test]\nfn one_two_three() {}\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn four() {}\nfn five() {}";
    assert_eq!(tests_of(source), ["one_two_three", "four"]);
}
