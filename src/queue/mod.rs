//! Queues: receiving, leases, acknowledging and parking.
//!
//! Takes a queue's URLs; gives [`Message`]s under a lease that [`Leases`] renews for as long as a message is held. A message ends
//! in exactly one of three ways: deleted, parked in the dead-letter queue with its reason and then deleted, or released for
//! another delivery. Fails with `Transient` errors of the service, or `Fatal` ones if the queue is missing or forbidden.

mod dead_letters;
mod lease;
mod park;
mod sqs;

pub use dead_letters::{DeadLetters, Moved, ParkedMessage};
pub use lease::Leases;
pub use park::Reason;
pub use sqs::{Depth, Message, MessageId, SqsQueue};
