//! Intake: from the events queue to durable batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batcher::Batcher;
use super::budget::Budget;
use super::close::Closer;
use super::inflight::{ObjectKey, Outcome, Work};
use super::read::{Job, ReadObject, read};
use super::receive::{Receiving, WaitingBytes};
use super::runtime::Runtime;
use super::settle::{self, Settler};
use super::spill::Spill;
use crate::backoff;
use crate::config::{Limits, OnUnrouted};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::failpoint;
use crate::model::{ObjectId, ObjectRef, Removal};
use crate::notify::{self, Event, Router};
use crate::queue::{Leases, Message, Reason, SqsQueue};
use crate::stage::{Area, Store};
use crate::telemetry::metrics as names;

/// Objects that wait for a reader; what is behind them waits in SQS.
const WAITING_OBJECTS: usize = 64;

/// The stored bytes of waiting objects above which no more messages are received: large objects are left to other processes, which would
/// have nothing to do at the end of a backlog if one had taken all that is left.
const WAITING_BYTES: u64 = 8 << 20;

/// The longest that an object is put off after transient faults.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// What intake works with.
pub(super) struct Intake {
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) events: SqsQueue,
    pub(super) loads: SqsQueue,
    pub(super) store: Store,
    pub(super) area: Area,
    pub(super) runtimes: Vec<Arc<Runtime>>,
    pub(super) on_unrouted: OnUnrouted,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
}

/// An object to be read, and how often its message was received.
struct Waiting {
    work: Work,
    job: Job,
    receive_count: u32,
    bytes: WaitingBytes,
}

impl Intake {
    /// Runs until `shutdown`; then reads to the end what it reads, closes the open batches, and releases the rest.
    ///
    /// # Errors
    /// Only `Fatal` ones, after which everything held was released.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let leases = Leases::new();
        let (settler, settled) = Settler::new(leases.clone());
        let settling = tokio::spawn(settle::run(self.events.clone(), leases.clone(), settled));
        let (lost_sender, lost) = mpsc::channel(1_024);
        let leases_end = CancellationToken::new();
        let renewing = tokio::spawn(leases.renew(self.events.clone(), lost_sender, leases_end.clone()));
        let losing = tokio::spawn(lose(lost, settler.clone()));

        // Whatever fails for good stops the whole of intake.
        let stop = shutdown.child_token();
        let mut batchers = JoinSet::new();
        let mut to_batchers = Vec::new();
        for runtime in &self.runtimes {
            let (sender, objects) = mpsc::channel(4);
            to_batchers.push(sender);
            let closer = Closer {
                runtime: runtime.clone(),
                store: self.store.clone(),
                area: self.area.clone(),
                loads: self.loads.clone(),
                settler: settler.clone(),
            };
            let (stop, budget) = (stop.clone(), self.budget.clone());
            batchers.spawn(async move {
                let ended = Batcher::new(closer, budget).run(objects).await;
                if ended.is_err() {
                    stop.cancel();
                }
                ended
            });
        }
        let (waiting_sender, waiting) = mpsc::channel(WAITING_OBJECTS);
        let end_reads = CancellationToken::new();
        let reading = tokio::spawn(read_objects(
            self.s3.clone(),
            Spill {
                store: self.store.clone(),
                area: self.area.clone(),
                buffer_bytes: self.limits.object_buffer_bytes,
                budget: self.budget.clone(),
                decoders: Arc::new(Semaphore::new(
                    std::thread::available_parallelism().map_or(2, |cores| 2 * cores.get()),
                )),
            },
            self.limits.concurrent_objects,
            waiting,
            to_batchers,
            settler.clone(),
            end_reads.clone(),
        ));

