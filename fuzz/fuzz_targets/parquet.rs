//! Arbitrary bytes as a Parquet file: read or refused, the same each time, whatever the crate that reads it does.

#![no_main]

mod decoding;

use std::sync::Arc;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tidegate::config::Format;
use tidegate::decode::Input;

fuzz_target!(|data: &[u8]| {
    decoding::allow_guarded_panics();
    let object = Bytes::copy_from_slice(data);
    decoding::check_columns(Format::Parquet, || Input::Random(Arc::new(object.clone())));
});
