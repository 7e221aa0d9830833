//! Gzip: members one after the other (RFC 1952), which bgzf and pigz write too.

use std::io::{self, Read};

use flate2::Crc;

use super::deflate::{Inflate, damaged};
use super::input::Input;

/// The longest name or comment in a header.
const TEXT: usize = 64 * 1024;

/// The flags of a header.
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

/// A sequence of members, which is the whole object but for zeros at its end.
pub(super) struct Gzip<'a> {
    input: Input<'a>,
    inflate: Inflate,
    crc: Crc,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    First,
    Body,
    Between,
    End,
}

impl<'a> Gzip<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Gzip { input, inflate: Inflate::raw(), crc: Crc::new(), state: State::First }
    }

    /// Checks the sums behind a member.
    fn trailer(&mut self) -> io::Result<()> {
        if self.input.next_bytes()? != self.crc.sum().to_le_bytes() {
            return Err(damaged("a member's checksum is another"));
        }
        if self.input.next_bytes()? != self.crc.amount().to_le_bytes() {
            return Err(damaged("a member's length is another"));
        }
        Ok(())
    }
}

impl Read for Gzip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self.state {
                State::End => return Ok(0),
                State::Between if !self.input.peek(2)?.starts_with(&[0x1f]) => {
                    if !self.input.at_end(true)? {
                        return Err(damaged(
                            "what follows a member's end is neither another member nor padding of zeros",
                        ));
                    }
                    self.state = State::End;
                }
                State::First | State::Between => {
                    header(&mut self.input)?;
                    self.inflate.restart();
                    self.crc.reset();
                    self.state = State::Body;
                }
                State::Body => {
                    let (given, ended) = self.inflate.read(&mut self.input, out)?;
                    self.crc.update(&out[..given]);
                    if ended {
                        self.trailer()?;
                        self.state = State::Between;
                    }
                    if given > 0 {
                        return Ok(given);
                    }
                }
            }
        }
    }
}

/// Reads a member's header, of which nothing is of use.
fn header(input: &mut Input<'_>) -> io::Result<()> {
    let mut crc = Crc::new();
    let fixed: [u8; 10] = input.next_bytes()?;
    crc.update(&fixed);
    let [0x1f, 0x8b, 8, flags, ..] = fixed else {
        return Err(damaged("a member does not begin like one, or is not deflated"));
    };
    if flags & RESERVED != 0 {
        return Err(damaged("a member's header has flags that are reserved"));
    }
    if flags & EXTRA != 0 {
        let length: [u8; 2] = input.next_bytes()?;
        crc.update(&length);
        for _ in 0..u16::from_le_bytes(length) {
            crc.update(&input.next_bytes::<1>()?);
        }
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            skip_text(input, &mut crc)?;
        }
    }
    if flags & HEADER_CRC != 0 && input.next_bytes()? != (crc.sum() as u16).to_le_bytes() {
        return Err(damaged("a member's header has another checksum"));
    }
    Ok(())
}

fn skip_text(input: &mut Input<'_>, crc: &mut Crc) -> io::Result<()> {
    for _ in 0..TEXT {
        let byte: [u8; 1] = input.next_bytes()?;
        crc.update(&byte);
        if byte == [0] {
            return Ok(());
        }
    }
    Err(damaged("a member's header has a name without end"))
}
