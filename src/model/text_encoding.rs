//! How the text of an object is encoded.

use std::fmt;
use std::str::FromStr;

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TextEncoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16 in the order that its mark says; little-endian where there is none.
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// ISO-8859-1 as it is defined: 0x80 to 0x9F are control characters. What calls itself so is often windows-1252.
    Latin1,
    /// windows-1252, in which 0x80 to 0x9F are `€`, quotation marks and dashes.
    Windows1252,
    /// Shift-JIS, as Windows and the web have it.
    ShiftJis,
}

impl TextEncoding {
    /// The names in configuration.
    pub const NAMES: &'static [(&'static str, TextEncoding)] = &[
        ("utf-8", TextEncoding::Utf8),
        ("utf-16", TextEncoding::Utf16),
        ("utf-16le", TextEncoding::Utf16Le),
        ("utf-16be", TextEncoding::Utf16Be),
        ("iso-8859-1", TextEncoding::Latin1),
        ("windows-1252", TextEncoding::Windows1252),
        ("shift-jis", TextEncoding::ShiftJis),
    ];

    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, encoding)| *encoding == self).map_or("utf-8", |(name, _)| name)
    }

    /// How a line ends in it.
    pub fn line_end(self) -> &'static [u8] {
        match self {
            TextEncoding::Utf16 | TextEncoding::Utf16Le => b"\n\0",
            TextEncoding::Utf16Be => b"\0\n",
            _ => b"\n",
        }
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, encoding)| *encoding).ok_or_else(|| format!("`{text}` is no encoding that is read"))
    }
}
