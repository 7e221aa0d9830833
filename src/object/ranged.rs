//! Any part of one version of an object, for the formats whose table of contents is at their end.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::s3::{MAX_BREAKS, STALL, get, pause};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ObjectRef, RandomAccess, beyond};

/// How much of the end is read at once, when the object is opened: the tables of contents of all but very wide files.
const TAIL: u64 = 512 << 10;

/// How much is read at a place where nothing was read before.
const PIECE: u64 = 1 << 20;

/// How much is read where the reads go on from each other.
const AHEAD: u64 = 4 << 20;

/// How much is held besides the tail.
const HELD: usize = 8 << 20;

/// One version of an object, of which any part can be read from a blocking thread.
///
/// Small reads are served from pieces of 1 MiB, or of 4 MiB where they follow each other; the last 8 MiB of these and the object's tail
/// are held. A read of more than 4 MiB is one request and is not held.
pub struct ObjectFile {
    client: aws_sdk_s3::Client,
    object: ObjectRef,
    /// The entity tag of the first answer: what is read later must be the same.
    etag: Option<String>,
    size: u64,
    content_encoding: Option<String>,
    tail: Bytes,
    held: Mutex<VecDeque<Piece>>,
    runtime: Handle,
    cancel: CancellationToken,
}

/// Bytes of the object that are held.
struct Piece {
    offset: u64,
    bytes: Bytes,
}

impl ObjectFile {
    /// Opens the version that `object` announces, as [`ObjectStream::open`](super::ObjectStream::open) does, and reads its tail.
    /// Reads that are under way when `cancel` is cancelled fail with `Stopping`.
    ///
    /// # Errors
    /// Those of `ObjectStream::open`.
    pub async fn open(client: aws_sdk_s3::Client, mut object: ObjectRef, cancel: CancellationToken) -> Result<Self> {
        let mut tail = tail(&client, &object).await;
        if let (Err(error), Some(other_key)) = (&tail, object.other_key.take())
            && error.kind() == ErrorKind::ObjectGone
        {
            object.key = other_key;
            tail = self::tail(&client, &object).await;
        }
        let Tail { size, etag, content_encoding, first } = tail?;
        let mut file = ObjectFile {
            client,
            etag: etag.or_else(|| object.etag.clone()),
            object,
            size,
            content_encoding,
            tail: Bytes::new(),
            held: Mutex::default(),
            runtime: Handle::current(),
            cancel,
        };
        file.tail = file.download(size.saturating_sub(TAIL)..size, first).await?;
        Ok(file)
    }

    /// The object's `Content-Encoding`, as it was stored with it.
    pub fn content_encoding(&self) -> Option<&str> {
        self.content_encoding.as_deref()
    }

    /// The bytes of `range`, of which `answer` is what S3 has answered already.
    async fn download(&self, range: Range<u64>, mut answer: Option<GetObjectOutput>) -> Result<Bytes> {
        let length = (range.end - range.start) as usize;
        let mut bytes = BytesMut::with_capacity(length);
        let mut breaks = 0;
        while bytes.len() < length {
            let mut body = match answer.take() {
                Some(answer) => answer,
                None => {
                    let wanted = format!("bytes={}-{}", range.start + bytes.len() as u64, range.end - 1);
                    get(&self.client, &self.object, self.etag.clone(), Some(wanted)).await?
                }
            }
            .body;
            let broken = loop {
                match tokio::time::timeout(STALL, body.next()).await {
                    Ok(Some(Ok(chunk))) => {
                        breaks = 0;
                        bytes.extend_from_slice(&chunk[..chunk.len().min(length - bytes.len())]);
                    }
                    Ok(None) if bytes.len() == length => return Ok(bytes.freeze()),
                    Ok(None) => break self.broken("ended early", None),
                    Ok(Some(Err(error))) => break self.broken("broke off", Some(error)),
                    Err(_) => {
                        let message = format!("reading {} stood still for {STALL:?}", self.object.uri());
                        break Error::new(ErrorKind::TimedOut, message);
                    }
                }
            };
            breaks += 1;
            if breaks > MAX_BREAKS {
                return Err(broken);
            }
            tracing::debug!(object.key = self.object.key, error = %broken, "resuming a read");
            pause(breaks).await;
        }
        Ok(bytes.freeze())
    }

