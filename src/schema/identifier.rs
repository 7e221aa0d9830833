//! Names in SQL: the one function through which a name becomes part of a statement.

use std::fmt;

/// Quotes an identifier for Redshift: it is doubled where it holds a quote, and folded to lower case, as Redshift does.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.to_lowercase().replace('"', "\"\""))
}

/// What keeps a text from being the name of a table or column; `None` if it can be one.
///
/// Redshift allows 1 to 127 bytes; control characters are refused here, as no name should hold them.
pub fn problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a name is empty".to_owned());
    }
    if name.len() > 127 {
        return Some(format!("`{name}` has {} bytes; a name has at most 127", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Some(format!("{name:?} holds a control character"));
    }
    None
}

/// A table by schema and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The table within it.
    pub table: String,
}

impl TableName {
    /// A name from its two parts, folded to lower case.
    pub fn new(schema: &str, table: &str) -> Self {
        TableName { schema: schema.to_lowercase(), table: table.to_lowercase() }
    }

    /// The name as SQL, both parts quoted.
    pub fn sql(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quote(r#"a"; DROP TABLE b; --"#), r#""a""; drop table b; --""#);
        assert_eq!(TableName::new("Best", "Reviews").sql(), r#""best"."reviews""#);
    }

    #[test]
    fn names_that_redshift_would_cut_or_refuse_are_told() {
        assert!(problem("").is_some());
        assert!(problem(&"n".repeat(128)).is_some());
        assert!(problem("a\0b").is_some());
        assert!(problem(&"n".repeat(127)).is_none());
    }
}
