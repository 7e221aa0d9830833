//! SQS over memory.

use std::path::Path;
use std::sync::Arc;

use super::wire::Reply;
use crate::error::Result;

/// The queues of a sandbox.
pub(crate) struct Sqs {
    #[expect(dead_code, reason = "the service is built beside this commit")]
    endpoint: String,
}

impl Sqs {
    /// Opens the queues saved in `folder`, or none.
    pub(crate) fn open(_folder: &Path, endpoint: String) -> Result<Arc<Sqs>> {
        Ok(Arc::new(Sqs { endpoint }))
    }

    /// Answers one operation of the JSON protocol, such as `ReceiveMessage`.
    pub(crate) async fn handle(&self, operation: &str, _body: &[u8]) -> Reply {
        Reply::error("com.amazonaws.sqs#UnsupportedOperation", operation)
    }

    /// Sends a message as a service of AWS would; false if there is no such queue.
    pub(crate) fn deliver(&self, _queue_arn: &str, _body: String) -> bool {
        false
    }

    /// Writes the queues to their folder.
    pub(crate) fn close(&self) -> Result<()> {
        Ok(())
    }
}
