//! A sink that keeps what it is handed, readers that give little, and the real inputs.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::config::{Format, Source};
use crate::decode::{Input, decode};
use crate::error::Result;
use crate::model::{Extra, FieldIndex, Place, Raw, RecordSink, Rule, SlotSpan, Value};
use crate::testing::source;

/// An index of these names.
pub(super) fn fields(names: &[&str]) -> FieldIndex {
    let mut index = FieldIndex::new();
    for name in names {
        index.insert(name);
    }
    index
}

/// Gives at most `.1` bytes a read.
pub(super) struct Dribble<'a>(pub(super) &'a [u8], pub(super) usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

/// A value, owned, and told apart from all others.
pub(super) fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("#{number}"),
        Value::Text(text) => format!("'{text}"),
        Value::Json(json) => format!("~{json}"),
        other => format!("{other:?}"),
    }
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Its fields by slot, and the others by name.
    Row(Vec<Option<String>>, Vec<(String, String)>),
    Refused(Rule, String),
}

/// A record that the sink was handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) raw: Vec<u8>,
    pub(super) told: Told,
}

impl Seen {
    /// The fields by slot, of a record that was read.
    pub(super) fn row(&self) -> Vec<Option<&str>> {
        match &self.told {
            Told::Row(slots, _) => slots.iter().map(Option::as_deref).collect(),
            Told::Refused(rule, message) => panic!("{:?} is refused: {rule:?} {message}", self.place),
        }
    }

    pub(super) fn rule(&self) -> Option<Rule> {
        match &self.told {
            Told::Row(..) => None,
            Told::Refused(rule, _) => Some(*rule),
        }
    }
}

/// Keeps all records.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) seen: Vec<Seen>,
    /// The fields that were offered.
    pub(super) offered: Vec<Vec<Vec<u8>>>,
}

impl RecordSink for Kept {
    fn offer_fields(&mut self, _: Place, record: &[u8], fields: &[SlotSpan]) -> Result<bool> {
        self.offered.push(fields.iter().map(|field| record[field.start..field.end].to_vec()).collect());
        Ok(false)
    }

    fn record(&mut self, place: Place, raw: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        let slots = slots.iter().map(|slot| slot.as_ref().map(shown)).collect();
        let extras = extras.iter().map(|extra| (extra.name.to_string(), shown(&extra.value))).collect();
        self.seen.push(Seen { place, raw: raw.first(usize::MAX), told: Told::Row(slots, extras) });
        Ok(())
    }

    fn refuse(&mut self, place: Place, raw: Raw<'_>, rule: Rule, message: String) -> Result<()> {
        self.seen.push(Seen { place, raw: raw.first(usize::MAX), told: Told::Refused(rule, message) });
        Ok(())
    }
}

/// The records of `data`, and the error that ended it.
pub(super) fn read(source: &Source, fields: &FieldIndex, data: impl Read) -> (Vec<Seen>, Option<String>) {
    let mut kept = Kept::default();
    let result = decode(source, fields, Input::Stream(Box::new(data)), &mut kept);
    (kept.seen, result.err().map(|error| error.to_string()))
}

/// The records of a whole object.
pub(super) fn whole(format: Format, fields: &FieldIndex, data: &[u8]) -> Vec<Seen> {
    let (seen, error) = read(&source(format), fields, data);
    assert_eq!(error, None);
    for (record, number) in seen.iter().zip(1..) {
        assert_eq!(record.place.record, number);
    }
    seen
}

/// The rows of an object in which nothing is refused.
pub(super) fn rows(format: Format, names: &[&str], data: &[u8]) -> Vec<Vec<Option<String>>> {
    let seen = whole(format, &fields(names), data);
    seen.iter().map(|record| record.row().into_iter().map(|value| value.map(str::to_owned)).collect()).collect()
}

/// The line and rule of each record that is refused.
pub(super) fn refused(seen: &[Seen]) -> Vec<(u64, Rule)> {
    seen.iter().filter_map(|record| Some((record.place.line?, record.rule()?))).collect()
}

/// The folder of real inputs; `None`, with a visible line, where there is none.
pub(super) fn data() -> Option<PathBuf> {
    let folder = match std::env::var_os("TIDEGATE_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    // The handle, and not `eprintln!`, which the test harness keeps for failed tests.
    let line = "\nSKIPPED: a test of real data, for want of its folder: name it with TIDEGATE_TEST_DATA\n";
    std::io::stderr().write_all(line.as_bytes()).ok();
    None
}

/// A file of the real inputs, inflated if it is `.gz`.
pub(super) fn file(folder: &Path, path: &str) -> Vec<u8> {
    let path = folder.join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut inflated = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut inflated).expect("gzip");
    inflated
}

/// What Python writes, told by `script`, with `input` before it; `None`, with a visible line, where there is no Python.
pub(super) fn python(script: &str, input: &[u8]) -> Option<Vec<u8>> {
    let folder = tempfile_with(input);
    let output = std::process::Command::new("python3").arg("-c").arg(script).arg(&folder).output();
    std::fs::remove_file(&folder).ok();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(output.stdout)
        }
        Err(error) => {
            let line = format!("\nSKIPPED: a test against Python, for want of python3: {error}\n");
            std::io::stderr().write_all(line.as_bytes()).ok();
            None
        }
    }
}

fn tempfile_with(input: &[u8]) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("tidegate-python-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, input).expect("the file is written");
    path
}
