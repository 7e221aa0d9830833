//! Arbitrary bytes as a JSON document: the first byte chooses the options and how the object is split.

#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use tidegate::config::{Format, JsonOptions};

const MOST: [usize; 3] = [7, 40, 4_096];

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let records = if choice & 1 != 0 { vec!["a".to_owned()] } else { Vec::new() };
    let format = Format::Json(JsonOptions { records });
    let mut source = decoding::source(format, MOST[usize::from(choice >> 2) % MOST.len()]);
    source.characters.allow_nan = choice & 2 != 0;
    decoding::check(&source, 1 + usize::from(choice >> 4), data);
});
