//! AWS on one machine: S3, SQS and the Redshift Data API on one loopback port.
//!
//! The daemon knows nothing of it but endpoint URLs: the AWS SDK's clients talk to it as to AWS.
//! `server` takes every connection and tells requests apart by `x-amz-target`; `sqs` and `redshift`
//! answer the JSON protocols, `s3` all the rest.

mod redshift;
mod s3;
mod server;
mod sqs;
mod wire;

pub use s3::NotificationShape;
pub use server::{Options, Sandbox};
