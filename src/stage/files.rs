//! The data files of a batch, or of an object too large to share them: encoded on blocking threads, and uploaded as they grow.
//!
//! A warehouse reads one file a slice at a time, so there are as many files as slices, where each of them gets at least 1 MB: rows are
//! encoded in groups, small ones at first, and a complete group opens a file as long as there are fewer than slices, and else goes to the
//! smallest. Only one group is in memory, however many files are open; each of these holds what does not yet make a part of its upload.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::group::{Encoder, FileEncoder, Group};
use super::{Area, Store, Upload};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{StagedFile, StagedFormat};

/// A file smaller than this costs more to open than to read: what is smaller goes to a file that is there.
const LEAST_FILE: u64 = 1_000_000;

/// A file larger than this takes no more, once there is enough for the next: 1 GB is the most that a file should have.
const FULL_FILE: u64 = 512 << 20;

/// Where data files lie, and what they are.
#[derive(Debug, Clone)]
pub struct DataFolder {
    /// The store that is written to.
    pub store: Store,
    /// The staging area.
    pub area: Area,
    /// The files' folder: a key that ends in `/`.
    pub folder: String,
    /// The columns.
    pub schema: SchemaRef,
    /// Which of the columns hold JSON, which files of JSON take in as it is.
    pub nested: Vec<bool>,
    /// The form of the files.
    pub format: StagedFormat,
    /// How many files are wanted, or a multiple of it.
    pub slices: usize,
}

/// Data files being written.
pub struct DataFiles {
    place: DataFolder,
    encoder: Encoder,
    open: Vec<OpenFile>,
    finished: Vec<StagedFile>,
}

struct OpenFile {
    encoder: FileEncoder,
    /// What is encoded and not yet handed to the upload.
    ready: Vec<u8>,
    upload: Upload,
    url: String,
    bytes: u64,
    rows: u64,
}

