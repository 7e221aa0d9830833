//! What can be said of a format of text.

use regex::Regex;

use crate::model::TextEncoding;

/// How the characters of formats of text are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Characters {
    /// The encoding of the object, where no byte order mark says another. Default UTF-8.
    pub encoding: TextEncoding,
    /// What becomes of a record with bytes that are not of the encoding.
    pub invalid_utf8: InvalidUtf8,
    /// Whether JSON may hold the bare words `NaN`, `Infinity` and `-Infinity` as numbers. Default false.
    pub allow_nan: bool,
}

impl Default for Characters {
    fn default() -> Self {
        Characters { encoding: TextEncoding::Utf8, invalid_utf8: InvalidUtf8::Reject, allow_nan: false }
    }
}

/// What becomes of a record with bytes that are not of the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidUtf8 {
    /// It is rejected; the default.
    Reject,
    /// U+FFFD stands for what cannot be read.
    Replace,
}

/// The options of `json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// The way to the array of records, the outermost name first; empty: the document itself.
    pub records: Vec<String>,
}

/// The options of `csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between two fields. Default `,`.
    pub delimiter: u8,
    /// What stands around a field that holds delimiters or line ends; `None`: nothing does. Default `"`.
    pub quote: Option<u8>,
    /// What makes the character behind it stand for itself; `None`, the default: a quote within quotes is doubled.
    pub escape: Option<u8>,
    /// Whether the first record names the fields. Default true.
    pub header: bool,
    /// The names of the fields in their order; empty: those of the header.
    pub columns: Vec<String>,
    /// The texts that stand for null, where they are not quoted.
    pub null_values: Vec<String>,
    /// What a line begins with that is no record.
    pub comment: Option<u8>,
    /// Whether every record ends in a delimiter. Default false.
    pub trailing_delimiter: bool,
    /// What becomes of a record with fewer or more fields than there are names.
    pub ragged: Ragged,
    /// Whether a quoted field may hold line ends. Default true.
    pub embedded_newlines: bool,
    /// How many lines at the beginning are passed over. Default 0.
    pub skip_lines: u64,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions {
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            header: true,
            columns: Vec::new(),
            null_values: Vec::new(),
            comment: None,
            trailing_delimiter: false,
            ragged: Ragged::Reject,
            embedded_newlines: true,
            skip_lines: 0,
        }
    }
}

/// What becomes of a record with fewer or more fields than there are names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ragged {
    /// It is rejected; the default.
    Reject,
    /// The fields that are missing at the end have no value; a record with more is rejected.
    Pad,
    /// The fields that are missing at the end have no value, and those that have no name are left out.
    Ignore,
}

/// The options of `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOptions {
    /// What a line must be; its named groups are the fields.
    pub pattern: LinePattern,
    /// The texts that stand for null.
    pub null_values: Vec<String>,
    /// What a line begins with that is no record.
    pub comment: Option<u8>,
    /// How many lines at the beginning are passed over. Default 0.
    pub skip_lines: u64,
}

/// A regular expression that describes whole lines; two are equal if their texts are.
#[derive(Debug, Clone)]
pub struct LinePattern(Regex);

impl LinePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Alone first, so that what is said of it does not speak of the anchors.
        let alone = Regex::new(text).map_err(|error| format!("`pattern` is no regular expression: {error}"))?;
        if alone.capture_names().flatten().next().is_none() {
            return Err("`pattern` names no group, so that no line has fields".to_owned());
        }
        let whole = Regex::new(&format!("^(?:{text})$"));
        whole.map(LinePattern).map_err(|error| format!("`pattern` cannot describe whole lines: {error}"))
    }

    /// The expression, which matches whole lines only.
    pub fn regex(&self) -> &Regex {
        &self.0
    }
}

impl PartialEq for LinePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for LinePattern {}
