use super::support::{Kept, data, fields, file, python, read, refused, rows, whole};
use crate::config::{CsvOptions, Format, InvalidUtf8, Ragged};
use crate::decode::{Input, decode};
use crate::model::{FieldIndex, Rule};
use crate::testing::source;

fn csv(change: impl FnOnce(&mut CsvOptions)) -> Format {
    let mut options = CsvOptions::default();
    change(&mut options);
    Format::Csv(options)
}

fn names(options: &mut CsvOptions, names: &[&str]) {
    options.columns = names.iter().map(|name| (*name).to_owned()).collect();
}

/// The first two columns of each row, `-` for null and `?` for a field that is lacking.
fn pairs(format: Format, data: &[u8]) -> Vec<String> {
    let show = |value: &Option<String>| match value.as_deref() {
        None => "?".to_owned(),
        Some("null") => "-".to_owned(),
        Some(text) => text[1..].to_owned(),
    };
    rows(format, &["a", "b"], data).iter().map(|row| format!("{}|{}", show(&row[0]), show(&row[1]))).collect()
}

#[test]
fn fields_are_split_as_rfc_4180_has_it() {
    let cases = [
        ("a,b\n1,2\n", vec!["1|2"]),
        ("a,b\r\n1,2\r\n3,4", vec!["1|2", "3|4"]),
        ("a,b\r1,2\r3,4\r", vec!["1|2", "3|4"]),
        ("\u{feff}a,b\n1,2", vec!["1|2"]),
        ("a,b\n\"x,y\",\"p\nq\"\n", vec!["x,y|p\nq"]),
        ("a,b\n\"x\r\ny\",\"say \"\"hi\"\"\"\r\n", vec!["x\r\ny|say \"hi\""]),
        ("a,b\n,\n\"\",\n", vec!["|", "|"]),
        ("a,b\n5\" disk,b\"c\"\n", vec!["5\" disk|b\"c\""]),
        ("\"a\",\"b\"\n1,2\n\n3,4\n", vec!["1|2", "3|4"]),
        ("b,a\n1,2\n", vec!["2|1"]),
        ("a,b\nx\ry,2\r\n", vec!["x\ry|2"]),
        ("a,b\n\"\"\"\",\"\"\n", vec!["\"|"]),
        ("a,b\n", vec![]),
        ("a,b", vec![]),
        ("", vec![]),
        ("\n\n", vec![]),
    ];
    for (data, expected) in cases {
        assert_eq!(pairs(csv(|_| {}), data.as_bytes()), expected, "{data:?}");
    }
}

#[test]
fn options_say_how_others_write_it() {
    let pipe = |options: &mut CsvOptions| options.delimiter = b'|';
    let cases: Vec<(Format, &str, Vec<&str>)> = vec![
        (csv(pipe), "a|b\n1,5|2\n", vec!["1,5|2"]),
        (csv(|o| o.quote = Some(b'\'')), "a,b\n'x,y','it''s'\n", vec!["x,y|it's"]),
        (csv(|o| o.quote = None), "a,b\n\"x,y\"\n", vec!["\"x|y\""]),
        (csv(|o| o.escape = Some(b'\\')), "a,b\n\"say \\\"hi\\\"\",x\\,y\\\\\n", vec!["say \"hi\"|x,y\\"]),
        (
            csv(|o| o.null_values = vec![String::new(), "NULL".into()]),
            "a,b\nNULL,\n\"NULL\",\"\"\n",
            vec!["-|-", "NULL|"],
        ),
        (csv(|o| o.comment = Some(b'#')), "#x\na,b\n# \"y\n1,2\n3,#4\n", vec!["1|2", "3|#4"]),
        (csv(|o| o.skip_lines = 2), "\"title\n\na,b\n1,2\n", vec!["1|2"]),
        (
            csv(|o| {
                o.header = false;
                names(o, &["a", "b"])
            }),
            "1,2\n",
            vec!["1|2"],
        ),
        (csv(|o| names(o, &["a", "b"])), "x,y\n1,2\n", vec!["1|2"]),
        (
            csv(|o| {
                pipe(o);
                o.trailing_delimiter = true
            }),
            "a|b|\n1|2|\n3|\"\"|\n",
            vec!["1|2", "3|"],
        ),
        (
            csv(|o| {
                pipe(o);
                o.trailing_delimiter = true
            }),
            "a|b\n1||\n",
            vec!["1|"],
        ),
        (csv(|o| o.ragged = Ragged::Pad), "a,b\n1\n2,3\n", vec!["1|?", "2|3"]),
        (csv(|o| o.ragged = Ragged::Ignore), "a,b\n1\n2,3,4\n", vec!["1|?", "2|3"]),
        (csv(|o| o.delimiter = b'\t'), "a\tb\n1\t 2 \n", vec!["1| 2 "]),
    ];
    for (format, data, expected) in cases {
        assert_eq!(pairs(format, data.as_bytes()), expected, "{data:?}");
    }
}

