//! SQL as a list of tokens that remember their source text.

use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

/// What a rewrite needs to know about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword without quotes.
    Word,
    /// A quoted identifier.
    Quoted,
    /// A string literal.
    Text,
    /// A number or punctuation.
    Other,
}

/// A token: its source text, and the white space and comments before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tok {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) space: String,
    /// The identifier without its quotes, or the literal's value.
    pub(crate) value: String,
}

impl Tok {
    /// True for the unquoted keyword, in any case.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// True for one of the unquoted keywords.
    pub(crate) fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    /// True for the punctuation.
    pub(crate) fn is_mark(&self, mark: &str) -> bool {
        self.kind == Kind::Other && self.text == mark
    }

    /// The name, folded as Redshift folds it, if the token is an identifier.
    pub(crate) fn name(&self) -> Option<String> {
        matches!(self.kind, Kind::Word | Kind::Quoted).then(|| self.value.to_lowercase())
    }

    /// Puts other text in the token's place.
    pub(crate) fn set(&mut self, text: impl Into<String>) {
        self.text = text.into();
        self.kind = Kind::Other;
    }
}

/// The tokens of a text; an error says what could not be read.
pub(crate) fn tokenize(sql: &str) -> Result<Vec<Tok>, String> {
    let dialect = RedshiftSqlDialect {};
    let spanned = Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|error| error.message)?;
    let mut cursor = Cursor { rest: sql.char_indices(), line: 1, column: 1 };
    let starts: Vec<usize> = spanned
        .iter()
        .map(|token| cursor.offset_of(token.span.start.line, token.span.start.column, sql.len()))
        .collect();
    let mut tokens = Vec::new();
    let mut space = String::new();
    for (index, spanned) in spanned.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(sql.len());
        let text = sql.get(starts[index]..end).unwrap_or_default();
        let (kind, value) = match &spanned.token {
            Token::EOF => continue,
            Token::Whitespace(_) => {
                space.push_str(text);
                continue;
            }
            Token::Word(word) if word.quote_style.is_some() => (Kind::Quoted, word.value.clone()),
            Token::Word(word) => (Kind::Word, word.value.clone()),
            Token::SingleQuotedString(value) => (Kind::Text, value.clone()),
            Token::DollarQuotedString(value) => (Kind::Text, value.value.clone()),
            Token::EscapedStringLiteral(value)
            | Token::NationalStringLiteral(value)
            | Token::HexStringLiteral(value)
            | Token::SingleQuotedByteStringLiteral(value)
            | Token::UnicodeStringLiteral(value) => (Kind::Text, value.clone()),
            _ => (Kind::Other, String::new()),
        };
        tokens.push(Tok { kind, text: text.to_owned(), space: std::mem::take(&mut space), value });
    }
    Ok(tokens)
}

/// Walks a text beside the tokenizer's lines and columns, which count characters from 1.
struct Cursor<'a> {
    rest: std::str::CharIndices<'a>,
    line: u64,
    column: u64,
}

impl Cursor<'_> {
    fn offset_of(&mut self, line: u64, column: u64, end: usize) -> usize {
        loop {
            let here = self.rest.offset();
            if (self.line, self.column) >= (line, column) {
                return here;
            }
            match self.rest.next() {
                Some((_, '\n')) => {
                    self.line += 1;
                    self.column = 1;
                }
                Some(_) => self.column += 1,
                None => return end,
            }
        }
    }
}

/// The text of the tokens.
pub(crate) fn render(tokens: &[Tok]) -> String {
    let mut sql = String::new();
    for token in tokens {
        let joins_words = token.space.is_empty()
            && sql.ends_with(|last: char| last.is_alphanumeric() || last == '_')
            && token.text.starts_with(|first: char| first.is_alphanumeric() || first == '_');
        if joins_words {
            sql.push(' ');
        }
        sql.push_str(&token.space);
        sql.push_str(&token.text);
    }
    sql.trim().to_owned()
}

/// Tokens for text that a rewrite puts in.
pub(crate) fn raw(text: impl Into<String>) -> Tok {
    Tok { kind: Kind::Other, text: text.into(), space: " ".to_owned(), value: String::new() }
}

/// The index after the bracket that closes the one at `open`; the end, if none does.
pub(crate) fn after_group(tokens: &[Tok], open: usize) -> usize {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        if token.is_mark("(") {
            depth += 1;
        } else if token.is_mark(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return index + 1;
            }
        }
    }
    tokens.len()
}

/// The first index from `from` on, outside of brackets, where the condition holds.
pub(crate) fn find_flat(tokens: &[Tok], from: usize, wanted: impl Fn(&Tok) -> bool) -> Option<usize> {
    let mut index = from;
    while index < tokens.len() {
        if wanted(&tokens[index]) {
            return Some(index);
        }
        if tokens[index].is_mark("(") {
            index = after_group(tokens, index);
        } else if tokens[index].is_mark(")") {
            return None;
        } else {
            index += 1;
        }
    }
    None
}

/// The tokens cut at the commas that stand outside of brackets.
pub(crate) fn split_commas(tokens: &[Tok]) -> Vec<Vec<Tok>> {
    let mut parts = Vec::new();
    let mut start = 0;
    while let Some(comma) = find_flat(tokens, start, |token| token.is_mark(",")) {
        parts.push(tokens[start..comma].to_vec());
        start = comma + 1;
    }
    parts.push(tokens[start..].to_vec());
    parts
}

/// The statements of a text: cut at semicolons, empty ones left out.
pub(crate) fn statements(tokens: &[Tok]) -> Vec<Vec<Tok>> {
    tokens.split(|token| token.is_mark(";")).filter(|part| !part.is_empty()).map(<[Tok]>::to_vec).collect()
}

/// A string literal, for sessions where the backslash escapes, as in Redshift.
pub(crate) fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// A quoted identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
