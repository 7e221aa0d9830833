//! Deflate, the engine of gzip, zlib and zip; and zlib itself.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::input::Input;

/// One deflate stream.
pub(super) struct Inflate(Decompress);

impl Inflate {
    /// A stream without a header around it.
    pub(super) fn raw() -> Self {
        Inflate(Decompress::new(false))
    }

    /// Begins another stream without a header, in the memory of the last.
    pub(super) fn restart(&mut self) {
        self.0.reset(false);
    }

    /// The bytes that the stream took so far.
    pub(super) fn taken(&self) -> u64 {
        self.0.total_in()
    }

    /// Writes the next bytes into `out`, which is not empty; gives how many, and whether the stream has ended with them.
    pub(super) fn read(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> io::Result<(usize, bool)> {
        loop {
            let data = input.fill_buf()?;
            let available = data.len();
            let before = (self.0.total_in(), self.0.total_out());
            let flush = if available == 0 { FlushDecompress::Finish } else { FlushDecompress::None };
            let status = self.0.decompress(data, out, flush);
            let taken = (self.0.total_in() - before.0) as usize;
            let given = (self.0.total_out() - before.1) as usize;
            input.consume(taken);
            match status {
                Ok(Status::StreamEnd) => return Ok((given, true)),
                Ok(_) if given > 0 => return Ok((given, false)),
                Ok(_) if available == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) if taken > 0 => {}
                Ok(_) => return Err(damaged("the deflate stream does not go on")),
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    }
}

/// A zlib stream, which is the whole object.
pub(super) struct Zlib<'a> {
    input: Input<'a>,
    inflate: Inflate,
    ended: bool,
}

impl<'a> Zlib<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Zlib { input, inflate: Inflate(Decompress::new(true)), ended: false }
    }
}

impl Read for Zlib<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended || out.is_empty() {
            return Ok(0);
        }
        // The engine checks the sum at the stream's end.
        let (given, ended) = self.inflate.read(&mut self.input, out)?;
        if ended {
            self.ended = true;
            if !self.input.at_end(false)? {
                return Err(damaged("bytes follow the stream's end"));
            }
        }
        Ok(given)
    }
}

/// Whether a deflate stream within zlib's header may begin with `prefix`: its first bytes inflate.
pub(super) fn is_zlib(prefix: &[u8]) -> bool {
    let mut out = [0; 1024];
    let header = matches!(prefix, [cmf, flags, ..] if cmf & 0x0f == 8 && cmf >> 4 <= 7 && (u16::from(*cmf) << 8 | u16::from(*flags)) % 31 == 0);
    header && Decompress::new(true).decompress(prefix, &mut out, FlushDecompress::None).is_ok()
}

pub(super) fn damaged(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
