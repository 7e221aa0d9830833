//! The README's commands exist, and the documents' configurations are valid.

use std::fs;
use std::process::Command;

use crate::read;

/// The fenced blocks of a document, by language.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// The arguments of every call of the binary in a document.
fn calls(document: &str) -> Vec<Vec<String>> {
    let lines = blocks(document, "sh").into_iter().flat_map(str::lines).map(str::trim);
    let inline = document.split('`').filter(|code| code.starts_with("cargo run --release -- "));
    lines
        .chain(inline)
        .filter_map(|line| line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("tidegate ")))
        .map(|arguments| arguments.split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn help(command: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tidegate")).args([command, "--help"]).output().expect("the binary runs");
    assert!(output.status.success(), "tidegate {command} --help");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The documents with links and files that must exist.
const DOCUMENTS: [&str; 11] = [
    "README.md",
    "docs/ARCHITECTURE.md",
    "docs/LIVE-CHECKS.md",
    "docs/CONFIGURATION.md",
    "docs/SEMANTICS.md",
    "pipelines/README.md",
    "pipelines/bestsellers/README.md",
    "pipelines/retail/README.md",
    "pipelines/showcase/README.md",
    "pipelines/sparkify/README.md",
    "pipelines/supplier/README.md",
];

#[test]
fn every_command_and_flag_of_the_readmes_exists() {
    assert!(calls(&read("README.md")).len() >= 4);
    for readme in DOCUMENTS.iter().filter(|document| document.starts_with("pipelines/")) {
        let demo = calls(&read(readme)).into_iter().any(|call| call.join(" ").starts_with("demo --pipeline "));
        assert!(demo, "{readme} has the one command that shows it");
    }
    let all =
        DOCUMENTS.iter().filter(|document| document.ends_with("README.md")).flat_map(|readme| calls(&read(readme)));
    for call in all {
        let (command, arguments) = call.split_first().expect("a command");
        let help = help(command);
        for flag in arguments.iter().filter(|argument| argument.starts_with("--")) {
            assert!(help.contains(flag.as_str()), "tidegate {command} has no {flag}:\n{help}");
        }
    }
}

#[test]
fn the_configuration_of_the_document_is_valid_and_says_every_option() {
    let document = read("docs/CONFIGURATION.md");
    let toml = blocks(&document, "toml");
    let [service, pipeline, others @ ..] = toml.as_slice() else { panic!("{} blocks of TOML", toml.len()) };
    let formats: Vec<&&str> = others.iter().filter(|block| block.starts_with("format ")).collect();
    assert_eq!(formats.len(), others.len(), "the other blocks are of formats");
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("pipelines")).expect("a folder");
    fs::write(folder.path().join("tidegate.toml"), service).expect("a file");
    fs::write(folder.path().join("pipelines/reviews.toml"), pipeline).expect("a file");
    for (at, format) in formats.iter().enumerate() {
        let rest = "[columns]\nid = \"bigint\"\n[target]\ntable = \"raw.t\"\nmode = \"append\"\n";
        let source = format!("[source]\nbucket = \"landing\"\nkey = \"format-{at}/**\"\n{format}\n");
        let text = format!("name = \"format_{at}\"\nfreshness = \"60s\"\n{source}{rest}");
        fs::write(folder.path().join(format!("pipelines/format_{at}.toml")), text).expect("a file");
    }
    let checked = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["check", "--config"])
        .arg(folder.path().join("tidegate.toml"))
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
    assert!(
        said.contains(&format!("{} pipelines", 1 + formats.len())) && said.contains("bestsellers.reviews"),
        "{said}"
    );
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    for document in DOCUMENTS {
        let text = read(document);
        let folder = crate::path(document).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let local = !link.starts_with("http") && !link.starts_with('#');
            let file = link.split('#').next().unwrap_or_default();
            assert!(!local || folder.join(file).exists(), "{document}: {link}");
        }
    }
}

#[test]
fn every_file_that_the_documents_name_exists() {
    for document in DOCUMENTS {
        for name in read(document)
            .split('`')
            .filter(|code| ["src/", "sql/", "infra/", "tests/"].iter().any(|at| code.starts_with(at)))
        {
            if !name.contains(['*', '{', ' ']) {
                assert!(crate::path(name).exists(), "{document} names {name}");
            }
        }
    }
}
