//! The statement: target, source and options.

use crate::sandbox::redshift::rewrite::tokens::{Kind, Tok, after_group, identifier, split_commas};

/// A COPY that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    /// The target's schema, if it is named, and its name.
    pub(super) schema: Option<String>,
    pub(super) table: String,
    /// The columns in file order; none means all.
    pub(super) columns: Option<Vec<String>>,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) format: FileFormat,
    pub(super) serialize_to_json: bool,
    pub(super) fill_record: bool,
    pub(super) explicit_ids: bool,
    /// The character that stands in for bytes that are not UTF-8 or not storable.
    pub(super) replacement: Option<String>,
}

/// The files of a COPY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileFormat {
    Parquet,
    Text(TextFormat),
}

/// Files of text, and how they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextFormat {
    /// JSON by the names of its keys, `'auto'`; if not, CSV.
    pub(super) json: bool,
    /// With `'auto ignorecase'`.
    pub(super) ignore_case: bool,
    pub(super) compression: Option<TextCompression>,
    /// NULL AS.
    pub(super) null: String,
    pub(super) empty_as_null: bool,
    pub(super) ignore_header: usize,
    pub(super) delimiter: u8,
}

/// The compression of files of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextCompression {
    Gzip,
    Zstd,
}

/// Options that are not for columnar files.
const REFUSED: [&str; 34] = [
    "ACCEPTANYDATE",
    "BLANKSASNULL",
    "BZIP2",
    "COMPROWS",
    "COMPUPDATE",
    "DATEFORMAT",
    "DELIMITER",
    "EMPTYASNULL",
    "ENCODING",
    "ENCRYPTED",
    "ESCAPE",
    "FIXEDWIDTH",
    "GZIP",
    "IGNOREALLERRORS",
    "IGNOREBLANKLINES",
    "IGNOREHEADER",
    "LZOP",
    "MASTER_SYMMETRIC_KEY",
    "MAXERROR",
    "NOLOAD",
    "NULL",
    "QUOTE",
    "READRATIO",
    "REGION",
    "REMOVEQUOTES",
    "ROUNDEC",
    "SHAPEFILE",
    "SIMPLIFY",
    "SSH",
    "TIMEFORMAT",
    "TRIMBLANKS",
    "TRUNCATECOLUMNS",
    "ZSTD",
    "AVRO",
];

/// What stands in a statement beside what all formats have.
#[derive(Default)]
struct TextOptions {
    json: Option<String>,
    given: Vec<(String, Option<Tok>)>,
}

impl Copy {
    /// Reads a statement that starts with `COPY`; the error is Redshift's text.
    pub(crate) fn parse(statement: &[Tok]) -> Result<Copy, String> {
        let mut names = Vec::new();
        let mut at = 1;
        loop {
            names.push(statement.get(at).and_then(Tok::name).ok_or_else(|| near(statement.get(at)))?);
            at += 1;
            if !statement.get(at).is_some_and(|token| token.is_mark(".")) {
                break;
            }
            at += 1;
        }
        let table = names.pop().unwrap_or_default();
        let mut columns = None;
        if statement.get(at).is_some_and(|token| token.is_mark("(")) {
            let end = after_group(statement, at);
            let inside = &statement[at + 1..end.saturating_sub(1).max(at + 1)];
            let listed: Option<Vec<String>> =
                split_commas(inside).iter().map(|part| if part.len() == 1 { part[0].name() } else { None }).collect();
            columns = Some(listed.ok_or_else(|| near(inside.first()))?);
            at = end;
        }
        if !statement.get(at).is_some_and(|token| token.is("FROM")) {
            return Err(near(statement.get(at)));
        }
        let source = statement
            .get(at + 1)
            .filter(|token| token.kind == Kind::Text)
            .ok_or_else(|| near(statement.get(at + 1)))?;
        let (bucket, key) = source
            .value
            .strip_prefix("s3://")
            .and_then(|path| path.split_once('/'))
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(|| {
                format!("COPY from '{}' is not supported by the sandbox: it reads s3://bucket/key", source.value)
            })?;
        let mut copy = Copy {
            schema: names.pop(),
            table,
            columns,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            format: FileFormat::Parquet,
            serialize_to_json: false,
            fill_record: false,
            explicit_ids: false,
            replacement: None,
        };
        copy.options(&statement[at + 2..])?;
        Ok(copy)
    }

