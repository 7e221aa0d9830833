use super::{EVENTS, SERVICE, assert_refused, load_two, pipeline, replaced};
use crate::config::{Characters, CsvOptions, Format, InvalidUtf8, JsonOptions, LinePattern, Ragged, TextOptions};
use crate::model::TextEncoding;

const FORMAT: &str = "format = \"json-lines\"";

fn format(keys: &str) -> (Format, Characters) {
    let source = pipeline(&replaced(EVENTS, FORMAT, keys)).source;
    (source.format, source.characters)
}

#[test]
fn formats_have_their_documented_defaults() {
    let known = Characters { encoding: TextEncoding::Utf8, invalid_utf8: InvalidUtf8::Reject, allow_nan: false };
    assert_eq!(format(FORMAT), (Format::JsonLines, known));
    assert_eq!(format("format = \"json\"").0, Format::Json(JsonOptions { records: Vec::new() }));
    assert_eq!(format("format = \"python-literal\"").0, Format::PythonLiteral);
    let csv = CsvOptions {
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
    };
    assert_eq!(format("format = \"csv\"").0, Format::Csv(csv));
    let pattern = LinePattern::parse(r"(?<ip>\S+)").expect("valid");
    let text = TextOptions { pattern, null_values: Vec::new(), comment: None, skip_lines: 0 };
    assert_eq!(format(r"format = 'text', pattern = '(?<ip>\S+)'").0, Format::Text(text));
}

#[test]
fn options_that_are_said_are_taken() {
    let (json, characters) = format(
        "format = \"json\", records = \"/a~1b/~0c/0\", allow_nan = true, encoding = \"utf-16le\", invalid_utf8 = \"replace\"",
    );
    assert_eq!(json, Format::Json(JsonOptions { records: vec!["a/b".into(), "~c".into(), "0".into()] }));
    let expected = Characters { encoding: TextEncoding::Utf16Le, invalid_utf8: InvalidUtf8::Replace, allow_nan: true };
    assert_eq!(characters, expected);

    let (csv, _) = format(
        "format = \"csv\", delimiter = \"\\u0001\", quote = \"none\", escape = \"\\\\\", header = false, columns = [\"a\", \"b\"], \
         null_values = [\"\", \"\\\\N\"], comment = \"#\", trailing_delimiter = true, ragged = \"ignore\", \
         embedded_newlines = false, skip_lines = 2",
    );
    let expected = CsvOptions {
        delimiter: 1,
        quote: None,
        escape: Some(b'\\'),
        header: false,
        columns: vec!["a".into(), "b".into()],
        null_values: vec![String::new(), "\\N".into()],
        comment: Some(b'#'),
        trailing_delimiter: true,
        ragged: Ragged::Ignore,
        embedded_newlines: false,
        skip_lines: 2,
    };
    assert_eq!(csv, Format::Csv(expected));
}

#[test]
fn a_format_that_cannot_work_is_refused_with_a_remedy() {
    let cases = [
        ("format = \"csv\", records = \"/a\"", "`records` means nothing for the format `csv`", "its format: `json`"),
        ("format = \"json-lines\", delimiter = \",\"", "means nothing for the format `json-lines`", "`csv`"),
        ("format = \"csv\", allow_nan = true", "`allow_nan` means nothing", "`json-lines` or `json`"),
        ("format = \"text\"", "`pattern` is missing", "add `pattern"),
        ("format = \"text\", pattern = '('", "no regular expression", "named groups"),
        ("format = \"text\", pattern = '(x)'", "names no group", "named groups"),
        ("format = \"json\", records = \"Records\"", "does not begin with a `/`", "\"/Records\""),
        ("format = \"json\", records = \"/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a\"", "over 17 names", "JSON pointer"),
        ("format = \"csv\", header = false", "nothing names the fields", "columns = ["),
        ("format = \"csv\", columns = []", "`columns` is empty", "header"),
        ("format = \"csv\", columns = [\"a\", \"a\"]", "names `a` twice", "once"),
        ("format = \"csv\", columns = \"a\"", "must be a list", "columns = ["),
        ("format = \"csv\", delimiter = \"||\"", "must be one ASCII character", "\"|\""),
        ("format = \"csv\", delimiter = \"\"", "must be one ASCII character", "\"|\""),
        ("format = \"csv\", quote = \"é\"", "must be one ASCII character", "\"|\""),
        ("format = \"csv\", delimiter = \"\\n\"", "is a line end", "one character"),
        ("format = \"csv\", delimiter = '\"'", "`quote` is the character that `delimiter` is", "of its own"),
        ("format = \"csv\", escape = '\"'", "`escape` is the character that `quote` is", "leave `escape` out"),
        ("format = \"csv\", comment = \",\"", "`comment` is the character that `delimiter`", "of its own"),
        ("format = \"csv\", ragged = \"drop\"", "`drop`, which this version", "`reject`, `pad` or `ignore`"),
        ("format = \"csv\", skip_lines = -1", "is -1, but may be 0", "whole number"),
        ("format = \"csv\", null_values = \"NULL\"", "must be a list", "NULL"),
        ("format = \"csv\", encoding = \"latin9\"", "`latin9`, which this version", "`iso-8859-1`"),
        ("format = \"csv\", invalid_utf8 = \"ignore\"", "`ignore`, which this version", "`reject` or `replace`"),
        ("format = \"json\", header = 1", "`header` means nothing", "`csv`"),
        ("format = \"csv\", header = 1", "must be true or false", "header = true"),
    ];
    for (keys, message, remedy) in cases {
        assert_refused(keys, load_two(SERVICE, &replaced(EVENTS, FORMAT, keys)), message, remedy);
    }
}
