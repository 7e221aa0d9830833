//! The pipelines of these tests, and the folders of `pipelines/`, each loaded as it is.

use std::path::{Path, PathBuf};

use crate::support::daemon::{Daemon, Start};
use crate::support::sandbox::{Aws, s3_event};

mod bestsellers;
mod bestsellers_2018;
mod landed;
mod retail;
mod retail_all;
mod showcase;
mod sparkify;
mod sparkify_variants;
mod supplier;
mod supplier_all;

/// A copy of a folder of `pipelines/` in which a batch collects for less than a second; gives the path of its `tidegate.toml`.
fn shipped(aws: &Aws, name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines").join(name);
    let folder = aws.folder().join(name);
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            continue; // cases of `tidegate test`
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        std::fs::write(folder.join(entry.file_name()), text.replace("freshness = \"10s\"", "freshness = \"1s\""))
            .unwrap();
    }
    folder.join("tidegate.toml")
}

/// A daemon with such a folder's configuration, and the environment that its `tidegate.toml` asks for.
fn run(aws: &Aws, config: &Path) -> Daemon {
    let queues = aws.queues.events.strip_suffix("/tidegate-events").unwrap();
    Start::new(aws, config).env("TIDEGATE_QUEUES", queues).env("TIDEGATE_LISTEN", "127.0.0.1:0").spawn()
}

/// Puts an object of which the event comes twice; objects with a greater `at` are newer. The bucket itself must not announce it.
async fn put_announced_twice(aws: &Aws, key: &str, body: Vec<u8>, at: usize) {
    aws.put(key, body).await;
    let time = format!("2026-11-21T{:02}:{:02}:00.000Z", 8 + at / 60, at % 60);
    let event = s3_event(&[aws.record(key, &time, Some(&format!("{at:08X}"))).await]);
    for _ in 0..2 {
        aws.send_event(&event).await;
    }
}

/// Appends `in/**` to `app.numbers`.
pub(crate) const APPEND: &str = r#"
name = "numbers"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
amount = "integer"
note = "varchar(64)"
[target]
table = "app.numbers"
mode = "append"
create = true
"#;

/// Keeps the newest row of each `id` of `in/**` in `app.latest`; newer is told by `changed`.
pub(crate) const UPSERT: &str = r#"
name = "latest"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
amount = "integer"
note = "varchar(64)"
changed = "bigint"
[target]
table = "app.latest"
mode = "upsert"
key = ["id"]
newest_by = ["changed"]
create = true
"#;
