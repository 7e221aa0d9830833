//! Which pipelines want an object.

use crate::config::{Captures, KeyPattern};
use crate::model::ObjectRef;

/// One pipeline that wants an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The pipeline, by its place in the configuration.
    pub pipeline: usize,
    /// What its key pattern captured.
    pub captures: Captures,
}

/// Decides by bucket and key.
#[derive(Debug, Clone)]
pub struct Router {
    sources: Vec<(String, KeyPattern)>,
}

impl Router {
    /// A router over the pipelines' sources, in the order of the configuration.
    pub fn new(sources: impl IntoIterator<Item = (String, KeyPattern)>) -> Self {
        Router { sources: sources.into_iter().collect() }
    }

    /// Every pipeline that wants the object; several may, each loads it once.
    pub fn route(&self, object: &ObjectRef) -> Vec<Route> {
        let wanted = |(pipeline, (bucket, pattern)): (usize, &(String, KeyPattern))| {
            if *bucket != object.bucket {
                return None;
            }
            pattern.matches(&object.key).map(|captures| Route { pipeline, captures })
        };
        self.sources.iter().enumerate().filter_map(wanted).collect()
    }
}
