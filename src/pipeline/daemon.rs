//! A process: its roles, from its checks at the start to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::intake::Intake;
use super::loader::Loader;
use super::runtime::Runtime;
use super::tee::Tee;
use crate::aws::Clients;
use crate::config::{Config, Service, Step};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::load::Warehouse;
use crate::queue::{Depth, SqsQueue};
use crate::stage::{Area, Store};
use crate::telemetry::metrics as names;

/// How often the queues' depths are asked for.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// Firehose is given so long at the end, however short the grace is.
const LEAST_FLUSH: Duration = Duration::from_secs(2);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Both.
    All,
    /// From events to durable batches.
    Intake,
    /// From durable batches to committed rows.
    Load,
}

impl Role {
    /// The name, in arguments and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::All => "all",
            Role::Intake => "intake",
            Role::Load => "load",
        }
    }
}

/// A process that was configured and not yet started.
pub struct Daemon {
    service: Service,
    runtimes: Vec<Arc<Runtime>>,
    clients: Clients,
    role: Role,
    ready: Arc<AtomicBool>,
}

impl Daemon {
    /// A process of this configuration and role.
    pub fn new(config: Config, clients: Clients, role: Role) -> Self {
        let runtimes = config
            .pipelines
            .into_iter()
            .enumerate()
            .map(|(index, pipeline)| Arc::new(Runtime::new(index, pipeline, config.service.warehouse.slices)))
            .collect();
        Daemon { service: config.service, runtimes, clients, role, ready: Arc::default() }
    }

    /// Whether the checks at the start have passed; for `/readyz`.
    pub fn ready(&self) -> Arc<AtomicBool> {
        self.ready.clone()
    }

    /// Checks queues and staging area, and runs until `shutdown`; then finishes or releases what it holds.
    ///
    /// # Errors
    /// Only `Fatal` ones: what the process needs is missing or forbidden.
    pub async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let Daemon { service, runtimes, clients, role, ready } = self;
        let events = SqsQueue::new(clients.sqs.clone(), "events", service.queues.events.clone());
        let loads = SqsQueue::new(clients.sqs.clone(), "loads", service.queues.loads.clone());
        let area = Area::new(service.staging.uri.clone());
        let grace = service.limits.shutdown_grace;
        let store =
            Store::new(clients.staging.clone(), service.staging.uri.bucket.clone(), service.staging.encryption.clone());
        metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION"), "role" => role.as_str()).set(1.0);
        names::begin(runtimes.iter().map(|runtime| runtime.name()));
        for runtime in &runtimes {
            metrics::gauge!(names::FRESHNESS_TARGET, "pipeline" => runtime.name().to_owned())
                .set(runtime.pipeline.freshness.as_secs_f64());
            for step in &runtime.pipeline.steps {
                if let Step::Check(check) = step
                    && !check.aborts
                {
                    let (pipeline, check) = (runtime.name().to_owned(), check.name.clone());
                    metrics::counter!(names::CHECKS_FAILED, "pipeline" => pipeline, "check" => check).increment(0);
                }
            }
        }
        check(&[&events, &loads], &store, &service.staging.uri.prefix, &shutdown).await?;
        ready.store(true, Ordering::Release);
        tracing::info!(role = role.as_str(), pipelines = runtimes.len(), "ready");

        let stop = shutdown.child_token();
        let copies_end = CancellationToken::new();
        let mut copies = JoinSet::new();
        for runtime in &runtimes {
            if let Some(config) = &runtime.pipeline.firehose {
                let (name, client) = (runtime.name(), clients.firehose.clone());
                let (tee, sending) = Tee::new(name, config, client, store.clone(), copies_end.clone());
                if runtime.tee.set(tee).is_ok() {
                    copies.spawn(sending);
                }
            }
        }
        let paced = runtimes.clone();
        let mut roles = JoinSet::new();
        if role != Role::Load {
            let intake = Intake {
                s3: clients.s3.clone(),
                events: events.clone(),
                loads: loads.clone(),
                store: store.clone(),
                area: area.clone(),
                runtimes: runtimes.clone(),
                on_unrouted: service.queues.on_unrouted,
                limits: service.limits,
                budget: Budget::new(
                    service.limits.memory_bytes,
                    service.limits.object_buffer_bytes as u64,
                    service.warehouse.slices,
                ),
            };
            roles.spawn(intake.run(stop.clone()));
        }
        if role != Role::Intake {
            let warehouse = Warehouse::new(clients.redshift, service.warehouse);
            let loader = Loader::new(loads.clone(), store, area, warehouse, runtimes)?;
            roles.spawn(loader.run(stop.clone()));
        }
        let sampling_end = CancellationToken::new();
        let sampling = tokio::spawn(sample([events, loads], paced, sampling_end.clone()));
        let mut ended = Ok(());
        let mut stopped = None;
        loop {
            let role = tokio::select! {
                role = roles.join_next() => role,
                () = stop.cancelled(), if stopped.is_none() => {
                    stopped = Some(Instant::now());
                    continue;
                }
            };
            let Some(role) = role else { break };
            // If one role fails for good, the other must not go on alone: nobody would see it.
            stop.cancel();
            let role = role.unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "a role ended early", error)));
            ended = ended.and(role);
        }
        ready.store(false, Ordering::Release);
        // What the roles left of the grace is Firehose's.
        copies_end.cancel();
        let grace_end = stopped.unwrap_or_else(Instant::now) + grace.max(LEAST_FLUSH);
        let flushed = tokio::time::timeout_at(grace_end.into(), async { while copies.join_next().await.is_some() {} });
        if flushed.await.is_err() {
            tracing::warn!("copies for Firehose are not sent at the end of shutdown_grace, and are lost");
            copies.shutdown().await;
        }
        sampling_end.cancel();
        if let Err(error) = sampling.await {
            tracing::error!(%error, "sampling the queues ended early");
        }
        ended
    }
}

/// Whether queues and staging area are there; waits while they cannot be reached.
async fn check(queues: &[&SqsQueue], store: &Store, prefix: &str, shutdown: &CancellationToken) -> Result<()> {
    for failures in 1.. {
        let checked = async {
            for queue in queues {
                queue.depths().await?;
            }
            store.probe(prefix).await
        };
        match checked.await {
            Ok(()) => return Ok(()),
            Err(error) if error.fault() == Fault::Transient => {
                tracing::warn!(%error, "AWS cannot be reached; trying again");
                let delay = crate::backoff::delay(failures, Duration::from_millis(500), Duration::from_secs(30));
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = shutdown.cancelled() => return Ok(()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Exports the depths of the queues, and tells them to the pipelines.
async fn sample(queues: [SqsQueue; 2], runtimes: Vec<Arc<Runtime>>, end: CancellationToken) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = end.cancelled() => return,
        }
        let mut known = Vec::new();
        for queue in &queues {
            match queue.depths().await {
                Ok((depth, dead_letters)) => {
                    known.push(depth);
                    export(queue.name(), depth);
                    export(if queue.name() == "events" { "events_dlq" } else { "loads_dlq" }, dead_letters);
                }
                Err(error) => tracing::debug!(%error, "the depth of a queue is not known"),
            }
        }
        if let [events, loads] = known[..] {
            runtimes.iter().for_each(|runtime| runtime.pace.sampled(events, loads, runtimes.len()));
        }
    }
}

fn export(queue: &'static str, depth: Depth) {
    for (state, messages) in [("visible", depth.visible), ("in_flight", depth.in_flight), ("delayed", depth.delayed)] {
        metrics::gauge!(names::QUEUE_MESSAGES, "queue" => queue, "state" => state).set(messages as f64);
    }
}
