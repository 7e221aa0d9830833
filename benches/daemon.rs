//! The daemon as a whole against its limits, ratios side by side in one run: `cargo bench --bench daemon -- small`.
//!
//! ```text
//! small    [objects] [latency in ms]   objects of 1 KB, from SQS to staged batches, beside what the AWS SDK alone allows
//! requests [objects]                   requests by kind, against the least that so many objects need
//! large    [megabytes]                 one .gz object, wall time, against inflating it
//! commit   [rows]                      from a batch's cut to its commit on the sandbox, against bare COPY and MERGE
//! two      [objects]                   two processes against one, each on a core of its own
//! ```
//! All but `commit` need no sandbox: S3 and SQS are answered in this process (benches/daemon/stores.rs), so that a build with
//! `--no-default-features` measures them too. Nothing here asserts a time.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a bench")]

#[cfg(feature = "sandbox")]
#[path = "daemon/commit.rs"]
mod commit;
#[path = "daemon/large.rs"]
mod large;
#[path = "daemon/served.rs"]
mod served;
#[path = "daemon/small.rs"]
mod small;
#[path = "daemon/stores.rs"]
mod stores;
#[cfg(feature = "sandbox")]
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "daemon/two.rs"]
mod two;
mod workload;

fn main() {
    tidegate::memory::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize, otherwise: u64| arguments.get(at).map_or(otherwise, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        Some("small") => runtime.block_on(small::rate(number(1, 20_000), number(2, 0))),
        Some("requests") => runtime.block_on(small::requests(number(1, 20_000))),
        Some("large") => runtime.block_on(large::wall(number(1, 1_000))),
        Some("two") => runtime.block_on(two::processes(number(1, 200))),
        #[cfg(feature = "sandbox")]
        Some("commit") => runtime.block_on(commit::seconds(number(1, 10_000))),
        _ => println!("say which: the head of benches/daemon.rs lists them"),
    }
}

/// The CPU time of this process; see [`cpu_seconds_of`].
fn cpu_seconds() -> f64 {
    cpu_seconds_of("self")
}

/// The CPU time of all threads of a process, those that have ended too, in user and kernel mode.
fn cpu_seconds_of(process: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Behind the command, which may hold spaces; the 14th and 15th fields of all, in ticks of 10 ms, as Linux has them everywhere.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}
