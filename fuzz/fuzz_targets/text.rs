//! Arbitrary bytes as lines that a pattern describes: the first byte chooses the options and how the object is split.

#![no_main]

mod decoding;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidegate::config::{Format, LinePattern, TextOptions};

/// Compiled once: it takes longer than what is tried with it.
static PATTERN: LazyLock<LinePattern> =
    LazyLock::new(|| LinePattern::parse(r"(?<a>\S*) (?:(?<b>\d+)|(?<c>.*))").expect("valid"));

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let options = TextOptions {
        pattern: PATTERN.clone(),
        null_values: vec!["-".to_owned()],
        comment: Some(b'#'),
        skip_lines: u64::from(choice & 1),
    };
    let source = decoding::source(Format::Text(options), if choice & 2 != 0 { 7 } else { 4_096 });
    decoding::check(&source, 1 + usize::from(choice >> 4), data);
});
