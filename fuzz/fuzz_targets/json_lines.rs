//! Arbitrary bytes as JSON lines: the first byte chooses the options and how the object is split.

#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use tidegate::config::Format;

const MOST: [usize; 3] = [7, 40, 4_096];

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let mut source = decoding::source(Format::JsonLines, MOST[usize::from(choice >> 1) % MOST.len()]);
    source.characters.allow_nan = choice & 1 != 0;
    decoding::check(&source, 1 + usize::from(choice >> 4), data);
});
