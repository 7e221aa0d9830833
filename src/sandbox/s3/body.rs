//! Bodies on disk: written and read in blocks on blocking threads, never whole in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use md5::{Digest, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::task::spawn_blocking;

use super::checksum::{Declared, Summer};
use super::version::{Checksum, Segment, Version, new_id};

/// The bytes that one trip to a blocking thread moves.
const BLOCK: usize = 256 << 10;

/// A body that was received and verified but belongs to no object yet.
#[derive(Debug)]
pub(super) struct Incoming {
    draft: Draft,
    pub(super) segment: Segment,
    pub(super) md5: [u8; 16],
    pub(super) checksum: Option<Checksum>,
}

impl Incoming {
    /// The MD5 in hexadecimal: the ETag of an object that was put whole.
    pub(super) fn md5_hex(&self) -> String {
        hex(&self.md5)
    }

    /// Leaves the file to the object that now owns it; without this call it is deleted.
    pub(super) fn keep(mut self) {
        self.draft.kept = true;
    }
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes `stream` into a new file of `folder` and verifies what the client declared about it.
pub(super) async fn receive(folder: &Path, mut stream: StreamingBlob, declared: &Declared) -> S3Result<Incoming> {
    let mut sink = Sink::new(folder, declared.algorithm().map(Summer::new));
    let mut block = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            let message = format!("The request body could not be read to its end: {error}");
            let mut refusal = S3Error::with_message(S3ErrorCode::IncompleteBody, message);
            refusal.set_source(error);
            refusal
        })?;
        block.extend_from_slice(&chunk);
        if block.len() >= BLOCK {
            sink = sink.write(block.split().freeze()).await?;
        }
    }
    let incoming = sink.write(block.freeze()).await?.finish();
    declared.verify(&incoming.md5, incoming.checksum.as_ref())?;
    Ok(incoming)
}

/// The bytes of `range` of a version, read as the client takes them.
pub(super) fn read(folder: PathBuf, version: Arc<Version>, range: Range<u64>) -> StreamingBlob {
    let reader = Reader::new(folder, version, range);
    StreamingBlob::wrap(stream::try_unfold(reader, async |mut reader: Reader| {
        if reader.range.is_empty() {
            return Ok::<_, io::Error>(None);
        }
        spawn_blocking(move || reader.block().map(|block| Some((block, reader)))).await.map_err(io::Error::other)?
    }))
}

/// The whole body of a version; blocking.
pub(super) fn read_all(folder: PathBuf, version: Arc<Version>) -> io::Result<Vec<u8>> {
    let size = version.content.as_ref().map_or(0, |content| content.size);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    let mut reader = Reader::new(folder, version, 0..size);
    while !reader.range.is_empty() {
        bytes.extend_from_slice(&reader.block()?);
    }
    Ok(bytes)
}

/// A file that is deleted unless somebody took it over.
#[derive(Debug)]
struct Draft {
    path: PathBuf,
    kept: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // Harmless: the next start removes what no object refers to.
                tracing::debug!(%error, "sandbox: a rejected body stays");
            }
            _ => {}
        }
    }
}

/// A body on its way to disk.
struct Sink {
    draft: Draft,
    file: Option<File>,
    name: String,
    len: u64,
    md5: Md5,
    summer: Option<Summer>,
}

impl Sink {
    fn new(folder: &Path, summer: Option<Summer>) -> Sink {
        let name = new_id();
        let draft = Draft { path: folder.join(&name), kept: false };
        Sink { draft, file: None, name, len: 0, md5: Md5::new(), summer }
    }

    async fn write(mut self, block: Bytes) -> S3Result<Sink> {
        spawn_blocking(move || {
            self.append(&block)?;
            Ok(self)
        })
        .await
        .map_err(S3Error::internal_error)?
        .map_err(|error: io::Error| S3Error::internal_error(error))
    }

    fn append(&mut self, block: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::create_new(&self.draft.path)?),
        };
        file.write_all(block)?;
        self.md5.update(block);
        if let Some(summer) = &mut self.summer {
            summer.update(block);
        }
        self.len += block.len() as u64;
        Ok(())
    }

    fn finish(self) -> Incoming {
        Incoming {
            draft: self.draft,
            segment: Segment { file: self.name, len: self.len },
            md5: self.md5.finalize().into(),
            checksum: self.summer.map(Summer::finish),
        }
    }
}

/// A body on its way from disk. It holds the version, so that the files stay until it is dropped.
struct Reader {
    folder: PathBuf,
    version: Arc<Version>,
    /// What is still to be read.
    range: Range<u64>,
    segment: usize,
    /// Where in the body the segment begins.
    segment_start: u64,
    file: Option<File>,
}

impl Reader {
    fn new(folder: PathBuf, version: Arc<Version>, range: Range<u64>) -> Reader {
        Reader { folder, version, range, segment: 0, segment_start: 0, file: None }
    }

    /// The next block of the range, which is not empty.
    fn block(&mut self) -> io::Result<Bytes> {
        let segments =
            self.version.content.as_ref().map(|content| content.body.segments.as_slice()).unwrap_or_default();
        let segment = loop {
            let segment = segments.get(self.segment).ok_or(io::ErrorKind::UnexpectedEof)?;
            if self.range.start < self.segment_start + segment.len {
                break segment;
            }
            self.segment_start += segment.len;
            self.segment += 1;
            self.file = None;
        };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut file = File::open(self.folder.join(&segment.file))?;
                file.seek(SeekFrom::Start(self.range.start - self.segment_start))?;
                none.insert(file)
            }
        };
        let end = self.range.end.min(self.segment_start + segment.len);
        let len = usize::try_from(end - self.range.start).unwrap_or(BLOCK).min(BLOCK);
        let mut block = vec![0; len];
        file.read_exact(&mut block)?;
        self.range.start += len as u64;
        Ok(block.into())
    }
}
