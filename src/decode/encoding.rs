//! Text in any encoding as UTF-8, so that every decoder but this file knows one encoding.
//!
//! A sequence that is not of the encoding becomes a byte that no UTF-8 has, so that the check of each record finds and rejects exactly the
//! record that it is in; or U+FFFD, by option. Those bytes also keep the places right: [`source_length`] says how many bytes of the
//! object a piece of its UTF-8 was, whatever is wrong in it.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::model::TextEncoding;

/// The buffer before the decoder.
const BUFFER: usize = 64 * 1024;

/// The least room in which every decoder makes progress.
const ROOM: usize = 16;

/// What becomes of a sequence that is not of the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It becomes the byte `0x100 - n`, for its `n` bytes, which is in no UTF-8: its record will be rejected. UTF-8 itself stays as it is.
    Reject,
    /// It becomes U+FFFD.
    Replace,
}

/// UTF-8 from a text in another encoding.
///
/// A byte order mark at the beginning belongs to no record and is left out. It wins over the encoding that is said, as the first bytes do
/// over the codec; not over ISO-8859-1, in which every byte is a character.
pub struct Transcoder<R> {
    reader: R,
    encoding: TextEncoding,
    engine: Engine,
    invalid: Invalid,
    mark: usize,
    malformed: u64,
    buffer: Box<[u8]>,
    /// The bytes of the buffer that are read and not yet decoded: `start..end`.
    start: usize,
    end: usize,
    ended: bool,
    /// UTF-8 that did not fit: a mark of an invalid sequence, or what came of a reader's small buffer.
    pending: Vec<u8>,
}

enum Engine {
    /// UTF-8 that is passed on as it is.
    Pass,
    Latin1,
    Decoder(Box<Decoder>),
    /// A decoder that was told of the end.
    Done,
}

impl<R: Read> Transcoder<R> {
    /// Reads the first bytes of `reader`, of which a mark may say the encoding.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn new(mut reader: R, said: TextEncoding, invalid: Invalid) -> io::Result<Self> {
        let mut buffer = vec![0; BUFFER].into_boxed_slice();
        let mut end = 0;
        while end < 3 {
            match read(&mut reader, &mut buffer[end..])? {
                0 => break,
                length => end += length,
            }
        }
        let (encoding, mark) = match (said, &buffer[..end]) {
            (TextEncoding::Latin1, _) => (said, 0),
            (_, [0xef, 0xbb, 0xbf, ..]) => (TextEncoding::Utf8, 3),
            (_, [0xff, 0xfe, ..]) => (TextEncoding::Utf16Le, 2),
            (_, [0xfe, 0xff, ..]) => (TextEncoding::Utf16Be, 2),
            (TextEncoding::Utf16, _) => (TextEncoding::Utf16Le, 0),
            _ => (said, 0),
        };
        let decoder = |encoding: &'static encoding_rs::Encoding| {
            Engine::Decoder(Box::new(encoding.new_decoder_without_bom_handling()))
        };
        let engine = match encoding {
            TextEncoding::Utf8 if invalid == Invalid::Reject => Engine::Pass,
            TextEncoding::Utf8 => decoder(UTF_8),
            TextEncoding::Utf16 | TextEncoding::Utf16Le => decoder(UTF_16LE),
            TextEncoding::Utf16Be => decoder(UTF_16BE),
            TextEncoding::Latin1 => Engine::Latin1,
            TextEncoding::Windows1252 => decoder(WINDOWS_1252),
            TextEncoding::ShiftJis => decoder(SHIFT_JIS),
        };
        Ok(Transcoder {
            reader,
            encoding,
            engine,
            invalid,
            mark,
            malformed: 0,
            buffer,
            start: mark,
            end,
            ended: false,
            pending: Vec::new(),
        })
    }

    /// The encoding of the text, by its mark or else as it was said.
    pub fn encoding(&self) -> TextEncoding {
        self.encoding
    }

    /// The bytes of the mark at the beginning: where the first record begins.
    pub fn mark_length(&self) -> u64 {
        self.mark as u64
    }

    /// How many sequences were not of the encoding so far; 0 for UTF-8 that is passed on.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Decodes into `out`, which has room; 0 at the end.
    fn decode(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.start == self.end && !self.ended {
                self.start = 0;
                self.end = read(&mut self.reader, &mut self.buffer)?;
                self.ended = self.end == 0;
            }
            let source = &self.buffer[self.start..self.end];
            let (malformed, taken, given) = match &mut self.engine {
                Engine::Done => return Ok(0),
                Engine::Pass => {
                    let length = source.len().min(out.len());
                    out[..length].copy_from_slice(&source[..length]);
                    (None, length, length)
                }
                Engine::Latin1 => {
                    let (taken, given) = encoding_rs::mem::convert_latin1_to_utf8_partial(source, out);
                    (None, taken, given)
                }
                Engine::Decoder(decoder) => match decoder.decode_to_utf8_without_replacement(source, out, self.ended) {
                    (DecoderResult::Malformed(length, _), taken, given) => (Some(length), taken, given),
                    (DecoderResult::InputEmpty, taken, given) => {
                        if self.ended {
                            self.engine = Engine::Done;
                        }
                        (None, taken, given)
                    }
                    (DecoderResult::OutputFull, taken, given) => (None, taken, given),
                },
            };
            self.start += taken;
            if let Some(length) = malformed {
                self.malformed += 1;
                match self.invalid {
                    Invalid::Reject => self.pending.push(0_u8.wrapping_sub(length)),
                    Invalid::Replace => self.pending.extend("\u{fffd}".as_bytes()),
                }
            }
            if given > 0 || malformed.is_some() || (self.ended && self.start == self.end && !self.has_more()) {
                return Ok(given);
            }
        }
    }

    /// Whether the decoder has not yet been told of the end.
    fn has_more(&self) -> bool {
        matches!(self.engine, Engine::Decoder(_))
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.pending.is_empty() {
            if let (Engine::Pass, true) = (&self.engine, self.start == self.end) {
                // Straight into the reader's buffer.
                return read(&mut self.reader, out);
            }
            if out.len() >= ROOM {
                let given = self.decode(out)?;
                if given > 0 || self.pending.is_empty() {
                    return Ok(given);
                }
            } else {
                let mut small = [0; 4 * ROOM];
                let given = self.decode(&mut small)?;
                // A mark that was pushed comes after what was decoded.
                self.pending.splice(0..0, small[..given].iter().copied());
            }
        }
        let length = self.pending.len().min(out.len());
        out[..length].copy_from_slice(&self.pending[..length]);
        self.pending.drain(..length);
        Ok(length)
    }
}

