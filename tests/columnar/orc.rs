//! ORC files that others wrote, against the output expected of them.

use std::io::Read;

use tidegate::config::Format;
use tidegate::error::ErrorKind;
use tidegate::model::FieldIndex;

use crate::rows::{all, decode};
use crate::support::data::Data;

const FOLDER: &str = "streams/orc/apache-orc";

fn expected(data: &Data, name: &str) -> Vec<String> {
    let mut text = String::new();
    let packed = data.read(&format!("{FOLDER}/expected/{name}.jsn.gz"));
    flate2::read::MultiGzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_file_whose_rows_are_no_structs_is_parked_with_its_reason() {
    let Some(data) = Data::find() else { return };
    let error = all(Format::Orc, data.read(&format!("{FOLDER}/TestOrcFile.testTimestamp.orc"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.message().contains("no structs"), "{error}");
}

#[test]
fn the_decimals_of_the_orc_sample_are_those_expected() {
    let Some(data) = Data::find() else { return };
    let mut fields = FieldIndex::new();
    fields.insert("_col0");
    let rows = decode(Format::Orc, &fields, data.read(&format!("{FOLDER}/decimal.orc")), 1).unwrap();
    let expected = expected(&data, "decimal");
    assert_eq!(rows.records.len(), expected.len());
    for (record, line) in rows.records.iter().zip(&expected) {
        let digits = line.strip_prefix("{\"_col0\": ").unwrap().strip_suffix('}').unwrap();
        let expected = match digits {
            "null" => "null".to_owned(),
            digits => format!("decimal {} 5", digits.replace('.', "").parse::<i64>().unwrap()),
        };
        assert_eq!(record.slots[0].as_deref(), Some(&expected[..]), "{line}");
    }
}

#[test]
fn what_is_no_orc_file_is_parked_with_its_reason() {
    let Some(data) = Data::find() else { return };
    let whole = data.read(&format!("{FOLDER}/decimal.orc"));
    for (object, reason) in [
        (&b""[..], "no ORC file"),
        (b"id,name\n1,anna\n2,bert\n", "ends as no ORC file"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0", "compressed as a whole"),
        (&whole[..whole.len() / 2], "ends as no ORC file"),
    ] {
        let error = all(Format::Orc, object.to_vec()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(reason), "{error}");
    }
}
