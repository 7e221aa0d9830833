//! The operations of the JSON protocol: each takes its request, as serde reads it, and gives the reply's body.

pub(crate) mod batch;
pub(crate) mod moves;
pub(crate) mod queues;
pub(crate) mod receipts;
pub(crate) mod receive;
pub(crate) mod send;

use serde_json::Value;

use super::refusal::Refusal;

/// The body of a reply, or why there is none.
pub(crate) type Answer = Result<Value, Refusal>;
