//! PromQL as far as the dashboard and the alerts speak it: which labels the result of a query has.
//!
//! What it does not know, it refuses. It is no crate, because those that parse PromQL turn on features of chrono and num-traits:
//! Arrow, Parquet and the sandbox would be built a second time for the tests.

use std::collections::BTreeSet;

use tidegate::telemetry::metrics::Kind;

pub(crate) type Labels = BTreeSet<String>;

/// Gives the kind and labels of a series by its name, or says that there is none.
pub(crate) type Series = fn(&str) -> Result<(Kind, Labels), String>;

/// The labels that the result of a query has, or what is wrong with the query.
pub(crate) fn result_labels(query: &str, series: Series) -> Result<Labels, String> {
    let mut parser = Parser { tokens: tokens(query)?, next: 0, series };
    let value = parser.operation(0)?;
    match parser.peek() {
        None => vector(value),
        Some(rest) => Err(format!("{rest:?} where the query should end")),
    }
}

/// The wanted labels, if all are there.
pub(crate) fn all_of(there: &Labels, wanted: Labels) -> Result<Labels, String> {
    match wanted.difference(there).next() {
        None => Ok(wanted),
        Some(missing) => Err(format!("no label {missing} among {there:?}")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A name, keyword or function.
    Word(String),
    /// A number or duration.
    Number(String),
    Text(String),
    Sign(String),
}

fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (token, length) = if first == '"' {
            let length = rest[1..].find('"').ok_or("a text that does not end")? + 2;
            if rest[..length].contains('\\') {
                return Err("escapes in texts are not understood here".to_owned());
            }
            (Token::Text(rest[1..length - 1].to_owned()), length)
        } else if first.is_ascii_digit() {
            let length = rest.find(|c| !word(c) && c != '.').unwrap_or(rest.len());
            (Token::Number(rest[..length].to_owned()), length)
        } else if word(first) {
            let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
            (Token::Word(rest[..length].to_owned()), length)
        } else {
            let long = ["==", "!=", ">=", "<=", "=~", "!~"].iter().any(|sign| rest.starts_with(sign));
            let length = if long { 2 } else { first.len_utf8() };
            (Token::Sign(rest[..length].to_owned()), length)
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// What an expression gives.
enum Value {
    Number,
    Vector(Labels),
    /// A selector with a duration.
    Range(Kind, Labels),
}

fn vector(value: Value) -> Result<Labels, String> {
    match value {
        Value::Vector(labels) => Ok(labels),
        Value::Number | Value::Range(..) => Err("a vector is needed".to_owned()),
    }
}

/// The operators, those that bind least first.
const OPERATORS: [&[&str]; 5] =
    [&["or"], &["and", "unless"], &["==", "!=", ">", "<", ">=", "<="], &["+", "-"], &["*", "/"]];

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    series: Series,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("the query ends too early")?;
        self.next += 1;
        Ok(token)
    }

    /// Takes the next token if it is this word or sign.
    fn take_if(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(text) | Token::Sign(text)) if text == wanted);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        if self.take_if(wanted) { Ok(()) } else { Err(format!("{:?} where {wanted} should be", self.peek())) }
    }

    fn operation(&mut self, level: usize) -> Result<Value, String> {
        let Some(operators) = OPERATORS.get(level) else { return self.operand() };
        let mut left = self.operation(level + 1)?;
        while let Some(operator) = operators.iter().copied().find(|operator| self.take_if(operator)) {
            let on = if self.take_if("on") { Some(self.names()?) } else { None };
            let right = self.operation(level + 1)?;
            left = combined(left, operator, on, right)?;
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value, String> {
        match self.take()? {
            Token::Number(_) => Ok(Value::Number),
            Token::Sign(sign) if sign == "(" => {
                let inner = self.operation(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Word(word) => match word.as_str() {
                "sum" | "max" | "min" | "count" => self.aggregate(),
                _ if matches!(self.peek(), Some(Token::Sign(sign)) if sign == "(") => self.call(&word),
                _ => self.selector(&word),
            },
            other => Err(format!("{other:?} where an operand should be")),
        }
    }

    fn aggregate(&mut self) -> Result<Value, String> {
        let mut by = if self.take_if("by") { Some(self.names()?) } else { None };
        self.expect("(")?;
        let inner = vector(self.operation(0)?)?;
        self.expect(")")?;
        if by.is_none() && self.take_if("by") {
            by = Some(self.names()?);
        }
        all_of(&inner, by.unwrap_or_default()).map(Value::Vector)
    }

    fn call(&mut self, function: &str) -> Result<Value, String> {
        self.expect("(")?;
        let mut arguments = vec![self.operation(0)?];
        while self.take_if(",") {
            arguments.push(self.operation(0)?);
        }
        self.expect(")")?;
        let last = arguments.pop().ok_or("a function without an argument")?;
        match (function, arguments.as_slice(), last) {
            ("rate" | "increase", [], Value::Range(Kind::Gauge, _)) => Err(format!("{function} of a gauge")),
            ("rate" | "increase", [], Value::Range(_, labels)) => Ok(Value::Vector(labels)),
            ("histogram_quantile", [Value::Number], Value::Vector(mut labels)) => {
                if labels.remove("le") {
                    Ok(Value::Vector(labels))
                } else {
                    Err("a quantile without le".to_owned())
                }
            }
            ("absent", [], Value::Vector(_)) => Ok(Value::Vector(Labels::new())),
            _ => Err(format!("{function} is not understood here, or not with these arguments")),
        }
    }

    fn selector(&mut self, name: &str) -> Result<Value, String> {
        let (kind, labels) = (self.series)(name)?;
        if self.take_if("{") {
            while !self.take_if("}") {
                let (label, sign, text) = (self.take()?, self.take()?, self.take()?);
                match (label, sign, text) {
                    (Token::Word(label), Token::Sign(sign), Token::Text(_))
                        if matches!(sign.as_str(), "=" | "!=" | "=~" | "!~") =>
                    {
                        all_of(&labels, [label].into()).map_err(|problem| format!("{name}: {problem}"))?;
                    }
                    other => return Err(format!("{other:?} selects nothing of {name}")),
                }
                self.take_if(",");
            }
        }
        let range = self.take_if("[");
        if range {
            self.duration()?;
            self.expect("]")?;
        }
        if self.take_if("offset") {
            self.duration()?;
        }
        Ok(if range { Value::Range(kind, labels) } else { Value::Vector(labels) })
    }

    fn duration(&mut self) -> Result<(), String> {
        match self.take()? {
            Token::Number(text) if text.ends_with(['s', 'm', 'h', 'd']) => Ok(()),
            other => Err(format!("{other:?} is no duration")),
        }
    }

    /// A list such as `(queue, state)`.
    fn names(&mut self) -> Result<Labels, String> {
        self.expect("(")?;
        let mut names = Labels::new();
        while !self.take_if(")") {
            match self.take()? {
                Token::Word(name) => names.insert(name),
                other => return Err(format!("{other:?} is no label")),
            };
            self.take_if(",");
        }
        Ok(names)
    }
}

fn combined(left: Value, operator: &str, on: Option<Labels>, right: Value) -> Result<Value, String> {
    let (left, right) = match (left, right) {
        (Value::Vector(left), Value::Vector(right)) => (left, right),
        (Value::Vector(labels), Value::Number) | (Value::Number, Value::Vector(labels)) => {
            return Ok(Value::Vector(labels));
        }
        _ => return Err(format!("{operator} is not understood here, or not between these")),
    };
    let Some(on) = on else {
        // Prometheus would match nothing, without a word.
        if left == right {
            return Ok(Value::Vector(left));
        }
        return Err(format!("{operator} between other labels, {left:?} and {right:?}"));
    };
    let on = all_of(&right, all_of(&left, on)?)?;
    Ok(Value::Vector(if matches!(operator, "or" | "and" | "unless") { left } else { on }))
}
