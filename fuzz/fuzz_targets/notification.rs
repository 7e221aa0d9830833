//! Arbitrary text as the body of a message: it is understood or refused, and never ends the process.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::error::ErrorKind;
use tidegate::notify::parse;

fuzz_target!(|body: &str| {
    if let Err(error) = parse(body) {
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
    }
});
