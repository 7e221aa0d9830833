//! What SYS_LOAD_ERROR_DETAIL says of a failed COPY.

use crate::error::Error;

/// The most lines of the view that an error repeats.
const LINES: usize = 5;

/// One value or file that COPY refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyError {
    /// The file, as `s3://bucket/key`.
    pub file: String,
    /// The row in the file, from 1; none where the file as a whole is at fault.
    pub line: Option<u64>,
    /// The column; none where the file as a whole is at fault.
    pub column: Option<String>,
    /// What was refused about it.
    pub message: String,
}

impl CopyError {
    /// The query for the errors of a COPY, by its query id. The form that [`read`](Self::read) reads.
    pub(super) fn query(query: i64) -> String {
        format!(
            "SELECT file_name, line_number, column_name, error_message FROM SYS_LOAD_ERROR_DETAIL WHERE query_id = {query} \
             ORDER BY file_name, line_number LIMIT {LINES}"
        )
    }

    /// Reads the rows of the query.
    pub(super) fn read(rows: &[Vec<Option<String>>]) -> Vec<Self> {
        let text = |row: &[Option<String>], at: usize| {
            row.get(at).cloned().flatten().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        rows.iter()
            .map(|row| CopyError {
                file: text(row, 0).unwrap_or_default(),
                line: text(row, 1).and_then(|line| line.parse().ok()).filter(|line| *line > 0),
                column: text(row, 2),
                message: text(row, 3).unwrap_or_default(),
            })
            .collect()
    }

    /// The error of a COPY with these lines at its end.
    pub(super) fn explain(error: Error, lines: &[CopyError]) -> Error {
        if lines.is_empty() {
            return error;
        }
        let told: Vec<String> = lines.iter().map(CopyError::told).collect();
        let message = format!("{}; SYS_LOAD_ERROR_DETAIL: {}", error.message(), told.join("; "));
        Error::caused(error.kind(), message, error)
    }

    fn told(&self) -> String {
        let line = self.line.map_or_else(String::new, |line| format!(" line {line}"));
        let column = self.column.as_ref().map_or_else(String::new, |column| format!(" column {column}"));
        format!("{}{line}{column}: {}", self.file, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_copys_error_says_file_line_column_and_message() {
        let row = |texts: [&str; 4]| texts.map(|text| Some(text.to_owned())).to_vec();
        let rows = [row(["s3://s/a  ", "3", "amount", "Invalid digit"]), row(["s3://s/b", "0", "", "No such file"])];
        let error = CopyError::explain(Error::new(ErrorKind::CopyRefused, "COPY failed"), &CopyError::read(&rows));
        assert_eq!(error.kind(), ErrorKind::CopyRefused);
        assert_eq!(
            error.to_string(),
            "COPY failed; SYS_LOAD_ERROR_DETAIL: s3://s/a line 3 column amount: Invalid digit; s3://s/b: No such file"
        );
    }

    #[test]
    fn where_the_view_says_nothing_the_error_stays_as_it_is() {
        let error = CopyError::explain(Error::new(ErrorKind::CopyRefused, "COPY failed"), &CopyError::read(&[]));
        assert_eq!(error.to_string(), "COPY failed");
    }
}
