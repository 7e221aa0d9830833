//! Damage of every kind: an object that is cut, changed or made up is read or parked, without a panic and without more memory than it may take.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tidegate::config::Format;
use tidegate::error::ErrorKind;

use crate::rows::all;
use crate::support::data::Data;

const FORMATS: [Format; 3] = [Format::Parquet, Format::Avro, Format::Orc];

/// What a damaged object may take of time: those here are small.
const LIMIT: Duration = Duration::from_secs(20);

/// What the process may have resident: 64 MiB blocks, a page of every column, and the tests beside this one.
const RESIDENT: u64 = 1 << 30;

fn read(format: Format, object: Vec<u8>) {
    let begin = Instant::now();
    if let Err(error) = all(format.clone(), object) {
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::TooLarge), "{error}");
    }
    assert!(begin.elapsed() < LIMIT, "{format:?}");
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kilobytes| kilobytes << 10)
}

/// Small samples of each format.
fn samples() -> Vec<(Format, Vec<u8>)> {
    let Some(data) = Data::find() else { return Vec::new() };
    let mut samples = Vec::new();
    for (format, folder, suffix) in [
        (Format::Parquet, "streams/parquet/parquet-testing/data", ".parquet"),
        (Format::Avro, "streams/avro/apache-avro/share/test/data", ".avro"),
        (Format::Avro, "streams/avro/apache-avro/lang/c/tests", ".avro"),
        (Format::Orc, "streams/orc/apache-orc", ".orc"),
        (Format::Orc, "streams/spark_guide/flight-data/orc/2010-summary.orc", ".orc"),
    ] {
        for name in data.files(folder).iter().filter(|name| name.ends_with(suffix)) {
            let object = data.read(&format!("{folder}/{name}"));
            // The one of 2 GiB in 4 KiB takes its time however it is changed: see parquet.rs.
            if object.len() <= 20_000 && !name.starts_with("large_string_map") {
                samples.push((format.clone(), object));
            }
        }
    }
    samples
}

#[test]
fn a_file_cut_anywhere_or_with_changed_bits_is_read_or_parked_without_a_panic() {
    let samples = samples();
    // The same changes in every run.
    let mut random = fastrand::Rng::with_seed(7);
    for (format, object) in &samples {
        for _ in 0..4 {
            read(format.clone(), object[..random.usize(..object.len())].to_vec());
        }
        for _ in 0..12 {
            let mut changed = object.clone();
            for _ in 0..random.usize(1..4) {
                // Half of them in the tail, where what a file says of itself stands.
                let at = if random.bool() {
                    random.usize(object.len() * 3 / 4..object.len())
                } else {
                    random.usize(..object.len())
                };
                changed[at] ^= 1 << random.u8(..8);
            }
            read(format.clone(), changed);
        }
    }
    assert!(resident() < RESIDENT, "{} MiB", resident() >> 20);
}

/// A Parquet footer whose schema is `depth` groups, one within the other.
fn nested_parquet(depth: usize) -> Vec<u8> {
    // FileMetaData { 1: version i32, 2: schema list<SchemaElement>, 3: num_rows i64, 4: row_groups list }
    let mut footer = vec![0x15, 2, 0x19, 0xfc];
    let mut length = depth + 1;
    while length > 0x7f {
        footer.push(length as u8 | 0x80);
        length >>= 7;
    }
    footer.push(length as u8);
    for _ in 0..depth {
        // { 3: repetition = required, 4: name = "a", 5: num_children = 1 }
        footer.extend([0x35, 0, 0x18, 1, b'a', 0x15, 2, 0]);
    }
    // { 1: type = int32, 3: repetition, 4: name }
    footer.extend([0x15, 2, 0x25, 0, 0x18, 1, b'a', 0]);
    footer.extend([0x16, 0, 0x19, 0x0c, 0]);
    let mut file = b"PAR1".to_vec();
    let length = footer.len() as u32;
    file.extend(footer);
    file.extend(length.to_le_bytes());
    file.extend(b"PAR1");
    file
}

#[test]
fn a_parquet_schema_nested_without_end_is_parked_and_overflows_no_stack() {
    assert_eq!(all(Format::Parquet, nested_parquet(10)).unwrap().count, 0);
    let error = all(Format::Parquet, nested_parquet(1_000_000)).unwrap_err();
    assert!(error.message().contains("nested"), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_parked_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), ends in any::<bool>()) {
        for format in FORMATS {
            read(format, bytes.clone());
        }
        if ends {
            bytes.splice(..0, *b"PAR1");
            let footer = (bytes.len() as u32 - 4).to_le_bytes();
            bytes.extend(footer);
            bytes.extend(b"PAR1");
            read(Format::Parquet, bytes.clone());
            bytes.splice(..4, *b"Obj\x01");
            read(Format::Avro, bytes);
        }
    }
}
