//! All queues of the sandbox, and what concerns more than one of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;
use uuid::Uuid;

use super::journal::{Journal, Record};
use super::moves::Moves;
use super::name::QueueName;
use super::queue::{Change, Queue, Receipt, Receive, Stored};
use super::refusal::{Code, Refusal};
use super::settings::{AttributeMap, Settings};
use super::time::Time;
use crate::error::Result;

/// The queues by name, and their journal.
#[derive(Debug)]
pub(crate) struct Registry {
    endpoint: String,
    queues: BTreeMap<QueueName, Entry>,
    journal: Journal,
    /// The queues that the present operation may have changed.
    touched: Vec<QueueName>,
    pub(crate) moves: Moves,
}

/// A queue and its description.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) queue: Queue,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    /// Wakes the receivers that wait for a message.
    pub(crate) arrivals: Arc<Notify>,
    /// Whether the description changed in the present operation.
    redescribed: bool,
}

impl Entry {
    fn new(settings: Settings, tags: BTreeMap<String, String>, now: Time) -> Entry {
        Entry {
            queue: Queue::new(settings),
            tags,
            created: now,
            modified: now,
            arrivals: Arc::new(Notify::new()),
            redescribed: true,
        }
    }

    /// Changes the tags or the settings, and with the latter the time of the last modification.
    pub(crate) fn describe(&mut self, change: impl FnOnce(&mut Entry)) {
        change(self);
        self.redescribed = true;
    }

    fn record<'a>(&'a self, name: &'a QueueName) -> Record<'a> {
        Record::Queue {
            queue: Cow::Borrowed(name),
            settings: Cow::Borrowed(self.queue.settings()),
            tags: Cow::Borrowed(&self.tags),
            created: self.created,
            modified: self.modified,
            next: self.queue.next_position(),
        }
    }
}

impl Registry {
    /// Reads the queues from the journal in `folder`, and rewrites it without what is over.
    pub(crate) fn open(folder: &Path, endpoint: String) -> Result<Registry> {
        let mut queues = BTreeMap::new();
        let journal = Journal::open(folder, |record| replay(&mut queues, record))?;
        let mut registry = Registry { endpoint, queues, journal, touched: Vec::new(), moves: Moves::default() };
        let now = Time::now();
        for entry in registry.queues.values_mut() {
            entry.queue.settle(now);
            entry.queue.take_changes();
            entry.redescribed = false;
        }
        registry.rewrite_journal()?;
        Ok(registry)
    }

    /// The URL of a queue.
    pub(crate) fn url(&self, name: &QueueName) -> String {
        name.url(&self.endpoint)
    }

