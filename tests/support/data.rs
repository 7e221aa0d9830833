//! Real inputs, which the repository does not ship, and what Python says of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of real inputs.
pub struct Data(PathBuf);

/// What a table must hold, computed from the files by another program than ours.
pub struct Expected {
    /// Counts, sums, least and greatest.
    pub figures: Vec<String>,
    /// Every row, in order; each value as text, a null as `NULL`.
    pub rows: Vec<Vec<String>>,
    /// The numbers of the records that are rejected, in order.
    pub rejected: Vec<u64>,
}

impl Data {
    /// The folder that `TIDEGATE_TEST_DATA` names, or the one beside the repository; `None`, with a visible line, where there is
    /// none, or no Python to read it.
    pub fn find() -> Option<Data> {
        let folder = match std::env::var_os("TIDEGATE_TEST_DATA") {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        };
        if !folder.is_dir() {
            super::missing("the tests of real data, for want of their folder: name it with TIDEGATE_TEST_DATA");
            return None;
        }
        if Command::new("python3").arg("--version").output().is_err() {
            super::missing("the tests of real data, for want of python3, which computes what is expected");
            return None;
        }
        Some(Data(folder))
    }

    /// Another folder, such as one in which a test has laid out real files otherwise.
    pub fn at(folder: PathBuf) -> Data {
        Data(folder)
    }

    /// Where a file of the folder is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// A file of the folder.
    pub fn read(&self, path: &str) -> Vec<u8> {
        let path = self.0.join(path);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names of a subfolder's files.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// What `tests/daemon/expected.py` computes.
    pub fn expected(&self, what: &str) -> Expected {
        self.computed("daemon/expected.py", &[what])
    }

    /// What a script of `tests/` computes, which is given these arguments and the folder.
    pub fn computed(&self, script: &str, arguments: &[&str]) -> Expected {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
        let output = Command::new("python3").arg(script).args(arguments).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let expected: Value = serde_json::from_slice(&output.stdout).unwrap();
        let list = |value: &Value| value.as_array().unwrap().clone();
        let texts = |value: &Value| list(value).iter().map(|text| text.as_str().unwrap().to_owned()).collect();
        let mut rows: Vec<Vec<String>> = list(&expected["rows"]).iter().map(texts).collect();
        rows.sort();
        Expected {
            figures: texts(&expected["figures"]),
            rows,
            rejected: list(&expected["rejected"]).iter().map(|number| number.as_u64().unwrap()).collect(),
        }
    }
}

impl Expected {
    /// Asserts that a table has these rows, and shows the first that differs: thousands would help nobody.
    pub fn assert_rows(&self, mut found: Vec<Vec<String>>) {
        found.sort();
        if let Some((found, expected)) = found.iter().zip(&self.rows).find(|(found, expected)| found != expected) {
            panic!("a row differs\n   found: {found:?}\nexpected: {expected:?}");
        }
        assert_eq!(found.len(), self.rows.len(), "rows");
    }
}
