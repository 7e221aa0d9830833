//! Decompressing on a thread of its own, some buffers ahead of who reads.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};

use super::input::again;
use crate::error::{Error, ErrorKind};

/// The size of a buffer: small ones cost 28 % of inflate.
const BUFFER: usize = 256 * 1024;

/// How many full buffers wait for the reader; two more are being filled and read.
const AHEAD: usize = 3;

/// So few bytes at a buffer's end are left free: filling them would take a call for next to nothing.
const REST: usize = 4 * 1024;

/// Runs `work` on what `stream` gives, which is read on another thread meanwhile; about 1.3 MB of it are ahead of `work` at most.
///
/// Where `work` ends before the stream does, the thread ends after the read that is under way.
pub fn ahead<T>(stream: impl Read + Send, work: impl FnOnce(Ahead) -> T) -> T {
    let (to_reader, filled) = sync_channel(AHEAD);
    let (spent, to_fill) = channel();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("tidegate-inflate".to_owned());
        let started = thread.spawn_scoped(scope, move || fill(stream, &to_reader, &to_fill));
        // Where there is no thread, nobody fills, and the reader says so.
        if let Err(error) = started {
            tracing::warn!(%error, "no thread could be started for decompression");
        }
        work(Ahead { filled, spent, piece: Piece::default(), at: 0, state: State::Reading })
    })
}

/// A part of the stream: the first `length` bytes of a buffer; none at its end.
#[derive(Default)]
struct Piece {
    buffer: Vec<u8>,
    length: usize,
}

/// Reads `stream` into the buffers that come back, or into new ones, until it ends or nobody wants more.
fn fill(mut stream: impl Read, to_reader: &SyncSender<io::Result<Piece>>, to_fill: &Receiver<Vec<u8>>) {
    loop {
        let mut buffer = match to_fill.try_recv() {
            Ok(buffer) => buffer,
            Err(TryRecvError::Empty) => vec![0; BUFFER],
            Err(TryRecvError::Disconnected) => return,
        };
        let mut length = 0;
        let ended = loop {
            match stream.read(&mut buffer[length..]) {
                Ok(0) => break Some(Ok(Piece::default())),
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(Err(error)),
            }
            if length + REST > BUFFER {
                break None;
            }
        };
        // What was read before an error comes before it.
        if length > 0 && to_reader.send(Ok(Piece { buffer, length })).is_err() {
            return;
        }
        if let Some(ended) = ended {
            // If nobody listens, nobody misses the end.
            to_reader.send(ended).ok();
            return;
        }
    }
}

/// The stream, for who reads it.
pub struct Ahead {
    filled: Receiver<io::Result<Piece>>,
    spent: Sender<Vec<u8>>,
    piece: Piece,
    /// How much of the piece was read.
    at: usize,
    state: State,
}

enum State {
    Reading,
    Ended,
    Failed(io::Error),
}

impl Ahead {
    /// Takes the next piece, or notes how the stream ended.
    fn advance(&mut self) {
        let spent = std::mem::take(&mut self.piece).buffer;
        if !spent.is_empty() {
            // The other side may have ended, and needs no buffers.
            self.spent.send(spent).ok();
        }
        self.at = 0;
        match self.filled.recv() {
            Ok(Ok(piece)) if piece.length == 0 => self.state = State::Ended,
            Ok(Ok(piece)) => self.piece = piece,
            Ok(Err(error)) => self.state = State::Failed(error),
            // Without a word on how: that is no end.
            Err(_) => {
                let error = Error::new(ErrorKind::Io, "decompressing an object ended early");
                self.state = State::Failed(io::Error::other(error));
            }
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.state {
                State::Ended => return Ok(0),
                // Again and again: who reads on is not to find a well-ended stream.
                State::Failed(error) => {
                    let next = again(error);
                    return Err(std::mem::replace(error, next));
                }
                State::Reading if out.is_empty() => return Ok(0),
                State::Reading if self.at < self.piece.length => {
                    let left = &self.piece.buffer[self.at..self.piece.length];
                    let length = left.len().min(out.len());
                    out[..length].copy_from_slice(&left[..length]);
                    self.at += length;
                    return Ok(length);
                }
                State::Reading => self.advance(),
            }
        }
    }
}
