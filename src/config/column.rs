//! A column of the target, and how its value is made.

use std::fmt;

use regex::Regex;

use crate::schema::ColumnType;
use crate::schema::value::{Cell, Reading, TimeParse};

/// A column of the target, and how its value is made: from its source, by the transforms of [`Texts`], to its type, by the checks, to its mask.
#[derive(Debug, Clone)]
pub struct Column {
    /// The name in the target, in lower case.
    pub name: String,
    /// Where the value comes from.
    pub from: ColumnSource,
    /// The type in the target.
    pub column_type: ColumnType,
    /// Whether a record without a value is rejected; the column is NOT NULL.
    pub required: bool,
    /// How texts and numbers are read as times; only for the types of times.
    pub parse: TimeParse,
    /// How values are read otherwise.
    pub reading: Reading,
    /// What is done to texts before they are read.
    pub texts: Texts,
    /// What stands for a value that is absent or null; no check looks at it.
    pub default: Option<Cell<'static>>,
    /// What a text must match.
    pub pattern: Option<Regex>,
    /// The least value, of the column's type.
    pub min: Option<Cell<'static>>,
    /// The greatest value, of the column's type.
    pub max: Option<Cell<'static>>,
    /// The values that there may be, of the column's type.
    pub one_of: Option<Vec<Cell<'static>>>,
    /// What is stored instead of the value.
    pub mask: Option<Mask>,
}

impl Column {
    /// A column of values as they come.
    pub fn new(name: impl Into<String>, from: ColumnSource, column_type: ColumnType) -> Self {
        Column {
            name: name.into(),
            from,
            column_type,
            required: false,
            parse: TimeParse::Iso,
            reading: Reading::default(),
            texts: Texts::default(),
            default: None,
            pattern: None,
            min: None,
            max: None,
            one_of: None,
            mask: None,
        }
    }

    /// The type that a value is read as and checked by: that of the column, but a text where the value itself is not stored.
    pub fn read_type(&self) -> ColumnType {
        if self.mask.is_some() { ColumnType::Varchar(u16::MAX) } else { self.column_type }
    }
}

/// Where a column's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnSource {
    /// A field of the record, by name.
    Field(String),
    /// A field within a field, the outermost name first; items of arrays by their number from 0.
    Path(Vec<String>),
    /// A capture of the key's pattern, by its place among [`KeyPattern::captures`](super::KeyPattern::captures).
    Capture(usize),
    /// What the event says of the object.
    Object(ObjectField),
}

/// What an event says of its object; the same however often it is announced, so that a replay makes the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectField {
    /// The bucket's name.
    Bucket,
    /// The key, decoded.
    Key,
    /// `s3://bucket/key`.
    Uri,
    /// The size in bytes, as stored.
    Size,
    /// The entity tag, without quotes.
    Etag,
    /// The version, on a bucket that keeps versions.
    Version,
    /// When the object was created.
    EventTime,
    /// The order among the events of the key, padded as the ledger has it.
    Sequencer,
}

impl ObjectField {
    /// Every one, by its name in the configuration.
    pub const NAMED: [(&'static str, ObjectField); 8] = [
        ("bucket", ObjectField::Bucket),
        ("key", ObjectField::Key),
        ("uri", ObjectField::Uri),
        ("size", ObjectField::Size),
        ("etag", ObjectField::Etag),
        ("version", ObjectField::Version),
        ("event_time", ObjectField::EventTime),
        ("sequencer", ObjectField::Sequencer),
    ];
}

/// What is done to texts before they are read as values, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// Whether NULs are removed; a text with one is rejected otherwise.
    pub strip_nul: bool,
    /// Whether white space at both ends is removed.
    pub trim: bool,
    /// Whether an empty text is no value.
    pub empty_as_null: bool,
    /// Texts, and digits of numbers, that are no value.
    pub null_values: Vec<String>,
    /// The case that letters get.
    pub case: Option<Case>,
    /// What parts the text into the texts of an array.
    pub split: Option<String>,
    /// The most bytes of the text, where that is less than the type holds.
    pub max_bytes: Option<usize>,
    /// Whether a longer text is cut between two characters; it is rejected otherwise.
    pub truncate: bool,
}

/// A case of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
}

/// What is stored instead of a value that must not leave the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// The SHA-256 of the text, 64 hexadecimal digits; who can guess the text can tell it.
    Sha256,
    /// The HMAC-SHA-256 (RFC 2104) of the text under a key, 64 hexadecimal digits.
    HmacSha256(Secret),
    /// [`Mask::REDACTED`].
    Redact,
    /// A `*` for each character but the last four; for all of them where there are fewer than eight.
    Last4,
}

impl Mask {
    /// What is stored for every value by [`Mask::Redact`].
    pub const REDACTED: &'static str = "[redacted]";
}

/// A key, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a key.
    pub fn new(key: String) -> Self {
        Secret(key)
    }

    /// The key's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
