//! What tests of several themes share.
#![allow(dead_code, unreachable_pub, reason = "each theme uses its own part")]

pub mod python;
