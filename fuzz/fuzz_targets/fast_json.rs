//! Arbitrary bytes as JSON lines, by the fast way where it can and by the exact way alone: the same rows and the same rejects.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidegate::model::{Codec, ObjectRef, Origin};
use tidegate::pipeline::Offline;

const SERVICE: &str = r#"
[queues]
events = "https://sqs.eu-west-1.amazonaws.com/123456789012/e"
events_dlq = "https://sqs.eu-west-1.amazonaws.com/123456789012/e-dlq"
loads = "https://sqs.eu-west-1.amazonaws.com/123456789012/l.fifo"
loads_dlq = "https://sqs.eu-west-1.amazonaws.com/123456789012/l-dlq.fifo"
[staging]
uri = "s3://staging/tidegate"
[warehouse]
workgroup = "w"
database = "dev"
iam_role = "default"
"#;

/// A column of every way in which the fast way reads values, by names of one letter, so that the fuzzer finds them.
const PIPELINE: &str = r#"
name = "fuzz"
freshness = "60s"
source = { bucket = "landing", key = "**", format = "json-lines" }
target = { table = "a.b", mode = "append" }
[rejects]
max_rows = 100000
max_share = 1.0
[columns]
a = "integer"
b = "boolean"
c = "char(3)"
d = { type = "decimal(7,3)", min = 0, max = 50 }
e = "double precision"
f = "real"
g = "date"
h = "timestamp"
i = { type = "timestamp", parse = "epoch-millis" }
j = { type = "date", parse = ["%d/%m/%Y"] }
k = "super"
l = { type = "varchar(9)", pattern = "^[a-c]*$" }
m = { type = "smallint", strict = true }
n = "bigint"
o = { from = "/p/q", type = "varchar(8)" }
r = { from = "a", type = "varchar(20)" }
s = "decimal(38,20)"
t = { type = "varchar(4)", required = true, default = "x" }
u = "timestamptz"
v = "time"
"#;

/// A rule that every row keeps. Rules look at a REAL before it is rounded to one, so that with column `f` beside it all records go the exact way.
const EXACTLY: &str = "[[rule]]\nname = \"any\"\nwhere = \"a IS NULL OR a IS NOT NULL\"\n";

static WAYS: LazyLock<[Offline; 2]> = LazyLock::new(|| [offline("fast", ""), offline("exact", EXACTLY)]);

fn offline(name: &str, more: &str) -> Offline {
    let folder = std::env::temp_dir().join(format!("tidegate-fuzz-{name}-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("pipelines")).expect("a folder");
    std::fs::write(folder.join("tidegate.toml"), SERVICE).expect("a file");
    std::fs::write(folder.join("pipelines/fuzz.toml"), format!("{PIPELINE}{more}")).expect("a file");
    let config = tidegate::config::load(&folder.join("tidegate.toml"), &|_| None);
    std::fs::remove_dir_all(&folder).expect("the folder was made");
    let mut pipeline = config.unwrap_or_else(|problems| panic!("{problems}")).pipelines.remove(0);
    // Else the first bytes may make the object another codec's.
    pipeline.source.compression = Some(Codec::Plain);
    Offline::new(pipeline)
}

static ORIGIN: LazyLock<Origin> = LazyLock::new(|| Origin {
    object: ObjectRef {
        bucket: "landing".to_owned(),
        key: "a".to_owned(),
        other_key: None,
        version: None,
        etag: None,
        size: Some(1),
        sequencer: None,
        event_time: "1970-01-01T00:00:00Z".parse().expect("a time"),
    },
    captures: Vec::new(),
});

fuzz_target!(|data: &[u8]| {
    let [fast, exact] = &*WAYS;
    let read = |way: &Offline| {
        let mut rows = Vec::new();
        let decoded = way.read(&ORIGIN, data, |piece| {
            rows.push(piece);
            Ok(())
        });
        (decoded.map_err(|error| error.to_string()), rows)
    };
    assert_eq!(read(fast), read(exact));
});
