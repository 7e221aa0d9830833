//! Avro object container files, block by block.
//!
//! Container and values are read by code of ours. `arrow-avro` 59.3, which would give batches, takes a file that ends within a block for
//! a whole one, does not compare the markers between blocks, and does not end on a block with bytes behind its last record; and its types cannot hold
//! themselves. Tests hold this decoder against it and against Avro's own files.

mod codec;
mod datum;
mod schema;

use std::borrow::Cow;
use std::io::{BufReader, Read};

use self::codec::Codec;
use self::datum::{Damaged, Datums};
use self::schema::{Schema, Type, TypeId};
use super::json_text::{NotText, string};
use super::typed::Unfit;
use crate::config::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Extra, FieldIndex, Place, Raw, RecordSink, Rule, Value};

/// The largest header, and what the header may hold at most in one entry.
const MAX_HEADER: u64 = 16 << 20;

/// The largest block, before and after decompression; writers make them of 16 KiB to a few MiB.
const MAX_BLOCK: u64 = 64 << 20;

/// The most records of a block that take no bytes.
const MAX_EMPTY_RECORDS: u64 = 1 << 20;

/// A rendered record is no longer than about this; the quarantine keeps less.
const RENDERED: usize = 64 << 10;

/// Small objects may expand freely up to this size: 10 MiB.
const FREE_EXPANSION: u64 = 10 << 20;

/// Hands each record to `sink`; gives the bytes of the blocks after decompression.
///
/// # Errors
/// `Corrupt` if the object is no Avro file, or is damaged or truncated; `TooLarge` beyond the bounds of the source; those of reading and of the sink.
pub(super) fn decode(
    reader: impl Read,
    source: &Source,
    fields: &FieldIndex,
    sink: &mut dyn RecordSink,
) -> Result<u64> {
    let mut container = Container { reader: BufReader::with_capacity(128 << 10, reader), read: 0 };
    let header = container.header()?;
    let Type::Record(children) = header.schema.at(0) else {
        return Err(corrupt("the values of the Avro file are no records, and have no fields"));
    };
    let mut rows = Rows { schema: &header.schema, children, fields, source, record: 0 };
    let mut decoded = 0;
    while let Some((count, block)) = container.block(&header)? {
        decoded += block.len() as u64;
        if decoded > source.max_object_bytes {
            let most = source.max_object_bytes;
            return Err(Error::new(ErrorKind::TooLarge, format!("more than max_object_bytes = {most} after decoding")));
        }
        if decoded > FREE_EXPANSION && decoded / source.max_expansion.max(1) > container.read {
            let most = source.max_expansion;
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("decodes to more than max_expansion = {most} times its size"),
            ));
        }
        rows.hand_on(count, &block, sink)?;
    }
    Ok(decoded)
}

fn corrupt(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

fn damaged(Damaged(what): Damaged) -> Error {
    corrupt(format!("the Avro file is damaged: {what}"))
}

fn truncated() -> Error {
    corrupt("the Avro file is truncated: it ends within a block")
}

struct Header {
    schema: Schema,
    codec: Codec,
    sync: [u8; 16],
}

struct Container<R> {
    reader: BufReader<R>,
    read: u64,
}

impl<R: Read> Container<R> {
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Grows as the bytes come: a length is only a claim.
        let read = self.reader.by_ref().take(length).read_to_end(&mut bytes).map_err(Error::of_read)?;
        self.read += read as u64;
        if (read as u64) < length { Err(truncated()) } else { Ok(bytes) }
    }

    fn sync(&mut self) -> Result<[u8; 16]> {
        let bytes = self.bytes(16)?;
        bytes.try_into().map_err(|_| truncated())
    }

    /// A long; `None` where the object ends before it.
    fn long(&mut self) -> Result<Option<i64>> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            let read = loop {
                match self.reader.read(&mut byte) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    read => break read.map_err(Error::of_read)?,
                }
            };
            if read == 0 {
                return if shift == 0 { Ok(None) } else { Err(truncated()) };
            }
            self.read += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(Some((value >> 1) as i64 ^ -((value & 1) as i64)));
            }
        }
        Err(damaged(Damaged("an integer is longer than 64 bits")))
    }

    fn length(&mut self, most: u64) -> Result<u64> {
        let length = self.long()?.ok_or_else(truncated)?;
        match u64::try_from(length) {
            Ok(length) if length <= most => Ok(length),
            _ => Err(corrupt(format!("the Avro file says a length of {length}, where at most {most} can be"))),
        }
    }

    fn header(&mut self) -> Result<Header> {
        let magic = self.bytes(4).map_err(|error| match error.kind() {
            ErrorKind::Corrupt => corrupt("the object is no Avro file: it does not begin as one"),
            _ => error,
        })?;
        if magic != *b"Obj\x01" {
            return Err(corrupt("the object is no Avro object container file: it does not begin as one"));
        }
        let (mut schema, mut codec) = (None, Codec::Null);
        loop {
            let count = self.long()?.ok_or_else(truncated)?;
            if count == 0 {
                break;
            }
            if count < 0 {
                self.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                let length = self.length(MAX_HEADER)?;
                let name = self.bytes(length)?;
                let length = self.length(MAX_HEADER)?;
                let value = self.bytes(length)?;
                if self.read > MAX_HEADER {
                    return Err(corrupt("the Avro file's header is larger than 16 MiB"));
                }
                match &name[..] {
                    b"avro.schema" => {
                        let read = Schema::parse(&value);
                        schema =
                            Some(read.map_err(|message| corrupt(format!("the Avro file cannot be read: {message}")))?);
                    }
                    b"avro.codec" => {
                        codec = Codec::of(&value).ok_or_else(|| {
                            let name = String::from_utf8_lossy(&value).into_owned();
                            corrupt(format!(
                                "the Avro file's codec {name:?} is not known; use null, deflate, snappy, zstandard, \
                                 bzip2 or xz"
                            ))
                        })?;
                    }
                    _ => {}
                }
            }
        }
        let schema = schema.ok_or_else(|| corrupt("the Avro file's header has no schema"))?;
        Ok(Header { schema, codec, sync: self.sync()? })
    }

    /// The next block, decompressed, and the number of its records; `None` where the object ends.
    fn block(&mut self, header: &Header) -> Result<Option<(u64, Vec<u8>)>> {
        let Some(count) = self.long()? else { return Ok(None) };
        let count = u64::try_from(count).map_err(|_| damaged(Damaged("a block says a negative number of records")))?;
        let length = self.length(MAX_BLOCK)?;
        let block = self.bytes(length)?;
        if self.sync()? != header.sync {
            return Err(damaged(Damaged("the marker behind a block is not that of the header")));
        }
        let block = header.codec.inflate(block, MAX_BLOCK);
        let block =
            block.map_err(|error| Error::caused(ErrorKind::Corrupt, "a block of the Avro file is damaged", error))?;
        let most = if header.schema.is_empty(0) { MAX_EMPTY_RECORDS } else { block.len() as u64 };
        if count > most {
            return Err(damaged(Damaged("a block says more records than it has bytes for")));
        }
        Ok(Some((count, block)))
    }
}

