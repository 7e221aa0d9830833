//! What must hold for any object: of a format of text, reads of any size give the same records, and offsets lead back to them; of a format
//! of columns, the object is read or refused as a whole, each record of it once.
#![allow(dead_code, reason = "each target uses its own part")]

use std::io::Read;
use std::panic::{self, PanicHookInfo};
use std::sync::{Once, OnceLock};

use tidegate::config::{Format, Source};
use tidegate::decode::{Input, decode};
use tidegate::error::{ErrorKind, Result};
use tidegate::model::{Extra, FieldIndex, Place, Raw, RecordSink, Rule, Value};

/// The least that the service and a pipeline can say; the format is set afterwards.
const SERVICE: &str = r#"
[queues]
events = "https://sqs.eu-west-1.amazonaws.com/123456789012/events"
events_dlq = "https://sqs.eu-west-1.amazonaws.com/123456789012/events-dlq"
loads = "https://sqs.eu-west-1.amazonaws.com/123456789012/loads.fifo"
loads_dlq = "https://sqs.eu-west-1.amazonaws.com/123456789012/loads-dlq.fifo"
[staging]
uri = "s3://staging/etl"
[warehouse]
workgroup = "etl"
database = "dev"
iam_role = "default"
"#;

const PIPELINE: &str = r#"
name = "p"
freshness = "5m"
source = { bucket = "landing", key = "**", format = "json-lines" }
columns = { id = "bigint" }
target = { table = "raw.p", mode = "append" }
"#;

/// A source of objects of this format, with records of at most `most` bytes.
pub fn source(format: Format, most: usize) -> Source {
    static KNOWN: OnceLock<Source> = OnceLock::new();
    Source { format, max_record_bytes: most, ..KNOWN.get_or_init(known).clone() }
}

fn known() -> Source {
    let folder = std::env::temp_dir().join(format!("tidegate-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("pipelines")).expect("a folder");
    std::fs::write(folder.join("tidegate.toml"), SERVICE).expect("a file");
    std::fs::write(folder.join("pipelines/p.toml"), PIPELINE).expect("a file");
    let config = tidegate::config::load(&folder.join("tidegate.toml"), &|_| None).expect("valid");
    std::fs::remove_dir_all(&folder).ok();
    config.pipelines.into_iter().next().expect("one").source
}

struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(self.1);
        self.0.read(&mut into[..most])
    }
}

#[derive(Default)]
struct Kept(Vec<(Place, Vec<u8>, String)>);

impl RecordSink for Kept {
    fn record(&mut self, place: Place, raw: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        self.0.push((place, raw.first(usize::MAX), format!("{slots:?}{extras:?}")));
        Ok(())
    }

    fn refuse(&mut self, place: Place, raw: Raw<'_>, rule: Rule, message: String) -> Result<()> {
        self.0.push((place, raw.first(usize::MAX), format!("{rule:?}{message}")));
        Ok(())
    }
}

fn index() -> FieldIndex {
    let mut index = FieldIndex::new();
    index.insert("a");
    index.insert_path(&["b", "0", "c"]);
    index.with_extras()
}

/// Lets the panics of the crates that read Parquet and ORC go where our reader catches them; one that nothing catches still ends the process.
pub fn allow_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let theirs = |info: &PanicHookInfo<'_>| info.location().is_some_and(|at| at.file().contains("/registry/src/"));
        panic::set_hook(Box::new(move |info| {
            if !theirs(info) {
                eprintln!("{info}");
            }
        }));
    });
}

/// Reads an object of a format of columns: its records are numbered from 1 without a gap, or the object is refused.
pub fn check_columns<'i>(format: Format, mut input: impl FnMut() -> Input<'i>) {
    let source = source(format, 4_096);
    let index = index();
    let mut run = || {
        let mut kept = Kept::default();
        let read = decode(&source, &index, input(), &mut kept).map_err(|error| (error.kind(), error.to_string()));
        (kept.0, read)
    };
    let (kept, read) = run();
    assert!(matches!(read, Ok(_) | Err((ErrorKind::Corrupt | ErrorKind::TooLarge, _))), "{read:?}");
    assert!(kept.iter().zip(1..).all(|((place, ..), number)| place.record == number));
    assert_eq!((kept, read), run(), "a second read gives something else");
}

/// Reads `data` whole, and in pieces of `piece` bytes.
pub fn check(source: &Source, piece: usize, data: &[u8]) {
    let index = index();
    let run = |piece: usize| {
        let mut kept = Kept::default();
        let input = Input::Stream(Box::new(Pieces(data, piece)));
        let read = decode(source, &index, input, &mut kept).map_err(|error| error.to_string());
        (kept.0, read)
    };
    let whole = run(usize::MAX);
    assert_eq!(whole, run(piece), "the split changes something");
    if data.starts_with(b"\xff\xfe") || data.starts_with(b"\xfe\xff") {
        // UTF-16 by its mark: what is kept of a record is UTF-8.
        return;
    }
    let mut end = 0;
    for ((place, raw, _), number) in whole.0.iter().zip(1..) {
        let offset = place.offset.expect("known") as usize;
        assert!(offset >= end && data[offset..].starts_with(raw), "{place:?}");
        assert_eq!(place.record, number);
        end = offset + raw.len();
    }
}
