//! From SQL's text to a typed condition.

use std::ops::Range;

use sqlparser::ast::{BinaryOperator, Expr, Ident, Spanned, UnaryOperator, Value as Literal};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span, Token};

use super::like::Pattern;
use super::{Comparison, Datum, Function, Kind, Node, Operand, Operation, Refused, number};
use crate::model::Value;
use crate::schema::ColumnType;
use crate::schema::value::{Cell, TimeParse, coerce};

/// The longest condition, in bytes: what is parsed and decided goes as deep as it is long.
const MOST_BYTES: usize = 4_096;

/// An expression with its kind.
pub(super) type Typed = (Node, Kind);

/// Compiles a condition.
pub(super) fn compile(text: &str, columns: &[Operand<'_>]) -> Result<Node, Refused> {
    let compiler = Compiler { text, columns };
    if text.len() > MOST_BYTES {
        let message = format!("the condition has {} bytes; it may have {MOST_BYTES}", text.len());
        return Err(compiler.refused(0..text.len(), message, "make several rules of it"));
    }
    let failed = |error: sqlparser::parser::ParserError| {
        compiler.refused(
            0..text.len(),
            format!("this is no SQL condition: {error}"),
            "write what would stand behind WHERE",
        )
    };
    let mut parser = Parser::new(&RedshiftSqlDialect {}).try_with_sql(text).map_err(failed)?;
    let expression = parser.parse_expr().map_err(failed)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let message = format!("the condition ends before `{}`", rest.token);
        return Err(compiler.refused(compiler.range(rest.span), message, "write one condition"));
    }
    compiler.condition(&expression)
}

pub(super) struct Compiler<'a> {
    text: &'a str,
    columns: &'a [Operand<'a>],
}

