//! One large object: its wall time against that of inflating it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cpu_seconds;
use crate::small::intake;
use crate::stores::Stores;
use crate::workload::{BAD_PER_THOUSAND, Events, Form, inflate};

/// About the bytes of an event, as JSON.
const EVENT_BYTES: u64 = 810;

pub async fn wall(megabytes: u64) {
    let (object, length) = Events::new(Form::JsonLines, 7, BAD_PER_THOUSAND).gzip(megabytes * 1_000_000 / EVENT_BYTES);
    let object = Bytes::from(object);
    println!("one object of {:.0} MB, {:.0} MB gzip", length as f64 / 1e6, object.len() as f64 / 1e6);
    for _ in 0..3 {
        let (since, before) = (Instant::now(), cpu_seconds());
        assert_eq!(inflate(&object), length);
        let (alone, alone_cpu) = (since.elapsed().as_secs_f64(), cpu_seconds() - before);
        let before = cpu_seconds();
        let stores = Stores::new(vec![object.clone()], 1, Duration::ZERO);
        // The batch is closed as soon as it has the object.
        let whole = intake(&stores, 1, |pipeline| pipeline.batch.max_objects = 1).await.as_secs_f64();
        let cpu = cpu_seconds() - before;
        println!(
            "  inflate alone {alone:.2} s wall, {alone_cpu:.2} s CPU; intake to staged batch {whole:.2} s wall, {cpu:.2} s CPU: {:.2} of inflate by wall, {:.2} by CPU; {:.2} cores busy",
            alone / whole,
            alone_cpu / cpu,
            cpu / whole,
        );
    }
}
