//! Arbitrary bytes as delimited text: the first two bytes choose the options and how the object is split.

#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use tidegate::config::{CsvOptions, Format, Ragged};

const MOST: [usize; 3] = [7, 40, 4_096];

fuzz_target!(|data: &[u8]| {
    let [choice, how, data @ ..] = data else { return };
    let has = |bit: u8| choice & (1 << bit) != 0;
    let options = CsvOptions {
        delimiter: if has(0) { b'|' } else { b',' },
        quote: if has(1) { None } else { Some(b'"') },
        escape: if has(2) { Some(b'\\') } else { None },
        header: !has(3),
        columns: if has(3) { vec!["a".to_owned(), "b".to_owned()] } else { Vec::new() },
        null_values: vec![String::new()],
        comment: if has(4) { Some(b'#') } else { None },
        trailing_delimiter: has(5),
        ragged: [Ragged::Reject, Ragged::Pad, Ragged::Ignore][usize::from(how >> 4) % 3],
        embedded_newlines: !has(6),
        skip_lines: u64::from(has(7)),
    };
    let source = decoding::source(Format::Csv(options), MOST[usize::from(*how) % MOST.len()]);
    decoding::check(&source, 1 + usize::from(how >> 5), data);
});
