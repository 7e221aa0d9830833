use super::support::{data, fields, file, python, refused, rows, whole};
use crate::config::Format;
use crate::model::Rule;

fn value(literal: &str) -> Option<String> {
    let line = format!("{{'v': {literal}}}");
    let seen = whole(Format::PythonLiteral, &fields(&["v"]), line.as_bytes());
    seen[0].rule().is_none().then(|| seen[0].row()[0].unwrap_or_default().to_owned())
}

#[test]
fn literals_are_read() {
    for (literal, expected) in [
        ("None", "null"),
        ("True", "true"),
        ("False", "false"),
        ("'it'", "'it"),
        ("\"Don't\"", "'Don't"),
        (r#"'Don\'t "x"'"#, "'Don't \"x\""),
        (r"'\x41\u00e9\U0001F600\101\n\t\\'", "'Aé😀A\n\t\\"),
        (r"'\d\ud83d\ude00'", r"'\d😀"),
        ("u'é'", "'é"),
        (r"r'\n'", r"'\n"),
        ("'a' \"b\" u'c'", "'abc"),
        ("'''it's'''", "'it's"),
        ("''", "'"),
        ("17", "#17"),
        ("-17.50", "#-17.50"),
        ("+1", "#1"),
        ("- 1", "#-1"),
        ("1e5", "#1e5"),
        (".5", "#0.5"),
        ("5.", "#5.0"),
        ("1_000", "#1000"),
        ("0x_fF", "#255"),
        ("0o17", "#15"),
        ("0b101", "#5"),
        ("00", "#0"),
        ("[]", "~[]"),
        ("[1, 'a', None,]", "~[1,\"a\",null]"),
        ("(1, )", "~[1]"),
        ("()", "~[]"),
        ("(1)", "#1"),
        ("('x')", "'x"),
        ("{'a': {1: [True]}, None: (1, 2)}", "~{\"a\":{\"1\":[true]},\"null\":[1,2]}"),
    ] {
        assert_eq!(value(literal).as_deref(), Some(expected), "{literal}");
    }
}

#[test]
fn what_is_no_literal_or_has_no_form_in_json_is_refused() {
    for literal in [
        "b'x'",
        "rb'x'",
        "f'x'",
        "{1, 2}",
        "1j",
        "1+2j",
        "nan",
        "inf",
        "x",
        "x()",
        "'a",
        "\"a",
        "'a\\'",
        "'a' + 'b'",
        "01",
        "1__0",
        "0x_",
        "1_",
        "--1",
        "-True",
        "-'a'",
        r"'\N{DASH}'",
        r"'\x4'",
        r"'\u12'",
        r"'\ud800'",
        r"'\ude00'",
        r"'\U00110000'",
        "[1",
        "(1, 2",
        "{'a'}",
        "{'a': }",
        "{(1,): 2}",
        "{[1]: 2}",
        "[1 2]",
        "[,]",
        "(,)",
        ".",
        "1.2.3",
        "1e",
        "...",
        "",
    ] {
        assert_eq!(value(literal), None, "{literal}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(value(&deep), None);
    let seen = whole(Format::PythonLiteral, &fields(&["a"]), b"{'a': 1}\n[1]\n{'a': 1} x\n{'a': 2},\n{'a': 3}\n");
    assert_eq!(refused(&seen), [(2, Rule::Syntax), (3, Rule::Syntax), (4, Rule::Syntax)]);
}

/// Each line as Python's own parser reads it, as JSON.
const PYTHON: &str = "import ast, json, sys\n\
    def refuse(x): raise TypeError(x)\n\
    for line in open(sys.argv[1], encoding='utf-8', newline='\\n'):\n\
    \x20   try:\n\
    \x20       value = ast.literal_eval(line.rstrip('\\n'))\n\
    \x20       text = json.dumps(value, default=refuse)\n\
    \x20       if not isinstance(value, dict): text = None\n\
    \x20   except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError): text = None\n\
    \x20   print(json.dumps(text))";

fn as_python_reads(lines: &[String]) {
    let Some(output) = python(
        &format!("import warnings\nwarnings.simplefilter('ignore')\n{PYTHON}"),
        (lines.join("\n") + "\n").as_bytes(),
    ) else {
        return;
    };
    let output = String::from_utf8(output).expect("JSON");
    let expected: Vec<Option<String>> = output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(expected.len(), lines.len());
    for (line, expected) in lines.iter().zip(expected) {
        let index = fields(&[]).with_extras();
        let seen = whole(Format::PythonLiteral, &index, line.as_bytes());
        let own: Option<serde_json::Value> = match &seen[..] {
            [] => None,
            [seen] => match &seen.told {
                super::support::Told::Row(_, extras) => Some(object(extras)),
                super::support::Told::Refused(..) => None,
            },
            _ => panic!("one line is one record: {line:?}"),
        };
        let expected: Option<serde_json::Value> = match expected {
            Some(text) => match serde_json::from_str(&text) {
                Ok(value) => Some(value),
                // Python's `Infinity` of a number that is too large for its float.
                Err(_) => continue,
            },
            None => None,
        };
        assert_eq!(own, expected, "{line:?}");
    }
}

fn object(extras: &[(String, String)]) -> serde_json::Value {
    let value = |text: &str| match text.split_at(1) {
        ("'", text) => serde_json::Value::String(text.to_owned()),
        // What no float of 64 bits holds is compared as a text.
        ("#" | "~", json) => serde_json::from_str(json).unwrap_or_else(|_| serde_json::Value::from(json)),
        _ => serde_json::from_str(text).expect("a word"),
    };
    serde_json::Value::Object(extras.iter().map(|(name, text)| (name.clone(), value(text))).collect())
}

#[test]
fn amazons_metadata_reads_as_python_reads_it() {
    let Some(folder) = data() else { return };
    let mut missing = 0;
    for (path, lines) in [
        ("amazon/share/meta_Gift_Cards.first800.json.gz", 800),
        ("amazon/share/meta_Digital_Music.first4000.json.gz", 4_000),
    ] {
        let text = String::from_utf8(file(&folder, path)).expect("UTF-8");
        let all: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(all.len(), lines);
        as_python_reads(&all);
        let table = rows(Format::PythonLiteral, &["asin", "price"], text.as_bytes());
        assert!(table.iter().all(|row| row[0].is_some()), "every line of {path}");
        missing += table.iter().filter(|row| row[1].is_none()).count();
        // Those of 2018 are JSON, which Python reads as well where it holds no word of JSON's own.
        let as_json = whole(Format::JsonLines, &fields(&["asin"]), text.as_bytes());
        assert_eq!(
            as_json.iter().all(|seen| seen.rule().is_some()),
            path.contains("Music"),
            "JSON parses none of the others"
        );
    }
    assert!(missing > 0, "the price is missing in some");
}

#[test]
fn pieces_of_literals_in_any_order_read_as_python_reads_them() {
    const PIECES: &[&str] = &[
        "'a'",
        "\"b\"",
        "'it\\'s'",
        "1",
        "-2.5",
        "+3",
        "1_0",
        "0x1f",
        "1e3",
        ".5",
        "7.",
        "None",
        "True",
        "False",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ",",
        ":",
        "'k': ",
        "'k': ",
        "'\\x41'",
        "'\\u00e9'",
        "'\\101'",
        "'\\q'",
        "u'x'",
        "r'\\n'",
        " ",
        "nan",
        "'''t'''",
        "00",
        "01",
        "- ",
        "'",
        "\"",
    ];
    // A generator of its own, so that each run tries the same.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % most as u64) as usize
    };
    let mut lines = Vec::new();
    for _ in 0..6_000 {
        let length = next(7);
        let inner: String = (0..=length).map(|_| PIECES[next(PIECES.len())]).collect();
        lines.push(match next(4) {
            0 => format!("{{{inner}}}"),
            1 => format!("{{'v': [{inner}]}}"),
            2 => format!("{{'v': ({inner})}}"),
            _ => format!("{{'v': {inner}}}"),
        });
    }
    as_python_reads(&lines);
}
