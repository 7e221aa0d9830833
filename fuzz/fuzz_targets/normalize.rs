//! Arbitrary JSON text as a record of columns of every type and key: a row of cells that fit their columns, or a reject with its rule.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidegate::decode::json_object;
use tidegate::model::{ObjectRef, Origin};
use tidegate::normalize::{Plan, Rows};

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

/// Names of one letter, so that the fuzzer finds them.
const PIPELINE: &str = r#"
name = "fuzz"
freshness = "60s"
source = { bucket = "landing", key = "**", format = "json-lines", on_unknown_field = "rescue" }
target = { table = "a.b", mode = "append" }
[[rule]]
name = "any"
where = "a * c > 0 OR e LIKE '%x_%' OR g > '2000-01-01' OR coalesce(d, a) / 2.5e0 < d"
[columns]
a = "integer"
b = { type = "smallint", strict = true, min = -5, max = 5 }
c = "decimal(38,20)"
d = { type = "double precision", non_finite = true }
e = { type = "varchar(9)", trim = true, lower = true, truncate = true, strip_nul = true, null_values = ["x"] }
f = { type = "char(3)", one_of = ["abc", ""], default = "abc" }
g = { type = "date", parse = ["%Y-%m-%d", "%d.%m.%y"] }
h = { type = "timestamp", time_zone = "Europe/Berlin" }
i = { type = "timestamptz", parse = "epoch-millis" }
j = "time"
k = "timetz"
l = { type = "varbyte(5)", parse = "base64" }
m = "interval year to month"
n = "interval day to second"
o = { type = "super", split = "," }
p = { type = "varchar(20)", mask = "last4", pattern = "^.+$" }
q = { from = "/o/q/0", type = "real" }
r = "boolean"
"#;

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("tidegate-fuzz-normalize-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("pipelines")).expect("a folder");
    std::fs::write(folder.join("tidegate.toml"), SERVICE).expect("a file");
    std::fs::write(folder.join("pipelines/fuzz.toml"), PIPELINE).expect("a file");
    let config = tidegate::config::load(&folder.join("tidegate.toml"), &|_| None);
    std::fs::remove_dir_all(&folder).expect("the folder was made");
    Plan::new(&config.unwrap_or_else(|problems| panic!("{problems}")).pipelines[0])
});

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

fuzz_target!(|record: &str| {
    let mut slots = Vec::new();
    let Ok(extras) = json_object(record, PLAN.fields(), &mut slots) else { return };
    let mut cells = Vec::new();
    if PLAN.row(&slots, &ORIGIN, &extras, &mut cells).is_ok() {
        let mut rows = Rows::new(Rows::schema(PLAN.columns()), "0".to_owned());
        rows.push(&cells, 1);
        let batch = rows.take().expect("cells of a row fit their columns");
        // A cell of another kind than its column's would have become a null.
        for (array, cell) in batch.columns().iter().zip(&cells) {
            assert_eq!(array.is_null(0), *cell == tidegate::schema::value::Cell::Null);
        }
    }
});
