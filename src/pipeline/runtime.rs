//! A pipeline, ready to run.

use std::sync::OnceLock;

use arrow_schema::SchemaRef;

use super::pace::Pace;
use super::tee::Tee;
use crate::config::Pipeline;
use crate::model::ManifestColumn;
use crate::normalize::{Plan, Rows};

/// A pipeline with all that is derived from it once.
pub(super) struct Runtime {
    /// Its place in the configuration.
    pub(super) index: usize,
    pub(super) pipeline: Pipeline,
    pub(super) plan: Plan,
    /// The columns of its data files.
    pub(super) schema: SchemaRef,
    /// What is observed of its loads.
    pub(super) pace: Pace,
    /// Its copy for Firehose, while the process runs.
    pub(super) tee: OnceLock<Tee>,
}

impl Runtime {
    pub(super) fn new(index: usize, pipeline: Pipeline) -> Self {
        let plan = Plan::new(&pipeline);
        let schema = Rows::schema(&pipeline.columns);
        Runtime { index, pipeline, plan, schema, pace: Pace::default(), tee: OnceLock::new() }
    }

    /// The name, for labels and logs.
    pub(super) fn name(&self) -> &str {
        &self.pipeline.name
    }

    /// The columns as a manifest says them.
    pub(super) fn manifest_columns(&self) -> Vec<ManifestColumn> {
        self.pipeline
            .columns
            .iter()
            .map(|column| ManifestColumn { name: column.name.clone(), sql_type: column.column_type.to_string() })
            .collect()
    }
}
