//! The `aws-chunked` encoding, in which the SDKs send bodies whose checksum follows as a trailer.
//!
//! A body is a sequence of `<size in hex>[;chunk-signature=…]\r\n<bytes>\r\n`, ends with a chunk of size 0, and may
//! go on with trailers. Chunk signatures are not verified: the sandbox accepts any credentials.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::Stream;
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{Body, StdError};

/// The longest line that is read: a chunk's head with its signature, or a trailer.
const LINE_LIMIT: usize = 4096;

/// The most trailers that are kept.
const TRAILER_LIMIT: usize = 32;

/// What is wrong with a body that should be `aws-chunked`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("a chunk of the aws-chunked body has no size")]
    Size,
    #[error("a chunk of the aws-chunked body does not end with CRLF")]
    End,
    #[error("a line of the aws-chunked body is longer than {LINE_LIMIT} bytes")]
    Line,
    #[error("a trailer of the aws-chunked body is no header line, or there are more than {TRAILER_LIMIT}")]
    Trailer,
    #[error("the aws-chunked body stops in the middle")]
    Incomplete,
    #[error("the aws-chunked body does not have the length of x-amz-decoded-content-length")]
    Length,
}

/// The trailers of a body, known once it has been read; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Trailers(Arc<Mutex<Vec<(String, String)>>>);

impl Trailers {
    /// The value of a trailer, whose name is given in lower case.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let trailers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trailers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    fn push(&self, name: String, value: String) -> Result<(), ChunkError> {
        let mut trailers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if trailers.len() == TRAILER_LIMIT {
            return Err(ChunkError::Trailer);
        }
        trailers.push((name, value));
        Ok(())
    }
}

/// The decoder: bytes in, body bytes out, whatever the cuts between them.
#[derive(Debug)]
struct Decoder {
    state: Expect,
    line: Vec<u8>,
    trailers: Trailers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    Nothing,
}

impl Decoder {
    /// Decodes `input` and appends the body bytes in it to `output`, without copying them.
    fn decode(&mut self, mut input: Bytes, output: &mut VecDeque<Bytes>) -> Result<(), ChunkError> {
        while !input.is_empty() {
            match self.state {
                Expect::Data(left) => {
                    let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    output.push_back(input.split_to(len));
                    let left = left - len as u64;
                    self.state = if left == 0 { Expect::DataEnd } else { Expect::Data(left) };
                }
                Expect::Nothing => return Ok(()),
                Expect::Size | Expect::DataEnd | Expect::Trailer => {
                    if self.read_line(&mut input)? {
                        let line = std::mem::take(&mut self.line);
                        self.take_line(line.trim_ascii())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Moves bytes up to a line feed into `self.line`; true once there is one.
    fn read_line(&mut self, input: &mut Bytes) -> Result<bool, ChunkError> {
        let end = memchr::memchr(b'\n', input);
        let len = end.map_or(input.len(), |end| end + 1);
        if self.line.len() + len > LINE_LIMIT {
            return Err(ChunkError::Line);
        }
        self.line.extend_from_slice(&input[..len]);
        input.advance(len);
        Ok(end.is_some())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        let text = || std::str::from_utf8(line).ok();
        self.state = match self.state {
            Expect::Size => {
                let size = text().and_then(|line| line.split(';').next());
                match size.and_then(|size| u64::from_str_radix(size.trim(), 16).ok()) {
                    None => return Err(ChunkError::Size),
                    Some(0) => Expect::Trailer,
                    Some(size) => Expect::Data(size),
                }
            }
            Expect::DataEnd if line.is_empty() => Expect::Size,
            Expect::DataEnd => return Err(ChunkError::End),
            Expect::Trailer if line.is_empty() => Expect::Nothing,
            Expect::Trailer => {
                let (name, value) = text().and_then(|line| line.split_once(':')).ok_or(ChunkError::Trailer)?;
                self.trailers.push(name.trim().to_ascii_lowercase(), value.trim().to_owned())?;
                Expect::Trailer
            }
            state @ (Expect::Data(_) | Expect::Nothing) => state,
        };
        Ok(())
    }

    /// Called at the end of the input. The empty line after the trailers may be missing, as some clients leave it out.
    fn finish(&mut self) -> Result<(), ChunkError> {
        if self.state == Expect::Trailer && !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.take_line(line.trim_ascii())?;
        }
        match self.state {
            Expect::Trailer | Expect::Nothing => Ok(()),
            Expect::Size | Expect::Data(_) | Expect::DataEnd => Err(ChunkError::Incomplete),
        }
    }
}

/// A decoded body.
pub(super) struct Decoded {
    encoded: Body,
    decoder: Decoder,
    ready: VecDeque<Bytes>,
    ended: bool,
    remaining: u64,
}

/// Decodes `encoded` to a body of `len` bytes; its trailers come to be known when it has been read to its end.
pub(super) fn decode(encoded: Body, len: u64) -> (Decoded, Trailers) {
    let trailers = Trailers::default();
    let decoder = Decoder { state: Expect::Size, line: Vec::new(), trailers: trailers.clone() };
    (Decoded { encoded, decoder, ready: VecDeque::new(), ended: false, remaining: len }, trailers)
}

impl Stream for Decoded {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                let Some(remaining) = this.remaining.checked_sub(bytes.len() as u64) else {
                    this.ended = true;
                    this.ready.clear();
                    return Poll::Ready(Some(Err(ChunkError::Length.into())));
                };
                this.remaining = remaining;
                return Poll::Ready(Some(Ok(bytes)));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            let result = match ready!(Pin::new(&mut this.encoded).poll_next(context)) {
                Some(Ok(bytes)) => this.decoder.decode(bytes, &mut this.ready).map_err(StdError::from),
                Some(Err(error)) => Err(error),
                None => {
                    this.ended = true;
                    match this.decoder.finish() {
                        Ok(()) if this.remaining != 0 => Err(ChunkError::Length.into()),
                        result => result.map_err(StdError::from),
                    }
                }
            };
            if let Err(error) = result {
                this.ended = true;
                this.ready.clear();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl ByteStream for Decoded {
    fn remaining_length(&self) -> RemainingLength {
        // Not exact: the trailers, too, are read by asking once more after the last byte.
        RemainingLength::unknown()
    }
}

#[cfg(test)]
mod tests;