impl Compiler<'_> {
    fn condition(&self, expression: &Expr) -> Result<Node, Refused> {
        match self.typed(expression)? {
            (node, Kind::Bool | Kind::Null) => Ok(node),
            (_, kind) => {
                let help = "compare it with something, such as `… > 0` or `… IS NOT NULL`";
                Err(self.at(expression, format!("this is {}, and no condition", kind.name()), help))
            }
        }
    }

    pub(super) fn typed(&self, expression: &Expr) -> Result<Typed, Refused> {
        let boolean = |node| Ok((node, Kind::Bool));
        match expression {
            Expr::Nested(inner) => self.typed(inner),
            Expr::Identifier(name) => self.column(name),
            Expr::Value(value) => self.literal(expression, &value.value),
            Expr::TypedString(typed) => match typed.value.value.clone().into_string() {
                Some(text) => self.typed_text(expression, &text, &typed.data_type.to_string()),
                None => Err(self.unknown(expression)),
            },
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => boolean(Node::Not(Box::new(self.condition(expr)?))),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => self.negated(expression, expr),
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => match self.typed(expr)? {
                (node, kind @ (Kind::Exact | Kind::Float | Kind::Null)) => Ok((node, kind)),
                (_, kind) => {
                    Err(self.at(expr, format!("this is {}, and no number", kind.name()), "compute with numbers"))
                }
            },
            Expr::IsNull(inner) => boolean(Node::IsNull(Box::new(self.typed(inner)?.0))),
            Expr::IsNotNull(inner) => boolean(Node::Not(Box::new(Node::IsNull(Box::new(self.typed(inner)?.0))))),
            Expr::IsUnknown(inner) => boolean(Node::IsNull(Box::new(self.condition(inner)?))),
            Expr::IsNotUnknown(inner) => boolean(Node::Not(Box::new(Node::IsNull(Box::new(self.condition(inner)?))))),
            Expr::IsTrue(inner) => boolean(Node::Is(Box::new(self.condition(inner)?), true)),
            Expr::IsFalse(inner) => boolean(Node::Is(Box::new(self.condition(inner)?), false)),
            Expr::IsNotTrue(inner) => boolean(Node::Not(Box::new(Node::Is(Box::new(self.condition(inner)?), true)))),
            Expr::IsNotFalse(inner) => boolean(Node::Not(Box::new(Node::Is(Box::new(self.condition(inner)?), false)))),
            Expr::InList { expr, list, negated } => {
                let subject = self.typed(expr)?;
                let mut items = Vec::with_capacity(list.len());
                for item in list {
                    let right = self.typed(item)?;
                    if subject.1 == Kind::Text && type_of(right.1).is_some() {
                        let message =
                            format!("a text is looked for among {}s", right.1.name().trim_start_matches("a "));
                        return Err(self.at(expression, message, "write the column first: `day IN ('2026-01-31')`"));
                    }
                    let (_, right) = self.comparable(expression, subject.clone(), right)?;
                    items.push(right);
                }
                boolean(maybe_not(*negated, Node::In(Box::new(subject.0), items)))
            }
            Expr::Between { expr, negated, low, high } => {
                let compare = |comparison, bound: &Expr| -> Result<Node, Refused> {
                    let (left, right) = self.comparable(expression, self.typed(expr)?, self.typed(bound)?)?;
                    Ok(Node::Compare(comparison, Box::new(left), Box::new(right)))
                };
                let above = compare(Comparison::GreaterOrEqual, low)?;
                let below = compare(Comparison::LessOrEqual, high)?;
                boolean(maybe_not(*negated, Node::And(Box::new(above), Box::new(below))))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                boolean(maybe_not(*negated, self.like(expr, pattern, false)?))
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                boolean(maybe_not(*negated, self.like(expr, pattern, true)?))
            }
            Expr::BinaryOp { left, op, right } => self.binary(expression, left, op, right),
            Expr::Function(call) => self.call(expression, call),
            Expr::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => {
                self.arguments(expression, Function::Trim, &[expr])
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments: Vec<&Expr> = vec![expr, from];
                arguments.extend(substring_for.as_deref());
                self.arguments(expression, Function::Substring, &arguments)
            }
            _ => Err(self.unknown(expression)),
        }
    }

    fn column(&self, name: &Ident) -> Result<Typed, Refused> {
        let folded = name.value.to_lowercase();
        let Some(at) = self.columns.iter().position(|column| column.name == folded) else {
            let names: Vec<String> = self.columns.iter().take(20).map(|column| format!("`{}`", column.name)).collect();
            let help = format!("the columns are {}; texts stand in 'single quotes'", names.join(", "));
            return Err(self.refused(self.range(name.span), format!("`{}` is no column", name.value), &help));
        };
        let column = &self.columns[at];
        let scale = if let ColumnType::Decimal { scale, .. } = column.column_type { scale } else { 0 };
        let kind = if column.readable { kind_of(column.column_type) } else { Kind::Opaque };
        Ok((Node::Column(at, scale), kind))
    }

    fn literal(&self, expression: &Expr, value: &Literal) -> Result<Typed, Refused> {
        match value {
            Literal::Number(digits, _) => match exact(digits) {
                Some((units, scale)) => Ok((Node::Constant(Datum::Exact { units, scale }), Kind::Exact)),
                None => Err(self.at(
                    expression,
                    format!("`{digits}` is no number of at most 38 digits"),
                    "write fewer digits",
                )),
            },
            Literal::SingleQuotedString(text) => Ok((Node::Constant(Datum::Text(text.clone().into())), Kind::Text)),
            Literal::Boolean(value) => Ok((Node::Constant(Datum::Bool(*value)), Kind::Bool)),
            Literal::Null => Ok((Node::Constant(Datum::Null), Kind::Null)),
            _ => Err(self.unknown(expression)),
        }
    }

    /// `DATE '…'` and `TIMESTAMP '…'`.
    fn typed_text(&self, expression: &Expr, text: &str, data_type: &str) -> Result<Typed, Refused> {
        let column_type = match data_type {
            "DATE" => ColumnType::Date,
            "TIMESTAMP" => ColumnType::Timestamp,
            _ => return Err(self.unknown(expression)),
        };
        Ok((self.constant(expression, text, column_type)?, kind_of(column_type)))
    }

    /// A text as a constant of the type that it is compared with.
    fn constant(&self, expression: &Expr, text: &str, column_type: ColumnType) -> Result<Node, Refused> {
        let iso = TimeParse::Iso;
        let cell = coerce(Value::Text(text.into()), column_type, &iso).map(Cell::into_owned);
        match cell {
            Ok(Cell::Date(days)) => Ok(Node::Constant(Datum::Date(days))),
            Ok(Cell::Micros(micros)) => Ok(Node::Constant(Datum::Micros(micros))),
            Ok(Cell::Text(text)) => Ok(Node::Constant(Datum::Text(text))),
            Ok(_) => Err(self.unknown(expression)),
            Err(violation) => Err(self.at(
                expression,
                format!("the text is no {column_type}: {}", violation.message),
                "write days and times as ISO 8601, such as '2026-01-31'",
            )),
        }
    }

    fn negated(&self, expression: &Expr, inner: &Expr) -> Result<Typed, Refused> {
        match self.typed(inner)? {
            (Node::Constant(Datum::Exact { units, scale }), kind) => {
                Ok((Node::Constant(Datum::Exact { units: -units, scale }), kind))
            }
            (node, kind @ (Kind::Exact | Kind::Float | Kind::Null)) => {
                let zero = Node::Constant(Datum::Exact { units: 0, scale: 0 });
                Ok((Node::Arithmetic(Operation::Subtract, Box::new(zero), Box::new(node)), kind))
            }
            (_, kind) => {
                Err(self.at(expression, format!("this is {}, and no number", kind.name()), "compute with numbers"))
            }
        }
    }

    fn like(&self, expression: &Expr, pattern: &Expr, ignore_case: bool) -> Result<Node, Refused> {
        let (node, kind) = self.typed(expression)?;
        if !matches!(kind, Kind::Text | Kind::Null) {
            return Err(self.at(
                expression,
                format!("this is {}, and LIKE is for texts", kind.name()),
                "compare it instead",
            ));
        }
        let text = match pattern {
            Expr::Value(value) => value.value.clone().into_string(),
            _ => None,
        };
        let Some(text) = text else {
            return Err(self.at(pattern, "the pattern of LIKE is no text".to_owned(), "write it in 'single quotes'"));
        };
        let Some(compiled) = Pattern::new(&text, ignore_case) else {
            let message = "the pattern of LIKE ends with a `\\`".to_owned();
            return Err(self.at(pattern, message, "write `\\\\` for the character itself"));
        };
        Ok(Node::Like(Box::new(node), compiled))
    }

    fn binary(&self, expression: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Typed, Refused> {
        let both = |left: Node, right: Node| (Box::new(left), Box::new(right));
        let comparison = match op {
            BinaryOperator::And => {
                let (left, right) = both(self.condition(left)?, self.condition(right)?);
                return Ok((Node::And(left, right), Kind::Bool));
            }
            BinaryOperator::Or => {
                let (left, right) = both(self.condition(left)?, self.condition(right)?);
                return Ok((Node::Or(left, right), Kind::Bool));
            }
            BinaryOperator::Plus => return self.arithmetic(expression, Operation::Add, left, right),
            BinaryOperator::Minus => return self.arithmetic(expression, Operation::Subtract, left, right),
            BinaryOperator::Multiply => return self.arithmetic(expression, Operation::Multiply, left, right),
            BinaryOperator::Divide => return self.arithmetic(expression, Operation::Divide, left, right),
            BinaryOperator::Eq => Comparison::Equal,
            BinaryOperator::NotEq => Comparison::NotEqual,
            BinaryOperator::Lt => Comparison::Less,
            BinaryOperator::LtEq => Comparison::LessOrEqual,
            BinaryOperator::Gt => Comparison::Greater,
            BinaryOperator::GtEq => Comparison::GreaterOrEqual,
            _ => return Err(self.unknown(expression)),
        };
        let (left, right) = self.comparable(expression, self.typed(left)?, self.typed(right)?)?;
        let (left, right) = both(left, right);
        Ok((Node::Compare(comparison, left, right), Kind::Bool))
    }

    /// Both sides, if they can be compared: of one kind, or one of them the text of a day or time.
    pub(super) fn comparable(&self, expression: &Expr, left: Typed, right: Typed) -> Result<(Node, Node), Refused> {
        let ((left, left_kind), (right, right_kind)) = (left, right);
        let in_time = |node: Node, kind: Kind| match (node, type_of(kind)) {
            (Node::Constant(Datum::Text(text)), Some(column_type)) => self.constant(expression, &text, column_type),
            (_, _) => Err(self.at(
                expression,
                format!("a text is compared with {}", kind.name()),
                "write the day or time as a literal, such as '2026-01-31'",
            )),
        };
        match (left_kind, right_kind) {
            (Kind::Opaque, _) | (_, Kind::Opaque) => Err(self.at(
                expression,
                "of a column that is super, bytes, an interval or masked, only `IS NULL` can be asked".to_owned(),
                "take what is to be compared into a column of its own by `from`",
            )),
            (Kind::Null, _) | (_, Kind::Null) => Ok((left, right)),
            (Kind::Bool, Kind::Bool)
            | (Kind::Text, Kind::Text)
            | (Kind::Exact | Kind::Float, Kind::Exact | Kind::Float)
            | (Kind::Date | Kind::Moment, Kind::Date | Kind::Moment) => Ok((left, right)),
            (Kind::Clock(one), Kind::Clock(other)) if one == other => Ok((left, right)),
            (Kind::Text, Kind::Date | Kind::Moment | Kind::Clock(_)) => Ok((in_time(left, right_kind)?, right)),
            (Kind::Date | Kind::Moment | Kind::Clock(_), Kind::Text) => Ok((left, in_time(right, left_kind)?)),
            (left, right) => Err(self.at(
                expression,
                format!("{} cannot be compared with {}", left.name(), right.name()),
                "compare numbers with numbers, and 'texts' with texts",
            )),
        }
    }

    fn arithmetic(&self, expression: &Expr, operation: Operation, left: &Expr, right: &Expr) -> Result<Typed, Refused> {
        let mut kinds = Vec::with_capacity(2);
        let mut nodes = Vec::with_capacity(2);
        for side in [left, right] {
            match self.typed(side)? {
                (node, kind @ (Kind::Exact | Kind::Float | Kind::Null)) => {
                    nodes.push(Box::new(node));
                    kinds.push(kind);
                }
                (_, kind) => {
                    let message = format!("this is {}, and no number", kind.name());
                    return Err(self.at(side, message, "compute with numbers"));
                }
            }
        }
        let float = kinds.contains(&Kind::Float);
        if operation == Operation::Divide && !float {
            let help = "multiply instead: `a / b > c` is `a > b * c` for a positive b";
            return Err(self.at(expression, "the quotient of exact numbers may be inexact".to_owned(), help));
        }
        let mut nodes = nodes.into_iter();
        match (nodes.next(), nodes.next()) {
            (Some(left), Some(right)) => {
                Ok((Node::Arithmetic(operation, left, right), if float { Kind::Float } else { Kind::Exact }))
            }
            _ => Err(self.unknown(expression)),
        }
    }

    pub(super) fn unknown(&self, expression: &Expr) -> Refused {
        let help = "there are AND, OR, NOT, comparisons, IS NULL, IN, BETWEEN, LIKE, ILIKE, + - * /, and the functions length, \
                    octet_length, lower, upper, trim, ltrim, rtrim, abs, coalesce and substring";
        self.at(expression, "this is not part of a rule's grammar".to_owned(), help)
    }

    pub(super) fn at(&self, expression: &Expr, message: String, help: &str) -> Refused {
        self.refused(self.range(expression.span()), message, help)
    }

    fn refused(&self, range: Range<usize>, message: String, help: &str) -> Refused {
        Refused { message, help: help.to_owned(), range }
    }

    /// The bytes of a span; all of them where the parser does not say.
    fn range(&self, span: Span) -> Range<usize> {
        match (self.offset(span.start), self.offset(span.end)) {
            (Some(start), Some(end)) if start < end => start..end,
            (Some(start), _) if start < self.text.len() => start..self.text.len(),
            _ => 0..self.text.len(),
        }
    }

    fn offset(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line.checked_sub(1)?).ok()?;
        let column = usize::try_from(location.column.checked_sub(1)?).ok()?;
        let before: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = self.text.get(before..)?;
        Some(before + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
    }
}

