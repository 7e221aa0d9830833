//! Backfill: objects that are in a bucket already, announced once more to the events queue.
//!
//! Takes a prefix; gives each of its objects that a pipeline wants and its ledger lacks an event of its own, as S3 would. From
//! there on everything is as with S3's events: what is announced twice is loaded once. Nothing is kept but the key that the listing has come to,
//! and without it, a second run passes over what is loaded by then.

mod select;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::select::Selection;
use super::runtime::Runtime;
use crate::aws::Clients;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::load::{Ledger, Warehouse, known_objects};
use crate::model::{ObjectId, ObjectRef};
use crate::notify::announcement;
use crate::object::Listing;
use crate::queue::SqsQueue;

/// Events of one call to SQS.
const BATCH: usize = 10;

/// Which objects to announce, and how.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// The bucket.
    pub bucket: String,
    /// What the keys begin with.
    pub prefix: String,
    /// Only what this pipeline wants; `None` for all of them.
    pub pipeline: Option<String>,
    /// Only objects of this day or a later one.
    pub since: Option<jiff::civil::Date>,
    /// Only objects of this day or an earlier one.
    pub until: Option<jiff::civil::Date>,
    /// The capture of the key that says the day; else it is that of `LastModified`, in UTC.
    pub by: Option<String>,
    /// Events a second, at most.
    pub rate: u32,
    /// The key behind which the listing begins.
    pub start_after: Option<String>,
    /// Count, and send nothing.
    pub dry_run: bool,
}

/// What became of the objects listed so far: `listed` is the sum of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backfilled {
    /// Current versions.
    pub listed: u64,
    /// Those that no pipeline wants, or not the one that was named.
    pub unrouted: u64,
    /// Those of other days than were asked for.
    pub outside: u64,
    /// Those whose key has no day where one was asked for.
    pub undated: u64,
    /// Those that the ledgers of all pipelines that want them have.
    pub loaded: u64,
    /// Those announced, or in a dry run those that would be.
    pub sent: u64,
    /// The last key that is dealt with.
    pub reached: Option<String>,
    /// Whether the listing came to its end.
    pub complete: bool,
}

/// What is done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unrouted,
    Outside,
    Undated,
    Loaded,
    Sent,
}

impl Backfilled {
    fn count(&mut self, fate: Fate) {
        self.listed += 1;
        *match fate {
            Fate::Unrouted => &mut self.unrouted,
            Fate::Outside => &mut self.outside,
            Fate::Undated => &mut self.undated,
            Fate::Loaded => &mut self.loaded,
            Fate::Sent => &mut self.sent,
        } += 1;
    }
}

/// Announces the objects, in the order of their keys, until all are or `stop` is cancelled; `tell` hears of each step.
///
/// # Errors
/// `Configuration` if no pipeline reads the bucket, or one lacks the capture of the day; the errors of S3, SQS and the Data API. What `tell` heard
/// of last is done.
pub async fn backfill(
    config: &Config,
    clients: &Clients,
    request: &Backfill,
    stop: &CancellationToken,
    mut tell: impl FnMut(&Backfilled),
) -> Result<Backfilled> {
    let warehouse = Warehouse::new(clients.redshift.clone(), config.service.warehouse.clone());
    let events = SqsQueue::new(clients.sqs.clone(), "events", config.service.queues.events.clone());
    let selection = Selection::new(config, request)?;
    let mut ledgers = Vec::new();
    for runtime in &selection.runtimes {
        let ledger = Ledger::new(&config.service.warehouse.ledger_schema, runtime.name());
        // Before the first load there is none.
        let there = warehouse.has_table(&ledger.objects.sql()).await?;
        ledgers.push(there.then_some(ledger));
    }
    let mut listing = Listing::new(clients.s3.clone(), &request.bucket, &request.prefix, request.start_after.clone());
    let mut run = Run { events, request, stop, began: Instant::now(), done: Backfilled::default() };
    run.done.reached.clone_from(&request.start_after);
    while let Some(page) = listing.page().await? {
        let fates = fates(&selection, &ledgers, &warehouse, &page).await?;
        if !run.page(page, fates, &mut tell).await? {
            return Ok(run.done);
        }
    }
    run.done.complete = true;
    Ok(run.done)
}

