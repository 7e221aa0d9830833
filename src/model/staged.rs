//! The form of staged files.

use serde::{Deserialize, Serialize};

/// The form of a batch's data files, which its manifest says and its COPY depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StagedFormat {
    /// How rows are written.
    pub form: Form,
    /// How the files are compressed; Parquet's pages, or the text as a whole.
    pub compression: Compression,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Parquet with v1 pages, PLAIN or dictionary.
    #[default]
    Parquet,
    /// CSV without a header, every text quoted, null as [`CSV_NULL`].
    Csv,
    /// One JSON object a line, a SUPER nested in it.
    Json,
}

/// How a staged file is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Zstandard, level 1.
    #[default]
    Zstd,
    /// Snappy; Parquet only.
    Snappy,
    /// Gzip; CSV and JSON only.
    Gzip,
}

/// What stands for null in a staged CSV. A text that is exactly this is rejected: whether Redshift takes it for null even in quotes is
/// not documented.
pub const CSV_NULL: &str = "tidegate~null";

impl Form {
    /// The most bytes of a SUPER's text that files of this form can carry: 65,535 in a column of text, else what fits into an object of 4 MB.
    pub fn super_bytes(self) -> usize {
        match self {
            Form::Parquet | Form::Csv => 65_535,
            Form::Json => 4_000_000,
        }
    }
}

impl StagedFormat {
    /// What the names of such files end in, without the leading dot.
    pub fn suffix(self) -> &'static str {
        match (self.form, self.compression) {
            (Form::Parquet, _) => "parquet",
            (Form::Csv, Compression::Gzip) => "csv.gz",
            (Form::Csv, _) => "csv.zst",
            (Form::Json, Compression::Gzip) => "jsonl.gz",
            (Form::Json, _) => "jsonl.zst",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_reads_back_as_it_is_written_and_the_default_is_parquet() {
        let format = StagedFormat { form: Form::Json, compression: Compression::Gzip };
        let text = serde_json::to_string(&format).expect("JSON");
        assert_eq!(text, r#"{"form":"json","compression":"gzip"}"#);
        assert_eq!(serde_json::from_str::<StagedFormat>(&text).expect("reads"), format);
        assert_eq!(StagedFormat::default(), StagedFormat { form: Form::Parquet, compression: Compression::Zstd });
    }
}