fn maybe_not(negated: bool, node: Node) -> Node {
    if negated { Node::Not(Box::new(node)) } else { node }
}

fn kind_of(column_type: ColumnType) -> Kind {
    match column_type {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt | ColumnType::Decimal { .. } => Kind::Exact,
        ColumnType::Real | ColumnType::Double => Kind::Float,
        ColumnType::Boolean => Kind::Bool,
        ColumnType::Char(_) | ColumnType::Varchar(_) => Kind::Text,
        ColumnType::Date => Kind::Date,
        ColumnType::Timestamp | ColumnType::TimestampTz => Kind::Moment,
        ColumnType::Time | ColumnType::TimeTz => Kind::Clock(column_type),
        ColumnType::Super | ColumnType::Varbyte(_) | ColumnType::IntervalMonths | ColumnType::IntervalSeconds => {
            Kind::Opaque
        }
    }
}

/// The type as which a literal text is read beside this kind.
fn type_of(kind: Kind) -> Option<ColumnType> {
    match kind {
        Kind::Date => Some(ColumnType::Date),
        Kind::Moment => Some(ColumnType::Timestamp),
        Kind::Clock(column_type) => Some(column_type),
        _ => None,
    }
}

/// A literal's digits, which may have a point and an exponent.
fn exact(digits: &str) -> Option<number::Exact> {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let units: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let (units, scale) = match scale {
        0..=38 => (units, scale as u8),
        -38..0 => (units.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?, 0),
        _ => return None,
    };
    (units.unsigned_abs() < 10_u128.pow(38)).then_some((units, scale))
}
