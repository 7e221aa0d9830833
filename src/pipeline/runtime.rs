//! A pipeline, ready to run.

use arrow_schema::SchemaRef;

use crate::config::{Mode, Pipeline};
use crate::load::staged_columns;
use crate::model::{ManifestColumn, ObjectId, ObjectRef};
use crate::normalize::{Plan, Rows};

/// A pipeline with all that is derived from it once.
#[derive(Debug)]
pub(super) struct Runtime {
    /// Its place in the configuration.
    pub(super) index: usize,
    pub(super) pipeline: Pipeline,
    pub(super) plan: Plan,
    /// The columns of its data files.
    pub(super) schema: SchemaRef,
}

impl Runtime {
    pub(super) fn new(index: usize, pipeline: Pipeline) -> Self {
        let plan = Plan::new(&pipeline);
        let schema = Rows::schema(&pipeline.columns);
        Runtime { index, pipeline, plan, schema }
    }

    /// The name, for labels and logs.
    pub(super) fn name(&self) -> &str {
        &self.pipeline.name
    }

    /// The identity of a version that was created.
    pub(super) fn identity(&self, object: &ObjectRef) -> ObjectId {
        match self.pipeline.target.mode {
            Mode::ReplaceObject => ObjectId::of_put(self.name(), object),
            _ => ObjectId::of(self.name(), object),
        }
    }

    /// The columns as a manifest says them.
    pub(super) fn manifest_columns(&self) -> Vec<ManifestColumn> {
        staged_columns(&self.pipeline)
    }
}
