//! SQL that a pipeline brings along: rendered, split into its statements, and told from what cannot be part of a load.
//!
//! Everything here works on the tokens of `sqlparser`, so that literals, comments and quoted names stay what they are.

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::identifier::TableName;

/// What a script may name by `{{ … }}`.
///
/// Nothing here comes from an object or its key: captures are columns of the stage, where they are values and never SQL.
#[derive(Debug, Clone)]
pub struct Variables<'a> {
    /// The temp table with the rows that are loaded.
    pub stage: &'a str,
    /// The temp table with their objects.
    pub objects: &'a str,
    /// The pipeline's table, quoted.
    pub target: String,
    /// The ledger's table of objects, quoted.
    pub ledger: String,
    /// The batches that are loaded together.
    pub batches: Vec<String>,
}

impl Variables<'_> {
    fn context(&self, single: bool) -> Value {
        let ids: Vec<String> = self.batches.iter().map(|id| format!("'{id}'")).collect();
        let common = context! {
            stage => self.stage,
            objects => self.objects,
            target => self.target.as_str(),
            ledger => self.ledger.as_str(),
            batch_ids => ids.join(", "),
        };
        match (single, ids.as_slice()) {
            (true, [id]) => context! { batch_id => id, ..common },
            _ => common,
        }
    }
}

/// A script with its variables replaced.
///
/// # Errors
/// A sentence that says which variable or construct is not known, and at which line.
pub fn render(template: &str, variables: &Variables<'_>) -> Result<String, String> {
    rendered(template, variables, true)
}

/// Whether the script says `{{ batch_id }}`, so that a load must be of one batch.
pub fn needs_one_batch(template: &str, variables: &Variables<'_>) -> bool {
    rendered(template, variables, true).is_ok() && rendered(template, variables, false).is_err()
}

fn rendered(template: &str, variables: &Variables<'_>, single: bool) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.render_str(template, variables.context(single)).map_err(|error| {
        let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
        match error.kind() {
            ErrorKind::UndefinedError => format!("it names a variable that there is not{line}"),
            _ => format!("it cannot be rendered{line}: {error}"),
        }
    })
}

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The SQL, without comments and the semicolon.
    pub sql: String,
    tokens: Vec<Token>,
}

/// The statements of a script; what stands between two semicolons and is only comment is none.
///
/// # Errors
/// A sentence that says what cannot be read, such as a literal without its end.
pub fn split(sql: &str) -> Result<Vec<Piece>, String> {
    let dialect = RedshiftSqlDialect {};
    // Literals keep their escapes, so that each token's text is the source's.
    let tokens = Tokenizer::new(&dialect, sql)
        .with_unescape(false)
        .tokenize()
        .map_err(|error| format!("line {}: {}", error.location.line, error.message))?;
    let mut pieces = Vec::new();
    for part in tokens.split(|token| *token == Token::SemiColon) {
        let mut text = String::new();
        for token in part {
            match token {
                // A comment ends where a blank stood.
                Token::Whitespace(Whitespace::SingleLineComment { .. }) => text.push('\n'),
                Token::Whitespace(Whitespace::MultiLineComment(_)) => text.push(' '),
                token => text.push_str(&token.to_string()),
            }
        }
        let tokens: Vec<Token> =
            part.iter().filter(|token| !matches!(token, Token::Whitespace(_) | Token::EOF)).cloned().collect();
        if !tokens.is_empty() {
            let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
            pieces.push(Piece { sql: lines.join("\n").trim().to_owned(), tokens });
        }
    }
    Ok(pieces)
}

/// Why a statement cannot be part of a load's transaction, and what to do instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    /// The statement, as it is known.
    pub name: &'static str,
    /// What it would do.
    pub why: &'static str,
    /// What does the same.
    pub remedy: &'static str,
}

const COMMITS: &str = "it commits, and with it what was loaded so far";
const ALONE: &str = "Redshift does not run it within a transaction";

