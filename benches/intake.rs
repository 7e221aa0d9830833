//! Intake from gzip to typed rows, against inflate alone, in one run: `cargo bench --no-default-features --bench intake`.
//!
//! CPU time of the one thread that works, by the kernel's count, so that other work on the machine does not enter it; the best of several
//! rounds in turns. `TIDEGATE_BENCH_EVENTS` and `TIDEGATE_BENCH_ROUNDS` change the size; `TIDEGATE_BENCH_FORM` picks `json-lines` or `csv`.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a bench")]

mod workload;

use tidegate::pipeline::Offline;
use workload::{BAD_PER_THOUSAND, Events, Form, inflate, origin, pipeline};

fn main() {
    tidegate::memory::keep_freed();
    let setting = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let events = setting("TIDEGATE_BENCH_EVENTS", 100_000);
    let rounds = setting("TIDEGATE_BENCH_ROUNDS", 5);
    let forms = match std::env::var("TIDEGATE_BENCH_FORM").as_deref() {
        Ok("json-lines") => vec![Form::JsonLines],
        Ok("csv") => vec![Form::Csv],
        Ok(other) => panic!("{other} is neither json-lines nor csv"),
        Err(_) => vec![Form::JsonLines, Form::Csv],
    };
    for form in forms {
        compare(form, events, rounds);
    }
}

/// One thing measured: its name, and its best CPU time in seconds.
struct Measured {
    name: &'static str,
    seconds: f64,
}

fn compare(form: Form, events: u64, rounds: u64) {
    let (object, length) = Events::new(form, 7, BAD_PER_THOUSAND).gzip(events);
    let (clean, clean_length) = Events::new(form, 7, 0).gzip(events);
    let (dirty, dirty_length) = Events::new(form, 7, 50).gzip(events);
    let mut tolerant = pipeline(form);
    tolerant.rejects.max_rows = 1_000_000;
    let offline = Offline::new(tolerant);
    let origin = origin();
    let mut results: Vec<Measured> = Vec::new();
    let mut best = |name: &'static str, work: &mut dyn FnMut()| {
        let before = cpu_seconds();
        work();
        let seconds = cpu_seconds() - before;
        match results.iter_mut().find(|measured| measured.name == name) {
            Some(measured) => measured.seconds = measured.seconds.min(seconds),
            None => results.push(Measured { name, seconds }),
        }
    };
    let typed = |object: &[u8]| {
        let mut rows = 0;
        let decoded = offline.read(&origin, object, |piece| {
            rows += piece.num_rows() as u64;
            Ok(())
        });
        let decoded = decoded.unwrap();
        assert_eq!((decoded.read, decoded.staged), (events, rows));
        assert_eq!(decoded.rejects.len() as u64, events - rows);
    };
    for _ in 0..rounds {
        best("inflate alone", &mut || assert_eq!(inflate(&object), length));
        best("typed, checked, rejects; no writer", &mut || typed(&object));
        best("the same, no bad line", &mut || typed(&clean));
        best("the same, 5 % bad lines", &mut || typed(&dirty));
    }
    println!(
        "{form:?}: {events} events, {:.0} MB, {:.0} MB gzip; bad lines 0.1 %",
        mb(length),
        mb(object.len() as u64)
    );
    let inflate = results[0].seconds;
    for Measured { name, seconds } in &results {
        let bytes = match *name {
            "the same, no bad line" => clean_length,
            "the same, 5 % bad lines" => dirty_length,
            _ => length,
        };
        println!(
            "  {name:36} {:6.3} s CPU  {:6.0} MB/s  {:.2} of inflate",
            seconds,
            mb(bytes) / seconds,
            inflate / seconds
        );
    }
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The CPU time of this thread, as the kernel counts it.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