    fn options(&mut self, options: &[Tok]) -> Result<(), String> {
        let (mut authorized, mut format, mut manifest) = (false, None, false);
        let mut text = TextOptions::default();
        let mut at = 0;
        while let Some(option) = options.get(at) {
            let value = at + 1 + usize::from(options.get(at + 1).is_some_and(|next| next.is("AS")));
            let next = options.get(value);
            let next_text = next.is_some_and(|next| next.kind == Kind::Text);
            match option.text.to_uppercase().as_str() {
                "IAM_ROLE" if next_text || next.is_some_and(|next| next.is("DEFAULT")) => {
                    authorized = true;
                    at = value;
                }
                "CREDENTIALS" | "ACCESS_KEY_ID" if next_text => {
                    authorized = true;
                    at = value;
                }
                "WITH" => {}
                "SECRET_ACCESS_KEY" | "SESSION_TOKEN" if next_text => at = value,
                // The format itself follows as an option of its own: `FORMAT AS CSV` is `CSV`.
                "FORMAT" if next.is_some_and(|next| next.is_any(&["PARQUET", "CSV", "JSON"])) => at = value - 1,
                "FORMAT" => return Err(self.unknown_format(next)),
                name @ ("PARQUET" | "CSV" | "JSON") => {
                    if format.replace(name.to_owned()).is_some() {
                        return Err(near(Some(option)));
                    }
                    if name == "JSON" {
                        at = value;
                        text.json =
                            Some(next.filter(|_| next_text).map(|next| next.value.clone()).ok_or_else(|| near(next))?);
                    }
                }
                "MANIFEST" => manifest = true,
                "SERIALIZETOJSON" => self.serialize_to_json = true,
                "FILLRECORD" => self.fill_record = true,
                "EXPLICIT_IDS" => self.explicit_ids = true,
                "ACCEPTINVCHARS" => {
                    self.replacement = Some("?".to_owned());
                    if let Some(next) = next.filter(|_| next_text) {
                        self.replacement = Some(next.value.clone());
                        at = value;
                    }
                }
                "STATUPDATE" => {
                    if next.is_some_and(|next| next.is_any(&["ON", "OFF", "TRUE", "FALSE"])) {
                        at = value;
                    }
                }
                name if REFUSED.contains(&name) => {
                    let valued = next_text
                        || next.is_some_and(|next| next.kind == Kind::Other)
                        || next.is_some_and(|next| next.is_any(&["ON", "OFF", "TRUE", "FALSE", "PRESET"]));
                    text.given.push((name.to_owned(), next.filter(|_| valued).cloned()));
                    if valued {
                        at = value;
                    }
                }
                _ => return Err(near(Some(option))),
            }
            at += 1;
        }
        self.format = match (format.as_deref(), text.given.first()) {
            (Some("PARQUET"), None) => FileFormat::Parquet,
            (Some("PARQUET"), Some((name, _))) => {
                return Err(format!("{name} argument is not supported for PARQUET based COPY"));
            }
            (Some(_), _) => FileFormat::Text(self.text_format(text)?),
            (None, _) => return Err(self.unknown_format(None)),
        };
        if !authorized {
            return Err(
                "No AWS credentials or IAM role are given: COPY from S3 needs IAM_ROLE or CREDENTIALS".to_owned()
            );
        }
        if !manifest {
            return Err(format!(
                "COPY from the prefix s3://{}/{} is not supported by the sandbox: write a manifest and say MANIFEST",
                self.bucket, self.key
            ));
        }
        Ok(())
    }

    /// The options of CSV and JSON; one that would change what is loaded and that the sandbox does not know is refused, never ignored.
    fn text_format(&self, options: TextOptions) -> Result<TextFormat, String> {
        let name = if options.json.is_some() { "JSON" } else { "CSV" };
        if self.serialize_to_json || self.fill_record {
            let option = if self.serialize_to_json { "SERIALIZETOJSON" } else { "FILLRECORD" };
            return Err(format!("{option} argument is not supported for {name} based COPY"));
        }
        let ignore_case = match options.json.as_deref() {
            None | Some("auto") => false,
            Some("auto ignorecase") => true,
            Some(other) => return Err(format!("COPY of JSON '{other}' is not supported by the sandbox: say 'auto'")),
        };
        let mut format = TextFormat {
            json: options.json.is_some(),
            ignore_case,
            compression: None,
            null: "\\N".to_owned(),
            empty_as_null: false,
            ignore_header: 0,
            delimiter: b',',
        };
        for (option, value) in options.given {
            let text = value.as_ref().map_or("", |value| value.value.as_str());
            match (option.as_str(), format.json) {
                ("GZIP", _) => format.compression = Some(TextCompression::Gzip),
                ("ZSTD", _) => format.compression = Some(TextCompression::Zstd),
                ("TIMEFORMAT" | "DATEFORMAT", _) if text == "auto" => {}
                ("COMPUPDATE" | "COMPROWS", _) => {}
                ("NULL", false) => format.null = text.to_owned(),
                ("EMPTYASNULL", _) => format.empty_as_null = true,
                ("IGNOREHEADER", false) => {
                    let count = value.as_ref().and_then(|value| value.text.parse().ok());
                    format.ignore_header = count.ok_or_else(|| near(value.as_ref()))?;
                }
                ("DELIMITER", false) if text.len() == 1 => format.delimiter = text.as_bytes()[0],
                ("QUOTE", false) if text == "\"" => {}
                ("ESCAPE" | "FIXEDWIDTH" | "REMOVEQUOTES" | "DELIMITER" | "QUOTE", _) => {
                    return Err(format!("{option} argument is not supported for {name} based COPY"));
                }
                _ => return Err(format!("{option} is not supported by the sandbox's COPY of {name}")),
            }
        }
        Ok(format)
    }

    fn unknown_format(&self, format: Option<&Tok>) -> String {
        let format = format.map_or("text", |format| format.text.as_str());
        format!(
            "COPY {} from {format} is not supported by the sandbox: it loads FORMAT AS PARQUET, CSV or JSON 'auto'",
            self.table
        )
    }

    /// The target as SQL.
    pub(super) fn target(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", identifier(schema), identifier(&self.table)),
            None => identifier(&self.table),
        }
    }

    /// The format, as SYS_LOAD_HISTORY writes it.
    pub(super) fn format_name(&self) -> &'static str {
        match &self.format {
            FileFormat::Parquet => "parquet",
            FileFormat::Text(TextFormat { json: true, .. }) => "json",
            FileFormat::Text(_) => "csv",
        }
    }

    /// The manifest's URL.
    pub(super) fn source(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

fn near(token: Option<&Tok>) -> String {
    match token {
        Some(token) => format!("syntax error at or near \"{}\"", token.text),
        None => "syntax error at end of input".to_owned(),
    }
}
