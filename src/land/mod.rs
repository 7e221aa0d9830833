//! Landing: the bytes of a URL, a file, standard input or a PostgreSQL query, and the one object in S3 that they become.
//!
//! Takes a [`Source`]; gives its bytes as an [`Incoming`], in order and whole or not at all, and takes the bytes to be stored by a
//! [`Landing`], which is visible when it is completed and leaves nothing behind when it is aborted. What lies between, the codecs, is the wiring's. Nothing
//! here holds more than a few chunks and one part.
//!
//! A source that ends early is an error and no end. Of HTTP, that is what its Content-Length or its chunks tell; a server that says neither is believed.

mod encode;
mod http;
mod landing;
mod local;
mod postgres;
mod source;
mod tls;

pub use encode::{Encoder, Encoding};
pub use http::{Download, Patience};
pub use landing::{Landing, Place, Put};
pub use postgres::{Query, Settings as PostgresSettings};
pub use source::{Incoming, Source};
