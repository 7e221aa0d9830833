//! Decompression: from an object's stored bytes to its decompressed ones.
//!
//! Takes a `Read` of the stored bytes, on a blocking thread; gives a `Read` of the decompressed ones within [`Bounds`]. The codec is
//! told by the first bytes. A truncated or damaged stream, or one that breaks a bound, ends in an `io::Error` from which
//! [`Error::of_read`](crate::error::Error::of_read) makes ours.

mod bounds;
mod detect;
mod reader;

pub use bounds::Bounds;
pub use detect::Codec;
pub use reader::open;

#[cfg(test)]
mod tests;
