//! From a source to an object: what is read is decompressed on the way, so that nothing that is truncated or damaged becomes visible.
//!
//! Reading, recompressing and writing go on at the same time, the second on a thread of its own. What is held: a few chunks, the codec's window, and a few parts, of which one is filled, one waits and one is sent.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::read::{Chunks, nobody_listens};
use crate::decompress::{Bounds, Hints, Opened, open};
use crate::error::{Error, ErrorKind, Result};
use crate::land::{Encoder, Encoding, Incoming, Landing, Patience, Place, Put, Source};
use crate::model::Codec;

/// The size of buffers: small ones cost a quarter of inflate's speed.
const BUFFER: usize = 128 << 10;

/// A source's bounds: its time is the landing's.
const BOUNDS: Bounds = Bounds { bytes: u64::MAX, expansion: 10_000, time: Duration::MAX, window: 128 << 20 };

/// What is to be landed, and how.
#[derive(Debug)]
pub struct Land {
    /// Where it comes from.
    pub source: Source,
    /// Where it is to be.
    pub place: Place,
    /// How it is stored.
    pub encoding: Encoding,
    /// The size of a part, in bytes; 5 MiB or more.
    pub part_bytes: usize,
    /// How long the source is waited for.
    pub patience: Patience,
    /// How long all of it may take.
    pub time: Duration,
    /// Whether nothing is done where the object is of the source's version already.
    pub if_changed: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes of the source.
    pub read: u64,
    /// How many it has, if that is known.
    pub size: Option<u64>,
    /// Bytes of the object.
    pub written: u64,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandEnd {
    /// The object is there.
    Landed(Landed),
    /// The object was there already, of the same version of the source.
    Unchanged,
}

/// What was landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Bytes read and written.
    pub moved: Moved,
    /// How the source was compressed.
    pub codec: Codec,
    /// Bytes after decompression.
    pub decompressed: u64,
    /// The SHA-256 of the object's bytes, in hexadecimal digits.
    pub sha256: String,
    /// What S3 says of it.
    pub put: Put,
    /// How often a broken read went on.
    pub resumed: u64,
}

/// Lands a source; `told` is called now and then with how far it is.
///
/// # Errors
/// Whatever keeps the source from being read whole or the object from being written. No object is there then, and none of before is touched.
pub async fn land(
    client: aws_sdk_s3::Client,
    request: &Land,
    stop: &CancellationToken,
    told: impl FnMut(Moved),
) -> Result<LandEnd> {
    let deadline = tokio::time::Instant::now() + request.time;
    let bounded = Bounded { stop, deadline, time: request.time };
    let Some((incoming, mut landing)) = bounded.by(begin(client, request)).await? else {
        return Ok(LandEnd::Unchanged);
    };
    let transferred = bounded.by(transfer(incoming, &mut landing, request, told)).await;
    match transferred {
        Ok((mut landed, last)) => {
            landed.put = landing.finish(last).await?;
            Ok(LandEnd::Landed(landed))
        }
        Err(error) => {
            landing.abort().await;
            Err(error)
        }
    }
}

/// Opens the source, unless there is nothing to be done or nothing that may be.
async fn begin(client: aws_sdk_s3::Client, request: &Land) -> Result<Option<(Incoming, Landing)>> {
    let Land { source, place, if_changed, .. } = request;
    if !place.overwrite {
        match place.present(&client).await {
            Ok(Some(_)) => return Err(place.taken()),
            Ok(None) => {}
            // Who may write but not look is told by the write itself.
            Err(error) if error.kind() == ErrorKind::Permission => {}
            Err(error) => return Err(error),
        }
    }
    let incoming = source.open(request.patience).await?;
    let version = incoming.version().map(|version| digest(&[&source.name(), request.encoding.as_str(), &version]));
    if *if_changed {
        let Some(version) = &version else {
            let message = "nothing tells whether the source changed (HTTP: an ETag or Last-Modified; or a file): leave out --if-changed";
            return Err(Error::new(ErrorKind::Configuration, message));
        };
        if place.present(&client).await? == Some(Some(version.clone())) {
            return Ok(None);
        }
    }
    let landing = Landing::new(client, place.clone(), &source.name(), version.as_deref());
    Ok(Some((incoming, landing)))
}

