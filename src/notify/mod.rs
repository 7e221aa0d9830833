//! Notifications: from a message's body to the objects that pipelines want.
//!
//! Takes the body of an SQS message; gives its events, whichever of the forms it has (S3, SNS around S3, EventBridge), and the
//! pipelines that want each object. Fails with [`ErrorKind::Malformed`](crate::error::ErrorKind) on a body that is none of the forms.

mod envelope;
mod route;
mod s3_event;

pub use envelope::parse;
pub use route::{Route, Router};
pub use s3_event::{Event, announcement};

#[cfg(test)]
mod tests;