/// Hands the records of blocks to a sink.
struct Rows<'f> {
    schema: &'f Schema,
    children: &'f [(String, TypeId)],
    fields: &'f FieldIndex,
    source: &'f Source,
    record: u64,
}

impl Rows<'_> {
    fn hand_on(&mut self, count: u64, block: &[u8], sink: &mut dyn RecordSink) -> Result<()> {
        let most = self.source.max_record_bytes;
        let mut datums = Datums::new(self.schema, block, most, NotText::Refused);
        let mut slots = vec![None; self.fields.len()];
        let mut extras = Vec::new();
        for _ in 0..count {
            self.record += 1;
            let place = Place { record: self.record, line: None, offset: None };
            slots.fill(None);
            extras.clear();
            let begin = datums.rest();
            let unfit = self.read(&mut datums, &mut slots, &mut extras).map_err(damaged)?;
            let bytes = &begin[..begin.len() - datums.rest().len()];
            let render = || self.render(bytes);
            let raw = Raw::Rendered(&render);
            if let Some(Unfit { rule, message }) = unfit {
                sink.refuse(place, raw, rule, message)?;
            } else if bytes.len() > most {
                let message = format!("the record's {} bytes are more than max_record_bytes = {most}", bytes.len());
                sink.refuse(place, raw, Rule::RecordSize, message)?;
            } else {
                sink.record(place, raw, &slots, &extras)?;
            }
        }
        match datums.rest().is_empty() {
            true => Ok(()),
            false => Err(damaged(Damaged("a block has bytes behind its last record"))),
        }
    }

    fn read<'a>(
        &self,
        datums: &mut Datums<'a>,
        slots: &mut [Option<Value<'a>>],
        extras: &mut Vec<Extra<'a>>,
    ) -> std::result::Result<Option<Unfit>, Damaged>
    where
        Self: 'a,
    {
        let fields = self.fields.fields();
        let mut refused = None;
        for (name, id) in self.children {
            if self.fields.wants_extras() && fields.get(name).is_none() {
                let value = datums.value(*id, 0)?;
                extras.push(Extra { name: Cow::Owned(name.clone()), value });
            } else {
                datums.field(*id, name, fields, slots, 0)?;
            }
            if let Some(Unfit { rule, message }) = datums.take_unfit() {
                refused.get_or_insert(Unfit { rule, message: format!("field {name:?}: {message}") });
            }
        }
        Ok(refused)
    }

    /// A record as a JSON object, for people.
    fn render(&self, bytes: &[u8]) -> String {
        let mut datums = Datums::new(self.schema, bytes, RENDERED, NotText::Base64);
        let mut text = String::from("{");
        for (at, (name, id)) in self.children.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            string(name, &mut text);
            text.push(':');
            // It was read before.
            if datums.write(*id, 0, &mut text).is_err() || text.len() > RENDERED {
                break;
            }
        }
        text.push('}');
        text
    }
}
