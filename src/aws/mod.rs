//! The AWS SDK's clients, and its errors as ours.

mod clients;
mod errors;

pub use clients::Clients;
pub use errors::{classify, is_precondition_failed};
