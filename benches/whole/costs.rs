//! What checks, lineage and rejects cost: the same events with and without them, in turns, by the CPU time of the one thread that works.

use std::collections::HashSet;
use std::io::Read;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use flate2::bufread::MultiGzDecoder;
use tidegate::config::Pipeline;
use tidegate::model::{BatchId, ObjectEntry, StagedFormat};
use tidegate::pipeline::{Decoded, Offline};
use tidegate::schema::ColumnType;
use tidegate::stage::{LocalFile, Quarantine};

use crate::workload::{Events, Form, origin, pipeline};

const ROUNDS: usize = 7;

/// The columns of lineage, the last of a data file.
const LINEAGE: usize = 2;

/// Checks for columns that have none in events.toml; each holds for every event.
const MORE_CHECKS: [(&str, &str); 9] = [
    ("char(36)\", required", "char(36)\", pattern = \"^[0-9a-f-]{36}$\", required"),
    (
        "event_type  = { type",
        "event_type  = { one_of = [\"page_view\", \"click\", \"add_to_cart\", \"purchase\", \"search\", \"scroll\", \"login\", \"logout\"], type",
    ),
    ("user_id     = \"bigint\"", "user_id     = { type = \"bigint\", required = true, min = 1, max = 10000000 }"),
    (
        "session     = \"varchar(8)\"",
        "session     = { type = \"varchar(8)\", required = true, pattern = \"^[0-9a-f]{8}$\" }",
    ),
    ("sequence    = \"integer\"", "sequence    = { type = \"integer\", required = true, min = 0, max = 1000 }"),
    ("country     = \"char(2)\"", "country     = { type = \"char(2)\", required = true, pattern = \"^[A-Z]{2}$\" }"),
    ("price       = \"decimal(12,2)\"", "price       = { type = \"decimal(12,2)\", min = 0, max = 100000 }"),
    ("tax         = \"decimal(12,2)\"", "tax         = { type = \"decimal(12,2)\", min = 0, max = 100000 }"),
    ("is_new      = \"boolean\"", "is_new      = { type = \"boolean\", required = true }"),
];

/// One way of doing it.
struct Way {
    name: &'static str,
    offline: Offline,
    object: Vec<u8>,
    /// Whether rows keep their lineage and rejects their lines.
    kept: bool,
    seconds: Vec<f64>,
}

/// Full validation, lineage and quarantine against the bare decode into columns, each to Parquet.
pub fn checks(form: Form, events: u64) {
    let object = |bad| Events::new(form, 7, bad).gzip(events).0;
    let way = |name, pipeline, bad, kept| Way {
        name,
        offline: Offline::new(pipeline),
        object: object(bad),
        kept,
        seconds: Vec::new(),
    };
    let mut ways = [
        way("typed columns alone", unchecked(form), 0, false),
        way("with lineage", unchecked(form), 0, true),
        way("with lineage and the pipeline's checks", pipeline(form), 0, true),
        way("… and 0.1 % in quarantine", pipeline(form), 1, true),
    ]
    .into_iter()
    .chain((form == Form::JsonLines).then(|| way("… and a check on most columns", checked(), 1, true)))
    .collect::<Vec<_>>();
    println!("{form:?}: {events} events; medians of {ROUNDS} rounds");
    for (part, encode) in [("to Parquet", true), ("to columns, no Parquet", false)] {
        println!("  {part}");
        rounds(&mut ways, encode);
        table(&mut ways);
    }
}

/// 5 % bad lines against none, and whether each good one is still there.
pub fn bad(form: Form, events: u64) {
    let way = |name, bad| {
        let mut pipeline = pipeline(form);
        pipeline.rejects.max_rows = u64::MAX;
        pipeline.rejects.max_share = 1.0;
        let object = Events::new(form, 7, bad).gzip(events).0;
        Way { name, offline: Offline::new(pipeline), object, kept: true, seconds: Vec::new() }
    };
    let mut ways = vec![way("no bad line", 0), way("5 % bad lines", 50)];
    let lost = lost(&ways[0], &ways[1], form);
    println!("{form:?}: {events} events to Parquet, zstd 1; medians of {ROUNDS} rounds");
    rounds(&mut ways, true);
    table(&mut ways);
    println!("  {lost} good rows lost");
}

fn rounds(ways: &mut [Way], encode: bool) {
    ways.iter_mut().for_each(|way| way.seconds.clear());
    for _ in 0..ROUNDS {
        ways.iter_mut().for_each(|way| way.measure(encode));
    }
}

