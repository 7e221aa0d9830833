//! The rows of an object too large for memory: written to files of its own while the next are decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::RecordBatch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::budget::Budget;
use crate::error::{Error, ErrorKind, Result};
use crate::model::StagedFile;
use crate::stage::{Area, DataFiles, Store};

/// Where objects too large for memory are written.
#[derive(Clone)]
pub(super) struct Spill {
    pub(super) store: Store,
    pub(super) area: Area,
    /// The bytes of one object's rows that are held in memory.
    pub(super) buffer_bytes: usize,
    /// What all objects and batches may take of memory.
    pub(super) budget: Budget,
    /// How many small objects are decoded at the same time; those that are downloaded meanwhile take no thread.
    pub(super) decoders: Arc<Semaphore>,
}

/// Bytes of rows are counted in units of so many.
const UNIT: usize = 1 << 10;

/// Pieces that wait, at most, however small they are.
const PIECES: usize = 64;

/// Files being written by a task of their own, so that decoding, encoding and uploading go on at the same time.
pub(super) struct Spilling {
    pieces: mpsc::Sender<(RecordBatch, OwnedSemaphorePermit)>,
    /// What bounds the pieces that wait: bytes and not their number.
    room: Arc<Semaphore>,
    /// All of the room.
    units: u32,
    /// Whether what waits is not to be written any more.
    given_up: Arc<AtomicBool>,
    writing: AbortOnDropHandle<Result<DataFiles>>,
}

impl Spilling {
    /// Writes to `files`; at most `buffer_bytes` of rows wait for it, or one piece.
    pub(super) fn new(files: DataFiles, buffer_bytes: usize) -> Self {
        let units = u32::try_from(buffer_bytes / UNIT).unwrap_or(u32::MAX).max(1);
        let room = Arc::new(Semaphore::new(units as usize));
        let (pieces, mut received) = mpsc::channel::<(RecordBatch, OwnedSemaphorePermit)>(PIECES);
        let given_up = Arc::new(AtomicBool::new(false));
        let until = given_up.clone();
        let writing = tokio::spawn(async move {
            let mut files = files;
            while let Some((piece, room)) = received.recv().await {
                if until.load(Ordering::Relaxed) {
                    break;
                }
                files = files.write(vec![piece]).await?;
                drop(room);
            }
            Ok(files)
        });
        Spilling { pieces, room, units, given_up, writing: AbortOnDropHandle::new(writing) }
    }

    /// Adds rows, once there is room for them.
    ///
    /// # Errors
    /// Those of writing the rows before them; what was sent is aborted then.
    pub(super) async fn add(&mut self, piece: RecordBatch) -> Result<()> {
        let bytes = piece.get_array_memory_size();
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units);
        let room = tokio::select! {
            biased;
            // The task ends before its channel only by an error.
            ended = &mut self.writing => return Err(joined(ended).err().unwrap_or_else(early)),
            room = self.room.clone().acquire_many_owned(units) => room.map_err(|_| early())?,
        };
        match self.pieces.send((piece, room)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(joined((&mut self.writing).await).err().unwrap_or_else(early)),
        }
    }

    /// Completes the files, when all rows are in them.
    ///
    /// # Errors
    /// Those of writing; what was sent is aborted then.
    pub(super) async fn finish(self) -> Result<Vec<StagedFile>> {
        drop(self.pieces);
        joined(self.writing.await)?.finish().await
    }

    /// Throws the files away.
    pub(super) async fn abort(self) {
        // As long as its channel is open the task ends only by an error, and has aborted what it wrote.
        if self.writing.is_finished() {
            return;
        }
        self.given_up.store(true, Ordering::Relaxed);
        drop(self.pieces);
        if let Ok(Ok(files)) = self.writing.await {
            files.abort().await;
        }
    }
}

fn joined(ended: std::result::Result<Result<DataFiles>, tokio::task::JoinError>) -> Result<DataFiles> {
    ended.unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "writing an object's rows ended early", error)))
}

fn early() -> Error {
    Error::new(ErrorKind::Io, "writing an object's rows ended early")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};
    use aws_sdk_s3::config::retry::RetryConfig;
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

    use super::*;
    use crate::config::{Encryption, S3Uri};
    use crate::model::StagedFormat;
    use crate::stage::DataFolder;

    /// Rows that do not compress, of about 1.4 MB.
    fn piece() -> RecordBatch {
        let mut random = fastrand::Rng::with_seed(1);
        let text: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..40_000).map(|_| format!("{:032x}", random.u128(..)))));
        RecordBatch::try_from_iter([("text", text)]).expect("fits")
    }

    /// Files in a store where nobody listens.
    fn files(piece: &RecordBatch) -> DataFiles {
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url("http://127.0.0.1:1")
            .retry_config(RetryConfig::disabled())
            .build();
        DataFiles::new(DataFolder {
            store: Store::new(aws_sdk_s3::Client::from_conf(s3), "staging".into(), Encryption::BucketDefault),
            area: Area::new(S3Uri { bucket: "staging".into(), prefix: String::new() }),
            folder: "data/p/".into(),
            schema: piece.schema(),
            nested: vec![false],
            format: StagedFormat::default(),
            slices: 1,
        })
    }

    #[tokio::test]
    async fn a_store_that_fails_ends_the_adding_of_rows_with_its_error() {
        let piece = piece();
        let mut spilling = Spilling::new(files(&piece), 4 << 20);
        let mut failed = None;
        // The first part is sent after 5 MiB of Parquet: some ten pieces.
        for _ in 0..100 {
            if let Err(error) = spilling.add(piece.clone()).await {
                failed = Some(error);
                break;
            }
        }
        let failed = failed.expect("rows cannot be added for ever");
        assert_eq!(failed.kind(), ErrorKind::Unavailable, "{failed}");
        spilling.abort().await;
    }

    #[tokio::test]
    async fn rows_that_wait_take_no_more_than_the_room_for_them() {
        let piece = piece();
        let bytes = piece.get_array_memory_size();
        let mut spilling = Spilling::new(files(&piece), bytes * 3 / 2);
        // On this runtime of one thread, the writing goes on only where this waits.
        spilling.add(piece.clone()).await.expect("there is room");
        assert!(spilling.room.available_permits() < bytes / UNIT);
        spilling.add(piece).await.expect("as soon as the first is encoded");
        let given_up = spilling.given_up.clone();
        spilling.abort().await;
        assert_eq!(Arc::strong_count(&given_up), 1, "the task that wrote has ended");
    }
}