impl Piece {
    /// What keeps the statement out of a transaction; `None` if it may be in one.
    ///
    /// See "TRUNCATE", "VACUUM", "ALTER TABLE APPEND", "REFRESH MATERIALIZED VIEW" and "Serializable isolation" in the Redshift
    /// developer guide.
    pub fn unfit(&self) -> Option<Unfit> {
        let unfit = |name, why, remedy| Some(Unfit { name, why, remedy });
        match [self.word(0), self.word(1), self.word(2)].each_ref().map(String::as_str) {
            ["TRUNCATE", ..] => unfit("TRUNCATE", COMMITS, "write DELETE FROM, which is part of the transaction"),
            ["COMMIT" | "END" | "BEGIN" | "START" | "ROLLBACK" | "ABORT", ..] => unfit(
                "BEGIN, COMMIT or ROLLBACK",
                "the load is one transaction, which Tidegate begins and ends",
                "remove it; a check with `expect` aborts the load",
            ),
            ["VACUUM", ..] => {
                unfit("VACUUM", ALONE, "leave it to Redshift's automatic vacuum, or put it under [after]")
            }
            ["REFRESH", "MATERIALIZED", _] => {
                unfit("REFRESH MATERIALIZED VIEW", ALONE, "put it under [after], which runs once the load is committed")
            }
            ["ALTER", "TABLE", _] if self.has("APPEND") => {
                unfit("ALTER TABLE APPEND", ALONE, "write INSERT INTO … SELECT and DELETE FROM")
            }
            ["ALTER", "TABLE", _] if self.has("TYPE") => {
                unfit("ALTER COLUMN TYPE", ALONE, "set `evolve = true` in [target], or alter the table by hand")
            }
            ["CALL", ..] => unfit("CALL", "a procedure may commit", "write the procedure's statements as steps"),
            ["LOCK", ..] => unfit(
                "LOCK",
                "locks are taken first and in the order of names, so that two loads cannot wait for each other",
                "name the table in the step's `targets`",
            ),
            ["CREATE" | "DROP", "DATABASE", _] => unfit("CREATE DATABASE", ALONE, "run it by hand"),
            _ => None,
        }
    }

    /// The table that the statement writes to, quoted as [`TableName::sql`] does, and whether it says its schema; `None` if it writes
    /// to none.
    pub fn written(&self) -> Option<(String, Option<TableName>)> {
        let at = match [self.word(0), self.word(1)].each_ref().map(String::as_str) {
            ["INSERT", "INTO"] | ["DELETE", "FROM"] | ["MERGE", "INTO"] => 2,
            ["UPDATE", _] | ["MERGE", _] | ["DELETE", _] => 1,
            _ => return None,
        };
        let name = |at: usize| match self.tokens.get(at) {
            Some(Token::Word(word)) => Some(word.value.replace("\"\"", "\"")),
            _ => None,
        };
        let first = name(at)?;
        if self.tokens.get(at + 1) == Some(&Token::Period) {
            let second = name(at + 2)?;
            return Some((format!("{first}.{second}"), Some(TableName::new(&first, &second))));
        }
        Some((first, None))
    }

    /// The name of the temp table that the statement creates.
    pub fn creates_temporary(&self) -> Option<String> {
        let temporary = self.word(0) == "CREATE"
            && (matches!(self.word(1).as_str(), "TEMP" | "TEMPORARY") || self.word(2).starts_with('#'));
        if !temporary {
            return None;
        }
        let table = self.tokens.iter().position(|token| word(token) == "TABLE")?;
        let skipped = if self.word(table + 1) == "IF" { 4 } else { 1 };
        match self.tokens.get(table + skipped) {
            Some(Token::Word(word)) => Some(word.value.to_lowercase()),
            _ => None,
        }
    }

    /// Whether the statement only reads.
    pub fn is_query(&self) -> bool {
        matches!(self.word(0).as_str(), "SELECT" | "WITH")
    }

    /// The first words, for messages.
    pub fn begins(&self) -> String {
        self.tokens.iter().take(3).map(Token::to_string).collect::<Vec<_>>().join(" ")
    }

    fn word(&self, at: usize) -> String {
        self.tokens.get(at).map(word).unwrap_or_default()
    }

    fn has(&self, wanted: &str) -> bool {
        self.tokens.iter().any(|token| word(token) == wanted)
    }
}

