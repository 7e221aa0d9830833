//! Decoding: from decompressed bytes to records of untyped values.
//!
//! Takes a `Read`, on a blocking thread; gives raw records with their place ([`Lines`]) and the values of the fields that are wanted
//! ([`json_object`]). A record that is not of the format is a reject of its own; only a failing `Read` ends the object.

mod encoding;
mod json_lines;
mod lines;

pub use encoding::{Invalid, Transcoder, source_length};
pub use json_lines::{Syntax, json_object};
pub use lines::{Line, Lines};

#[cfg(test)]
mod tests;
