//! How a COPY reads what was staged; the one place that knows the options of a format.

/// The options of a COPY of data files, behind its role.
pub(super) fn rows_options() -> &'static str {
    "FORMAT AS PARQUET MANIFEST"
}

/// The options of a COPY of the files of objects. A batch staged by an older build has fewer columns: the last ones are then NULL.
pub(super) fn objects_options() -> &'static str {
    "FORMAT AS PARQUET FILLRECORD MANIFEST"
}
