//! The footer of a Parquet file: found, and checked before the crate follows it.

use std::sync::Arc;

use bytes::Bytes;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};

use super::super::guarded::guarded;
use super::super::ranged::Ranged;
use crate::error::{Error, ErrorKind, Result};

/// The footer's length and the magic that end a file.
const TAIL: u64 = 8;

/// The largest footer: one of a million column chunks is less.
const MAX_FOOTER: u64 = 64 << 20;

/// The deepest nesting: JSON of more is refused further on, and following it could overflow the stack, which nothing can catch.
const MAX_DEPTH: usize = 100;

/// Reads the file's metadata.
///
/// # Errors
/// `Corrupt` if it is no Parquet, or its schema is nested too deep; those of reading.
pub(super) fn read(object: &Ranged) -> Result<Arc<ParquetMetaData>> {
    let length = object.length();
    if length < 4 + TAIL {
        return Err(corrupt(format!("an object of {length} bytes is no Parquet file")));
    }
    let at = |offset, length| {
        object.bytes(offset, length).map_err(|error| object.failed("the footer cannot be read", error))
    };
    let tail = at(length - TAIL, TAIL as usize)?;
    match (&tail[4..], &at(0, 4)?[..]) {
        (b"PAR1", b"PAR1") => {}
        (b"PARE", _) | (_, b"PARE") => {
            return Err(corrupt("the Parquet file is encrypted, which cannot be read".to_owned()));
        }
        (_, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] | [b'B', b'Z', b'h', _] | [0xfd, b'7', b'z', b'X']) => {
            return Err(corrupt(
                "the object is compressed as a whole, which hides the index at a Parquet file's end; write it plain, \
                 with compression inside"
                    .to_owned(),
            ));
        }
        (_, b"PAR1") => return Err(corrupt("the Parquet file is truncated: its end is missing".to_owned())),
        _ => return Err(corrupt("the object does not begin and end as Parquet files do".to_owned())),
    }
    let footer_length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if footer_length > MAX_FOOTER || footer_length > length - TAIL - 4 {
        return Err(corrupt(format!("a footer of {footer_length} bytes does not fit an object of {length}")));
    }
    let footer = at(length - TAIL - footer_length, footer_length as usize)?;
    let depth = depth(&footer).ok_or_else(|| corrupt("the Parquet footer holds no schema".to_owned()))?;
    if depth > MAX_DEPTH {
        return Err(corrupt(format!("the Parquet schema is nested {depth} deep, more than {MAX_DEPTH}")));
    }
    // Statistics are not used here: left out, they cost no memory.
    let options = ParquetMetaDataOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let metadata = guarded(|| ParquetMetaDataReader::decode_metadata_with_options(&footer, Some(&options)));
    let metadata = metadata.map_err(corrupt)?;
    metadata
        .map(Arc::new)
        .map_err(|error| Error::caused(ErrorKind::Corrupt, "the Parquet footer cannot be read", error))
}

fn corrupt(message: String) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

/// How deep the schema in the footer is nested; `None` where there is none.
///
/// The schema is a flat list of elements, each with its number of children (`FileMetaData.schema` and `SchemaElement.num_children` of
/// parquet.thrift, in Thrift's compact protocol).
fn depth(footer: &Bytes) -> Option<usize> {
    let mut thrift = Compact(footer);
    let mut id = 0;
    while let Some(kind) = thrift.field(&mut id)? {
        if (id, kind) != (2, LIST) {
            thrift.skip(kind, 0)?;
            continue;
        }
        let (length, kind) = thrift.list()?;
        let mut open: Vec<i64> = Vec::new();
        let mut deepest = 0;
        for _ in 0..length {
            let children = thrift.children(kind)?;
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if children > 0 {
                open.push(children);
                deepest = deepest.max(open.len());
            }
        }
        return Some(deepest);
    }
    None
}

const LIST: u8 = 9;
const STRUCT: u8 = 12;
const I32: u8 = 5;

/// Thrift's compact protocol, as far as skipping needs it.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The type of a struct's next field, whose number `id` becomes; the inner `None` at the struct's end.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let header = self.byte()?;
        if header == 0 {
            return Some(None);
        }
        *id = match header >> 4 {
            0 => self.zigzag()?,
            delta => id.checked_add(i64::from(delta))?,
        };
        Some(Some(header & 0x0f))
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.varint()?,
            length => u64::from(length),
        };
        // Each element takes a byte or more.
        (length <= self.0.len() as u64).then_some((length, header & 0x0f))
    }

    /// The `num_children` of a `SchemaElement`.
    fn children(&mut self, kind: u8) -> Option<i64> {
        if kind != STRUCT {
            return None;
        }
        let (mut id, mut children) = (0, 0);
        while let Some(kind) = self.field(&mut id)? {
            if (id, kind) == (5, I32) {
                children = self.zigzag()?;
            } else {
                self.skip(kind, 0)?;
            }
        }
        Some(children)
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            1 | 2 => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.varint()?),
            7 => self.0 = self.0.get(8..)?,
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.0 = self.0.get(length..)?;
            }
            9 | 10 => {
                let (length, kind) = self.list()?;
                for _ in 0..length {
                    // In a list, a boolean takes a byte of its own.
                    self.skip(if kind <= 2 { 3 } else { kind }, depth + 1)?;
                }
            }
            11 => {
                let length = self.varint()?;
                if length > 0 {
                    let kinds = self.byte()?;
                    for _ in 0..length {
                        for kind in [kinds >> 4, kinds & 0x0f] {
                            self.skip(if kind <= 2 { 3 } else { kind }, depth + 1)?;
                        }
                    }
                }
            }
            STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}
