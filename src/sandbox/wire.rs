//! The replies of the services that speak AWS's JSON protocols.

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::json;

/// A reply of a JSON service: the body, and the status that goes with it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// For errors: the code for `x-amzn-errortype` and `x-amzn-query-error`.
    pub(crate) error: Option<String>,
    /// The code for `x-amzn-query-error`, where it is another: SQS kept the codes of its older protocol.
    pub(crate) query_error: Option<String>,
}

impl Reply {
    /// A success with its JSON body.
    pub(crate) fn ok(body: &serde_json::Value) -> Self {
        Reply { status: StatusCode::OK, body: Bytes::from(body.to_string()), error: None, query_error: None }
    }

    /// A client error, as AWS shapes it: `code` is the exception's name.
    pub(crate) fn error(code: &str, message: &str) -> Self {
        let body = json!({ "__type": code, "message": message, "Message": message });
        Reply {
            status: StatusCode::BAD_REQUEST,
            body: Bytes::from(body.to_string()),
            error: Some(code.to_owned()),
            query_error: None,
        }
    }
}
