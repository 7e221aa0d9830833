//! Dependencies point one way: the table of layers in docs/ARCHITECTURE.md, held against the imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::{path, read};

/// The layers from the top down. A module may use those below its own layer, and its own files.
const LAYERS: &[&[&str]] = &[
    &["command"],
    &["pipeline"],
    &["notify", "queue", "object", "decompress", "decode", "normalize", "batch", "stage", "load", "firehose", "land"],
    &["aws"],
    &["config"],
    &["schema", "telemetry"],
    &["model"],
    &["error", "backoff", "failpoint", "memory"],
];

/// What a stage uses of another stage, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// The sandbox stands aside: it proves nothing if it shares code with what it is asked by.
const SANDBOX: &str = "sandbox";
const SANDBOX_MAY_USE: &[&str] = &["error"];
const MAY_USE_SANDBOX: &[&str] = &["command"];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("the module {module} has no layer: add it here and in docs/ARCHITECTURE.md"))
}

/// The modules that a text names by `crate::`.
fn used(text: &str) -> BTreeSet<String> {
    let names = text
        .split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>());
    names.filter(|name| !name.is_empty()).collect()
}

fn sources(folder: &Path, module: Option<&str>, found: &mut BTreeMap<String, BTreeSet<String>>) {
    for entry in fs::read_dir(folder).expect("src") {
        let entry = entry.expect("src").path();
        let stem = entry.file_stem().expect("a name").to_string_lossy().into_owned();
        let module = module.unwrap_or(&stem).to_owned();
        if stem == "tests" {
            // As those at the end of a file: they may build what they need of other modules.
            continue;
        }
        if entry.is_dir() {
            sources(&entry, Some(&module), found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") && !stem.ends_with("tests") {
            let text = fs::read_to_string(&entry).expect("UTF-8");
            // Tests at the end of a file may build what they need of other modules.
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.entry(module).or_default().extend(used(text));
        }
    }
}

#[test]
fn dependencies_point_down_the_table_of_layers_and_stages_do_not_import_each_other() {
    let mut modules = BTreeMap::new();
    sources(&path("src"), None, &mut modules);
    for outside in ["main", "lib", "testing"] {
        modules.remove(outside);
    }
    assert!(modules.len() >= 20, "only {} modules were found", modules.len());
    let mut wrong = Vec::new();
    for (module, uses) in &modules {
        for used in uses.iter().filter(|used| *used != module && modules.contains_key(*used)) {
            let allowed = match (module.as_str(), used.as_str()) {
                (SANDBOX, used) => SANDBOX_MAY_USE.contains(&used),
                (module, SANDBOX) => MAY_USE_SANDBOX.contains(&module),
                (module, used) => {
                    layer(module) < layer(used) || EXCEPTIONS.iter().any(|(from, to, _)| (*from, *to) == (module, used))
                }
            };
            if !allowed {
                wrong.push(format!("{module} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers: {}", wrong.join(", "));
}

#[test]
fn the_architecture_document_names_every_module() {
    let document = read("docs/ARCHITECTURE.md");
    for module in LAYERS.iter().flat_map(|layer| *layer).chain([&SANDBOX]) {
        assert!(document.contains(&format!("`{module}`")) || document.contains(&format!("src/{module}")), "{module}");
    }
}

#[test]
fn the_check_of_imports_sees_them() {
    let text = "use crate::{error, load};\nuse crate::stage::Area; fn f() { crate::backoff::delay() }";
    assert_eq!(used(text), BTreeSet::from(["stage".to_owned(), "backoff".to_owned()]), "and braces are not our style");
}
