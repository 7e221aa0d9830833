//! The Redshift Data API over PostgreSQL.

use std::path::Path;
use std::sync::Arc;

use super::s3::Store;
use super::wire::Reply;
use crate::error::Result;

/// The warehouse of a sandbox.
pub(crate) struct Redshift {
    #[expect(dead_code, reason = "the service is built beside this commit")]
    store: Arc<Store>,
}

impl Redshift {
    /// Starts the embedded database in `folder`, or connects to the server at `url`.
    pub(crate) async fn start(_folder: &Path, _url: Option<String>, store: Arc<Store>) -> Result<Arc<Redshift>> {
        Ok(Arc::new(Redshift { store }))
    }

    /// Answers one operation of the Data API, such as `BatchExecuteStatement`.
    pub(crate) async fn handle(&self, operation: &str, _body: &[u8]) -> Reply {
        Reply::error("UnknownOperationException", operation)
    }

    /// Closes the database.
    pub(crate) async fn close(&self) -> Result<()> {
        Ok(())
    }
}