fn table(ways: &mut [Way]) {
    let mut first = None;
    for way in ways {
        way.seconds.sort_by(f64::total_cmp);
        let median = way.seconds[way.seconds.len() / 2];
        let against = median / *first.get_or_insert(median);
        println!("    {:40} {median:.3} s CPU, {:+5.1} %", way.name, (against - 1.0) * 100.0);
    }
}

/// Compares the rows with those of the object without bad lines, by the lines that are bad, which are counted here and not by intake.
fn lost(clean: &Way, dirty: &Way, form: Form) -> usize {
    let mark = if form == Form::Csv { ",many," } else { "\"quantity\":\"many\"" };
    let mut text = String::new();
    MultiGzDecoder::new(&dirty.object[..]).read_to_string(&mut text).unwrap();
    let lines = text.lines().skip(usize::from(form == Form::Csv));
    let bad: HashSet<i64> =
        (1..).zip(lines).filter(|(_, line)| line.contains(mark)).map(|(number, _)| number).collect();
    let (expected, found) = (clean.rows(), dirty.rows());
    assert!(found.iter().all(|(number, _)| !bad.contains(number)), "a bad line became a row");
    let found: HashSet<(i64, String)> = found.into_iter().collect();
    expected.into_iter().filter(|row| !bad.contains(&row.0) && !found.contains(row)).count()
}

impl Way {
    fn read(&self, mut each: impl FnMut(RecordBatch)) -> Decoded {
        let origin = origin();
        let decoded = self.offline.read(&origin, &self.object[..], |rows| {
            each(rows);
            Ok(())
        });
        decoded.unwrap()
    }

    /// The number and the first column of each row.
    fn rows(&self) -> Vec<(i64, String)> {
        let mut rows = Vec::new();
        self.read(|batch| {
            let ids = batch.column(0).as_string::<i32>();
            let numbers = batch.columns().last().unwrap().as_primitive::<Int64Type>();
            rows.extend(numbers.values().iter().zip(ids).map(|(number, id)| (*number, id.unwrap().to_owned())));
        });
        rows
    }

    fn measure(&mut self, encode: bool) {
        let schema = self.offline.schema();
        let own: Vec<usize> = (0..schema.fields().len() - if self.kept { 0 } else { LINEAGE }).collect();
        let before = thread_seconds();
        let schema = std::sync::Arc::new(schema.project(&own).unwrap());
        let nested = vec![false; own.len()];
        let mut file = LocalFile::new(schema, nested, StagedFormat::default(), std::io::sink()).unwrap();
        let decoded = self.read(|rows| {
            if encode {
                file.write(&rows.project(&own).unwrap()).unwrap();
            }
        });
        file.finish().unwrap();
        if self.kept {
            quarantine(&decoded);
        }
        self.seconds.push(thread_seconds() - before);
    }
}

fn quarantine(decoded: &Decoded) {
    let object = origin().object;
    let entry = ObjectEntry {
        id: "0".repeat(32),
        bucket: object.bucket,
        key: object.key,
        version: None,
        etag: object.etag,
        size: 0,
        sequencer: None,
        event_time: object.event_time,
        read: decoded.read,
        rejected: decoded.rejects.len() as u64,
        staged: decoded.staged,
        removal: None,
    };
    let mut quarantine = Quarantine::new("events");
    quarantine.add(BatchId::new(), &entry, &decoded.rejects).unwrap();
    quarantine.finish().unwrap();
}

/// The columns with nothing to hold but their types.
fn unchecked(form: Form) -> Pipeline {
    let mut pipeline = pipeline(form);
    for column in &mut pipeline.columns {
        column.required = false;
        (column.min, column.max) = (None, None);
        if matches!(column.column_type, ColumnType::Char(_) | ColumnType::Varchar(_)) {
            column.column_type = ColumnType::Varchar(u16::MAX);
        }
    }
    pipeline
}

/// The pipeline with a check on most columns.
fn checked() -> Pipeline {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    let path = folder.path().join("tidegate.toml");
    std::fs::write(&path, include_str!("../workload/tidegate.toml")).unwrap();
    let text = MORE_CHECKS.iter().fold(include_str!("../workload/events.toml").to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in events.toml");
        text.replace(from, to)
    });
    std::fs::write(folder.path().join("pipelines/events.toml"), text).unwrap();
    let config = tidegate::config::load(&path, &|name| std::env::var(name).ok());
    config.unwrap_or_else(|problems| panic!("{problems}")).pipelines.remove(0)
}

/// The CPU time of this thread, as the kernel counts it.
fn thread_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
