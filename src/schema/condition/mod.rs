//! Conditions over the columns of a row, in the grammar of SQL's WHERE: compiled once against the columns' types, then decided row by row.
//!
//! Numbers are compared and computed exactly, texts by their bytes, and what cannot be decided exactly is refused when it is compiled.
//! Logic has three values, as in SQL.

mod call;
mod compile;
mod evaluate;
mod like;
mod number;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::ColumnType;
use super::value::{Cell, Violation};
use like::Pattern;

/// A column that a condition may name.
#[derive(Debug, Clone, Copy)]
pub struct Operand<'a> {
    /// The name.
    pub name: &'a str,
    /// The type.
    pub column_type: ColumnType,
    /// Whether its value is stored as it is; of one that is masked nothing can be asked but whether it is there.
    pub readable: bool,
}

/// A condition over rows of given columns.
#[derive(Clone)]
pub struct Condition {
    text: String,
    root: Node,
}

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Where in the text, in bytes.
    pub range: Range<usize>,
}

impl Condition {
    /// Compiles `text` against the columns of the rows that it will decide on.
    ///
    /// # Errors
    /// What the text is not: SQL, a condition, of these columns, or of what this grammar has.
    pub fn compile(text: &str, columns: &[Operand<'_>]) -> Result<Condition, Refused> {
        compile::compile(text, columns).map(|root| Condition { text: text.to_owned(), root })
    }

    /// Whether the condition is true, false, or unknown (`None`), of a row.
    ///
    /// # Errors
    /// Where a number becomes larger than 38 digits on the way.
    pub fn decide(&self, row: &[Cell<'_>]) -> Result<Option<bool>, Violation> {
        evaluate::truth(&self.root, row)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
enum Datum<'a> {
    Null,
    Bool(bool),
    /// `units` × 10^-`scale`.
    Exact {
        units: i128,
        scale: u8,
    },
    Float(f64),
    /// Texts, and times of day in the one form whose order is theirs.
    Text(Cow<'a, str>),
    Date(i32),
    Micros(i64),
}

/// Of what kind an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// NULL itself, which is of any kind.
    Null,
    Bool,
    Exact,
    Float,
    Text,
    Date,
    Moment,
    /// A time of day, as text.
    Clock(ColumnType),
    /// Known only to be there or not.
    Opaque,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Null => "NULL",
            Kind::Bool => "a condition",
            Kind::Exact | Kind::Float => "a number",
            Kind::Text => "a text",
            Kind::Date => "a date",
            Kind::Moment => "a timestamp",
            Kind::Clock(_) => "a time of day",
            Kind::Opaque => "a value that cannot be looked at",
        }
    }
}

#[derive(Clone)]
enum Node {
    /// The cell of this number, and the scale of its decimals.
    Column(usize, u8),
    Constant(Datum<'static>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    /// `IS TRUE` and `IS FALSE`.
    Is(Box<Node>, bool),
    Compare(Comparison, Box<Node>, Box<Node>),
    In(Box<Node>, Vec<Node>),
    Like(Box<Node>, Pattern),
    Arithmetic(Operation, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    /// Of floats only.
    Divide,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    /// Characters.
    Length,
    /// Bytes.
    OctetLength,
    Lower,
    Upper,
    /// Blanks at both ends.
    Trim,
    TrimStart,
    TrimEnd,
    Abs,
    Coalesce,
    Substring,
}

#[cfg(test)]
mod tests;