/// Decides on each object of a page; asks each ledger once.
async fn fates(
    selection: &Selection,
    ledgers: &[Option<Ledger>],
    warehouse: &Warehouse,
    page: &[ObjectRef],
) -> Result<Vec<Fate>> {
    let mut fates = Vec::with_capacity(page.len());
    // By pipeline: the objects of the page that it wants, by their places.
    let mut wanted: Vec<Vec<(usize, ObjectId)>> = vec![Vec::new(); ledgers.len()];
    for (at, object) in page.iter().enumerate() {
        let found = selection.select(object);
        if let Ok(pipelines) = &found {
            for pipeline in pipelines {
                wanted[*pipeline].push((at, selection.runtimes[*pipeline].identity(object)));
            }
        }
        fates.push(found.err().unwrap_or(Fate::Loaded));
    }
    for (wanted, ledger) in wanted.into_iter().zip(ledgers) {
        let ids: Vec<ObjectId> = wanted.iter().map(|(_, id)| *id).collect();
        let known = match ledger {
            Some(ledger) => known_objects(warehouse, ledger, &ids).await?,
            None => BTreeSet::new(),
        };
        for (at, id) in wanted {
            if !known.contains(&id.to_string()) {
                fates[at] = Fate::Sent;
            }
        }
    }
    Ok(fates)
}

/// A run of announcing.
struct Run<'a> {
    events: SqsQueue,
    request: &'a Backfill,
    stop: &'a CancellationToken,
    began: Instant,
    done: Backfilled,
}

impl Run<'_> {
    /// Announces what of a page is to be; whether to go on.
    async fn page(
        &mut self,
        page: Vec<ObjectRef>,
        fates: Vec<Fate>,
        tell: &mut impl FnMut(&Backfilled),
    ) -> Result<bool> {
        let mut bodies = Vec::new();
        // What is passed over between objects that are to be sent is counted with them: then all up to `reached` is.
        let mut next = self.done.clone();
        let last = page.len();
        for (at, (object, fate)) in page.into_iter().zip(fates).enumerate() {
            next.count(fate);
            if fate == Fate::Sent {
                bodies.push(announcement(&object));
            }
            next.reached = Some(object.key);
            if bodies.len() < BATCH && at + 1 < last {
                continue;
            }
            if !self.send(std::mem::take(&mut bodies)).await? {
                return Ok(false);
            }
            self.done = next.clone();
            tell(&self.done);
        }
        Ok(!self.stop.is_cancelled())
    }

    /// Sends events at the rate that was asked for; whether they were, and not the stop came first.
    async fn send(&self, bodies: Vec<String>) -> Result<bool> {
        if self.request.dry_run || bodies.is_empty() {
            return Ok(true);
        }
        let due = self.began + Duration::from_secs_f64(self.done.sent as f64 / f64::from(self.request.rate.max(1)));
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(false),
            () = tokio::time::sleep_until(due) => {}
        }
        self.events.send_all(&bodies).await?;
        Ok(true)
    }
}

/// The pipelines that read the bucket, or the one of them that is named, with their places in the configuration.
///
/// # Errors
/// `Configuration` if there is none.
fn readers(config: &Config, request: &Backfill) -> Result<Vec<Runtime>> {
    let named = |name: &str| request.pipeline.as_ref().is_none_or(|wanted| wanted == name);
    let names: Vec<&str> = config.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    if !names.iter().any(|name| named(name)) {
        let wanted = request.pipeline.as_deref().unwrap_or_default();
        let message = format!("there is no pipeline {wanted:?}; there are {}", names.join(", "));
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let runtimes: Vec<Runtime> = config
        .pipelines
        .iter()
        .enumerate()
        .filter(|(_, pipeline)| named(&pipeline.name) && pipeline.source.bucket == request.bucket)
        .map(|(index, pipeline)| Runtime::new(index, pipeline.clone(), config.service.warehouse.slices))
        .collect();
    if runtimes.is_empty() {
        let message =
            format!("no pipeline that could be meant reads the bucket {}: it is that of [source]", request.bucket);
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(runtimes)
}
