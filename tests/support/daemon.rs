//! The daemon as operators run it: the real binary, in a process of its own.
//!
//! ```ignore
//! let config = aws.configure(&Service::default(), &[PIPELINE]);
//! let mut daemon = Daemon::start(&aws, &config);                    // or Start::new(&aws, &config).role("load").kill_at("load.submitted").spawn()
//! // …
//! assert_eq!(daemon.metrics().await.value("tidegate_objects_total", &[("outcome", "staged")]), 1.0);
//! assert_eq!(daemon.terminate().await.code(), Some(0));
//! ```

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::sandbox::Aws;
use super::{LIMIT, eventually};

/// How a daemon is started.
pub struct Start {
    command: Command,
    log: PathBuf,
}

impl Start {
    /// `tidegate run --config …` with the endpoints of `aws` and nothing else of this process's AWS settings.
    pub fn new(aws: &Aws, config: &Path) -> Start {
        let mut command = tidegate(aws, "run", config);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let log = tempfile::Builder::new().prefix("daemon-").suffix(".log").tempfile_in(aws.folder()).unwrap();
        let (_, log) = log.keep().unwrap();
        Start { command, log }
    }

    /// With `--role`.
    pub fn role(mut self, role: &str) -> Start {
        self.command.args(["--role", role]);
        self
    }

    /// So that it dies by SIGKILL after a step of `tidegate::failpoint::STEPS`.
    pub fn kill_at(self, step: &str) -> Start {
        self.env("TIDEGATE_KILL_AT", step)
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Start {
        self.command.env(name, value);
        self
    }

    /// Starts it.
    pub fn spawn(mut self) -> Daemon {
        let child = self.command.stderr(File::create(&self.log).unwrap()).spawn().unwrap();
        Daemon { child, log: self.log }
    }
}

/// `tidegate <verb> --config …` with the endpoints of `aws` and nothing else of this process's AWS settings.
pub fn tidegate(aws: &Aws, verb: &str, config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["AWS_", "TIDEGATE_"].iter().any(|ours| name.starts_with(ours)) || name.to_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command
        .args([verb, "--config"])
        .arg(config)
        .env("AWS_ENDPOINT_URL_S3", &aws.endpoints.s3)
        .env("AWS_ENDPOINT_URL_SQS", &aws.endpoints.sqs)
        .env("AWS_ENDPOINT_URL_REDSHIFT_DATA", &aws.endpoints.redshift_data)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("NO_COLOR", "1")
        .env("TIDEGATE_LOG", "info,tidegate=debug,aws_config=warn");
    command
}

/// A daemon. When it is dropped it is killed, and where the test fails its log is shown.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// A daemon of both roles.
    pub fn start(aws: &Aws, config: &Path) -> Daemon {
        Start::new(aws, config).spawn()
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until its log has `text`.
    pub async fn until_logged(&self, text: &str) {
        eventually(LIMIT, &format!("{text:?} in the log"), async || self.log().contains(text)).await;
    }

    /// The most bytes that it had resident so far, by the kernel's count.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub async fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        eventually(limit, "the daemon's end", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_exit(LIMIT).await
    }

    /// Sends SIGKILL and waits for the end.
    pub async fn kill(&mut self) {
        self.signal("KILL");
        assert_eq!(self.wait_for_exit(LIMIT).await.signal(), Some(9));
    }

    /// Sends a signal, such as `TERM`, by the shell's own `kill`: the program of that name is not installed everywhere.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success(), "kill -{name}");
    }

    /// Asks it for a page, such as `/readyz`; gives status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address().await).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        tokio::time::timeout(LIMIT, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// What it exports to Prometheus.
    pub async fn metrics(&self) -> Metrics {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200, "{text}");
        Metrics(text)
    }

    /// The address of its pages, which it logs.
    async fn address(&self) -> SocketAddr {
        const MARK: &str = "serving metrics address=";
        self.until_logged(MARK).await;
        let log = self.log();
        let (_, after) = log.split_once(MARK).unwrap();
        after.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).ok();
        if std::thread::panicking() {
            println!("--- the daemon's log ---\n{}--- end of the daemon's log ---", self.log());
        }
    }
}

/// A scrape, in Prometheus' text format.
pub struct Metrics(pub String);

impl Metrics {
    /// The sum of the series of a metric that have all of these labels; 0 if there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let series = self.0.lines().filter(|line| {
            let of_metric = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            of_metric && labels.iter().all(|label| line.contains(label.as_str()))
        });
        series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }
}
