//! Which records are replayed: the lines of quarantine files, each record once, by object.

use std::collections::BTreeMap;

use super::Replay;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ObjectRef, Place};
use crate::stage::{Area, QuarantineLine, Store, parse_url, read_quarantine};

/// Where the lines come from.
pub(super) enum Source {
    /// The files under a prefix of the staging area.
    Quarantine(String),
    /// A file with edited lines.
    Corrected(Vec<u8>),
}

/// The selected records of one object.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    /// The object's identity.
    pub(super) id: String,
    pub(super) object: ObjectRef,
    /// The records by their numbers: where they are, and what stands for them if they are corrected.
    pub(super) records: BTreeMap<u64, (Place, Option<Vec<u8>>)>,
}

/// The selected records of all objects.
#[derive(Default)]
pub(super) struct Selection {
    pub(super) objects: Vec<Selected>,
    places: BTreeMap<String, usize>,
}

/// The pipeline whose records are replayed, and where they come from.
pub(super) fn source(area: &Area, request: &Replay) -> Result<(String, Source)> {
    let configuration = |message: String| Error::new(ErrorKind::Configuration, message);
    let address = request.quarantine.as_deref().map(|url| {
        let (bucket, key) =
            parse_url(url).ok_or_else(|| configuration(format!("--quarantine {url} is no s3://bucket/key")))?;
        match bucket == area.bucket() {
            true => Ok(key),
            false => Err(configuration(format!("{url} is not in the bucket of the staging area, {}", area.bucket()))),
        }
    });
    let address = address.transpose()?;
    let in_address = address.and_then(|key| {
        let (_, after) = key.split_once("quarantine/pipeline=")?;
        Some(after.split('/').next().unwrap_or(after).to_owned())
    });
    let name = match (&request.pipeline, in_address) {
        (Some(named), Some(found)) if *named != found => {
            return Err(configuration(format!("--quarantine is of the pipeline {found}, and --pipeline says {named}")));
        }
        (Some(name), _) => name.clone(),
        (None, Some(found)) => found,
        (None, None) => return Err(configuration("name the pipeline by --pipeline".to_owned())),
    };
    let date = request.date.as_deref();
    let source = match (&request.corrected, address) {
        (Some(lines), _) => Source::Corrected(lines.clone()),
        (None, Some(key)) => Source::Quarantine(key.to_owned()),
        (None, None) => Source::Quarantine(area.quarantine_folder(&name, date)),
    };
    Ok((name, source))
}

/// The records of the quarantine files under a prefix.
pub(super) async fn quarantined(store: &Store, prefix: &str, pipeline: &str, request: &Replay) -> Result<Selection> {
    let mut selection = Selection::default();
    let day = request.date.as_ref().map(|date| format!("/date={date}/"));
    let mut keys = store.list(prefix).await?;
    keys.retain(|key| key.ends_with(".jsonl.gz") && day.as_ref().is_none_or(|day| key.contains(day.as_str())));
    for key in keys {
        let bytes = store.get(&key).await?;
        read_quarantine(&key, &bytes, |line| selection.add(line, None, pipeline, request))?;
    }
    Ok(selection)
}

/// The records of a file of edited lines.
pub(super) fn corrected(lines: &[u8], pipeline: &str, request: &Replay) -> Result<Selection> {
    let mut selection = Selection::default();
    read_quarantine("the corrected file", lines, |line| {
        let raw = line.raw()?;
        selection.add(line, Some(raw), pipeline, request)
    })?;
    Ok(selection)
}

impl Selection {
    /// How many records there are.
    pub(super) fn count(&self) -> u64 {
        self.objects.iter().map(|object| object.records.len() as u64).sum()
    }

    fn add(
        &mut self,
        line: QuarantineLine<'static>,
        corrected: Option<Vec<u8>>,
        pipeline: &str,
        request: &Replay,
    ) -> Result<()> {
        if !line.pipeline.is_empty() && line.pipeline != pipeline {
            let message = format!("a line is of the pipeline {}, and {pipeline} is replayed", line.pipeline);
            return Err(Error::new(ErrorKind::Malformed, message));
        }
        if request.rule.as_ref().is_some_and(|rule| *rule != line.rule) {
            return Ok(());
        }
        let place = Place { record: line.record, line: line.line, offset: line.byte_offset };
        let id = line.object_id.into_owned();
        let at = *self.places.entry(id.clone()).or_insert_with(|| {
            let object = ObjectRef {
                bucket: line.bucket.into_owned(),
                key: line.object_key.into_owned(),
                other_key: None,
                version: line.version_id.map(|version| version.into_owned()),
                etag: line.etag.map(|etag| etag.into_owned()),
                size: line.size,
                sequencer: line.sequencer,
                event_time: line.event_time,
            };
            self.objects.push(Selected { id, object, records: BTreeMap::new() });
            self.objects.len() - 1
        });
        // A batch that was staged twice has each of its rejects twice.
        self.objects[at].records.insert(place.record, (place, corrected));
        Ok(())
    }
}
