//! Every query of the dashboard and the alerts, asked of a real Prometheus that scrapes a running daemon.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::dashboards::queries;
use crate::skipped;

/// A child process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_query_is_answered_by_a_prometheus_that_scrapes_a_running_daemon() {
    if Command::new("prometheus").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "prometheus is not installed, and CI needs it");
        return skipped("prometheus is not installed (Debian: apt-get install prometheus), so no query was run");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_demo, metrics) = demo(folder.path());
    let (_prometheus, prometheus) = prometheus(folder.path(), metrics);

    let limit = Instant::now() + Duration::from_secs(90);
    loop {
        // Two samples of a committed load and of a parked message: then every rate has something to say.
        let loaded = ask(prometheus, "sum(increase(tidegate_loads_total{outcome=\"committed\"}[1m])) > 0");
        let parked = ask(prometheus, "sum(tidegate_queue_messages{queue=\"events_dlq\"}) > 0");
        if [&loaded, &parked].iter().all(|answer| series(answer) > 0) {
            break;
        }
        assert!(Instant::now() < limit, "nothing was loaded: {loaded} {parked}");
        std::thread::sleep(Duration::from_millis(500));
    }
    let mut silent = Vec::new();
    let queries = queries();
    assert!(queries.len() > 30, "only {} queries were found", queries.len());
    for (asked_by, query) in queries {
        let answer = ask(prometheus, &query);
        assert_eq!(answer["status"], "success", "{asked_by}: {query}: {answer}");
        // An alert is quiet while all is well; a panel must have something to show.
        if series(&answer) == 0 && !asked_by.starts_with("alert ") {
            silent.push(format!("{asked_by}: {query}"));
        }
    }
    assert!(silent.is_empty(), "no series for:\n{}", silent.join("\n"));
}

/// A demo with its producer, and the address of its metrics.
fn demo(folder: &std::path::Path) -> (Running, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args([
            "demo",
            "--objects",
            "6",
            "--rows-per-object",
            "300",
            "--listen",
            "127.0.0.1:0",
            "--metrics",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(folder.join("demo"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let running = Running(child);
    let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
        line.trim().strip_prefix("metrics")?.trim().strip_prefix("http://")?.strip_suffix("/metrics")?.parse().ok()
    });
    // Its output must be read on, or it would stop at a full pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (running, address.expect("the demo prints where its metrics are"))
}

fn prometheus(folder: &std::path::Path, metrics: SocketAddr) -> (Running, SocketAddr) {
    let listen = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let config = folder.join("prometheus.yml");
    let jobs = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: tidegate\n  static_configs: [{{targets: ['{metrics}']}}]\n"
    );
    std::fs::write(&config, jobs).expect("a temporary file");
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
        .arg(format!("--web.listen-address={listen}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus starts");
    (Running(child), listen)
}

/// Prometheus's answer to an instant query; null while it does not answer.
fn ask(prometheus: SocketAddr, query: &str) -> Value {
    let encoded: String = query
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let answer = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&prometheus, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: prometheus\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = answer().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or(Value::Null)
}

fn series(answer: &Value) -> usize {
    answer["data"]["result"].as_array().map_or(0, Vec::len)
}
