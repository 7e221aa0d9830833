//! Our side of benches/peers: a folder of gzip objects, read, typed, checked and written as Parquet, with no service about it.
//!
//! ```text
//! whole generate {json-lines|csv} {folder} {megabytes} {bad lines per thousand}
//! whole run      {json-lines|csv} {folder} {folder of Parquet} {threads}
//! ```
//! Each prints one line of JSON. Two more stand alone and print tables, of {events} events each:
//! ```text
//! whole checks   {json-lines|csv} {events}     what checks, lineage and quarantine cost beside the bare decode
//! whole bad      {json-lines|csv} {events}     what 5 % bad lines cost, and whether a good one is lost
//! ```
//! Objects are read by [`Offline`] as intake reads them; each thread writes one file, by the encoder of
//! staging. CPU time is the process's, by the kernel's count, over the work alone; the peers' scripts measure the same way.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a bench")]

#[path = "whole/costs.rs"]
mod costs;
mod workload;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use tidegate::pipeline::Offline;
use workload::{Form, Written, origin, pipeline, write_objects};

/// An object's bytes before compression, about.
const OBJECT_BYTES: u64 = 16 << 20;

fn main() {
    tidegate::memory::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let line = match arguments[..] {
        ["generate", form, folder, megabytes, bad] => {
            let total = megabytes.parse::<u64>().unwrap() * 1_000_000;
            let Written { objects, events, bytes, stored } =
                write_objects(Path::new(folder), form_of(form), bad.parse().unwrap(), total, OBJECT_BYTES);
            json!({ "objects": objects, "events": events, "bytes": bytes, "stored": stored })
        }
        ["run", form, from, to, threads] => {
            run(form_of(form), Path::new(from), Path::new(to), threads.parse().unwrap())
        }
        ["checks", form, events] => return costs::checks(form_of(form), events.parse().unwrap()),
        ["bad", form, events] => return costs::bad(form_of(form), events.parse().unwrap()),
        _ => {
            println!("started by benches/peers/run.py; the head of benches/whole.rs says how");
            return;
        }
    };
    println!("{line}");
}

fn form_of(name: &str) -> Form {
    match name {
        "json-lines" => Form::JsonLines,
        "csv" => Form::Csv,
        _ => panic!("{name} is neither json-lines nor csv"),
    }
}

fn run(form: Form, from: &Path, to: &Path, threads: usize) -> serde_json::Value {
    std::fs::create_dir_all(to).unwrap();
    let mut pipeline = pipeline(form);
    pipeline.rejects.max_rows = u64::MAX;
    let offline = Offline::new(pipeline);
    let mut objects: Vec<PathBuf> = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    objects.sort();
    let next = AtomicUsize::new(0);
    let (since, before) = (Instant::now(), cpu_seconds());
    let counts: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let (offline, objects, next) = (&offline, &objects, &next);
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || one_thread(offline, objects, next, &to.join(format!("{thread}.parquet"))))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    json!({
        "peer": "tidegate",
        "cpu": cpu_seconds() - before,
        "wall": since.elapsed().as_secs_f64(),
        "rss": peak_resident(),
        "rows": counts.iter().map(|(rows, _)| rows).sum::<u64>(),
        "rejected": counts.iter().map(|(_, rejected)| rejected).sum::<u64>(),
    })
}

/// Reads the next objects until there are none; gives the rows written and the records rejected.
fn one_thread(offline: &Offline, objects: &[PathBuf], next: &AtomicUsize, to: &Path) -> (u64, u64) {
    let origin = origin();
    let mut file = offline.data_file(File::create(to).unwrap()).unwrap();
    let mut rejected = 0;
    while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
        let stored = BufReader::new(File::open(object).unwrap());
        let decoded = offline.read(&origin, stored, |rows| file.write(&rows)).unwrap();
        rejected += decoded.rejects.len() as u64;
    }
    (file.finish().unwrap().1, rejected)
}

/// The CPU time of all threads of this process, those that have ended too, in user and kernel mode.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the command, which may hold spaces; the 14th and 15th fields of all, in ticks of 10 ms, as Linux has them everywhere.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// The most that this process had resident, in bytes.
fn peak_resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