#[test]
fn a_record_that_is_malformed_is_refused_with_its_line_and_offset() {
    let seen = whole(csv(|_| {}), &fields(&["a"]), b"a,b\n1,2\n\"x\"y,2\n1\n1,2,3\n\"p\nq\" r,\"2\n3\"\n4,5\n");
    let places: Vec<_> = seen
        .iter()
        .map(|seen| (seen.place.line.expect("it is known"), seen.place.offset.expect("it is known")))
        .collect();
    assert_eq!(places, [(2, 4), (3, 8), (4, 15), (5, 17), (6, 23), (9, 37)]);
    let lines = [3, 4, 5, 6].map(|line| (line, Rule::Syntax));
    assert_eq!(refused(&seen), lines);
}

#[test]
fn a_quote_that_is_never_closed_ends_the_object() {
    let data = b"a,b\n1,2\n\"x,3\n4,5\n";
    let (seen, error) = read(&source(csv(|_| {})), &fields(&["a"]), &data[..]);
    assert_eq!(seen.len(), 1);
    let error = error.unwrap_or_default();
    assert!(error.contains("line 3") && error.contains("byte 8") && error.contains("never closed"), "{error}");
    let seen = whole(csv(|options| options.embedded_newlines = false), &fields(&["a"]), data);
    assert_eq!((refused(&seen), seen[2].row()), (vec![(3, Rule::Syntax)], vec![Some("'4")]));
}

#[test]
fn a_record_that_is_too_long_is_passed_over() {
    let mut source = source(csv(|_| {}));
    source.max_record_bytes = 10;
    for (data, line) in [
        (format!("a,b\n{},2\n3,4\n", "x".repeat(600_000)), 3),
        (format!("a,b\n\"{}\",2\r\n3,4\r\n", "x\n".repeat(300_000)), 300_003),
        ("a,b\n123456789,2\n3,4\n".to_owned(), 3),
    ] {
        let (seen, error) = read(&source, &fields(&["a"]), data.as_bytes());
        assert_eq!((error, refused(&seen)), (None, vec![(2, Rule::RecordSize)]));
        assert_eq!((seen[0].raw.len(), seen[1].row(), seen[1].place.line), (10, vec![Some("'3")], Some(line)));
        assert!(data.as_bytes()[seen[1].place.offset.expect("it is known") as usize..].starts_with(b"3,4"));
    }
    let (seen, error) = read(&source, &fields(&["a"]), &b"a,b\r\n12345678,9\r\n"[..]);
    assert_eq!((error, seen[0].row()), (None, vec![Some("'12345678")]));
}

#[test]
fn a_header_that_cannot_be_used_ends_the_object() {
    for (data, reason) in
        [("a,a\n1,2\n", "twice"), ("\"a\"x,b\n", "closing quote"), ("a,\"b\n1", "never closed"), ("\u{0}", "")]
    {
        let (_, error) = read(&source(csv(|_| {})), &fields(&["a"]), data.as_bytes());
        assert!(error.unwrap_or_default().contains(reason), "{data}");
    }
    assert_eq!(pairs(csv(|_| {}), b"a,x,b,x\n1,2,3,4\n"), ["1|3"], "nobody wants the one that stands twice");
}

#[test]
fn fields_that_no_column_takes_are_extras_where_they_are_wanted() {
    let index = fields(&["a"]).with_extras();
    let seen = whole(csv(|_| {}), &index, b"a,b,c\n1,2,\"x\"\"y\"\n");
    let super::support::Told::Row(_, extras) = &seen[0].told else { panic!("a row") };
    assert_eq!(*extras, [("b".to_owned(), "'2".to_owned()), ("c".to_owned(), "'x\"y".to_owned())]);
    let mut folded = FieldIndex::ignoring_case();
    folded.insert("userid");
    assert_eq!(whole(csv(|_| {}), &folded, b"UserID\n7\n")[0].row(), [Some("'7")]);
}

