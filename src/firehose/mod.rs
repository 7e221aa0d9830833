//! Firehose: lines of JSON to a delivery stream, packed to its limits.
//!
//! Takes lines; gives them to PutRecordBatch ([`Packer`], pure; [`Stream`]), and sends those records again that an answer refuses
//! one by one. A record may arrive twice, as Firehose's own delivery may repeat it: at least once for what is sent to its end. What
//! a killed process held, or a full buffer could not take, is not sent. Fails with no error: what cannot ever be sent is counted.

mod json;
mod pack;
mod put;

pub use json::{Shape, rows};
pub use pack::{Packed, Packer};
pub use put::Stream;
