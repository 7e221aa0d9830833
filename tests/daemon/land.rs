//! `tidegate land`: the real binary, from sources that break off, change and lie, into the sandbox's S3.

use std::process::{Output, Stdio};

use tokio::process::{Child, Command};

use crate::pipelines::APPEND;
use crate::support::daemon::tidegate;
use crate::support::http_server::{Answer, Served, Server};
use crate::support::sandbox::{Aws, LANDING, Service, gzip};
use crate::support::{LIMIT, eventually};

mod over_http;
mod postgres;
mod stored;

const TO: &str = "s3://landing/in/object";
const KEY: &str = "in/object";

/// `tidegate land`, with the least parts that S3 takes.
fn command(aws: &Aws, arguments: &[&str]) -> Command {
    let config = aws.configure(&Service::default(), &[APPEND]);
    let mut command = tidegate(aws, "land", &config);
    command.args(["--part-size", "5MiB"]).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    for name in
        ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT", "SSL_CERT_FILE"]
    {
        command.env_remove(name);
    }
    command.stderr(Stdio::piped());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

/// Runs it to its end.
async fn land(aws: &Aws, arguments: &[&str]) -> Output {
    ended(command(aws, arguments).spawn().unwrap()).await
}

async fn ended(child: Child) -> Output {
    tokio::time::timeout(LIMIT, child.wait_with_output()).await.expect("it ends").unwrap()
}

/// What it printed, having succeeded.
pub(crate) fn landed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it complained about, having failed.
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The value of a line of its report.
pub(crate) fn line<'a>(report: &'a str, name: &str) -> &'a str {
    report
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(name))
        .unwrap_or_else(|| panic!("{name}: {report}"))
        .trim()
}

/// Asserts that the bucket has nothing, parts of an upload included.
async fn assert_nothing(aws: &Aws) {
    assert_eq!(aws.keys(LANDING, "").await, [""; 0]);
    assert_no_upload(aws).await;
}

async fn assert_no_upload(aws: &Aws) {
    let uploads = aws.clients.s3.list_multipart_uploads().bucket(LANDING).send().await.unwrap();
    assert!(uploads.uploads.unwrap_or_default().is_empty(), "parts were left behind");
}

/// Bytes that no codec makes smaller; others for another seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; length];
    chance.fill(&mut bytes);
    bytes
}
