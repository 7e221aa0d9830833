//! Partitions of an external table. Pure.

use super::statement::literal;
use crate::model::Partition;
use crate::schema::identifier::{TableName, quote};

/// The longest value of a partition that becomes part of a statement.
const VALUE_BYTES: usize = 128;

/// The statement that makes a folder of data files a partition of an external table; harmless if it is one.
///
/// # Errors
/// The value that may not become part of a statement.
pub fn add_partition(table: &TableName, partition: &Partition) -> Result<String, String> {
    let mut values = Vec::new();
    for part in &partition.values {
        let value = plain(&part.value).ok_or_else(|| part.value.clone())?;
        values.push(format!("{}={}", quote(&part.name), literal(value)));
    }
    Ok(format!(
        "ALTER TABLE {} ADD IF NOT EXISTS PARTITION ({}) LOCATION {}",
        table.sql(),
        values.join(", "),
        literal(&partition.location)
    ))
}

/// A text from outside, if it may become a literal: it has nothing but ASCII letters, digits, `-`, `_`, `.` and `:`, and so neither quotes
/// nor escapes. The one place where a text from a key becomes part of a statement.
fn plain(value: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (!value.is_empty() && value.len() <= VALUE_BYTES && value.bytes().all(plain)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PartitionValue;

    fn partition(value: &str) -> Partition {
        let values = vec![PartitionValue { name: "downloaded_at".into(), value: value.into() }];
        Partition { location: "s3://s/tidegate/data/reviews/downloaded_at=x/".into(), values }
    }

    #[test]
    fn a_folder_becomes_a_partition_by_one_statement_that_may_run_again() {
        let sql = add_partition(&TableName::new("lake", "reviews"), &partition("2026-11-21"));
        let expected = "ALTER TABLE \"lake\".\"reviews\" ADD IF NOT EXISTS PARTITION (\"downloaded_at\"='2026-11-21') \
                        LOCATION 's3://s/tidegate/data/reviews/downloaded_at=x/'";
        assert_eq!(sql.as_deref(), Ok(expected));
    }

    #[test]
    fn a_value_that_could_leave_its_quotes_never_becomes_part_of_a_statement() {
        for value in ["", "x' OR 1=1", "a\\", "a;b", "a b", "é", "a%27", "a\u{2019}", &"x".repeat(129)] {
            assert_eq!(add_partition(&TableName::new("lake", "t"), &partition(value)), Err(value.to_owned()));
        }
    }
}