#[test]
fn wanted_fields_of_common_records_are_offered_before_they_are_decoded() {
    let mut kept = Kept::default();
    let data = b"a,b\n1,\"x\"\"y\"\n2\n\xff,4\n\"5,5\",6\r\n7,8";
    let input = Input::Stream(Box::new(&data[..]));
    decode(&source(csv(|_| {})), &fields(&["a"]), input, &mut kept).expect("read");
    // Not the doubled quote, the missing field, what is no UTF-8, and the line that may go on.
    assert_eq!(kept.offered, [[b"5,5".to_vec()]]);
    assert_eq!(refused(&kept.seen), [(3, Rule::Syntax), (4, Rule::Encoding)]);
    let mut replacing = source(csv(|_| {}));
    replacing.characters.invalid_utf8 = InvalidUtf8::Replace;
    let (seen, _) = read(&replacing, &fields(&["a"]), &data[..]);
    assert_eq!(seen[2].row(), [Some("'\u{fffd}")]);
}

/// What Python's own reader makes of a file: a JSON list of lists.
const PYTHON: &str = "import csv, json, sys\n\
    csv.field_size_limit(1 << 30)\n\
    with open(sys.argv[1], newline='', encoding=ENCODING) as f:\n\
    \x20   print(json.dumps([row for row in csv.reader(f, delimiter=DELIMITER) if row]))";

/// Checks that all rows of the object, its header included, are those that Python reads.
fn as_python_reads(data: &[u8], encoding: &str, delimiter: u8, width: usize) {
    let delimiter_text = format!("{:?}", char::from(delimiter));
    let script = PYTHON.replace("ENCODING", &format!("{encoding:?}")).replace("DELIMITER", &delimiter_text);
    let Some(output) = python(&script, data) else { return };
    let expected: Vec<Vec<String>> = serde_json::from_slice(&output).expect("Python's JSON");
    let columns: Vec<String> = (0..width).map(|at| at.to_string()).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let format = csv(|options| {
        options.header = false;
        options.delimiter = delimiter;
        names(options, &columns);
    });
    let mut source = source(format);
    source.characters.encoding = encoding.parse().expect(encoding);
    let (seen, error) = read(&source, &fields(&columns), data);
    assert_eq!(error, None);
    assert_eq!(seen.len(), expected.len());
    for (seen, expected) in seen.iter().zip(expected) {
        let row: Vec<String> = seen.row().iter().map(|field| field.unwrap_or_default()[1..].to_owned()).collect();
        assert_eq!(row, expected, "{:?}", seen.place);
    }
}

#[test]
fn retail_days_read_as_python_reads_them() {
    let Some(folder) = data() else { return };
    for day in ["2010-12-01", "2011-01-04", "2011-05-31"] {
        as_python_reads(&file(&folder, &format!("retail/by-day/{day}.csv")), "utf-8", b',', 8);
    }
    for path in [
        "retail/date_variants/yokyen_dmy_150rows/OnlineRetail.csv",
        "retail/date_variants/evanvolgas_1000rows/OnlineRetail.csv",
    ] {
        as_python_reads(&file(&folder, path), "iso-8859-1", b',', 8);
    }
}

#[test]
fn retail_in_iso_8859_1_with_crlf_reads_as_python_reads_it() {
    let Some(folder) = data() else { return };
    let bytes = file(&folder, "retail/share/OnlineRetail.latin1-crlf.first60000.csv.gz");
    assert!(bytes.contains(&0xa3) && bytes.windows(2).any(|pair| pair == b"\r\n"));
    as_python_reads(&bytes, "iso-8859-1", b',', 8);
}

#[test]
fn tpch_lines_that_end_in_a_delimiter_have_seven_fields() {
    let Some(folder) = data() else { return };
    let columns = ["s_suppkey", "s_name", "s_address", "s_nationkey", "s_phone", "s_acctbal", "s_comment"];
    let format = csv(|options| {
        options.delimiter = b'|';
        options.quote = None;
        options.header = false;
        options.trailing_delimiter = true;
        names(options, &columns);
    });
    let table = rows(format.clone(), &columns, &file(&folder, "tpch/sf1/supplier.tbl"));
    assert_eq!(table.len(), 10_000);
    assert_eq!(table[0][5].as_deref(), Some("'5755.94"));
    assert_eq!(table[1][6].as_deref(), Some("' slyly bold instructions. idle dependen"));
    let Format::Csv(mut options) = format else { panic!("csv") };
    options.trailing_delimiter = false;
    let seen = whole(Format::Csv(options), &fields(&columns), &file(&folder, "tpch/sf1/supplier.tbl"));
    assert_eq!(refused(&seen).len(), 10_000, "without it, each has an eighth");
}

#[test]
fn a_header_that_differs_from_the_tables_names_is_overridden_by_columns() {
    let Some(folder) = data() else { return };
    let bytes = file(&folder, "showcase/get_changed_customer_data/customer_data.txt");
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let width = first.iter().filter(|byte| **byte == b',').count() + 1;
    as_python_reads(&bytes, "utf-8", b',', width);
}