/// Moves all but the last part; gives that, and what it will have been.
async fn transfer(
    mut incoming: Incoming,
    landing: &mut Landing,
    request: &Land,
    mut told: impl FnMut(Moved),
) -> Result<(Landed, Bytes)> {
    let (chunk_sender, chunks) = mpsc::channel(4);
    let (part_sender, mut parts) = mpsc::channel(1);
    let written = Arc::new(AtomicU64::new(0));
    let sink = Parts::new(part_sender, request.part_bytes, written.clone());
    let (encoding, name) = (request.encoding, request.source.file_name());
    let content_encoding = incoming.content_encoding().map(str::to_owned);
    let recoding = tokio::task::spawn_blocking(move || {
        let hints = Hints { declared: None, content_encoding: content_encoding.as_deref(), key: &name };
        recode(Chunks::new(chunks), &hints, encoding, sink)
    });
    let feed = async {
        let mut moved = Moved { size: incoming.size(), ..Moved::default() };
        loop {
            let chunk = incoming.next().await;
            let last = !matches!(chunk, Ok(Some(_)));
            if let Ok(Some(bytes)) = &chunk {
                moved.read += bytes.len() as u64;
                moved.written = written.load(Ordering::Relaxed);
                told(moved);
            }
            // The codec may have ended first, at an error of its own.
            if chunk_sender.send(chunk).await.is_err() || last {
                break;
            }
        }
        drop(chunk_sender);
        moved
    };
    let store = async move {
        // Where a part fails, `parts` is dropped with this future's end, and the codec finds that nobody listens.
        while let Some(part) = parts.recv().await {
            landing.part(part).await?;
        }
        Ok(())
    };
    let (moved, stored): (Moved, Result<()>) = tokio::join!(feed, store);
    let recoded =
        recoding.await.unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "recompressing ended early", error)));
    stored?;
    let Recoded { codec, decompressed, last, sha256 } = recoded?;
    let moved = Moved { written: written.load(Ordering::Relaxed), ..moved };
    let put = Put { etag: String::new(), parts: 0 };
    let landed = Landed { moved, codec, decompressed, sha256, put, resumed: incoming.resumed() };
    Ok((landed, last))
}

/// What came through the codecs.
struct Recoded {
    codec: Codec,
    decompressed: u64,
    last: Bytes,
    sha256: String,
}

/// Reads to the end, so that all is checked that can be; and writes the bytes as they came, or anew.
fn recode(stored: impl Read + Send, hints: &Hints<'_>, encoding: Encoding, mut sink: Parts) -> Result<Recoded> {
    if encoding == Encoding::Kept {
        let Opened { codec, mut entries, .. } = open(Tee { stored, sink: &mut sink }, hints, BOUNDS)?;
        while entries.next_entry().map_err(Error::of_read)?.is_some() {}
        let decompressed = entries.given();
        drop(entries);
        return Ok(sink.close(codec, decompressed));
    }
    let opened = open(stored, hints, BOUNDS)?;
    let codec = opened.codec;
    let mut bytes = opened.entries.joined(b"\n");
    let mut encoder = Encoder::new(encoding, sink).map_err(Error::of_read)?;
    let mut buffer = vec![0; BUFFER];
    let mut decompressed = 0;
    loop {
        let length = bytes.read(&mut buffer).map_err(Error::of_read)?;
        if length == 0 {
            break;
        }
        decompressed += length as u64;
        encoder.write_all(&buffer[..length]).map_err(Error::of_read)?;
    }
    let sink = encoder.finish().map_err(Error::of_read)?;
    Ok(sink.close(codec, decompressed))
}

/// A reader of which all that is read is written elsewhere too.
struct Tee<'s, R> {
    stored: R,
    sink: &'s mut Parts,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.stored.read(into)?;
        self.sink.write_all(&into[..length])?;
        Ok(length)
    }
}

/// Bytes cut into parts, each of which is handed on when it is full.
struct Parts {
    sender: mpsc::Sender<Bytes>,
    part: Vec<u8>,
    size: usize,
    hash: Sha256,
    written: Arc<AtomicU64>,
}

impl Parts {
    fn new(sender: mpsc::Sender<Bytes>, size: usize, written: Arc<AtomicU64>) -> Self {
        Parts { sender, part: Vec::new(), size, hash: Sha256::new(), written }
    }

    /// Ends it, so that who takes the parts knows that there are no more; the last is given back.
    fn close(self, codec: Codec, decompressed: u64) -> Recoded {
        Recoded { codec, decompressed, last: self.part.into(), sha256: hexadecimal(&self.hash.finalize()) }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == self.size {
            let full = std::mem::replace(&mut self.part, Vec::with_capacity(self.size));
            self.sender.blocking_send(full.into()).map_err(|_| io::Error::other(nobody_listens()))?;
        }
        let taken = &bytes[..bytes.len().min(self.size - self.part.len())];
        self.part.extend_from_slice(taken);
        self.hash.update(taken);
        self.written.fetch_add(taken.len() as u64, Ordering::Relaxed);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What ends a landing from outside.
struct Bounded<'a> {
    stop: &'a CancellationToken,
    deadline: tokio::time::Instant,
    time: Duration,
}

impl Bounded<'_> {
    async fn by<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.stop.cancelled() => Err(Error::new(ErrorKind::Stopping, "interrupted: nothing was landed")),
            () = tokio::time::sleep_until(self.deadline) => {
                Err(Error::new(ErrorKind::TimedOut, format!("not landed within --max-time = {:?}", self.time)))
            }
        }
    }
}

fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hexadecimal(&hash.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
