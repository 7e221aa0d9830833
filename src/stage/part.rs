//! A data file of rows, encoded on a blocking thread and uploaded as it grows.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::parquet::Encoder;
use super::{Area, Store, Upload};
use crate::error::{Error, ErrorKind, Result};
use crate::model::StagedFile;

/// A data file being written.
pub struct PartFile {
    encoder: Encoder,
    upload: Upload,
    url: String,
}

impl PartFile {
    /// An empty file at `key`; it becomes an object only by [`finish`](Self::finish).
    ///
    /// # Errors
    /// When the schema cannot be written as Parquet.
    pub fn new(store: Store, area: &Area, key: String, schema: SchemaRef) -> Result<Self> {
        let url = area.url(&key);
        Ok(PartFile { encoder: Encoder::new(schema)?, upload: Upload::new(store, key), url })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Those of encoding and of S3; what was sent is aborted.
    pub async fn write(self, rows: Vec<RecordBatch>) -> Result<PartFile> {
        let PartFile { mut encoder, mut upload, url } = self;
        let encoded = blocking(move || {
            rows.iter().try_for_each(|rows| encoder.write(rows))?;
            let bytes = encoder.take();
            Ok((encoder, bytes))
        })
        .await;
        match encoded {
            Ok((encoder, bytes)) => match upload.push(&bytes).await {
                Ok(()) => Ok(PartFile { encoder, upload, url }),
                Err(error) => {
                    upload.abort().await;
                    Err(error)
                }
            },
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Completes the file; `None` if it has no rows, as an empty file is never staged.
    ///
    /// # Errors
    /// Those of encoding and of S3; what was sent is aborted.
    pub async fn finish(self) -> Result<Option<StagedFile>> {
        let PartFile { encoder, mut upload, url } = self;
        let rows = encoder.rows();
        if rows == 0 {
            return Ok(None);
        }
        let bytes = match blocking(move || encoder.finish()).await {
            Ok(bytes) => bytes,
            Err(error) => {
                upload.abort().await;
                return Err(error);
            }
        };
        if let Err(error) = upload.push(&bytes).await {
            upload.abort().await;
            return Err(error);
        }
        Ok(Some(StagedFile { url, bytes: upload.finish().await?, rows }))
    }

    /// Throws the file away.
    pub async fn abort(self) {
        self.upload.abort().await;
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "encoding rows ended early", error)))
}