    /// The names of all queues, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &QueueName> {
        self.queues.keys()
    }

    /// The queues that have `target` as their dead-letter queue.
    pub(crate) fn dead_letter_sources(&self, target: &QueueName) -> impl Iterator<Item = &QueueName> {
        self.queues.iter().filter_map(move |(name, entry)| {
            let redrive = entry.queue.settings().redrive.as_ref()?;
            (redrive.target == *target).then_some(name)
        })
    }

    /// Whether there is a queue of this name.
    pub(crate) fn contains(&self, name: &QueueName) -> bool {
        self.queues.contains_key(name)
    }

    /// The queue of this name, to read or to change.
    pub(crate) fn get(&mut self, name: &QueueName) -> std::result::Result<&mut Entry, Refusal> {
        let entry = self.queues.get_mut(name).ok_or_else(Refusal::no_such_queue)?;
        if !self.touched.contains(name) {
            self.touched.push(name.clone());
        }
        Ok(entry)
    }

    /// Creates a queue; there already being one is fine if it has all of these attributes.
    pub(crate) fn create(
        &mut self,
        now: Time,
        name: QueueName,
        attributes: &AttributeMap,
        tags: BTreeMap<String, String>,
    ) -> std::result::Result<(), Refusal> {
        if let Some(entry) = self.queues.get(&name) {
            return match entry.queue.settings().difference(&name, attributes)? {
                None => Ok(()),
                Some(attribute) => Err(Refusal::new(
                    Code::QueueNameExists,
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                )),
            };
        }
        let settings = Settings::create(&name, attributes)?;
        self.check_redrive(&name, &settings)?;
        self.queues.insert(name.clone(), Entry::new(settings, tags, now));
        self.touched.push(name);
        Ok(())
    }

    /// Sets attributes of a queue.
    pub(crate) fn configure(
        &mut self,
        now: Time,
        name: &QueueName,
        attributes: &AttributeMap,
    ) -> std::result::Result<(), Refusal> {
        let mut settings = self.get(name)?.queue.settings().clone();
        settings.apply(attributes)?;
        if attributes.contains_key("RedrivePolicy") {
            self.check_redrive(name, &settings)?;
        }
        self.get(name)?.describe(|entry| {
            entry.queue.change_settings(now, settings);
            entry.modified = now;
        });
        Ok(())
    }

    /// Deletes a queue and its messages.
    pub(crate) fn delete(&mut self, name: &QueueName) -> std::result::Result<(), Refusal> {
        let entry = self.queues.remove(name).ok_or_else(Refusal::no_such_queue)?;
        entry.arrivals.notify_waiters();
        self.touched.push(name.clone());
        Ok(())
    }

    /// Receives from a queue, and buries in its dead-letter queue what was received too often.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        name: &QueueName,
        receive: Receive,
    ) -> std::result::Result<Vec<(Receipt, Stored)>, Refusal> {
        let target = self.get(name)?.queue.settings().redrive.as_ref().map(|redrive| redrive.target.clone());
        let target = target.filter(|target| self.contains(target));
        let receive = Receive { can_redrive: target.is_some(), ..receive };
        let received = self.get(name)?.queue.receive(now, receive)?;
        if let Some(target) = target {
            let graveyard = self.get(&target)?;
            for dead in received.dead {
                graveyard.queue.bury(now, dead, name.arn());
            }
        }
        Ok(received.messages)
    }

    /// Writes what the operation changed to the journal, and wakes who waits for it.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let touched = std::mem::take(&mut self.touched);
        let mut changes = Vec::new();
        for name in &touched {
            if let Some(entry) = self.queues.get_mut(name) {
                changes.push((name, entry.queue.take_changes()));
                if entry.queue.has_deliverable() {
                    entry.arrivals.notify_waiters();
                }
            }
        }
        let mut records = Vec::new();
        for name in &touched {
            match self.queues.get(name) {
                Some(entry) if entry.redescribed => records.push(entry.record(name)),
                Some(_) => {}
                None => records.push(Record::Dropped { queue: Cow::Borrowed(name) }),
            }
        }
        for (name, changes) in &changes {
            let Some(entry) = self.queues.get(*name) else { continue };
            records.extend(changes.iter().filter_map(|change| record_of(name, &entry.queue, *change)));
        }
        // A message that moves is added before it is removed: a write cut short repeats it rather than lose it.
        records.sort_by_key(|record| matches!(record, Record::Removed { .. }));
        if !records.is_empty() {
            self.journal.append(&records)?;
        }
        for name in &touched {
            if let Some(entry) = self.queues.get_mut(name) {
                entry.redescribed = false;
            }
        }
        if self.journal.is_long() { self.rewrite_journal() } else { Ok(()) }
    }

    /// Forces the journal to the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.journal.sync()
    }

    fn rewrite_journal(&mut self) -> Result<()> {
        let records = self.queues.iter().flat_map(|(name, entry)| {
            let accepted = entry.queue.accepted().map(|(key, accepted)| Record::Accepted {
                queue: Cow::Borrowed(name),
                key: Cow::Borrowed(key),
                accepted: Cow::Borrowed(accepted),
            });
            let messages = entry.queue.iter().map(|(position, stored)| Record::Added {
                queue: Cow::Borrowed(name),
                position,
                stored: Cow::Borrowed(stored),
            });
            std::iter::once(entry.record(name)).chain(accepted).chain(messages)
        });
        self.journal.rewrite(records)
    }

    fn check_redrive(&self, name: &QueueName, settings: &Settings) -> std::result::Result<(), Refusal> {
        let Some(redrive) = &settings.redrive else { return Ok(()) };
        let invalid = |reason: &str| Refusal::invalid("RedrivePolicy", redrive.render(), reason);
        let Some(target) = self.queues.get(&redrive.target) else {
            return Err(invalid("Dead letter target does not exist."));
        };
        if redrive.target == *name {
            return Err(invalid("Dead letter target must be another queue."));
        }
        if target.queue.settings().fifo != settings.fifo {
            return Err(invalid("Dead-letter queue must be same type of queue as the source."));
        }
        if !target.queue.settings().allows_redrive_from(name) {
            return Err(invalid("The redrive allow policy of the dead-letter queue does not allow this source."));
        }
        Ok(())
    }
}

/// The id of a new message.
pub(crate) fn message_id() -> String {
    Uuid::now_v7().to_string()
}

fn record_of<'a>(name: &'a QueueName, queue: &'a Queue, change: Change) -> Option<Record<'a>> {
    let name = Cow::Borrowed(name);
    Some(match change {
        Change::Added(position) => Record::Added { queue: name, position, stored: Cow::Borrowed(queue.get(position)?) },
        Change::Custody(position) => Record::Custody { queue: name, position, custody: queue.get(position)?.custody },
        Change::Removed(position) => Record::Removed { queue: name, position },
        Change::Purged => Record::Purged { queue: name },
    })
}

fn replay(queues: &mut BTreeMap<QueueName, Entry>, record: Record<'static>) {
    match record {
        Record::Queue { queue, settings, tags, created, modified, next } => {
            let (settings, tags) = (settings.into_owned(), tags.into_owned());
            let entry = queues
                .entry(queue.into_owned())
                .or_insert_with(|| Entry::new(settings.clone(), BTreeMap::new(), created));
            entry.queue.restore_settings(settings, next);
            entry.tags = tags;
            entry.created = created;
            entry.modified = modified;
        }
        Record::Dropped { queue } => {
            queues.remove(queue.as_ref());
        }
        Record::Added { queue, position, stored } => {
            if let Some(entry) = queues.get_mut(queue.as_ref()) {
                entry.queue.put(position, stored.into_owned());
            }
        }
        Record::Custody { queue, position, custody } => {
            if let Some(entry) = queues.get_mut(queue.as_ref()) {
                entry.queue.restore_custody(position, custody);
            }
        }
        Record::Removed { queue, position } => {
            if let Some(entry) = queues.get_mut(queue.as_ref()) {
                entry.queue.remove(position);
            }
        }
        Record::Purged { queue } => {
            if let Some(entry) = queues.get_mut(queue.as_ref()) {
                entry.queue.purge();
            }
        }
        Record::Accepted { queue, key, accepted } => {
            if let Some(entry) = queues.get_mut(queue.as_ref()) {
                entry.queue.restore_accepted(key.into_owned(), accepted.into_owned());
            }
        }
    }
}
