//! Arbitrary bytes as Python dicts: the first byte chooses how long one may be and how the object is split.

#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use tidegate::config::Format;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let source = decoding::source(Format::PythonLiteral, if choice & 1 != 0 { 20 } else { 4_096 });
    decoding::check(&source, 1 + usize::from(choice >> 4), data);
});
