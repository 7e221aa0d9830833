//! Putting batches aside, or the objects of a batch that a load fails at.

use super::super::runtime::Runtime;
use super::super::settle;
use super::Loader;
use super::batches::Waiting;
use crate::error::{Error, ErrorKind, Fault};
use crate::model::LoadMessage;
use crate::queue::{Message, Reason};
use crate::telemetry::metrics as names;

/// Objects that one parked message names: 350 KB of the 1 MiB that it may have.
const NAMED_AT_ONCE: usize = 10_000;

/// What of a batch could not be loaded, and why.
pub(super) struct Culprits {
    whole: bool,
    parts: Vec<Part>,
}

/// Objects that share a reason; none where it is the whole of what the message asked for.
struct Part {
    objects: Vec<String>,
    kind: ErrorKind,
    reason: String,
}

impl Culprits {
    /// All that the message asked for.
    pub(super) fn all(error: &Error) -> Self {
        let part = Part { objects: Vec::new(), kind: error.kind(), reason: error.to_string() };
        Culprits { whole: true, parts: vec![part] }
    }

    /// Nothing yet.
    pub(super) fn none() -> Self {
        Culprits { whole: false, parts: Vec::new() }
    }

    /// Adds objects that share a reason.
    pub(super) fn add(&mut self, objects: Vec<String>, kind: ErrorKind, reason: String) {
        for some in objects.chunks(NAMED_AT_ONCE) {
            self.parts.push(Part { objects: some.to_vec(), kind, reason: reason.clone() });
        }
    }

    /// How many objects are named; a great number where it is all of them.
    pub(super) fn objects(&self) -> usize {
        if self.whole { usize::MAX } else { self.parts.iter().map(|part| part.objects.len()).sum() }
    }
}

impl Loader {
    /// Parks what could not be loaded of a batch, then deletes its message; if there is nothing of it, only deletes.
    pub(super) async fn park(&self, runtime: &Runtime, waiting: &Waiting, culprits: Culprits) {
        if culprits.parts.is_empty() {
            self.done(std::slice::from_ref(waiting)).await;
            return;
        }
        metrics::counter!(names::LOADS, "pipeline" => runtime.name().to_owned(), "outcome" => "parked")
            .increment(culprits.parts.len() as u64);
        let batch = waiting.body.batch;
        let copies: Vec<(String, Reason)> = culprits
            .parts
            .into_iter()
            .map(|part| {
                let subject = match part.objects.as_slice() {
                    [] => format!("batch {batch}"),
                    [only] => match waiting.manifest.objects.iter().find(|object| object.id == *only) {
                        Some(object) => format!("batch {batch}, object s3://{}/{}", object.bucket, object.key),
                        None => format!("batch {batch}, object {only}"),
                    },
                    several => format!("batch {batch}, {} of its objects", several.len()),
                };
                let body = match part.objects.is_empty() {
                    true => waiting.message.body.clone(),
                    false => {
                        let body = LoadMessage { objects: Some(part.objects), ..waiting.body.clone() };
                        serde_json::json!(body).to_string()
                    }
                };
                let reason = Reason {
                    stage: "load",
                    fault: Fault::Poison.as_str(),
                    kind: part.kind.as_str(),
                    message: part.reason,
                    pipeline: Some(runtime.name().to_owned()),
                    subject: Some(subject),
                };
                (body, reason)
            })
            .collect();
        settle::park_parts(&self.loads, &self.newest(&waiting.message), &copies).await;
    }

    /// Parks a message of which nothing can be loaded, because what it names cannot be read.
    pub(super) async fn park_unread(&self, runtime: &Runtime, message: &Message, error: &Error) {
        metrics::counter!(names::LOADS, "pipeline" => runtime.name().to_owned(), "outcome" => "parked").increment(1);
        let subject = serde_json::from_str::<LoadMessage>(&message.body)
            .map_or_else(|_| "an unreadable message".to_owned(), |body| format!("batch {}", body.batch));
        let reason = Reason::of("load", error).about(runtime.name(), subject);
        settle::park(&self.loads, &self.newest(message), &reason).await;
    }

    /// The message with the receipt of its newest delivery, which alone still settles it; its lease ends.
    fn newest(&self, message: &Message) -> Message {
        Message { receipt: self.leases.end(message), ..message.clone() }
    }
}
