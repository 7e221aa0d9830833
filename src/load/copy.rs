//! How COPY is told the form of the staged rows, and what of it the insert makes. Pure.

use crate::model::{CSV_NULL, Compression, Form, StagedFormat};
use crate::schema::ColumnType;

/// The options of a COPY from a manifest of files of this form, as they stand behind IAM_ROLE.
pub(super) fn copy_options(format: StagedFormat) -> String {
    let compression = match format.compression {
        Compression::Gzip => "GZIP",
        // Snappy is not taken for texts.
        Compression::Zstd | Compression::Snappy => "ZSTD",
    };
    // The analysis of compression would read the files once more, for a table that is dropped at the end of the transaction.
    match format.form {
        // What is compressed inside of Parquet is detected, and saying so is refused.
        Form::Parquet => "FORMAT AS PARQUET MANIFEST".to_owned(),
        Form::Csv => {
            format!("FORMAT AS CSV NULL AS '{CSV_NULL}' TIMEFORMAT 'auto' {compression} COMPUPDATE OFF MANIFEST")
        }
        Form::Json => format!("FORMAT AS JSON 'auto' TIMEFORMAT 'auto' {compression} COMPUPDATE OFF MANIFEST"),
    }
}

/// The options of a COPY of the files of objects. A batch staged by an older build has fewer columns: the last ones are then NULL.
pub(super) fn objects_options() -> &'static str {
    "FORMAT AS PARQUET FILLRECORD MANIFEST"
}

/// The type of the column that COPY fills: JSON brings a SUPER as it is, the other forms bring its text.
pub(super) fn staged_type(column_type: ColumnType, form: Form) -> ColumnType {
    match (column_type, form) {
        (ColumnType::Super, Form::Json) => ColumnType::Super,
        (other, _) => other.staged(),
    }
}

/// The value of the target's column, from the staged one, which `column` names.
pub(super) fn of_staged(column: &str, column_type: ColumnType, form: Form) -> String {
    match (column_type, form) {
        (ColumnType::Super, Form::Json) => column.to_owned(),
        (other, _) => other.of_staged(column),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_the_options_that_its_copy_takes_and_no_other() {
        let options = |form, compression| copy_options(StagedFormat { form, compression });
        assert_eq!(options(Form::Parquet, Compression::Snappy), "FORMAT AS PARQUET MANIFEST");
        assert_eq!(
            options(Form::Csv, Compression::Gzip),
            "FORMAT AS CSV NULL AS 'tidegate~null' TIMEFORMAT 'auto' GZIP COMPUPDATE OFF MANIFEST"
        );
        assert_eq!(
            options(Form::Json, Compression::Zstd),
            "FORMAT AS JSON 'auto' TIMEFORMAT 'auto' ZSTD COMPUPDATE OFF MANIFEST"
        );
    }

    #[test]
    fn only_json_brings_a_super_as_it_is() {
        assert_eq!(staged_type(ColumnType::Super, Form::Json), ColumnType::Super);
        assert_eq!(of_staged("c", ColumnType::Super, Form::Json), "c");
        assert_eq!(staged_type(ColumnType::Super, Form::Csv), ColumnType::Varchar(65_535));
        assert_eq!(of_staged("c", ColumnType::Super, Form::Csv), "JSON_PARSE(c)");
    }
}
