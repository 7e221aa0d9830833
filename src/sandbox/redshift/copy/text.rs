//! One file of CSV or JSON: its records, and their values in PostgreSQL's binary form.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::value::RawValue;

use super::Copy;
use super::cell::Misfit;
use super::file::{https, refused};
use super::history::{Detail, Problem};
use super::manifest::File;
use super::options::{TextCompression, TextFormat};
use super::scalar::put;
use super::target::Column;
use crate::sandbox::redshift::failure::Failure;

/// The largest JSON object that COPY takes.
const OBJECT_BYTES: usize = 4 << 20;

/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 256 << 10;

/// A field: none where it is missing or null.
pub(super) enum Field<'a> {
    Null,
    Text(Cow<'a, str>),
    /// JSON, as it stands.
    Json(&'a str),
}

/// Encodes a file, chunk by chunk, until `send` says no; gives the number of rows.
pub(super) fn encode(
    file: File,
    format: &TextFormat,
    columns: &[Column],
    copy: &Copy,
    query: i64,
    send: impl FnMut(Bytes) -> bool,
) -> Result<u64, Problem> {
    let File { url, body } = file;
    let unreadable = |error: std::io::Error| {
        let context = format!("File '{}' cannot be decompressed as the statement says: {error}", https(&url));
        Problem::from(Failure::scan(15001, context, query))
    };
    let mut plain = Vec::new();
    match format.compression {
        None => plain = body,
        Some(TextCompression::Gzip) => {
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).map_err(unreadable)?;
        }
        Some(TextCompression::Zstd) => {
            zstd::stream::read::Decoder::new(&body[..])
                .and_then(|mut decoder| decoder.read_to_end(&mut plain))
                .map_err(unreadable)?;
        }
    }
    let mut rows = Rows { url: &url, columns, copy, out: BytesMut::new(), count: 0, going: true, send };
    match std::str::from_utf8(&plain) {
        Err(_) => Err(rows.wrong(1220, "String contains invalid or unsupported UTF8 codepoints")),
        Ok(text) if format.json => json(text, format, &mut rows),
        Ok(text) => csv(text, format, &mut rows),
    }?;
    rows.flush();
    Ok(rows.count)
}

/// The rows of a file on their way to PostgreSQL.
struct Rows<'a, S> {
    url: &'a str,
    columns: &'a [Column],
    copy: &'a Copy,
    out: BytesMut,
    count: u64,
    /// Whether PostgreSQL still takes them.
    going: bool,
    send: S,
}

impl<S: FnMut(Bytes) -> bool> Rows<'_, S> {
    fn push<'v>(&mut self, fields: impl Iterator<Item = Field<'v>>) -> Result<(), Problem> {
        self.out.put_i16(i16::try_from(self.columns.len()).unwrap_or(i16::MAX));
        for (field, column) in fields.zip(self.columns) {
            put(field, column, self.copy, &mut self.out)
                .map_err(|misfit| refused(self.url, self.count + 1, column, misfit, self.copy))?;
        }
        self.count += 1;
        if self.out.len() >= CHUNK_BYTES {
            self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) {
        if !self.out.is_empty() {
            self.going &= (self.send)(self.out.split().freeze());
        }
    }

    /// A record that is at fault as a whole.
    fn wrong(&self, code: u32, message: &str) -> Problem {
        let failure = Failure::new(format_args!(
            "Load into table '{}' failed. Check 'sys_load_error_detail' system table for details.",
            self.copy.table
        ));
        let detail = Detail {
            file: self.url.to_owned(),
            line: self.count + 1,
            code,
            message: message.to_owned(),
            ..Detail::default()
        };
        Problem { failure, detail: Some(Box::new(detail)) }
    }
}

/// JSON `'auto'`: objects one after the other, whose keys are the columns' names; a column without a key is null, a key without a column is
/// left out.
fn json<S: FnMut(Bytes) -> bool>(text: &str, format: &TextFormat, rows: &mut Rows<'_, S>) -> Result<(), Problem> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<HashMap<Cow<'_, str>, &RawValue>>();
    let mut begin = 0;
    while let Some(object) = objects.next() {
        let object = object.map_err(|error| rows.wrong(1211, &format!("Invalid JSON: {error}")))?;
        let end = objects.byte_offset();
        if text[begin..end].trim().len() > OBJECT_BYTES {
            return Err(rows.wrong(8001, "The JSON object exceeds the max size of 4194304 bytes"));
        }
        begin = end;
        let columns = rows.columns;
        let field = |column: &Column| {
            let value = match format.ignore_case {
                true => object.iter().find(|(key, _)| key.to_lowercase() == column.name).map(|(_, value)| value),
                false => object.get(column.name.as_str()),
            };
            match value.map(|value| value.get()) {
                None | Some("null") => Field::Null,
                Some(text) => Field::Json(text),
            }
        };
        rows.push(columns.iter().map(field))?;
        if !rows.going {
            break;
        }
    }
    Ok(())
}

/// CSV: quotes are doubled within quotes, and a line's end within them is part of the value.
fn csv<S: FnMut(Bytes) -> bool>(text: &str, format: &TextFormat, rows: &mut Rows<'_, S>) -> Result<(), Problem> {
    let mut rest = text;
    let mut line = 0;
    while !rest.is_empty() && rows.going {
        let mut fields: Vec<Cow<'_, str>> = Vec::new();
        loop {
            let (field, after) =
                field(rest, format.delimiter).ok_or_else(|| rows.wrong(1214, "Delimited value missing end quote"))?;
            fields.push(field);
            match after.as_bytes().first() {
                Some(byte) if *byte == format.delimiter => rest = &after[1..],
                Some(b'\n') => {
                    rest = &after[1..];
                    break;
                }
                Some(b'\r') if after.as_bytes().get(1) == Some(&b'\n') => {
                    rest = &after[2..];
                    break;
                }
                None => {
                    rest = after;
                    break;
                }
                Some(_) => return Err(rows.wrong(1213, "Invalid quote formatting for CSV")),
            }
        }
        line += 1;
        if line <= format.ignore_header {
            continue;
        }
        match fields.len() {
            found if found < rows.columns.len() => return Err(rows.wrong(1201, "Delimiter not found")),
            found if found > rows.columns.len() => return Err(rows.wrong(1202, "Extra column(s) found")),
            _ => {}
        }
        // Whether quotes protect a text from being taken for NULL AS is not documented: here they do not.
        let value = |field: Cow<'_, str>| match field == format.null || (field.is_empty() && format.empty_as_null) {
            true => Field::Null,
            false => Field::Text(Cow::Owned(field.into_owned())),
        };
        rows.push(fields.into_iter().map(value))?;
    }
    Ok(())
}

/// The field that the text begins with, and what follows it; `None` if its quotes do not end.
fn field(text: &str, delimiter: u8) -> Option<(Cow<'_, str>, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.bytes().position(|byte| byte == delimiter || byte == b'\n').unwrap_or(text.len());
        let end = if text[..end].ends_with('\r') { end - 1 } else { end };
        return Some((Cow::Borrowed(&text[..end]), &text[end..]));
    };
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        value.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return Some((Cow::Owned(value), after)),
        }
    }
}

/// A value of a field that its column cannot hold.
pub(super) fn invalid(kind: &str, value: &str) -> Misfit {
    Misfit {
        code: 1207,
        message: format!("Invalid value '{}', Type: {kind}", value.chars().take(64).collect::<String>()),
    }
}
