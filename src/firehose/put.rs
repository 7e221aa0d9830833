//! A delivery stream.

use std::time::Duration;

use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;

use super::Packed;
use crate::aws::classify;
use crate::backoff;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::telemetry::metrics as names;

/// The longest time between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A delivery stream to which one pipeline sends.
#[derive(Debug, Clone)]
pub struct Stream {
    client: aws_sdk_firehose::Client,
    name: String,
    pipeline: String,
}

impl Stream {
    /// The stream `name`; `pipeline` labels its metrics.
    pub fn new(client: aws_sdk_firehose::Client, name: &str, pipeline: &str) -> Self {
        Stream { client, name: name.to_owned(), pipeline: pipeline.to_owned() }
    }

    /// Sends the records of one call, those that are refused again and again until all are taken: however long Firehose is away,
    /// they are not given up. Only what it says is invalid is.
    pub async fn put(&self, mut records: Vec<Packed>) {
        let mut failures = 0;
        while !records.is_empty() {
            match self.call(&records).await {
                Ok(refused) => {
                    let taken: u64 = sum(&records) - refused.iter().map(|at| records[*at].lines).sum::<u64>();
                    self.count("delivered", taken);
                    if refused.is_empty() {
                        return;
                    }
                    failures = if taken > 0 { 1 } else { failures + 1 };
                    tracing::debug!(
                        stream = self.name,
                        records = refused.len(),
                        "Firehose took a part; sending the rest again"
                    );
                    let mut at = 0;
                    records.retain(|_| {
                        at += 1;
                        refused.binary_search(&(at - 1)).is_ok()
                    });
                }
                Err(error) if error.fault() == Fault::Poison => {
                    tracing::error!(pipeline = self.pipeline, stream = self.name, %error, "Firehose refuses records; they are left out");
                    self.count("dropped", sum(&records));
                    return;
                }
                Err(error) => {
                    failures += 1;
                    // A missing stream or permission, too: the load goes on, and an operator can mend it.
                    tracing::warn!(pipeline = self.pipeline, stream = self.name, %error, failures, "Firehose took nothing; trying again");
                }
            }
            metrics::counter!(names::RETRIES, "operation" => "firehose").increment(1);
            tokio::time::sleep(backoff::delay(failures, Duration::from_millis(200), LONGEST_WAIT)).await;
        }
    }

    /// One call; gives the places of the records that were refused, in ascending order.
    async fn call(&self, records: &[Packed]) -> Result<Vec<usize>> {
        let entries: Vec<Record> =
            records.iter().filter_map(|it| Record::builder().data(Blob::new(it.data.to_vec())).build().ok()).collect();
        let answer = self
            .client
            .put_record_batch()
            .delivery_stream_name(&self.name)
            .set_records(Some(entries))
            .send()
            .await
            .map_err(|error| classify(error, format!("cannot put into {}", self.name), ErrorKind::Malformed))?;
        let refused = refused(records.len(), answer.request_responses().iter().map(|it| it.error_code().is_some()));
        if refused.len() != usize::try_from(answer.failed_put_count()).unwrap_or(0) {
            let message = format!("{} refused {} records and names others", self.name, answer.failed_put_count());
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        Ok(refused)
    }

    /// Counts lines by what became of them.
    pub fn count(&self, outcome: &'static str, lines: u64) {
        metrics::counter!(names::FIREHOSE_LINES, "pipeline" => self.pipeline.clone(), "outcome" => outcome)
            .increment(lines);
    }
}

fn sum(records: &[Packed]) -> u64 {
    records.iter().map(|record| record.lines).sum()
}

/// The places of the refused records: answers are in the order of the records; one that is missing counts as refused.
fn refused(records: usize, answers: impl Iterator<Item = bool>) -> Vec<usize> {
    let mut answers = answers.chain(std::iter::repeat(true));
    (0..records).filter(|_| answers.next().unwrap_or(true)).collect()
}

#[cfg(test)]
mod tests;
