//! The wiring: intake and load, from queue to queue.
//!
//! Takes a configuration and clients; runs until it is told to stop, and then finishes or releases what it holds. Fails only with
//! `Fatal` errors: everything else is retried, parked or released where it happens.

mod after;
mod backfill;
mod batcher;
mod breaker;
mod budget;
mod close;
mod collect;
mod daemon;
mod decoding;
mod drift;
mod evolve;
mod inflight;
mod intake;
mod land;
mod loader;
mod offline;
mod pace;
mod prepare;
mod read;
mod receive;
mod replay;
mod runtime;
mod settle;
mod spill;
mod tee;

pub use backfill::{Backfill, Backfilled, backfill};
pub use daemon::{Daemon, Role};
pub use land::{Land, LandEnd, Landed, Moved, land};
pub use offline::{Decoded, Offline};
pub use replay::{Replay, Replayed, StillInvalid, replay};

#[cfg(test)]
mod tests;
