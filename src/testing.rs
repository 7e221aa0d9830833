//! Small pipelines for the tests of several stages.

use std::time::Duration;

use crate::config::{
    BatchLimits, Characters, Column, ColumnSource, Format, KeyPattern, Mode, ModeOptions, OnUnknownField, Physical,
    Pipeline, Rejects, Source, Stage, Target,
};
use crate::model::{ObjectRef, Origin};
use crate::schema::identifier::TableName;

/// A column filled from the field of its own name.
pub(crate) fn column(name: &str, column_type: &str) -> Column {
    Column::new(name, ColumnSource::Field(name.to_owned()), column_type.parse().expect(column_type))
}

/// A pipeline that appends to `public.t`.
pub(crate) fn pipeline(columns: Vec<Column>) -> Pipeline {
    Pipeline {
        name: "p".to_owned(),
        freshness: Duration::from_secs(60),
        source: Source {
            bucket: "landing".to_owned(),
            key: KeyPattern::parse("**").expect("valid"),
            format: Format::JsonLines,
            ignore_case: false,
            compression: None,
            characters: Characters::default(),
            on_unknown_field: OnUnknownField::Ignore,
            max_record_bytes: 4 << 20,
            max_object_bytes: 1 << 40,
            max_expansion: 1_000,
            max_read_time: Duration::from_secs(3_600),
            max_window: 64 << 20,
        },
        columns,
        rules: Vec::new(),
        target: Target {
            table: TableName::new("public", "t"),
            mode: Mode::Append,
            key: Vec::new(),
            newest_by: Vec::new(),
            distkey: None,
            sortkey: Vec::new(),
            create: true,
            lineage: true,
            options: ModeOptions::default(),
            physical: Physical::default(),
        },
        stage: Stage::default(),
        batch: BatchLimits { max_rows: 5_000_000, max_bytes: 1 << 30, max_objects: 10_000 },
        rejects: Rejects { max_share: 1.0, max_rows: 10_000 },
        firehose: None,
        steps: Vec::new(),
        after: None,
    }
}

/// A file of the real inputs, which the repository does not ship; `None`, with a visible line, where they are missing. CI must have them.
pub(crate) fn data(path: &str) -> Option<Vec<u8>> {
    use std::io::Write;
    let folder = std::env::var_os("TIDEGATE_TEST_DATA")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), Into::into);
    let found = std::fs::read(folder.join(path)).ok();
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "CI must have {path}");
        // The handle, and not `eprintln!`, which the test harness keeps for failed tests.
        writeln!(
            std::io::stderr(),
            "\nSKIPPED: for want of {path}: name the folder of real data with TIDEGATE_TEST_DATA"
        )
        .ok();
    }
    found
}

/// The origin `landing/a.gz`, whose key has these captures.
pub(crate) fn origin<const N: usize>(captures: [&str; N]) -> Origin {
    let object = ObjectRef {
        bucket: "landing".to_owned(),
        key: "a.gz".to_owned(),
        other_key: None,
        version: None,
        etag: Some("e1".to_owned()),
        size: Some(10),
        sequencer: None,
        event_time: jiff::Timestamp::UNIX_EPOCH,
    };
    Origin { object, captures: captures.map(str::to_owned).into() }
}

/// A source of objects of this format, whose records are at most 4 MiB.
pub(crate) fn source(format: Format) -> Source {
    Source { format, ..pipeline(Vec::new()).source }
}
