//! The codecs of async-compression, driven where they stand: their input is always ready, so that no runtime is needed.

use std::io::{self, BufRead, Read};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use async_compression::tokio::bufread::{BrotliDecoder, BzDecoder, Lz4Decoder, XzDecoder};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::deflate::damaged;
use super::input::Input;

/// What an xz decoder needs beside its dictionary.
const XZ_OVERHEAD: u64 = 2 << 20;

/// The stored bytes, as a reader that never has to wait: it blocks instead.
pub(super) struct Ready<'a>(Input<'a>);

impl AsyncRead for Ready<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let data = self.0.fill_buf()?;
        let length = data.len().min(into.remaining());
        into.put_slice(&data[..length]);
        self.0.consume(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Ready<'_> {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Poll::Ready(self.get_mut().0.fill_buf())
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        self.0.consume(amount);
    }
}

/// A codec of async-compression.
pub(super) enum Polled<'a> {
    Bzip2(BzDecoder<Ready<'a>>),
    Xz(XzDecoder<Ready<'a>>),
    Lz4(Lz4Decoder<Ready<'a>>),
    Brotli(BrotliDecoder<Ready<'a>>),
}

impl<'a> Polled<'a> {
    pub(super) fn bzip2(input: Input<'a>) -> Self {
        let mut decoder = BzDecoder::new(Ready(input));
        decoder.multiple_members(true);
        Polled::Bzip2(decoder)
    }

    /// Xz with a dictionary of at most `window` bytes.
    pub(super) fn xz(input: Input<'a>, window: u64) -> Self {
        let mut decoder = XzDecoder::with_mem_limit(Ready(input), window.saturating_add(XZ_OVERHEAD));
        decoder.multiple_members(true);
        Polled::Xz(decoder)
    }

    pub(super) fn lz4(input: Input<'a>) -> Self {
        let mut decoder = Lz4Decoder::new(Ready(input));
        decoder.multiple_members(true);
        Polled::Lz4(decoder)
    }

    pub(super) fn brotli(input: Input<'a>) -> Self {
        Polled::Brotli(BrotliDecoder::new(Ready(input)))
    }

    fn input(&mut self) -> &mut Input<'a> {
        match self {
            Polled::Bzip2(decoder) => &mut decoder.get_mut().0,
            Polled::Xz(decoder) => &mut decoder.get_mut().0,
            Polled::Lz4(decoder) => &mut decoder.get_mut().0,
            Polled::Brotli(decoder) => &mut decoder.get_mut().0,
        }
    }
}

impl Read for Polled<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let mut context = Context::from_waker(Waker::noop());
        let mut buffer = ReadBuf::new(out);
        let polled = match self {
            Polled::Bzip2(decoder) => Pin::new(decoder).poll_read(&mut context, &mut buffer),
            Polled::Xz(decoder) => Pin::new(decoder).poll_read(&mut context, &mut buffer),
            Polled::Lz4(decoder) => Pin::new(decoder).poll_read(&mut context, &mut buffer),
            Polled::Brotli(decoder) => Pin::new(decoder).poll_read(&mut context, &mut buffer),
        };
        let given = buffer.filled().len();
        match polled {
            Poll::Ready(Ok(())) if given == 0 && !self.input().at_end(false)? => {
                Err(damaged("bytes follow the stream's end"))
            }
            Poll::Ready(Ok(())) => Ok(given),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::Error::other("the codec waits for an input that is always ready")),
        }
    }
}
