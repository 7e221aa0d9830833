//! What the repository says beside its code is held against the code: dashboards, alerts and infrastructure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod dashboards;
mod infra;
mod layers;
#[cfg(feature = "sandbox")]
mod live;
mod promql;
mod readme;
mod semantics;

/// A path from the repository's top.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The text of a file of the repository.
fn read(relative: &str) -> String {
    fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// Runs a program in a folder of the repository and asserts that it succeeds; says so where it is not installed.
fn must_succeed_where_installed(program: &str, arguments: &[&str], folder: &str) {
    match Command::new(program).args(arguments).current_dir(path(folder)).output() {
        Ok(output) => assert!(
            output.status.success(),
            "{program} {}:\n{}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        // CI installs what Debian has; Terraform's binary is in none of the registries.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(
                program == "terraform" || std::env::var_os("CI").is_none(),
                "{program} is not installed, and CI needs it"
            );
            skipped(&format!("{program} is not installed, so {} was not run", arguments.join(" ")));
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Says that something was not checked, past the capture of the test harness.
fn skipped(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
