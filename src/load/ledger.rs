//! The names and DDL of a pipeline's ledger.

use minijinja::context;

use super::Statement;
use super::statement::render;
use crate::error::Result;
use crate::schema::identifier::{TableName, quote};

/// The ledger tables of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// One row for each object that is in the target.
    pub objects: TableName,
    /// One row for each batch that was loaded, with its counts.
    pub batches: TableName,
}

impl Ledger {
    /// The ledger of a pipeline in `schema`.
    pub fn new(schema: &str, pipeline: &str) -> Self {
        Ledger {
            objects: TableName::new(schema, &format!("objects_{pipeline}")),
            batches: TableName::new(schema, &format!("batches_{pipeline}")),
        }
    }

    /// The query for those of `objects` that the ledger has, by their ids.
    ///
    /// Ids are texts of ours: those that are not hexadecimal are left out.
    pub fn loaded_query(&self, objects: &[String]) -> String {
        let hexadecimal = |id: &&String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let ids: Vec<String> = objects.iter().filter(hexadecimal).map(|id| format!("'{id}'")).collect();
        format!(
            "SELECT object_id FROM {} WHERE object_id IN ({})",
            self.objects.sql(),
            if ids.is_empty() { "''".to_owned() } else { ids.join(", ") }
        )
    }

    /// The statements that create the schema and the tables where they are missing.
    ///
    /// # Errors
    /// None but a defect of the template.
    pub fn ddl(&self) -> Result<Vec<Statement>> {
        render(
            "ledger.sql",
            include_str!("../../sql/ledger.sql"),
            context! {
                schema => quote(&self.objects.schema),
                objects => self.objects.sql(),
                batches => self.batches.sql(),
            },
        )
    }
}
