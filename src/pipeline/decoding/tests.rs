use std::io::Cursor;

use super::*;
use crate::config::{CsvOptions, Format};
use crate::decompress::archives::{File, zip};
use crate::model::{Extra, Place, Raw, Rule, TextEncoding, Value};
use crate::testing::{column, origin, pipeline};

/// The places and the wanted fields of records; of those that are refused, the message.
#[derive(Default)]
struct Seen(Vec<(Place, Vec<String>)>);

impl RecordSink for Seen {
    fn record(&mut self, place: Place, _: Raw<'_>, slots: &[Option<Value<'_>>], _: &[Extra<'_>]) -> Result<()> {
        let shown = |slot: &Option<Value<'_>>| match slot {
            Some(Value::Text(text)) => text.to_string(),
            other => format!("{other:?}"),
        };
        self.0.push((place, slots.iter().map(shown).collect()));
        Ok(())
    }

    fn refuse(&mut self, place: Place, _: Raw<'_>, rule: Rule, _: String) -> Result<()> {
        self.0.push((place, vec![rule.as_str().to_owned()]));
        Ok(())
    }
}

fn read(format: Format, encoding: TextEncoding, archive: Vec<u8>) -> (Vec<(Place, Vec<String>)>, u64) {
    let mut pipeline = pipeline(vec![column("a", "varchar(9)"), column("b", "varchar(9)")]);
    pipeline.source.format = format;
    pipeline.source.characters.encoding = encoding;
    let runtime = Runtime::new(0, pipeline, 1);
    let mut seen = Seen::default();
    let given = records(&runtime, &origin([]), None, Cursor::new(archive), Threads::One, &mut seen).expect("readable");
    (seen.0, given)
}

fn at(record: u64, line: u64, offset: u64) -> Place {
    Place { record, line: Some(line), offset: Some(offset) }
}

#[test]
fn each_delimited_entry_of_an_archive_has_a_header_of_its_own_and_places_go_on() {
    // Other columns, other ends of lines, a mark, nothing at all, a record of two lines, and one that is refused.
    let entries: [(&str, &[u8]); 5] = [
        ("1.csv", b"a,b\n1,2\n3,4"),
        ("2.csv", b""),
        ("3.csv", b"\xef\xbb\xbfb,c,a\r\n\"x\r\ny\",-,5\r\n"),
        ("4.csv", b"a,b\n6,7,8\n9,10\n"),
        ("5.csv", b"a,b\n11,12\n"),
    ];
    let files: Vec<File<'_>> = entries.iter().map(|(name, data)| File::new(name, data)).collect();
    let (seen, given) = read(Format::Csv(CsvOptions::default()), TextEncoding::Utf8, zip(&files));
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let expected = [
        (at(1, 2, 4), texts(&["1", "2"])),
        (at(2, 3, 8), texts(&["3", "4"])),
        (at(3, 5, 11 + 3 + 7), texts(&["5", "x\r\ny"])),
        (at(4, 8, 11 + 22 + 4), texts(&["syntax"])),
        (at(5, 9, 11 + 22 + 10), texts(&["9", "10"])),
        (at(6, 11, 11 + 22 + 15 + 4), texts(&["11", "12"])),
    ];
    assert_eq!(seen, expected);
    let bytes: usize = entries.iter().map(|(_, data)| data.len()).sum();
    assert_eq!(given, bytes as u64);
}

#[test]
fn places_of_entries_in_another_encoding_are_those_of_what_is_stored() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let (first, second) = (utf16("a,b\né,2"), utf16("b,a\n3,4\n"));
    let archive = zip(&[File::new("1", &first), File::new("2", &second)]);
    let (seen, given) = read(Format::Csv(CsvOptions::default()), TextEncoding::Utf16Le, archive);
    let places: Vec<Place> = seen.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [at(1, 2, 8), at(2, 4, first.len() as u64 + 8)]);
    assert_eq!(seen[1].1, ["4", "3"]);
    assert_eq!(given, (first.len() + second.len()) as u64);
}

#[test]
fn entries_of_other_formats_are_one_stream() {
    let archive = zip(&[File::new("1", b"{\"a\":\"1\"}"), File::new("2", b"{\"a\":\"2\"}\n")]);
    let (seen, _) = read(Format::JsonLines, TextEncoding::Utf8, archive);
    let places: Vec<Place> = seen.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [at(1, 1, 0), at(2, 2, 10)]);
}
