//! Which waiting batches of a pipeline are loaded together. Pure.

use std::collections::HashSet;

use crate::model::Manifest;

/// The most batches of one transaction: what SQS gives at once.
const MOST: usize = 10;

/// How many of the waiting batches, from the first on, can share a transaction: at least one.
///
/// They have the same columns and form, and no object or batch twice: then each object's rows belong to one batch, and rows are told
/// apart by object. The first that does not fit ends the group, so that the order stays.
pub fn first_group(waiting: &[Manifest]) -> usize {
    let Some(first) = waiting.first() else { return 0 };
    let mut objects = HashSet::new();
    let mut batches = HashSet::new();
    let fits = |manifest: &&Manifest| {
        same_columns(first, manifest)
            && batches.insert(manifest.batch)
            && manifest.objects.iter().all(|object| objects.insert(object.id.clone()))
    };
    waiting.iter().take(MOST).take_while(fits).count().max(1)
}

/// Whether two batches were staged with the same columns and in the same form, so that one COPY can read both.
pub fn same_columns(left: &Manifest, right: &Manifest) -> bool {
    left.columns == right.columns && left.format == right.format
}