/// An unquoted word in capitals; empty for every other token.
fn word(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables<'static> {
        Variables {
            stage: "tidegate_rows",
            objects: "tidegate_objects",
            target: "\"a\".\"t\"".to_owned(),
            ledger: "\"tidegate\".\"objects_p\"".to_owned(),
            batches: vec!["b1".to_owned()],
        }
    }

    fn sqls(text: &str) -> Vec<String> {
        split(text).expect(text).into_iter().map(|piece| piece.sql).collect()
    }

    #[test]
    fn statements_are_split_where_they_end_and_nowhere_else() {
        let text = "-- first; not here\nINSERT INTO a.b VALUES (';', 'it''s; \\'so', \"x;y\"); /* ; */\n;\nDELETE FROM a.b -- ;\nWHERE c = $$;$$;";
        assert_eq!(
            sqls(text),
            ["INSERT INTO a.b VALUES (';', 'it''s; \\'so', \"x;y\")", "DELETE FROM a.b\nWHERE c = $$;$$"]
        );
        assert!(sqls(" -- nothing\n;;").is_empty());
        assert!(split("SELECT 'open").expect_err("no end").contains("line 1"));
    }

    #[test]
    fn scripts_name_their_stage_target_and_batches() {
        let text = "INSERT INTO {{ target }} SELECT {{ batch_id }} FROM {{ stage }} WHERE b IN ({{ batch_ids }})";
        assert_eq!(
            render(text, &variables()).expect("known"),
            "INSERT INTO \"a\".\"t\" SELECT 'b1' FROM tidegate_rows WHERE b IN ('b1')"
        );
        assert!(needs_one_batch(text, &variables()));
        assert!(!needs_one_batch("SELECT 1 FROM {{ stage }}", &variables()));
        let error = render("SELECT 1\nFROM {{ day }}", &variables()).expect_err("a capture is no variable");
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn what_commits_or_cannot_run_in_a_transaction_is_known() {
        for (sql, name) in [
            ("truncate table a.b", "TRUNCATE"),
            ("COMMIT", "BEGIN, COMMIT or ROLLBACK"),
            ("begin transaction", "BEGIN, COMMIT or ROLLBACK"),
            ("VACUUM a.b", "VACUUM"),
            ("ALTER TABLE a.b APPEND FROM a.c", "ALTER TABLE APPEND"),
            ("ALTER TABLE a.b ALTER COLUMN c TYPE varchar(9)", "ALTER COLUMN TYPE"),
            ("/* x */ refresh materialized view a.v", "REFRESH MATERIALIZED VIEW"),
            ("CALL a.p()", "CALL"),
            ("LOCK a.b", "LOCK"),
        ] {
            let pieces = split(sql).expect(sql);
            assert_eq!(pieces[0].unfit().map(|unfit| unfit.name), Some(name), "{sql}");
        }
        for sql in ["DELETE FROM a.truncate", "INSERT INTO a.b SELECT 'COMMIT'", "CREATE TEMP TABLE x AS SELECT 1"] {
            assert_eq!(split(sql).expect(sql)[0].unfit(), None, "{sql}");
        }
    }

    #[test]
    fn the_written_table_is_known_whatever_the_statement() {
        let written = |sql: &str| split(sql).expect(sql)[0].written().map(|(name, _)| name);
        assert_eq!(written("insert into A.\"b\" select 1").as_deref(), Some("A.b"));
        assert_eq!(written("UPDATE a.b SET c = 1").as_deref(), Some("a.b"));
        assert_eq!(written("MERGE INTO a.b USING x ON true").as_deref(), Some("a.b"));
        assert_eq!(written("DELETE FROM work USING x").as_deref(), Some("work"));
        assert_eq!(written("SELECT 1"), None);
        let created = |sql: &str| split(sql).expect(sql)[0].creates_temporary();
        assert_eq!(created("CREATE TEMP TABLE IF NOT EXISTS Work AS SELECT 1").as_deref(), Some("work"));
        assert_eq!(created("CREATE TABLE #work (a int)").as_deref(), Some("#work"));
        assert_eq!(created("CREATE TABLE a.work (a int)"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_script_makes_it_panic_and_the_pieces_split_to_themselves(sql in "(?i)(select|insert into|update|create temp table|;|'|\"|--|/\\*|\\*/|\\$\\$|a\\.b|[(),=1 \n\\\\]){0,30}") {
            if let Ok(pieces) = split(&sql) {
                for piece in pieces {
                    let _ = (piece.unfit(), piece.written(), piece.creates_temporary(), piece.begins());
                    let again = split(&piece.sql);
                    proptest::prop_assert_eq!(again.map(|pieces| pieces.len()), Ok(1), "{}", piece.sql);
                }
            }
        }
    }
}
