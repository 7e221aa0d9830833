//! A record that was not loaded, and why.

use super::Place;

/// The rule that a rejected record broke; the name is stable, for queries over the quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The record is not of the declared format.
    Syntax,
    /// The record is not valid UTF-8.
    Encoding,
    /// The record is longer than `max_record_bytes`.
    RecordSize,
    /// The staged row would exceed Redshift's 4 MB.
    RowSize,
    /// A required column has no value.
    Required,
    /// The value is not of the column's type.
    Type,
    /// The text has more bytes than the column, or the number more digits.
    Length,
    /// The number or time is outside what the type holds.
    Range,
    /// The text holds a NUL, which Redshift cannot store, or a CHAR column got more than ASCII.
    Character,
    /// The value is below `min`.
    Min,
    /// The value is above `max`.
    Max,
    /// The text does not match `pattern`.
    Pattern,
    /// The value is none of `one_of`.
    OneOf,
    /// A `[[rule]]` over several columns does not hold; the message names it.
    Row,
    /// The record has a field that no column takes, and the pipeline refuses those.
    UnknownField,
}

impl Rule {
    /// The name written to the quarantine.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Syntax => "syntax",
            Rule::Encoding => "encoding",
            Rule::RecordSize => "record-size",
            Rule::RowSize => "row-size",
            Rule::Required => "required",
            Rule::Type => "type",
            Rule::Length => "length",
            Rule::Range => "range",
            Rule::Character => "character",
            Rule::Min => "min",
            Rule::Max => "max",
            Rule::Pattern => "pattern",
            Rule::OneOf => "one-of",
            Rule::Row => "row",
            Rule::UnknownField => "unknown-field",
        }
    }
}

/// A rejected record: where it was, what it broke, and its bytes up to a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Where the record is in its object.
    pub place: Place,
    /// The column at fault, where there is one.
    pub column: Option<String>,
    /// The rule that was broken.
    pub rule: Rule,
    /// What was found and what was expected.
    pub message: String,
    /// The record's first bytes, at most [`Reject::RAW_LIMIT`] of them.
    pub raw: Vec<u8>,
}

impl Reject {
    /// How many bytes of a rejected record are kept.
    pub const RAW_LIMIT: usize = 16 * 1024;
}