        let mut receiving = Receiving::new(self.events.clone(), settler.clone());
        let received = self.receive(&mut receiving, &settler, waiting_sender, &stop).await;
        for message in receiving.stop().await {
            settler.admit(message, Outcome::Release(Duration::ZERO), &[]).await;
        }
        // Half of the grace is for reading, the other half for closing the batches.
        let mut reading = reading;
        if tokio::time::timeout(self.limits.shutdown_grace / 2, &mut reading).await.is_err() {
            end_reads.cancel();
            if let Err(error) = reading.await {
                tracing::error!(%error, "reading ended early");
            }
        }
        let mut ended = received;
        let closing_end = tokio::time::Instant::now() + self.limits.shutdown_grace / 2;
        loop {
            // Without a shutdown there is no hurry: what stopped the receiving is then an error, and the batches are closed all the same.
            let batcher = match tokio::time::timeout_at(closing_end, batchers.join_next()).await {
                Ok(Some(batcher)) => batcher,
                Ok(None) => break,
                Err(_) => {
                    tracing::warn!("batches are still open at the end of shutdown_grace; their objects are released");
                    batchers.shutdown().await;
                    break;
                }
            };
            let batcher = batcher
                .unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "collecting a batch ended early", error)));
            ended = ended.and(batcher);
        }
        settler.release_all().await;
        drop(settler);
        leases_end.cancel();
        for task in [renewing, losing, settling] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of intake ended early");
            }
        }
        ended
    }

    async fn receive(
        &self,
        receiving: &mut Receiving,
        settler: &Settler,
        waiting: mpsc::Sender<Waiting>,
        stop: &CancellationToken,
    ) -> Result<()> {
        let waiting_bytes = Arc::new(AtomicU64::new(0));
        let router = Router::new(
            self.runtimes
                .iter()
                .map(|runtime| (runtime.pipeline.source.bucket.clone(), runtime.pipeline.source.key.clone())),
        );
        let mut failures = 0;
        loop {
            // A batch also closes by age, so what is held never waits for what is not received.
            let room = self.limits.held_messages.saturating_sub(settler.held());
            self.runtimes.iter().for_each(|runtime| runtime.pace.held(room == 0));
            if room == 0 || waiting_bytes.load(Ordering::Relaxed) > WAITING_BYTES {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(10)) => continue,
                    () = stop.cancelled() => return Ok(()),
                }
            }
            let received = tokio::select! {
                received = receiving.next(room) => received,
                // Messages that SQS may have given to the abandoned call become visible again by themselves.
                () = stop.cancelled() => return Ok(()),
            };
            match received {
                Ok(messages) => {
                    failures = 0;
                    receiving.learn(messages.len(), waiting.capacity() > WAITING_OBJECTS / 2);
                    for message in messages {
                        failpoint::passed("intake.received");
                        if stop.is_cancelled() {
                            settler.admit(message, Outcome::Release(Duration::ZERO), &[]).await;
                        } else {
                            self.admit(&router, settler, (&waiting, &waiting_bytes), message, stop).await;
                        }
                    }
                }
                Err(error) if error.fault() == Fault::Fatal => return Err(error),
                Err(error) => {
                    failures += 1;
                    metrics::counter!(names::RETRIES, "operation" => "receive").increment(1);
                    tracing::warn!(%error, failures, "no events could be received; trying again");
                    let delay = backoff::delay(failures, Duration::from_millis(500), Duration::from_secs(30));
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = stop.cancelled() => return Ok(()),
                    }
                }
            }
        }
    }

    /// Holds a message for its objects, and has them read.
    async fn admit(
        &self,
        router: &Router,
        settler: &Settler,
        (waiting, waiting_bytes): (&mpsc::Sender<Waiting>, &Arc<AtomicU64>),
        message: Message,
        stop: &CancellationToken,
    ) {
        let events = match notify::parse(&message.body) {
            Ok(events) => events,
            Err(error) => {
                metrics::counter!(names::EVENTS, "outcome" => "malformed").increment(1);
                settler.admit(message, Outcome::Park(Reason::of("notify", &error)), &[]).await;
                return;
            }
        };
        let mut outcome = Outcome::Done;
        let mut jobs: Vec<(ObjectKey, ObjectRef, Vec<String>, Option<Removal>)> = Vec::new();
        for event in events {
            match event {
                Event::Created(mut object) => {
                    let mut routes = router.route(&object);
                    if routes.is_empty()
                        && let Some(other_key) = object.other_key.take()
                    {
                        object.key = other_key;
                        routes = router.route(&object);
                    }
                    metrics::counter!(names::EVENTS, "outcome" => if routes.is_empty() { "unrouted" } else { "routed" })
                        .increment(1);
                    if routes.is_empty() && self.on_unrouted == OnUnrouted::Park {
                        outcome = Outcome::Park(unrouted(&object));
                    }
                    for route in routes {
                        let id = self.runtimes[route.pipeline].identity(&object);
                        jobs.push((ObjectKey { pipeline: route.pipeline, id }, object.clone(), route.captures, None));
                    }
                }
                Event::Removed(mut object, removal) => {
                    let mut routes = router.route(&object);
                    if routes.is_empty()
                        && let Some(other_key) = object.other_key.take()
                    {
                        object.key = other_key;
                        routes = router.route(&object);
                    }
                    // Only some pipelines take a removal for an event of theirs.
                    routes.retain(|route| self.runtimes[route.pipeline].pipeline.target.options.delete_removed);
                    let label = if routes.is_empty() { "ignored" } else { "routed" };
                    metrics::counter!(names::EVENTS, "outcome" => label).increment(1);
                    for route in routes {
                        let id = ObjectId::of_removal(self.runtimes[route.pipeline].name(), &object, removal);
                        let key = ObjectKey { pipeline: route.pipeline, id };
                        jobs.push((key, object.clone(), route.captures, Some(removal)));
                    }
                }
                Event::Other(_) | Event::Test => {
                    metrics::counter!(names::EVENTS, "outcome" => "ignored").increment(1);
                }
            }
        }
        let keys: Vec<ObjectKey> = jobs.iter().map(|(key, ..)| *key).collect();
        let receive_count = message.receive_count;
        for (work, cancel) in settler.admit(message, outcome, &keys).await {
            let key = work.key;
            let Some((_, object, captures, removal)) = jobs.iter().find(|(job, ..)| *job == key) else { continue };
            let job = Job {
                runtime: self.runtimes[key.pipeline].clone(),
                object: object.clone(),
                id: key.id,
                captures: captures.clone(),
                removal: *removal,
                cancel,
            };
            let bytes = WaitingBytes::new(waiting_bytes, object.size);
            // What is not handed on is released with all that is held.
            tokio::select! {
                sent = waiting.send(Waiting { work, job, receive_count, bytes }) => if sent.is_err() { return },
                () = stop.cancelled() => return,
            }
        }
    }
}