    fn broken(&self, how: &str, error: Option<aws_sdk_s3::primitives::ByteStreamError>) -> Error {
        let message = format!("reading a part of {} {how}", self.object.uri());
        match error {
            Some(error) => Error::caused(ErrorKind::Unavailable, message, error),
            None => Error::new(ErrorKind::Unavailable, message),
        }
    }

    /// Downloads from a blocking thread.
    fn fetch(&self, range: Range<u64>) -> io::Result<Bytes> {
        let downloaded = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Error::new(ErrorKind::Stopping, "the work on the object was stopped")),
                downloaded = self.download(range, None) => downloaded,
            }
        });
        downloaded.map_err(io::Error::other)
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Piece>> {
        // Nothing that is done while it is locked leaves it half done.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From blocking threads only: a thread of the runtime must not wait, and panics.
impl RandomAccess for ObjectFile {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.size);
        let Some(end) = end else { return Err(beyond(offset, length, self.size)) };
        if length == 0 {
            return Ok(Bytes::new());
        }
        let tail_begin = self.size - self.tail.len() as u64;
        if offset >= tail_begin {
            return Ok(part(&self.tail, tail_begin, offset..end));
        }
        if length as u64 > AHEAD {
            return self.fetch(offset..end);
        }
        let follows = {
            let mut held = self.held();
            let found = held.iter().position(|piece| piece.offset <= offset && end <= piece.end());
            if let Some(piece) = found.and_then(|at| held.remove(at)) {
                let bytes = part(&piece.bytes, piece.offset, offset..end);
                held.push_back(piece);
                return Ok(bytes);
            }
            held.iter().any(|piece| (piece.offset..=piece.end()).contains(&offset))
        };
        let ahead = if follows { AHEAD } else { PIECE };
        let bytes = self.fetch(offset..end.max((offset + ahead).min(self.size)))?;
        let answer = bytes.slice(..length);
        let mut held = self.held();
        held.push_back(Piece { offset, bytes });
        while held.iter().map(|piece| piece.bytes.len()).sum::<usize>() > HELD {
            held.pop_front();
        }
        Ok(answer)
    }
}

impl Piece {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// The bytes of `range`, out of those from `begin` on.
fn part(bytes: &Bytes, begin: u64, range: Range<u64>) -> Bytes {
    bytes.slice((range.start - begin) as usize..(range.end - begin) as usize)
}

/// What the first answer says.
struct Tail {
    size: u64,
    etag: Option<String>,
    content_encoding: Option<String>,
    /// The answer itself, if it is the end of the object.
    first: Option<GetObjectOutput>,
}

async fn tail(client: &aws_sdk_s3::Client, object: &ObjectRef) -> Result<Tail> {
    if object.size == Some(0) {
        // S3 refuses every range of an empty object.
        let answer = get(client, object, object.etag.clone(), None).await?;
        return Ok(Tail::of(answer, 0, false));
    }
    let answer = get(client, object, object.etag.clone(), Some(format!("bytes=-{TAIL}"))).await?;
    // `bytes 100-199/200`
    let total = answer.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
    let length = answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
    Ok(match total {
        Some(size) => Tail::of(answer, size, length == TAIL.min(size)),
        // A server without ranges answers with the whole object.
        None => Tail::of(answer, length, length <= TAIL),
    })
}

impl Tail {
    fn of(answer: GetObjectOutput, size: u64, is_tail: bool) -> Self {
        Tail {
            size,
            etag: answer.e_tag().map(|etag| etag.trim_matches('"').to_owned()),
            content_encoding: answer.content_encoding().map(str::to_owned),
            first: is_tail.then_some(answer),
        }
    }
}
