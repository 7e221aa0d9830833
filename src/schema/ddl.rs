//! The statements that create and alter a target's schema and table.
//!
//! Column encodings are left to Redshift, which chooses and changes them by itself (ENCODE AUTO) as long as none is given: it sees the
//! data, and a type alone does not tell how it compresses. A pipeline may ask for encodings by type all the same (`encode = "explicit"`),
//! where DDL must say the same on every cluster. Distribution style and sort key too are Redshift's where the pipeline names none.

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

/// A table to create.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// Its name.
    pub name: &'a TableName,
    /// Its columns in their order, those of lineage and of the mode included.
    pub columns: Vec<DdlColumn<'a>>,
    /// The distribution key.
    pub distkey: Option<&'a str>,
    /// The distribution style, such as `EVEN`.
    pub diststyle: Option<&'a str>,
    /// The sort key.
    pub sortkey: &'a [String],
    /// Whether each column gets an encoding by its type.
    pub encoded: bool,
}

/// The statement that creates a table if it is missing.
pub fn create_table(table: &Table<'_>) -> String {
    let leading = table.sortkey.first().map(String::as_str);
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let encoding = match table.encoded {
                true => format!(" ENCODE {}", encoding(column.column_type, leading == Some(column.name))),
                false => String::new(),
            };
            format!("{}{encoding}", definition(column))
        })
        .collect();
    let mut statement = format!("CREATE TABLE IF NOT EXISTS {} (\n  {}\n)", table.name.sql(), columns.join(",\n  "));
    if let Some(style) = table.diststyle {
        statement.push_str(&format!(" DISTSTYLE {style}"));
    }
    if let Some(distkey) = table.distkey {
        statement.push_str(&format!(" DISTKEY({})", quote(distkey)));
    }
    if !table.sortkey.is_empty() {
        let sortkey: Vec<String> = table.sortkey.iter().map(|column| quote(column)).collect();
        statement.push_str(&format!(" COMPOUND SORTKEY({})", sortkey.join(", ")));
    }
    statement
}

/// The statement that adds a column, of which Redshift takes one at a time. It is nullable: rows that are there have no value.
pub fn add_column(table: &TableName, name: &str, column_type: ColumnType) -> String {
    format!("ALTER TABLE {} ADD COLUMN {} {column_type}", table.sql(), quote(name))
}

/// The statement that gives a VARCHAR more bytes. Redshift does not run it within a transaction.
pub fn widen_column(table: &TableName, name: &str, length: u16) -> String {
    format!("ALTER TABLE {} ALTER COLUMN {} TYPE varchar({length})", table.sql(), quote(name))
}

fn definition(column: &DdlColumn<'_>) -> String {
    let null = if column.required { " NOT NULL" } else { "" };
    format!("{} {}{null}", quote(column.name), column.column_type)
}

/// The encoding that suits a type. The first column of the sort key stays raw: its blocks are what range scans skip by, and
/// a compressed one would be read in longer runs than its neighbours. See "Compression encodings" in the Redshift developer guide.
fn encoding(column_type: ColumnType, leads_sortkey: bool) -> &'static str {
    match column_type {
        _ if leads_sortkey => "raw",
        ColumnType::SmallInt
        | ColumnType::Integer
        | ColumnType::BigInt
        | ColumnType::Decimal { .. }
        | ColumnType::Date
        | ColumnType::Timestamp
        | ColumnType::TimestampTz => "az64",
        ColumnType::Char(_) | ColumnType::Varchar(_) | ColumnType::Super => "zstd",
        ColumnType::Varbyte(_) => "zstd",
        ColumnType::Time | ColumnType::TimeTz => "az64",
        ColumnType::Real
        | ColumnType::Double
        | ColumnType::Boolean
        | ColumnType::IntervalMonths
        | ColumnType::IntervalSeconds => "raw",
    }
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
        let columns = columns().into_iter().chain(LINEAGE).collect();
        let table =
            Table { name: &table, columns, distkey: Some("asin"), diststyle: None, sortkey: &sortkey, encoded: false };
        insta::assert_snapshot!(create_table(&table), @r#"
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
        let columns = columns().to_vec();
        let table = Table { name: &table, columns, distkey: None, diststyle: None, sortkey: &[], encoded: false };
        insta::assert_snapshot!(create_table(&table), @r#"
        CREATE TABLE IF NOT EXISTS "bestsellers"."reviews" (
          "asin" varchar(16) NOT NULL,
          "overall" decimal(2,1),
          "review""time" timestamptz NOT NULL
        )
        "#);
    }

    #[test]
    fn encodings_are_given_by_type_where_they_are_asked_for() {
        let table = TableName::new("bestsellers", "reviews");
        let sortkey = ["asin".to_owned()];
        let columns = columns().to_vec();
        let table =
            Table { name: &table, columns, distkey: None, diststyle: Some("EVEN"), sortkey: &sortkey, encoded: true };
        insta::assert_snapshot!(create_table(&table), @r#"
        CREATE TABLE IF NOT EXISTS "bestsellers"."reviews" (
          "asin" varchar(16) NOT NULL ENCODE raw,
          "overall" decimal(2,1) ENCODE az64,
          "review""time" timestamptz NOT NULL ENCODE az64
        ) DISTSTYLE EVEN COMPOUND SORTKEY("asin")
        "#);
    }

    #[test]
    fn a_table_is_altered_one_column_at_a_time() {
        let table = TableName::new("a", "t");
        assert_eq!(add_column(&table, "New", ColumnType::Super), r#"ALTER TABLE "a"."t" ADD COLUMN "new" super"#);
        assert_eq!(widen_column(&table, "b", 512), r#"ALTER TABLE "a"."t" ALTER COLUMN "b" TYPE varchar(512)"#);
    }

    #[test]
    fn a_schema_is_quoted() {
        insta::assert_snapshot!(create_schema("best\"sellers"), @r#"
        CREATE SCHEMA IF NOT EXISTS "best""sellers"
        "#);
    }
}