/// Reads waiting objects, as many at once as are allowed, and hands them to the batchers.
async fn read_objects(
    s3: aws_sdk_s3::Client,
    spill: Spill,
    concurrent: usize,
    mut waiting: mpsc::Receiver<Waiting>,
    to_batchers: Vec<mpsc::Sender<(Work, ReadObject)>>,
    settler: Settler,
    end: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(concurrent));
    let tasks = TaskTracker::new();
    let end_tasks = end.clone();
    while let Some(Waiting { work, job, receive_count, bytes }) = waiting.recv().await {
        if end.is_cancelled() {
            break;
        }
        let Ok(permit) = permits.clone().acquire_owned().await else { break };
        let share = tokio::select! {
            share = spill.budget.read(job.object.size) => share,
            () = end.cancelled() => break,
        };
        drop(bytes);
        let (s3, spill, settler, end) = (s3.clone(), spill.clone(), settler.clone(), end_tasks.clone());
        let to_batcher = to_batchers[work.key.pipeline].clone();
        tasks.spawn(async move {
            let pipeline = job.runtime.name().to_owned();
            let reading = metrics::gauge!(names::OBJECTS_READING, "pipeline" => pipeline);
            reading.increment(1.0);
            let result = tokio::select! {
                result = read(s3, &spill, &job, share) => result,
                () = end.cancelled() => Err(Error::new(ErrorKind::Stopping, "the process is stopping")),
            };
            reading.decrement(1.0);
            match result {
                Ok(object) => {
                    failpoint::passed("intake.object-read");
                    // The permit is held until the batcher has the rows: what is in memory stays bounded.
                    if to_batcher.send((work, object)).await.is_err() {
                        settler.settle(work, Outcome::Release(Duration::ZERO)).await;
                    }
                }
                Err(error) => settler.settle(work, failed(&job, &error, receive_count)).await,
            }
            drop(permit);
        });
    }
    tasks.close();
    tasks.wait().await;
}

/// What becomes of an object that could not be read.
fn failed(job: &Job, error: &Error, receive_count: u32) -> Outcome {
    let pipeline = job.runtime.name();
    let (outcome, label) = match (error.kind(), error.fault()) {
        // A newer version is there, and announced by an event of its own.
        (ErrorKind::ObjectReplaced, _) => (Outcome::Done, "replaced"),
        // Its removal is announced too, and is what counts.
        (ErrorKind::ObjectGone, _) if job.runtime.pipeline.target.options.delete_removed => (Outcome::Done, "replaced"),
        (_, Fault::Poison) => (Outcome::Park(Reason::of("read", error).about(pipeline, job.object.uri())), "parked"),
        (ErrorKind::Stopping, _) => (Outcome::Release(Duration::ZERO), "released"),
        (_, Fault::Transient | Fault::Fatal) => {
            let delay = backoff::delay(receive_count, Duration::from_secs(5), LONGEST_DELAY);
            (Outcome::Release(delay), "released")
        }
    };
    metrics::counter!(names::OBJECTS, "pipeline" => pipeline.to_owned(), "outcome" => label).increment(1);
    if label == "released" || label == "replaced" {
        tracing::warn!(pipeline, object.key = job.object.key, %error, outcome = label, "an object was not read");
    }
    outcome
}

fn unrouted(object: &ObjectRef) -> Reason {
    Reason {
        stage: "route",
        fault: Fault::Poison.as_str(),
        kind: "unrouted",
        message: format!(
            "no pipeline takes {}; add one, narrow the bucket's notification, or set queues.on_unrouted = \"acknowledge\"",
            object.uri()
        ),
        pipeline: None,
        subject: Some(object.uri()),
    }
}

async fn lose(mut lost: mpsc::Receiver<crate::queue::MessageId>, settler: Settler) {
    while let Some(id) = lost.recv().await {
        settler.lose(&id);
    }
}
