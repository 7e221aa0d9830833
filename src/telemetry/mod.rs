//! What an operator sees: metrics, logs, and the HTTP pages that serve them.

pub mod http;
pub mod logging;
pub mod metrics;
