//! The names and DDL of a pipeline's ledger.

use minijinja::context;

use super::Statement;
use super::columns::version_columns;
use super::statement::render;
use crate::config::{Mode, Pipeline};
use crate::error::Result;
use crate::schema::ColumnType;
use crate::schema::identifier::{TableName, quote};

/// The ledger tables of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// One row for each object that is in the target.
    pub objects: TableName,
    /// One row for each batch that was loaded, with its counts.
    pub batches: TableName,
    /// What an upsert or scd2 knows of a key and does not have in the target.
    pub versions: TableName,
    /// The full extracts of an scd2.
    pub extracts: TableName,
}

impl Ledger {
    /// The ledger of a pipeline in `schema`.
    pub fn new(schema: &str, pipeline: &str) -> Self {
        Ledger {
            objects: TableName::new(schema, &format!("objects_{pipeline}")),
            batches: TableName::new(schema, &format!("batches_{pipeline}")),
            versions: TableName::new(schema, &format!("versions_{pipeline}")),
            extracts: TableName::new(schema, &format!("extracts_{pipeline}")),
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

    /// Whether this pipeline's mode remembers versions that are not in the target.
    pub fn has_versions(&self, pipeline: &Pipeline) -> bool {
        let target = &pipeline.target;
        match target.mode {
            Mode::Upsert => {
                target.lineage || target.options.delete_when.as_ref().is_some_and(|delete| delete.mark.is_none())
            }
            Mode::Scd2 => true,
            _ => false,
        }
    }

    /// Whether this pipeline's mode remembers full extracts.
    pub fn has_extracts(pipeline: &Pipeline) -> bool {
        pipeline.target.options.scd2.as_ref().is_some_and(|scd2| scd2.full_extract)
    }

    /// The columns of the table of versions that are the pipeline's own, with their types.
    pub fn version_columns(pipeline: &Pipeline) -> Vec<(String, ColumnType)> {
        let type_of = |name: &str| {
            let column = pipeline.columns.iter().find(|column| column.name == name);
            column.map(|column| column.column_type)
        };
        let mut columns: Vec<(String, ColumnType)> =
            version_columns(pipeline).into_iter().filter_map(|name| type_of(&name).map(|kind| (name, kind))).collect();
        if let Some(scd2) = &pipeline.target.options.scd2 {
            columns.push(("starts_at".to_owned(), type_of(&scd2.effective_from).unwrap_or(ColumnType::Timestamp)));
        }
        columns
    }

    /// The statements that create the tables of what the mode remembers, where it has any.
    ///
    /// # Errors
    /// None but a defect of the template.
    pub fn memory_ddl(&self, pipeline: &Pipeline) -> Result<Vec<Statement>> {
        let columns = Self::version_columns(pipeline);
        let start_type = columns.last().map(|(_, column_type)| column_type.to_string());
        let columns: Vec<_> = columns
            .iter()
            .map(|(name, column_type)| context! { name => quote(name), type => column_type.to_string() })
            .collect();
        render(
            "memory.sql.j2",
            include_str!("../../sql/memory.sql.j2"),
            context! {
                versions => self.has_versions(pipeline).then(|| self.versions.sql()),
                extracts => Self::has_extracts(pipeline).then(|| self.extracts.sql()),
                rows => pipeline.target.mode == Mode::Scd2,
                columns,
                start_type,
            },
        )
    }

    /// The statement that makes the view over the batches of these pipelines, whose ledgers are in `schema`.
    ///
    /// # Errors
    /// None but a defect of the template.
    pub fn balance_view(schema: &str, pipelines: &[String]) -> Result<Vec<Statement>> {
        let tables: Vec<_> = pipelines
            .iter()
            .map(|pipeline| context! { pipeline => pipeline, name => Ledger::new(schema, pipeline).batches.sql() })
            .collect();
        render(
            "batch_balance.sql.j2",
            include_str!("../../sql/batch_balance.sql.j2"),
            context! { view => TableName::new(schema, "batch_balance").sql(), tables },
        )
    }
}
