//! Arbitrary bytes as an Avro container file: read or refused, the same each time. Our own reader: it may not panic.

#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use tidegate::config::Format;
use tidegate::decode::Input;

fuzz_target!(|data: &[u8]| decoding::check_columns(Format::Avro, || Input::Stream(Box::new(data))));
