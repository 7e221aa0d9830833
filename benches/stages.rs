//! Each stage of intake by itself, on one object of the workload: `cargo bench --no-default-features --bench stages`.
//!
//! Throughput counts the object's bytes before compression, for every stage, so that the columns compare; divan's times are wall times,
//! which other work on the machine lengthens: what counts CPU time alone is benches/intake.rs.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a bench")]

mod workload;

use std::io::Read;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use flate2::bufread::MultiGzDecoder;
use tidegate::config::{Pipeline, RowRule};
use tidegate::decode::{Input, decode};
use tidegate::error::Result;
use tidegate::model::{Codec, Extra, Place, Raw, RecordSink, Rule, Value};
use tidegate::normalize::Plan;
use tidegate::pipeline::Offline;
use tidegate::schema::condition::{Condition, Operand};
use workload::{BAD_PER_THOUSAND, Events, Form, origin, pipeline};

const EVENTS: u64 = 20_000;

fn main() {
    divan::main();
}

/// An object of the workload.
struct Object {
    stored: Vec<u8>,
    plain: Vec<u8>,
    form: Form,
}

impl Object {
    fn new(form: Form) -> Self {
        let (stored, _) = Events::new(form, 7, BAD_PER_THOUSAND).gzip(EVENTS);
        let mut plain = Vec::new();
        MultiGzDecoder::new(&stored[..]).read_to_end(&mut plain).unwrap();
        Object { stored, plain, form }
    }

    /// Measures `work` on the object.
    fn bench<O>(&self, bencher: Bencher<'_, '_>, work: impl Fn(&Object) -> O + Sync) {
        bencher.counter(BytesCount::new(self.plain.len())).counter(ItemsCount::new(EVENTS)).bench(|| work(self));
    }

    /// The pipeline of the object's form, for objects that are not compressed.
    fn pipeline(&self) -> Pipeline {
        let mut pipeline = pipeline(self.form);
        pipeline.source.compression = Some(Codec::Plain);
        pipeline
    }
}

static JSON: LazyLock<Object> = LazyLock::new(|| Object::new(Form::JsonLines));
static CSV: LazyLock<Object> = LazyLock::new(|| Object::new(Form::Csv));

#[divan::bench]
fn inflate_json_lines(bencher: Bencher<'_, '_>) {
    JSON.bench(bencher, |object| inflate(&object.stored));
}

#[divan::bench]
fn inflate_csv(bencher: Bencher<'_, '_>) {
    CSV.bench(bencher, |object| inflate(&object.stored));
}

fn inflate(stored: &[u8]) -> u64 {
    std::io::copy(&mut MultiGzDecoder::new(stored), &mut std::io::sink()).unwrap()
}

/// Takes records and does nothing with them: what is left is the decoder.
#[derive(Default)]
struct Counted(u64);

impl RecordSink for Counted {
    fn record(&mut self, _: Place, _: Raw<'_>, slots: &[Option<Value<'_>>], _: &[Extra<'_>]) -> Result<()> {
        divan::black_box(slots);
        self.0 += 1;
        Ok(())
    }

    fn refuse(&mut self, _: Place, _: Raw<'_>, _: Rule, _: String) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
}

/// Records of untyped values, by the way that every format goes.
fn decoded(bencher: Bencher<'_, '_>, object: &Object) {
    let pipeline = object.pipeline();
    let plan = Plan::new(&pipeline);
    object.bench(bencher, |object| {
        let mut counted = Counted::default();
        decode(&pipeline.source, plan.fields(), Input::Stream(Box::new(&object.plain[..])), &mut counted).unwrap();
        assert_eq!(counted.0, EVENTS);
    });
}

#[divan::bench]
fn decode_json_lines(bencher: Bencher<'_, '_>) {
    decoded(bencher, &JSON);
}

#[divan::bench]
fn decode_csv(bencher: Bencher<'_, '_>) {
    decoded(bencher, &CSV);
}

/// Typed and checked rows of uncompressed text.
fn typed(bencher: Bencher<'_, '_>, object: &Object, pipeline: Pipeline) {
    let (offline, origin) = (Offline::new(pipeline), origin());
    object.bench(bencher, |object| {
        let decoded = offline.read(&origin, &object.plain[..], |rows| {
            divan::black_box(rows);
            Ok(())
        });
        assert_eq!(decoded.unwrap().read, EVENTS);
    });
}

#[divan::bench]
fn type_json_lines_fast(bencher: Bencher<'_, '_>) {
    typed(bencher, &JSON, JSON.pipeline());
}

/// By the exact way alone: a rule looks at whole rows, which the fast way never has.
#[divan::bench]
fn type_json_lines_exactly(bencher: Bencher<'_, '_>) {
    let mut pipeline = JSON.pipeline();
    let operands: Vec<Operand<'_>> = pipeline
        .columns
        .iter()
        .map(|column| Operand { name: &column.name, column_type: column.column_type, readable: true })
        .collect();
    let condition = Condition::compile("event_id IS NOT NULL", &operands).unwrap();
    pipeline.rules.push(RowRule { name: "any".to_owned(), condition });
    typed(bencher, &JSON, pipeline);
}

#[divan::bench]
fn type_csv(bencher: Bencher<'_, '_>) {
    typed(bencher, &CSV, CSV.pipeline());
}

/// Typed rows to a Parquet file in memory.
#[divan::bench]
fn encode_parquet(bencher: Bencher<'_, '_>) {
    let (offline, origin) = (Offline::new(JSON.pipeline()), origin());
    let mut pieces = Vec::new();
    let decoded = offline.read(&origin, &JSON.plain[..], |rows| {
        pieces.push(rows);
        Ok(())
    });
    let staged = decoded.unwrap().staged;
    JSON.bench(bencher, |_| {
        let mut file = offline.data_file(Vec::new()).unwrap();
        pieces.iter().for_each(|rows| file.write(rows).unwrap());
        let (bytes, rows) = file.finish().unwrap();
        assert_eq!(rows, staged);
        bytes
    });
}
