//! The statements that create a target's schema and table.
//!
//! Column encodings are left to Redshift, which chooses and changes them by itself (ENCODE AUTO) as long as none is given;
//! so are the distribution style and the sort key where the pipeline names none.

use super::ColumnType;
use super::identifier::{TableName, quote};

/// A column to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DdlColumn<'a> {
    /// The column's name.
    pub name: &'a str,
    /// The column's type.
    pub column_type: ColumnType,
    /// Whether the column is NOT NULL.
    pub required: bool,
}

/// The columns that say which object, and which row of it, a row came from; they stand behind the pipeline's own.
pub const LINEAGE: [DdlColumn<'static>; 2] = [
    DdlColumn { name: "_tidegate_object", column_type: ColumnType::Varchar(32), required: false },
    DdlColumn { name: "_tidegate_row", column_type: ColumnType::BigInt, required: false },
];

/// The statement that creates `schema` if it is missing.
pub fn create_schema(schema: &str) -> String {
    format!("CREATE SCHEMA IF NOT EXISTS {}", quote(schema))
}

/// The statement that creates `table` if it is missing: `columns` in their order, then [`LINEAGE`] if it is kept.
pub fn create_table(
    table: &TableName,
    columns: &[DdlColumn<'_>],
    distkey: Option<&str>,
    sortkey: &[String],
    lineage: bool,
) -> String {
    let kept: &[DdlColumn<'_>] = if lineage { &LINEAGE } else { &[] };
    let columns: Vec<String> = columns.iter().chain(kept).map(definition).collect();
    let mut statement = format!("CREATE TABLE IF NOT EXISTS {} (\n  {}\n)", table.sql(), columns.join(",\n  "));
    if let Some(distkey) = distkey {
        statement.push_str(&format!(" DISTKEY({})", quote(distkey)));
    }
    if !sortkey.is_empty() {
        let sortkey: Vec<String> = sortkey.iter().map(|column| quote(column)).collect();
        statement.push_str(&format!(" COMPOUND SORTKEY({})", sortkey.join(", ")));
    }
    statement
}

fn definition(column: &DdlColumn<'_>) -> String {
    let null = if column.required { " NOT NULL" } else { "" };
    format!("{} {}{null}", quote(column.name), column.column_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> [DdlColumn<'static>; 3] {
        [
            DdlColumn { name: "asin", column_type: ColumnType::Varchar(16), required: true },
            DdlColumn { name: "overall", column_type: ColumnType::Decimal { precision: 2, scale: 1 }, required: false },
            DdlColumn { name: "Review\"Time", column_type: ColumnType::TimestampTz, required: true },
        ]
    }

    #[test]
    fn a_table_has_its_columns_in_order_then_lineage_then_its_keys() {
        let table = TableName::new("bestsellers", "reviews");
        let sortkey = ["review\"time".to_owned(), "asin".to_owned()];
        insta::assert_snapshot!(create_table(&table, &columns(), Some("asin"), &sortkey, true), @r#"
        CREATE TABLE IF NOT EXISTS "bestsellers"."reviews" (
          "asin" varchar(16) NOT NULL,
          "overall" decimal(2,1),
          "review""time" timestamptz NOT NULL,
          "_tidegate_object" varchar(32),
          "_tidegate_row" bigint
        ) DISTKEY("asin") COMPOUND SORTKEY("review""time", "asin")
        "#);
    }

    #[test]
    fn without_keys_and_lineage_redshift_chooses() {
        let table = TableName::new("bestsellers", "reviews");
        insta::assert_snapshot!(create_table(&table, &columns(), None, &[], false), @r#"
        CREATE TABLE IF NOT EXISTS "bestsellers"."reviews" (
          "asin" varchar(16) NOT NULL,
          "overall" decimal(2,1),
          "review""time" timestamptz NOT NULL
        )
        "#);
    }

    #[test]
    fn a_schema_is_quoted() {
        insta::assert_snapshot!(create_schema("best\"sellers"), @r#"
        CREATE SCHEMA IF NOT EXISTS "best""sellers"
        "#);
    }
}
