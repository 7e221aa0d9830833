//! Real inputs, which the repository does not ship.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of real inputs; `None`, with a visible line, where it is missing. CI must have it.
pub fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("TIDEGATE_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "the test data is missing, and CI needs it");
    super::skipped("the test data is missing: set TIDEGATE_TEST_DATA to its folder");
    None
}

/// What `tests/daemon/expected.py` computes of the files, by another program than ours.
pub fn expected(what: &str, folder: &Path) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/expected.py");
    let output = Command::new("python3").arg(script).arg(what).arg(folder).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: Vec<Value> = serde_json::from_slice(&output.stdout).expect("figures");
    figures.iter().map(|figure| figure.as_str().map_or_else(|| figure.to_string(), str::to_owned)).collect()
}
