//! The partitions of an external table, which Redshift adds in no transaction.

use std::collections::BTreeSet;

use super::super::runtime::Runtime;
use super::{Loader, lock};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::load::add_partition;
use crate::model::{Manifest, Partition};

impl Loader {
    /// Makes the batches' folders partitions of the external table, after their commit.
    ///
    /// Each statement may run again, so what fails is tried again with the whole load, which then is a no-op.
    pub(super) async fn register(&self, runtime: &Runtime, manifests: &[Manifest]) -> Result<()> {
        let Some(table) = &runtime.pipeline.stage.external_table else { return Ok(()) };
        let partitions: BTreeSet<&Partition> = manifests.iter().flat_map(|manifest| &manifest.partitions).collect();
        for partition in partitions {
            let known = (runtime.index, partition.location.clone());
            if lock(&self.registered).contains(&known) {
                continue;
            }
            match add_partition(table, partition) {
                Ok(sql) => {
                    self.observed(self.warehouse.query(&sql).await).map_err(|error| match error.fault() {
                        Fault::Transient => error,
                        // The rows are in the target: redriving the parked message tries only this again.
                        Fault::Poison | Fault::Fatal => {
                            let message = format!("the rows are loaded, but {table} did not take their partition");
                            Error::caused(ErrorKind::WarehouseRefused, message, error)
                        }
                    })?;
                    tracing::info!(pipeline = runtime.name(), %table, location = partition.location, "partition added");
                }
                Err(value) => tracing::error!(
                    pipeline = runtime.name(), %table, location = partition.location, value,
                    "a partition is not added: its value has other characters than letters, digits and -_.:"
                ),
            }
            lock(&self.registered).insert(known);
        }
        Ok(())
    }
}
