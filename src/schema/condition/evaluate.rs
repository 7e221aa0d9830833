//! Deciding a compiled condition on a row.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparison, Datum, Function, Node, Operation, number};
use crate::model::Rule;
use crate::schema::value::{Cell, Violation};

const DAY_MICROS: i64 = 86_400_000_000;

/// Whether `node`, which is a condition, is true, false or unknown.
pub(super) fn truth(node: &Node, row: &[Cell<'_>]) -> Result<Option<bool>, Violation> {
    Ok(match node {
        Node::And(left, right) => match truth(left, row)? {
            Some(false) => Some(false),
            left => match (left, truth(right, row)?) {
                (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
        },
        Node::Or(left, right) => match truth(left, row)? {
            Some(true) => Some(true),
            left => match (left, truth(right, row)?) {
                (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        },
        Node::Not(inner) => truth(inner, row)?.map(|value| !value),
        Node::IsNull(inner) => Some(evaluate(inner, row)? == Datum::Null),
        Node::Is(inner, wanted) => Some(truth(inner, row)? == Some(*wanted)),
        Node::Compare(comparison, left, right) => compare(*comparison, &evaluate(left, row)?, &evaluate(right, row)?),
        Node::In(inner, list) => among(&evaluate(inner, row)?, list, row)?,
        Node::Like(inner, pattern) => match evaluate(inner, row)? {
            Datum::Text(text) => Some(pattern.matches(&text)),
            _ => None,
        },
        Node::Column(..) | Node::Constant(_) | Node::Arithmetic(..) | Node::Call(..) => match evaluate(node, row)? {
            Datum::Bool(value) => Some(value),
            _ => None,
        },
    })
}

fn among(value: &Datum<'_>, list: &[Node], row: &[Cell<'_>]) -> Result<Option<bool>, Violation> {
    let mut found = Some(false);
    for item in list {
        match compare(Comparison::Equal, value, &evaluate(item, row)?) {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => found = None,
        }
    }
    Ok(found)
}

fn evaluate<'r>(node: &'r Node, row: &'r [Cell<'_>]) -> Result<Datum<'r>, Violation> {
    Ok(match node {
        Node::Column(at, scale) => row.get(*at).map_or(Datum::Null, |cell| of_cell(cell, *scale)),
        Node::Constant(Datum::Text(text)) => Datum::Text(Cow::Borrowed(text)),
        Node::Constant(constant) => constant.clone(),
        Node::Arithmetic(operation, left, right) => {
            arithmetic(*operation, evaluate(left, row)?, evaluate(right, row)?)?
        }
        Node::Call(function, arguments) => call(*function, arguments, row)?,
        _ => truth(node, row)?.map_or(Datum::Null, Datum::Bool),
    })
}

fn of_cell<'r>(cell: &'r Cell<'_>, scale: u8) -> Datum<'r> {
    match cell {
        Cell::Null => Datum::Null,
        Cell::Int(value) => Datum::Exact { units: (*value).into(), scale: 0 },
        Cell::Decimal(units) => Datum::Exact { units: *units, scale },
        Cell::Float(value) => Datum::Float(*value),
        Cell::Bool(value) => Datum::Bool(*value),
        Cell::Text(text) => Datum::Text(Cow::Borrowed(text)),
        Cell::Date(days) => Datum::Date(*days),
        Cell::Micros(micros) => Datum::Micros(*micros),
    }
}

fn compare(comparison: Comparison, left: &Datum<'_>, right: &Datum<'_>) -> Option<bool> {
    let order = order(left, right)?;
    Some(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

/// The order of two values of one kind; `None` if one is null.
fn order(left: &Datum<'_>, right: &Datum<'_>) -> Option<Ordering> {
    match (left, right) {
        (Datum::Bool(left), Datum::Bool(right)) => Some(left.cmp(right)),
        (Datum::Text(left), Datum::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Datum::Date(left), Datum::Date(right)) => Some(left.cmp(right)),
        (Datum::Micros(left), Datum::Micros(right)) => Some(left.cmp(right)),
        (Datum::Date(left), Datum::Micros(right)) => Some((i64::from(*left) * DAY_MICROS).cmp(right)),
        (Datum::Micros(left), Datum::Date(right)) => Some(left.cmp(&(i64::from(*right) * DAY_MICROS))),
        (Datum::Exact { units, scale }, Datum::Exact { units: other, scale: other_scale }) => {
            Some(number::order((*units, *scale), (*other, *other_scale)))
        }
        (left, right) => Some(order_of_floats(float(left)?, float(right)?)),
    }
}

/// As PostgreSQL and Redshift order floats: NaN equals itself and is above all others.
fn order_of_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

fn float(datum: &Datum<'_>) -> Option<f64> {
    match datum {
        Datum::Float(value) => Some(*value),
        Datum::Exact { units, scale } => Some(number::float((*units, *scale))),
        _ => None,
    }
}

fn arithmetic<'r>(operation: Operation, left: Datum<'r>, right: Datum<'r>) -> Result<Datum<'r>, Violation> {
    if let (Datum::Exact { units, scale }, Datum::Exact { units: other, scale: other_scale }) = (&left, &right) {
        let (left, right) = ((*units, *scale), (*other, *other_scale));
        let result = match operation {
            Operation::Add => number::add(left, right),
            Operation::Subtract => right.0.checked_neg().and_then(|negated| number::add(left, (negated, right.1))),
            Operation::Multiply => number::multiply(left, right),
            // Compiled for floats only.
            Operation::Divide => None,
        };
        return match result {
            Some((units, scale)) => Ok(Datum::Exact { units, scale }),
            None => Err(Violation::new(Rule::Row, "a number of the condition has more than 38 digits")),
        };
    }
    let (Some(left), Some(right)) = (float(&left), float(&right)) else { return Ok(Datum::Null) };
    Ok(Datum::Float(match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        Operation::Multiply => left * right,
        Operation::Divide if right == 0.0 => {
            return Err(Violation::new(Rule::Row, "the condition divides by zero"));
        }
        Operation::Divide => left / right,
    }))
}

fn call<'r>(function: Function, arguments: &'r [Node], row: &'r [Cell<'_>]) -> Result<Datum<'r>, Violation> {
    if function == Function::Coalesce {
        for argument in arguments {
            match evaluate(argument, row)? {
                Datum::Null => {}
                value => return Ok(value),
            }
        }
        return Ok(Datum::Null);
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match evaluate(argument, row)? {
            Datum::Null => return Ok(Datum::Null),
            value => values.push(value),
        }
    }
    let mut values = values.into_iter();
    let whole = |number: usize| Datum::Exact { units: number as i128, scale: 0 };
    Ok(match (function, values.next()) {
        (Function::Abs, Some(Datum::Exact { units, scale })) => match units.checked_abs() {
            Some(units) => Datum::Exact { units, scale },
            None => return Err(Violation::new(Rule::Row, "a number of the condition has more than 38 digits")),
        },
        (Function::Abs, Some(Datum::Float(value))) => Datum::Float(value.abs()),
        (Function::Length, Some(Datum::Text(text))) => whole(text.chars().count()),
        (Function::OctetLength, Some(Datum::Text(text))) => whole(text.len()),
        (Function::Lower, Some(Datum::Text(text))) => Datum::Text(Cow::Owned(text.to_lowercase())),
        (Function::Upper, Some(Datum::Text(text))) => Datum::Text(Cow::Owned(text.to_uppercase())),
        (Function::Trim, Some(Datum::Text(text))) => Datum::Text(Cow::Owned(text.trim_matches(' ').to_owned())),
        (Function::TrimStart, Some(Datum::Text(text))) => {
            Datum::Text(Cow::Owned(text.trim_start_matches(' ').to_owned()))
        }
        (Function::TrimEnd, Some(Datum::Text(text))) => Datum::Text(Cow::Owned(text.trim_end_matches(' ').to_owned())),
        (Function::Substring, Some(Datum::Text(text))) => substring(&text, values.next(), values.next())?,
        _ => Datum::Null,
    })
}

/// Characters from `start` on, from 1; places before the first count, as SQL has it.
fn substring(text: &str, start: Option<Datum<'_>>, length: Option<Datum<'_>>) -> Result<Datum<'static>, Violation> {
    let whole = |datum: Option<Datum<'_>>| match datum {
        Some(Datum::Exact { units, .. }) => Some(units),
        _ => None,
    };
    let start = whole(start).unwrap_or(1);
    let end = match whole(length) {
        Some(length) if length < 0 => return Err(Violation::new(Rule::Row, "a substring has a negative length")),
        Some(length) => start.saturating_add(length),
        None => i128::MAX,
    };
    let taken = text.chars().zip(1_i128..).filter(|(_, at)| (start..end).contains(at)).map(|(character, _)| character);
    Ok(Datum::Text(Cow::Owned(taken.collect())))
}
