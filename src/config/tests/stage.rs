use super::{EVENTS, SERVICE, load_two, pipeline, refused, replaced};
use crate::config::Stage;
use crate::model::{Compression, Form, StagedFormat};

/// [`EVENTS`] with a key that captures `{day}` and `{part}`, and this `[stage]`.
fn staged(lines: &str) -> String {
    replaced(EVENTS, "events/**", "events/{day}/{part}.gz") + "\n[stage]\n" + lines
}

#[test]
fn what_is_left_out_is_parquet_with_zstd_in_folders_by_day() {
    assert_eq!(pipeline(EVENTS).stage, Stage::default());
    assert_eq!(pipeline(EVENTS).stage.format, StagedFormat { form: Form::Parquet, compression: Compression::Zstd });
    assert_eq!(load_two(SERVICE, EVENTS).map_err(|(problems, _)| problems).expect("valid").service.warehouse.slices, 1);
}

#[test]
fn form_compression_partitions_and_external_table_are_taken() {
    let text = staged(
        "format = \"csv\"\ncompression = \"gzip\"\npartition_by = [\"part\", \"day\"]\nexternal_table = \"Lake.Events\"",
    );
    let stage = pipeline(&text).stage;
    assert_eq!(stage.format, StagedFormat { form: Form::Csv, compression: Compression::Gzip });
    assert_eq!(stage.partition_by, [1, 0]);
    assert_eq!(stage.external_table.map(|table| table.to_string()).as_deref(), Some("lake.events"));
}

#[test]
fn a_stage_that_cannot_work_is_refused_with_a_remedy() {
    for (lines, remedy) in [
        ("format = \"avro\"", "choose `parquet`, `csv` or `json`"),
        ("compression = \"gzip\"", "choose `zstd` or `snappy`"),
        ("format = \"json\"\ncompression = \"snappy\"", "choose `zstd` or `gzip`"),
        ("partition_by = [\"month\"]", "write `{month}` into `key` of [source]"),
        ("partition_by = [\"day\", \"day\"]", "remove one of the two"),
        ("partition_by = []", "name the few captures"),
        ("external_table = \"lake.events\"", "or remove `external_table`"),
        ("partition_by = [\"day\"]\nexternal_table = \"events\"", "write the schema and the table"),
        ("fromat = \"csv\"", "did you mean `format`?"),
    ] {
        let problems = refused(SERVICE, &staged(lines));
        assert!(problems.contains(remedy), "{lines}: {problems}");
    }
    for (at, service) in
        [("[warehouse]\n", "[warehouse]\nslices = 33\n"), ("[staging]\n", "[limits]\nmemory = \"1MiB\"\n[staging]\n")]
    {
        let problems = refused(&replaced(SERVICE, at, service), EVENTS);
        assert!(problems.contains("may be"), "{problems}");
    }
}
