//! The files of Apache Commons Compress, each with its outcome; read where they are, as the repository ships none of them.

use std::path::{Path, PathBuf};

use super::*;

/// What becomes of a file.
enum Outcome {
    /// It is read as this codec, and gives so many bytes with this CRC-32.
    Read(Codec, usize, u32),
    /// It is parked, for a reason in which this stands.
    Parked(&'static str),
}
use Outcome::{Parked, Read as Is};

const OUTCOMES: &[(&str, Outcome)] = &[];

fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("TIDEGATE_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    let folder = folder.join("streams/compress/commons-compress");
    if folder.is_dir() {
        return Some(folder);
    }
    let line = "\nSKIPPED: the files of commons-compress, for want of their folder: name it with TIDEGATE_TEST_DATA\n";
    // The handle, and not `eprintln!`, which the test harness keeps for failed tests.
    std::io::stderr().write_all(line.as_bytes()).ok();
    assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "CI must have the test data");
    None
}

fn files(folder: &Path, within: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, within, found),
            false => found.push(path.strip_prefix(within).expect("within").to_string_lossy().into_owned()),
        }
    }
}

#[test]
fn every_file_of_commons_compress_is_read_or_parked_with_its_reason() {
    let Some(folder) = folder() else { return };
    let mut names = Vec::new();
    files(&folder, &folder, &mut names);
    names.sort();
    let mut wrong = Vec::new();
    for name in &names {
        let stored = std::fs::read(folder.join(name)).expect("a file");
        let read = decompress(&stored[..], &Hints { key: name, ..Hints::default() }, BOUNDS);
        let found = match read {
            Ok((codec, data)) => {
                let mut crc = flate2::Crc::new();
                crc.update(&data);
                Ok((codec, data.len(), crc.sum()))
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
                Err(error.to_string())
            }
        };
        let right = match (OUTCOMES.iter().find(|(of, _)| of == name).map(|(_, outcome)| outcome), &found) {
            (Some(Is(codec, length, crc)), Ok(found)) => *found == (*codec, *length, *crc),
            (Some(Parked(reason)), Err(message)) => message.contains(reason),
            _ => false,
        };
        if !right {
            wrong.push(format!("{name}: {found:x?}"));
        }
    }
    assert!(wrong.is_empty(), "other outcomes than are written here:\n{}", wrong.join("\n"));
    assert!(OUTCOMES.iter().all(|(name, _)| names.iter().any(|found| found == name)), "a file is missing");
}
