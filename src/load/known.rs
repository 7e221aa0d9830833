//! Which objects a ledger has.

use std::collections::BTreeSet;

use super::{Ledger, Warehouse};
use crate::error::Result;
use crate::model::ObjectId;

/// Identities of one query: of 37 bytes each, far below the 100 KB that a statement may have.
const CHUNK: usize = 1_000;

/// Those of `ids` that are in the ledger, as text.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn known_objects(warehouse: &Warehouse, ledger: &Ledger, ids: &[ObjectId]) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    for chunk in ids.chunks(CHUNK) {
        // Hashes in hexadecimal: nothing of a key is in them.
        let ids: Vec<String> = chunk.iter().map(|id| format!("'{id}'")).collect();
        let sql = format!("SELECT object_id FROM {} WHERE object_id IN ({})", ledger.objects.sql(), ids.join(", "));
        known.extend(warehouse.query(&sql).await?.into_iter().filter_map(|row| row.into_iter().next().flatten()));
    }
    Ok(known)
}
