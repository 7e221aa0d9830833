//! The batches of one pipeline that were received together: every message is deleted, parked or put off.

use std::collections::HashSet;
use std::time::Duration;

use super::super::runtime::Runtime;
use super::super::settle;
use super::Loader;
use crate::backoff;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::failpoint;
use crate::load::{first_group, needs_one_batch};
use crate::model::{LoadMessage, Manifest};
use crate::queue::Message;
use crate::stage::read_manifest;
use crate::telemetry::metrics as names;

/// The longest that a load is put off after transient faults.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// A batch that waits for its load, with its message.
pub(super) struct Waiting {
    pub(super) message: Message,
    pub(super) body: LoadMessage,
    /// The batch; of one that is to be loaded in part, with only those objects.
    pub(super) manifest: Manifest,
    /// Whether only some of the batch's objects are to be loaded.
    pub(super) partial: bool,
}

impl Loader {
    /// Loads the batches of a pipeline. Every message is settled: deleted, parked or put off.
    ///
    /// # Errors
    /// Only `Fatal` ones, after the messages were put off.
    pub(super) async fn load_group(&self, group: &str, messages: Vec<Message>) -> Result<()> {
        let Some(runtime) = self.runtimes.iter().find(|runtime| runtime.name() == group).cloned() else {
            let error = Error::new(ErrorKind::Configuration, format!("this process has no pipeline {group:?}"));
            tracing::error!(pipeline = group, "batches of a pipeline that this process does not have; another may");
            self.put_off(&messages, &error).await;
            return Ok(());
        };
        let mut waiting = self.manifests(&runtime, messages).await?;
        failpoint::passed("load.manifests-read");
        let mut single = 0;
        while !waiting.is_empty() {
            let alone = single > 0 || needs_one_batch(&runtime.pipeline);
            let size = if alone { 1 } else { together(&waiting) };
            single -= usize::from(single > 0);
            let rest = waiting.split_off(size);
            let settled = match self.load(&runtime, &waiting).await {
                Ok(()) => {
                    self.done(&waiting).await;
                    Ok(())
                }
                Err(error) if (error.fault() == Fault::Poison || error.kind() == ErrorKind::TimedOut) && size > 1 => {
                    // One of them is at fault, or they are too much together: each by itself, so that the others are loaded.
                    tracing::warn!(pipeline = group, batches = size, %error, "a load failed; loading its batches one by one");
                    single = size;
                    waiting.extend(rest);
                    continue;
                }
                Err(error) if error.fault() == Fault::Poison => self.narrow(&runtime, &waiting[0], error).await,
                Err(error) => Err(error),
            };
            match settled {
                Ok(()) => waiting = rest,
                Err(error) => {
                    metrics::counter!(names::LOADS, "pipeline" => group.to_owned(), "outcome" => "retried")
                        .increment(1);
                    tracing::warn!(pipeline = group, %error, "a load failed; trying again later");
                    // The order within the group is kept: what comes after waits too.
                    waiting.extend(rest);
                    let messages: Vec<Message> = waiting.into_iter().map(|batch| batch.message).collect();
                    self.put_off(&messages, &error).await;
                    return if error.fault() == Fault::Fatal { Err(error) } else { Ok(()) };
                }
            }
        }
        Ok(())
    }

    /// Reads what the messages ask for. Those that ask for nothing that can be read are parked; from the first on that cannot be read
    /// now, all are put off.
    async fn manifests(&self, runtime: &Runtime, messages: Vec<Message>) -> Result<Vec<Waiting>> {
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut messages = messages.into_iter();
        while let Some(message) = messages.next() {
            match self.read(&message).await {
                Ok((body, manifest, partial)) => waiting.push(Waiting { message, body, manifest, partial }),
                Err(error) if error.fault() == Fault::Poison => self.park_unread(runtime, &message, &error).await,
                Err(error) => {
                    let pipeline = runtime.name();
                    tracing::warn!(pipeline, %error, "a batch's manifest could not be read; trying again later");
                    // The order within the group is kept: what comes after waits too.
                    let rest: Vec<Message> = std::iter::once(message).chain(messages).collect();
                    self.put_off(&rest, &error).await;
                    if error.fault() == Fault::Fatal {
                        let read: Vec<Message> = waiting.into_iter().map(|batch| batch.message).collect();
                        self.put_off(&read, &error).await;
                        return Err(error);
                    }
                    break;
                }
            }
        }
        Ok(waiting)
    }

    /// The request that a message is, and what it is to load.
    async fn read(&self, message: &Message) -> Result<(LoadMessage, Manifest, bool)> {
        let body: LoadMessage = serde_json::from_str(&message.body)
            .map_err(|error| Error::caused(ErrorKind::Malformed, "the message is no request for a load", error))?;
        let mut manifest = read_manifest(&self.store, &body.manifest).await?;
        let mut partial = false;
        if let Some(objects) = &body.objects {
            let wanted: HashSet<&str> = objects.iter().map(String::as_str).collect();
            let all = manifest.objects.len();
            manifest.objects.retain(|object| wanted.contains(object.id.as_str()));
            if manifest.objects.is_empty() {
                let message = format!("the batch {} has none of the objects that the message names", body.batch);
                return Err(Error::new(ErrorKind::Malformed, message));
            }
            partial = manifest.objects.len() < all;
        }
        Ok((body, manifest, partial))
    }

    /// Deletes the messages of batches that are loaded.
    pub(super) async fn done(&self, batches: &[Waiting]) {
        let receipts: Vec<String> = batches.iter().map(|batch| self.leases.end(&batch.message)).collect();
        settle::delete(&self.loads, &receipts).await;
    }

    /// Makes messages visible again later, the later the more often they were received.
    pub(super) async fn put_off(&self, messages: &[Message], error: &Error) {
        let receives = messages.iter().map(|message| message.receive_count).max().unwrap_or(1);
        let delay = match error.kind() {
            ErrorKind::Stopping => Duration::ZERO,
            _ => backoff::delay(receives, Duration::from_secs(2), LONGEST_DELAY),
        };
        self.give_back(messages, delay).await;
    }

    /// Makes messages visible again after `delay`.
    pub(super) async fn give_back(&self, messages: &[Message], delay: Duration) {
        let receipts: Vec<String> = messages.iter().filter_map(|message| self.leases.give_up(message)).collect();
        settle::release(&self.loads, &receipts, delay).await;
    }
}

/// How many of the waiting batches, from the first on, are loaded together. Parts of batches are loaded alone.
fn together(waiting: &[Waiting]) -> usize {
    let whole = waiting.iter().take_while(|batch| !batch.partial).map(|batch| batch.manifest.clone());
    first_group(&whole.collect::<Vec<_>>()).max(1)
}