/// How many bytes of the object this piece of its UTF-8 was, which begins and ends between two characters: what a line's or a record's
/// bytes, with their ends, add to the offset of the next. Of Shift-JIS in which invalid sequences were replaced, it may be one more each.
pub fn source_length(encoding: TextEncoding, text: &[u8]) -> u64 {
    let count = |is: fn(u8) -> bool| text.iter().filter(|byte| is(**byte)).count() as u64;
    // Continuation bytes belong to the character before; F8 to FF mark an invalid sequence of 8 to 1 bytes.
    let characters = || count(|byte| byte & 0xc0 != 0x80 && byte < 0xf8);
    let invalid =
        || text.iter().filter(|byte| **byte >= 0xf8).map(|byte| u64::from(0_u8.wrapping_sub(*byte))).sum::<u64>();
    match encoding {
        TextEncoding::Utf8 => text.len() as u64,
        TextEncoding::Latin1 | TextEncoding::Windows1252 => characters() + invalid(),
        TextEncoding::Utf16 | TextEncoding::Utf16Le | TextEncoding::Utf16Be => {
            // Those of four bytes are a pair of surrogates.
            2 * (characters() + count(|byte| (0xf0..0xf8).contains(&byte))) + invalid()
        }
        TextEncoding::ShiftJis => {
            let ascii = count(|byte| byte < 0x80);
            // U+0080 is one byte too, and so are the half-width katakana, U+FF61 to U+FF9F.
            let narrow = memchr::memmem::find_iter(text, b"\xc2\x80").count() as u64
                + text
                    .windows(3)
                    .filter(|at| matches!(at, [0xef, 0xbd, 0xa1..=0xbf] | [0xef, 0xbe, 0x80..=0x9f]))
                    .count() as u64;
            2 * characters() - ascii - narrow + invalid()
        }
    }
}

fn read(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
