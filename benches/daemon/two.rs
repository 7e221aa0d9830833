//! Two processes against one, each on a core of its own, at work that the cores bound: large objects from stores that cost next to nothing.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use crate::cpu_seconds;
use crate::served::serve;
use crate::stores::Stores;
use crate::workload::{BAD_PER_THOUSAND, Events, Form};

/// Events of an object: about 7 MB of JSON.
const EVENTS: u64 = 10_000;

/// What a run took.
struct Took {
    /// From the first receipt to the last deletion.
    wall: f64,
    /// The CPU of the process that took most.
    most_cpu: f64,
    all_cpu: f64,
    stores_cpu: f64,
}

pub async fn processes(objects: u64) {
    let bodies: Vec<Bytes> =
        (0..4).map(|seed| Events::new(Form::JsonLines, seed, BAD_PER_THOUSAND).gzip(EVENTS).0.into()).collect();
    println!("{objects} objects of {EVENTS} events, {:.1} MB gzip each", bodies[0].len() as f64 / 1e6);
    for _ in 0..3 {
        let one = run(&bodies, objects, 1).await;
        let two = run(&bodies, objects, 2).await;
        println!(
            "  one {:.2} s wall, {:.2} s CPU; two {:.2} s wall, {:.2} s CPU the busier of {:.2}: {:.2} of the time by wall, {:.2} by CPU; stores {:.2} s CPU",
            one.wall,
            one.all_cpu,
            two.wall,
            two.most_cpu,
            two.all_cpu,
            two.wall / one.wall,
            two.most_cpu / one.most_cpu,
            two.stores_cpu,
        );
    }
}

async fn run(bodies: &[Bytes], objects: u64, processes: usize) -> Took {
    let stores = Stores::new(bodies.to_vec(), objects, Duration::ZERO);
    let address = serve(stores.clone()).await;
    let folder = configured(&format!("http://{address}"));
    let before = cpu_seconds();
    let mut daemons: Vec<Child> = (0..processes).map(|core| start(folder.path(), &address.to_string(), core)).collect();
    stores.until_deleted(objects).await;
    let wall = stores.since_first_receipt().as_secs_f64();
    let stores_cpu = cpu_seconds() - before;
    let cpu: Vec<f64> = daemons.iter().map(|daemon| crate::cpu_seconds_of(&daemon.id().to_string())).collect();
    for daemon in &mut daemons {
        daemon.kill().and_then(|()| daemon.wait()).unwrap();
    }
    assert_eq!(stores.staged().0, objects, "every object is staged once");
    Took { wall, most_cpu: cpu.iter().copied().fold(0.0, f64::max), all_cpu: cpu.iter().sum(), stores_cpu }
}

/// A folder with the workload's service and pipeline, at these stores; each object is a batch.
fn configured(endpoint: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    let service = include_str!("../workload/tidegate.toml").replace("http://127.0.0.1:1", endpoint);
    let service = format!("{service}\n[http]\nlisten = \"127.0.0.1:0\"\n");
    std::fs::write(folder.path().join("tidegate.toml"), service).unwrap();
    let pipeline = format!("{}\n[batch]\nmax_objects = 1\n", include_str!("../workload/events.toml"));
    std::fs::write(folder.path().join("pipelines/events.toml"), pipeline).unwrap();
    folder
}

fn start(folder: &Path, address: &str, core: usize) -> Child {
    let endpoint = format!("http://{address}");
    Command::new("taskset")
        .args(["--cpu-list", &core.to_string(), env!("CARGO_BIN_EXE_tidegate"), "run", "--role", "intake", "--config"])
        .arg(folder.join("tidegate.toml"))
        .env("AWS_ENDPOINT_URL_S3", &endpoint)
        .env("AWS_ENDPOINT_URL_SQS", &endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("TIDEGATE_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
