//! Chaos: calls that fail, replies that are lost, messages that come twice and out of order, and a daemon that is killed again and
//! again. What is in the target at the end is computed here, from what was put.
//!
//! `TIDEGATE_CHAOS_SEEDS=500` runs so many seeds, `TIDEGATE_CHAOS_FIRST=17` begins at another; `TIDEGATE_CHAOS_OBJECTS` and
//! `TIDEGATE_CHAOS_KILLS` set the size of each. The seed that fails is named, and its logs are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Start;
use crate::support::eventually;
use crate::support::fault_proxy::{FaultProxy, Plan};
use crate::support::sandbox::{Aws, LANDING, Service, Setup, gzip, json_lines};

/// Of the calls to S3, SQS and the Data API, so many have a fault.
const FAULT_SHARE: f64 = 0.05;

/// The longest that the rest may take, when nobody kills the daemon any more.
const DRAIN: Duration = Duration::from_secs(180);

/// Small runs at the same time: each has a sandbox of its own, and mostly waits for messages to come again.
const AT_ONCE: usize = 4;

/// What one run is.
#[derive(Debug, Clone, Copy)]
struct Run {
    seed: u64,
    objects: usize,
    kills: usize,
}

/// What goes wrong elsewhere, row 20: a file is skipped for ever after one failure, or lost between two listings. Here every version
/// that S3 has is loaded, or parked because it cannot be read; the two sets are compared with S3's own listing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_20_five_hundred_objects_with_faults_and_thirty_kills_end_in_the_exact_target() {
    chaos(Run { seed: setting("FIRST", 1), objects: 500, kills: 30 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_runs_of_many_seeds_end_in_the_exact_target() {
    // The first is that of the full run.
    let seeds: Vec<u64> = (setting("FIRST", 1)..).skip(1).take(setting("SEEDS", 20) as usize - 1).collect();
    let (objects, kills) = (setting("OBJECTS", 60) as usize, setting("KILLS", 4) as usize);
    let began = Instant::now();
    for (at, together) in seeds.chunks(AT_ONCE).enumerate() {
        join_all(together.iter().map(|seed| chaos(Run { seed: *seed, objects, kills }))).await;
        println!(
            "{} of {} small runs are exact, after {:?}",
            at * AT_ONCE + together.len(),
            seeds.len(),
            began.elapsed()
        );
    }
}

fn setting(name: &str, default: u64) -> u64 {
    let name = format!("TIDEGATE_CHAOS_{name}");
    std::env::var(&name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// What was put, and what must come of it.
#[derive(Debug, Default)]
struct Expected {
    /// Every row of the table of appends: id, amount and note.
    appended: Vec<[String; 3]>,
    /// Of each id the newest row: `changed`, amount and note.
    newest: BTreeMap<i64, (i64, i64, String)>,
    /// Each object version that can be loaded, with its rejected records.
    loaded: usize,
    rejected: i64,
    /// The keys of objects that cannot be read.
    poison: BTreeSet<String>,
}

/// One object: its key and its body.
struct Object {
    key: String,
    body: Vec<u8>,
    again: bool,
}

impl Expected {
    /// A seeded object. Keys repeat, so that there are several versions of some; ids repeat, so that rows replace each other.
    fn add(&mut self, random: &mut Rng, number: usize, objects: usize) -> Object {
        let again = random.f64() < 0.2;
        if random.f64() < 0.02 || number == objects / 2 {
            let key = format!("in/poison-{number}.gz");
            let whole = gzip(json_lines((0..500).map(|id| json!({ "id": id }))).as_bytes());
            self.poison.insert(key.clone());
            return Object { key, body: whole[..whole.len() - 10].to_vec(), again };
        }
        let key = format!("in/{}.json.gz", random.usize(..objects));
        let mut lines = Vec::new();
        for row in 0..random.i64(0..12) {
            let id = random.i64(0..objects as i64 * 2);
            // No two rows of an id are equally new: the order of arrival must not matter.
            let changed = random.i64(0..1_000_000) * 1_000_000 + number as i64 * 100 + row;
            let (amount, note) = (random.i64(-1_000..1_000), format!("{number}/{row}"));
            lines.push(json!({ "id": id, "amount": amount, "note": note, "changed": changed }));
            self.appended.push([id.to_string(), amount.to_string(), note.clone()]);
            let newest = self.newest.entry(id).or_insert((-1, 0, String::new()));
            *newest = newest.clone().max((changed, amount, note));
        }
        if random.f64() < 0.1 {
            lines.insert(random.usize(..=lines.len()), json!({ "id": "none" }));
            self.rejected += 1;
        }
        self.loaded += 1;
        Object { key, body: gzip(json_lines(lines).as_bytes()), again }
    }
}

/// One run, from the first object to the comparison.
async fn chaos(run: Run) {
    // Each kill spends a receipt of all that was in flight: SQS itself must not park what is innocent.
    let aws = Aws::with(Setup { versioned: true, max_receives: 1_000, ..Setup::default() }).await;
    let _log = KeptLog { run, folder: aws.folder().to_owned() };
    let proxy = FaultProxy::start(&aws.endpoints.s3, Plan::Seeded { seed: run.seed, share: FAULT_SHARE }).await;
    let config = aws.configure(&Service { visibility: "5s", ..Service::default() }, &[APPEND, UPSERT]);
    let start = || proxy.before(Start::new(&aws, &config)).spawn();
    let mut expected = Expected::default();
    let mut objects = Rng::with_seed(run.seed);
    let mut instants = Rng::with_seed(!run.seed);
    let lives: Vec<Duration> = (0..run.kills).map(|_| Duration::from_millis(instants.u64(100..2_500))).collect();
    // As long as the daemon is killed there is work for it.
    let pace = lives.iter().sum::<Duration>() / run.objects as u32;

    let putting = async {
        let mut paces = tokio::time::interval(pace);
        for number in 0..run.objects {
            paces.tick().await;
            let Object { key, body, again } = expected.add(&mut objects, number, run.objects);
            aws.put(&key, body).await;
            if again {
                announce_again(&aws, &key).await;
            }
            if number == run.objects / 3 {
                aws.send_event("not a notification").await;
            }
        }
    };
    let killing = async {
        for life in &lives {
            let mut daemon = start();
            tokio::time::sleep(*life).await;
            assert!(daemon.ended().is_none(), "seed {}: it ended by itself:\n{}", run.seed, daemon.log());
            daemon.kill().await;
        }
    };
    tokio::join!(putting, killing);

    let mut daemon = start();
    let parked = expected.poison.len() + 1;
    let what = format!("seed {}: all loaded or parked, both queues empty", run.seed);
    eventually(DRAIN, &what, async || {
        assert_eq!(aws.depth(&aws.queues.loads_dlq).await, 0, "{run:?}: {:#?}", aws.take(&aws.queues.loads_dlq).await);
        let mut done = true;
        for pipeline in ["numbers", "latest"] {
            done = done && aws.loaded(pipeline).await >= expected.loaded as u64;
        }
        done && aws.depth(&aws.queues.events).await == 0
            && aws.depth(&aws.queues.loads).await == 0
            && aws.depth(&aws.queues.events_dlq).await >= parked as u64
    })
    .await;
    assert!(daemon.ended().is_none(), "seed {}: it ended by itself", run.seed);
    compare(&aws, run, &mut expected).await;
    let injected: u64 = proxy.injected().values().sum();
    let [staged, batches] =
        ["SUM(objects)", "COUNT(*)"].map(|sum| format!("SELECT {sum} FROM tidegate.batches_numbers"));
    println!(
        "{run:?}: {} calls, {injected} faults; {} objects loaded, staged {} times, in {} batches",
        proxy.all_calls(),
        expected.loaded,
        aws.number(&staged).await,
        aws.number(&batches).await
    );
    assert!(injected > 0, "{run:?}");
}

/// Another message for the newest version of an object, as S3 may send it.
async fn announce_again(aws: &Aws, key: &str) {
    let record = aws.record(key, "2026-11-21T08:00:00.000Z", Some("00")).await;
    aws.send_event(&json!({ "Records": [record] }).to_string()).await;
}

async fn compare(aws: &Aws, run: Run, expected: &mut Expected) {
    let mut appended = aws.rows("SELECT id, amount, note FROM app.numbers").await;
    appended.sort();
    expected.appended.sort();
    assert_same("appended", run, &appended, &expected.appended.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
    let newest = expected.newest.iter().map(|(id, (changed, amount, note))| {
        vec![id.to_string(), changed.to_string(), amount.to_string(), note.clone()]
    });
    let latest = aws.rows("SELECT id, changed, amount, note FROM app.latest ORDER BY id").await;
    assert_same("latest", run, &latest, &newest.collect::<Vec<_>>());

    let versions = versions(aws, &expected.poison).await;
    for pipeline in ["numbers", "latest"] {
        let objects = format!("SELECT object_key, version_id FROM tidegate.objects_{pipeline}");
        let mut loaded = aws.rows(&objects).await;
        loaded.sort();
        assert_same("the ledger", run, &loaded, &versions);
        assert_eq!(loaded.len(), expected.loaded, "{run:?}");
        let counts = format!("SELECT SUM(rows_read), SUM(rows_rejected) FROM tidegate.objects_{pipeline}");
        let read = expected.appended.len() as i64 + expected.rejected;
        assert_eq!(aws.rows(&counts).await, [[read.to_string(), expected.rejected.to_string()]], "{run:?}");
        aws.assert_balanced(pipeline).await;
    }

    // A message may be parked twice, when the reply of parking it was lost; nothing else may be there.
    let mut parked = BTreeSet::new();
    let mut malformed = 0;
    for message in aws.take(&aws.queues.events_dlq).await {
        assert_eq!(message.get("fault"), "poison", "{run:?}: {message:?}");
        match serde_json::from_str::<Value>(&message.body) {
            Ok(body) => parked.insert(body["Records"][0]["s3"]["object"]["key"].as_str().unwrap().to_owned()),
            Err(_) => {
                malformed += 1;
                false
            }
        };
    }
    assert_eq!(parked, expected.poison, "{run:?}");
    assert!(malformed > 0, "{run:?}: what is no notification is parked too");
    assert_eq!(aws.depth(&aws.queues.loads_dlq).await, 0, "{run:?}: {:#?}", aws.take(&aws.queues.loads_dlq).await);
}

/// Key and version of all that S3 has and can be read, in order.
async fn versions(aws: &Aws, poison: &BTreeSet<String>) -> Vec<Vec<String>> {
    let mut versions = Vec::new();
    let (mut key, mut version) = (None, None);
    loop {
        let list = aws.clients.s3.list_object_versions().bucket(LANDING);
        let page = list.set_key_marker(key).set_version_id_marker(version).send().await.unwrap();
        let listed = page.versions.unwrap_or_default().into_iter();
        versions.extend(listed.map(|object| vec![object.key.unwrap(), object.version_id.unwrap()]));
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
        if page.is_truncated != Some(true) {
            break;
        }
    }
    versions.retain(|version| !poison.contains(&version[0]));
    versions.sort();
    versions
}

/// Shows the first that differs: all would help nobody.
fn assert_same(what: &str, run: Run, found: &[Vec<String>], expected: &[Vec<String>]) {
    let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert!(differs.is_none(), "{run:?}: {what} differs (found, expected): {differs:?}");
    assert_eq!(found.len(), expected.len(), "{run:?}: {what}: rows");
}

/// Keeps the logs of a run that fails.
struct KeptLog {
    run: Run,
    folder: PathBuf,
}

impl Drop for KeptLog {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}", self.run.seed));
        std::fs::create_dir_all(&kept).ok();
        for file in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|extension| extension == "log") {
                std::fs::copy(file.path(), kept.join(file.file_name())).ok();
            }
        }
        println!(
            "{:?} failed; again with TIDEGATE_CHAOS_FIRST={}; logs in {}",
            self.run,
            self.run.seed,
            kept.display()
        );
    }
}
