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

/// Rows in pieces smaller than this wait for others, so that those of many small objects are encoded in one go: each go is a turn of a thread.
const GATHERED: usize = 1 << 20;

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
    /// Rows not encoded yet, and their bytes.
    gathered: Vec<RecordBatch>,
    gathered_bytes: usize,
    encoder: Encoder,
    open: Vec<OpenFile>,
    /// Files that take no more, until their uploads are completed.
    full: Vec<OpenFile>,
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
        DataFiles {
            place,
            gathered: Vec::new(),
            gathered_bytes: 0,
            encoder,
            open: Vec::new(),
            full: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Those of encoding these rows or those before, and of S3; what was sent is aborted.
    pub async fn write(mut self, rows: Vec<RecordBatch>) -> Result<DataFiles> {
        for rows in rows {
            self.gathered_bytes += rows.get_array_memory_size();
            self.gathered.push(rows);
            if self.gathered_bytes >= GATHERED {
                self = self.step(DataFiles::encode_gathered).await?;
            }
        }
        Ok(self)
    }

    /// The bytes held in memory, about.
    pub fn held(&self) -> u64 {
        let gathered = self.gathered_bytes as u64;
        gathered
            + self.encoder.held()
            + self.open.iter().map(|file| file.upload.pending() + file.ready.len() as u64).sum::<u64>()
    }

    /// Completes the files; none if there are no rows, as an empty file is never staged.
    ///
    /// # Errors
    /// Those of encoding and of S3; what was sent is aborted.
    pub async fn finish(self) -> Result<Vec<StagedFile>> {
        let files = self
            .step(|files| {
                files.encode_gathered()?;
                if let Some(group) = files.encoder.cut()? {
                    files.place_group(group)?;
                }
                files.close_all()
            })
            .await?;
        Ok(files.finished)
    }

    /// Throws the files away; those that are complete are named by no manifest, and left to the bucket's lifecycle rule.
    pub async fn abort(self) {
        for file in self.open.into_iter().chain(self.full) {
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

    fn encode_gathered(&mut self) -> Result<()> {
        self.gathered_bytes = 0;
        std::mem::take(&mut self.gathered).iter().try_for_each(|rows| self.encode(rows))
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
        let all = self.open.len() >= self.place.slices;
        if enough && all && self.open.iter().all(|file| file.bytes >= FULL_FILE) {
            self.close_all()?;
        }
        // A file that is still small gets its due before there is another.
        let grown = self.open.iter().all(|file| file.bytes >= LEAST_FILE);
        if self.open.is_empty() || (enough && grown && self.open.len() < self.place.slices) {
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

    /// Ends the open files, so that others take their places.
    fn close_all(&mut self) -> Result<()> {
        self.open.iter_mut().try_for_each(OpenFile::close)?;
        self.full.append(&mut self.open);
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        for file in self.open.iter_mut().chain(&mut self.full) {
            let ready = std::mem::take(&mut file.ready);
            file.upload.push(ready).await?;
        }
        self.retire().await
    }

    /// Completes the uploads of the files that are full.
    async fn retire(&mut self) -> Result<()> {
        while let Some(file) = self.full.pop() {
            let OpenFile { upload, url, rows, .. } = file;
            self.finished.push(StagedFile { url, bytes: upload.finish().await?, rows });
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};

    use super::*;
    use crate::config::{Encryption, S3Uri};

    /// Rows that do not compress, and files of them that are not sent anywhere.
    fn files(slices: usize) -> (RecordBatch, DataFiles) {
        let mut random = fastrand::Rng::with_seed(slices as u64);
        let text: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..40_000).map(|_| format!("{:032x}", random.u128(..)))));
        let rows = RecordBatch::try_from_iter([("text", text)]).expect("fits");
        let s3 = aws_sdk_s3::Config::builder().behavior_version(aws_sdk_s3::config::BehaviorVersion::latest()).build();
        let files = DataFiles::new(DataFolder {
            store: Store::new(aws_sdk_s3::Client::from_conf(s3), "staging".into(), Encryption::BucketDefault),
            area: Area::new(S3Uri { bucket: "staging".into(), prefix: String::new() }),
            folder: "data/p/".into(),
            schema: rows.schema(),
            nested: vec![false],
            format: StagedFormat::default(),
            slices,
        });
        (rows, files)
    }

    /// The sizes of the open files after so many times the rows, ended as a batch is.
    fn sizes(slices: usize, times: usize) -> (Vec<u64>, u64) {
        let (rows, mut files) = files(slices);
        for _ in 0..times {
            files.encode(&rows).expect("encodes");
        }
        if let Some(group) = files.encoder.cut().expect("encodes") {
            files.place_group(group).expect("encodes");
        }
        files.close_all().expect("encodes");
        (files.full.iter().map(|file| file.bytes).collect(), files.full.iter().map(|file| file.rows).sum())
    }

    #[test]
    fn there_is_one_file_for_each_slice_where_each_gets_a_megabyte_and_no_smaller_one_beside() {
        // Each time about 0.7 MB.
        for (times, least, most) in [(1, 1, 1), (2, 1, 2), (5, 2, 3), (12, 4, 4), (40, 4, 4)] {
            let (sizes, rows) = sizes(4, times);
            assert_eq!(rows, times as u64 * 40_000);
            assert!((least..=most).contains(&sizes.len()), "{times}: {sizes:?}");
            assert!(sizes.len() == 1 || sizes.iter().all(|size| *size >= LEAST_FILE), "{times}: {sizes:?}");
        }
        assert_eq!(sizes(1, 12).0.len(), 1);
    }

    #[test]
    fn full_files_give_their_places_to_others_but_never_for_less_than_a_file() {
        let (rows, mut files) = files(2);
        for _ in 0..12 {
            files.encode(&rows).expect("encodes");
        }
        assert_eq!((files.open.len(), files.full.len()), (2, 0));
        files.open.iter_mut().for_each(|file| file.bytes = FULL_FILE);
        files.encode(&rows.slice(0, 100)).expect("encodes");
        if let Some(group) = files.encoder.cut().expect("encodes") {
            files.place_group(group).expect("encodes");
        }
        assert_eq!((files.open.len(), files.full.len()), (2, 0), "too little for a file of its own");
        for _ in 0..24 {
            files.encode(&rows).expect("encodes");
        }
        assert_eq!(files.full.len(), 2);
        assert!(!files.open.is_empty());
    }
}
