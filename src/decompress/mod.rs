//! Decompression: from an object's stored bytes to its decompressed ones.
//!
//! Takes a `Read` of the stored bytes, on a blocking thread, and what is said of them ([`Hints`]); gives a `Read` of the decompressed ones
//! within [`Bounds`], as [`Entries`] or joined to one stream. The codec is told by the first bytes, and where these do not tell, by the
//! declaration, the `Content-Encoding` or the key's suffix, the first of them that says anything. What is said otherwise is a
//! [`Mismatch`] for the caller to count; bytes that are neither the codec that is said nor text are refused, so that a damaged object is
//! not taken for ten thousand damaged lines.
//!
//! A truncated or damaged stream, or one that breaks a bound, ends in an `io::Error` from which [`Error::of_read`](crate::error::Error::of_read) makes ours: the object is
//! parked whole. What the formats do not tell, nothing here does: an object cut exactly between two of its
//! members, frames or streams (of framed snappy: its chunks of 64 KB, for it has no end) or within the padding behind the last; one
//! shorter than the codec's magic of which nothing is said; a flipped bit in brotli, or where zstd or LZ4 were written without checksums.
//!
//! # What follows the end
//! Further members (gzip, bgzf), frames (zstd, lz4, their skippable ones too), streams (bzip2, xz, snappy) are read on. Zeros up to the
//! object's end are padding behind gzip and zip, and in multiples of four behind xz, as its format says. Anything else is refused: it may
//! be a damaged member, and what may have been data is not dropped silently.
//!
//! # Which code does it
//! - Gzip, zlib and zip: `flate2` with zlib-rs, synchronous. async-compression was measured 6 % slower, and a gzip loop of our own over the
//!   raw engine keeps its memory from member to member, of which bgzf has one for each 64 KB.
//! - Zstd and framed snappy: their crates' readers, straight into the caller's buffer.
//! - Bzip2, xz, lz4, brotli: async-compression, polled on the spot. At their speeds its cost cannot be seen, and it is one crate for four.
//! - Zip: a reader of our own, for the reasons that it states.
//!
//! Read into buffers of 128 KiB or more: small ones cost 28 % of inflate. All readers are `Send`, so that a thread can be theirs alone: [`ahead`] gives
//! large objects one.

mod ahead;
mod bounds;
mod deflate;
mod detect;
mod entries;
mod gzip;
mod input;
mod polled;
mod zip;

pub use self::ahead::{Ahead, ahead};
pub use self::bounds::Bounds;
pub use self::detect::{Hints, Mismatch, Said};
pub use self::entries::{Entries, Entry, Joined, Opened, open};

#[cfg(test)]
pub(crate) use tests::archives;

#[cfg(test)]
mod tests;
