//! Dictionaries, and groups that become files.

use std::sync::Arc;

use ::parquet::basic::{Encoding, Type};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use crate::model::{Compression, Form, StagedFormat};
use crate::stage::group::{Encoder, FileEncoder};
use crate::stage::parquet::whole;

fn rows(count: i64) -> RecordBatch {
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let kind: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..count).map(|n| ["click", "view", "buy"][n as usize % 3])));
    let unique: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("{:x}", n * 0x9e37_79b9))));
    RecordBatch::try_from_iter([("number", number), ("kind", kind), ("unique", unique)]).expect("fits")
}

#[test]
fn only_columns_whose_values_repeat_have_a_dictionary() {
    let file = whole(&rows(10_000)).expect("encodes");
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).expect("Parquet");
    let group = reader.metadata().row_group(0);
    let dictionary: Vec<bool> = group
        .columns()
        .iter()
        .map(|column| column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY))
        .collect();
    assert_eq!(dictionary, [false, true, false]);
    let texts = |at| reader.metadata().file_metadata().schema_descr().column(at).physical_type() == Type::BYTE_ARRAY;
    for (at, column) in group.columns().iter().enumerate() {
        assert_eq!(
            column.statistics().is_some(),
            !texts(at),
            "all but texts have the least and greatest of their values"
        );
    }
}

/// Encodes rows as batches do; gives the sizes of the groups.
fn groups(format: StagedFormat, spreads: bool) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(1);
    let text: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..400_000).map(|_| format!("{:032x}", random.u128(..)))));
    let rows = RecordBatch::try_from_iter([("text", text)]).expect("fits");
    let mut encoder = Encoder::new(rows.schema(), vec![false], format, spreads);
    let mut file = FileEncoder::new(&rows.schema(), format).expect("a file");
    let mut sizes = Vec::new();
    let mut at = 0;
    while at < rows.num_rows() {
        let step = encoder.step(&rows).min(rows.num_rows() - at);
        encoder.write(&rows.slice(at, step)).expect("encodes");
        at += step;
        if encoder.is_full(spreads)
            && let Some(group) = encoder.cut().expect("encodes")
        {
            let raw = group.raw_bytes();
            let bytes = file.append(group).expect("is of the file's form").len() as u64;
            encoder.learn(raw, bytes);
            sizes.push(bytes);
        }
    }
    sizes
}

#[test]
fn where_files_are_to_be_opened_groups_are_as_large_as_the_least_file_whatever_the_form() {
    for (form, compression) in [
        (Form::Parquet, Compression::Zstd),
        (Form::Parquet, Compression::Snappy),
        (Form::Json, Compression::Gzip),
        (Form::Csv, Compression::Zstd),
    ] {
        let sizes = groups(StagedFormat { form, compression }, true);
        assert!(sizes.len() >= 2, "{form:?} {compression:?}: {sizes:?}");
        let later = &sizes[1..];
        assert!(later.iter().all(|size| (900_000..2_500_000).contains(size)), "{form:?} {compression:?}: {sizes:?}");
    }
}

#[test]
fn a_file_of_one_slice_has_groups_of_at_most_64_ki_rows() {
    let sizes = groups(StagedFormat::default(), false);
    assert_eq!(sizes.len(), 400_000 / 65_536, "{sizes:?}");
}
