//! Commands that need no server, as their users run them.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod shipped;
mod test;
