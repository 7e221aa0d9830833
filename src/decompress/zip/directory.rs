//! The directory at an archive's end, held against what was read.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};

use super::header::{refused, text, zip64};
use crate::decompress::deflate::damaged;
use crate::decompress::input::Input;

/// A set of entries: their number, and a sum that does not depend on their order, so that none of them has to be held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    entries: u64,
    sum: u64,
}

impl Sum {
    pub(super) fn add(&mut self, crc: u32, compressed: u64, size: u64) {
        let mut hasher = DefaultHasher::new();
        (crc, compressed, size).hash(&mut hasher);
        self.entries += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

/// Reads the directory up to the archive's end.
pub(super) fn check(input: &mut Input<'_>, read: &Sum) -> io::Result<()> {
    let mut listed = Sum::default();
    loop {
        match &input.next_bytes::<4>()? {
            b"PK\x01\x02" => entry(input, &mut listed)?,
            // A digital signature, the ZIP64 end and its locator say nothing of the entries.
            b"PK\x05\x05" => {
                let length: [u8; 2] = input.next_bytes()?;
                input.skip(u16::from_le_bytes(length).into())?;
            }
            b"PK\x06\x06" => {
                let length: [u8; 8] = input.next_bytes()?;
                input.skip(u64::from_le_bytes(length))?;
            }
            b"PK\x06\x07" => input.skip(16)?,
            b"PK\x05\x06" => break,
            b"PK\x06\x08" => return Err(refused("", "is in an archive whose directory is encrypted")),
            _ => return Err(damaged("what follows an entry is neither another one nor the archive's directory")),
        }
    }
    let end: [u8; 18] = input.next_bytes()?;
    let short = |at: usize| u16::from_le_bytes([end[at], end[at + 1]]);
    if short(0) != short(2) {
        return Err(damaged("the archive is one part of several"));
    }
    input.skip(short(16).into())?;
    if listed != *read || (short(6) != u16::MAX && u64::from(short(6)) != listed.entries) {
        return Err(damaged("the archive's directory does not list the entries that are in it"));
    }
    match input.at_end(true)? {
        true => Ok(()),
        false => Err(damaged("bytes follow the archive's end")),
    }
}

fn entry(input: &mut Input<'_>, listed: &mut Sum) -> io::Result<()> {
    let fixed: [u8; 42] = input.next_bytes()?;
    let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let name = text(input, short(24))?;
    let mut extra = vec![0; usize::from(short(26))];
    input.read_exact(&mut extra)?;
    input.skip(short(28).into())?;
    // Made on Unix, and of the type of a symbolic link: its data are a path.
    if fixed[1] == 3 && long(34) >> 28 == 0xa {
        return Err(refused(&name, "is a symbolic link"));
    }
    let [size, compressed] = zip64(&extra, [long(20), long(16)])?;
    listed.add(long(12), compressed, size);
    Ok(())
}
