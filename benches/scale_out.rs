//! How much more several processes load than one: the same objects, on a sandbox over a native PostgreSQL, by one process of both
//! roles and by two intake and two load processes.
//!
//! `cargo bench --bench scale_out`; with `--profile dev` it measures the build that the tests use. `OBJECTS` and `ROWS` change the
//! sizes. What it prints is a ratio of two runs side by side: all processes, the sandbox and PostgreSQL share this machine's cores,
//! so that it shows what sharing costs rather than what more machines bring.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

#[cfg(not(feature = "sandbox"))]
fn main() {}

#[cfg(feature = "sandbox")]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(feature = "sandbox")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(bench::run());
}

#[cfg(feature = "sandbox")]
mod bench {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use crate::support::daemon::Start;
    use crate::support::eventually;
    use crate::support::postgres::Server;
    use crate::support::sandbox::{Aws, Service, Setup};

    const PIPELINES: usize = 3;
    const LIMIT: Duration = Duration::from_secs(300);

    fn pipeline(number: usize) -> String {
        format!(
            "name = \"p{number}\"\nfreshness = \"2s\"\n[source]\nbucket = \"landing\"\nkey = \"in/{number}/**\"\nformat = \"json-lines\"\n\
             [columns]\nid = {{ type = \"bigint\", required = true }}\namount = \"integer\"\nnote = \"varchar(64)\"\n\
             [target]\ntable = \"app.t{number}\"\nmode = \"append\"\ncreate = true\n"
        )
    }

    pub(crate) async fn run() {
        let size = |name: &str, otherwise: i64| {
            std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
        };
        let (objects, rows) = (size("OBJECTS", 120), size("ROWS", 4_000));
        println!("{objects} objects of {rows} rows for {PIPELINES} pipelines");
        let mut rates = Vec::new();
        for roles in [&["all"][..], &["intake", "intake", "load", "load"]] {
            let Some(took) = measure(roles, objects, rows).await else { return };
            let rate = (objects * rows) as f64 / took.as_secs_f64();
            println!("{}: {:.1} s, {rate:.0} rows/s", roles.join(" + "), took.as_secs_f64());
            rates.push(rate);
        }
        println!("four processes load {:.2} times what one does", rates[1] / rates[0]);
    }

    /// The time from the start of the processes until every row is committed; it asserts that each is there once.
    async fn measure(roles: &[&str], objects: i64, rows: i64) -> Option<Duration> {
        let server = Server::start()?;
        let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
        let pipelines: Vec<String> = (0..PIPELINES).map(pipeline).collect();
        let config = aws.configure(&Service::default(), &pipelines.iter().map(String::as_str).collect::<Vec<_>>());
        for object in 0..objects {
            let lines = (object * rows..(object + 1) * rows)
                .map(|id| json!({ "id": id, "amount": id % 1_000, "note": format!("note of {id}") }));
            aws.put_rows(&format!("in/{}/{object}.gz", object as usize % PIPELINES), lines).await;
        }
        let since = Instant::now();
        let _daemons: Vec<_> = roles.iter().map(|role| Start::new(&aws, &config).role(role).spawn()).collect();
        let mut loaded = [0; PIPELINES];
        eventually(LIMIT, "all is loaded", async || {
            for (number, loaded) in loaded.iter_mut().enumerate() {
                *loaded = aws.loaded(&format!("p{number}")).await;
            }
            loaded.iter().sum::<u64>() >= objects as u64
        })
        .await;
        let took = since.elapsed();
        let mut all = 0;
        for number in 0..PIPELINES {
            let count = format!("SELECT COUNT(*), COUNT(DISTINCT id) FROM app.t{number}");
            let counts = aws.rows(&count).await.remove(0);
            assert_eq!(counts[0], counts[1], "a row came twice");
            all += counts[0].parse::<i64>().unwrap();
        }
        assert_eq!(all, objects * rows);
        Some(took)
    }
}