impl DataFiles {
    /// No files yet; they become objects only by [`finish`](Self::finish).
    pub fn new(place: DataFolder) -> Self {
        let encoder = Encoder::new(place.schema.clone(), place.nested.clone(), place.format, place.slices > 1);
        DataFiles { place, encoder, open: Vec::new(), finished: Vec::new() }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Those of encoding and of S3; what was sent is aborted.
    pub async fn write(mut self, rows: Vec<RecordBatch>) -> Result<DataFiles> {
        for rows in rows {
            self = self.step(move |files| files.encode(&rows)).await?;
        }
        Ok(self)
    }

    /// The bytes held in memory, about.
    pub fn held(&self) -> u64 {
        self.encoder.held() + self.open.iter().map(|file| file.upload.pending() + file.ready.len() as u64).sum::<u64>()
    }

    /// Completes the files; none if there are no rows, as an empty file is never staged.
    ///
    /// # Errors
    /// Those of encoding and of S3; what was sent is aborted.
    pub async fn finish(self) -> Result<Vec<StagedFile>> {
        let mut files = self
            .step(|files| {
                if let Some(group) = files.encoder.cut()? {
                    files.place_group(group)?;
                }
                files.open.iter_mut().try_for_each(OpenFile::close)
            })
            .await?;
        files.retire().await.map(|()| files.finished)
    }

    /// Throws the files away; those that are complete are named by no manifest, and left to the bucket's lifecycle rule.
    pub async fn abort(self) {
        for file in self.open {
            file.upload.abort().await;
        }
    }

    /// Does work that costs CPU on a blocking thread, then uploads what it gave.
    async fn step(self, work: impl FnOnce(&mut DataFiles) -> Result<()> + Send + 'static) -> Result<DataFiles> {
        let mut files = self;
        let encoded = tokio::task::spawn_blocking(move || {
            let done = work(&mut files);
            (files, done)
        })
        .await;
        let (mut files, done) =
            encoded.map_err(|error| Error::caused(ErrorKind::Io, "encoding rows ended early", error))?;
        let sent = match done {
            Ok(()) => files.send().await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Ok(files),
            Err(error) => {
                files.abort().await;
                Err(error)
            }
        }
    }

    fn encode(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut at = 0;
        while at < rows.num_rows() {
            let taken = self.encoder.step(rows).min(rows.num_rows() - at);
            self.encoder.write(&rows.slice(at, taken))?;
            at += taken;
            if self.encoder.is_full(self.open.len() < self.place.slices)
                && let Some(group) = self.encoder.cut()?
            {
                self.place_group(group)?;
            }
        }
        Ok(())
    }

    /// Puts a complete group into its file.
    fn place_group(&mut self, group: Group) -> Result<()> {
        let enough = self.encoder.expected_bytes(&group) >= LEAST_FILE;
        let none = self.open.is_empty();
        if none || (enough && self.open.len() < self.place.slices) {
            self.open.push(OpenFile::new(&self.place)?);
            if let Some(file) = self.open.last_mut() {
                return file.append(group, &mut self.encoder);
            }
        }
        match self.open.iter_mut().min_by_key(|file| file.bytes) {
            Some(file) => file.append(group, &mut self.encoder),
            None => Err(Error::new(ErrorKind::Io, "there is no file for rows that were encoded")),
        }
    }

    async fn send(&mut self) -> Result<()> {
        for file in &mut self.open {
            let ready = std::mem::take(&mut file.ready);
            file.upload.push(ready).await?;
        }
        let full = self.open.len() == self.place.slices && self.open.iter().all(|file| file.bytes >= FULL_FILE);
        if full {
            self.turn_over().await?;
        }
        Ok(())
    }

    /// Completes the files that are full, so that others take their places.
    async fn turn_over(&mut self) -> Result<()> {
        let mut open = std::mem::take(&mut self.open);
        let closed = tokio::task::spawn_blocking(move || {
            let closed = open.iter_mut().try_for_each(OpenFile::close);
            (open, closed)
        })
        .await;
        let (open, closed) =
            closed.map_err(|error| Error::caused(ErrorKind::Io, "encoding rows ended early", error))?;
        self.open = open;
        closed?;
        for file in &mut self.open {
            let ready = std::mem::take(&mut file.ready);
            file.upload.push(ready).await?;
        }
        self.retire().await
    }

    /// Completes the uploads of the files that are closed.
    async fn retire(&mut self) -> Result<()> {
        while let Some(file) = self.open.pop() {
            let OpenFile { upload, url, rows, .. } = file;
            match upload.finish().await {
                Ok(bytes) => self.finished.push(StagedFile { url, bytes, rows }),
                Err(error) => {
                    for file in self.open.drain(..) {
                        file.upload.abort().await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl OpenFile {
    fn new(place: &DataFolder) -> Result<Self> {
        let key = format!("{}{}.{}", place.folder, uuid::Uuid::now_v7(), place.format.suffix());
        Ok(OpenFile {
            encoder: FileEncoder::new(&place.schema, place.format)?,
            ready: Vec::new(),
            url: place.area.url(&key),
            upload: Upload::new(place.store.clone(), key),
            bytes: 0,
            rows: 0,
        })
    }

    fn append(&mut self, group: Group, encoder: &mut Encoder) -> Result<()> {
        self.rows += group.rows();
        let raw = group.raw_bytes();
        let bytes = self.encoder.append(group)?;
        self.bytes += bytes.len() as u64;
        encoder.learn(raw, bytes.len() as u64);
        self.hand_on(bytes);
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let bytes = self.encoder.finish()?;
        self.bytes += bytes.len() as u64;
        self.hand_on(bytes);
        Ok(())
    }

    fn hand_on(&mut self, bytes: Vec<u8>) {
        if self.ready.is_empty() {
            self.ready = bytes;
        } else {
            self.ready.extend_from_slice(&bytes);
        }
    }
}
