//! The functions of a condition, and the arguments that each takes.

use sqlparser::ast::{Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::compile::{Compiler, Typed};
use super::{Datum, Function, Kind, Node, Refused};

impl Compiler<'_> {
    /// A function as SQL calls it.
    pub(super) fn call(&self, expression: &Expr, call: &Call) -> Result<Typed, Refused> {
        let function = match call.name.to_string().to_lowercase().as_str() {
            "length" | "len" | "char_length" | "character_length" => Function::Length,
            "octet_length" => Function::OctetLength,
            "lower" => Function::Lower,
            "upper" => Function::Upper,
            "trim" | "btrim" => Function::Trim,
            "ltrim" => Function::TrimStart,
            "rtrim" => Function::TrimEnd,
            "abs" => Function::Abs,
            "coalesce" | "nvl" => Function::Coalesce,
            "substring" | "substr" => Function::Substring,
            _ => return Err(self.unknown(expression)),
        };
        let plain = call.filter.is_none() && call.over.is_none() && call.within_group.is_empty();
        let FunctionArguments::List(list) = &call.args else { return Err(self.unknown(expression)) };
        if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(self.unknown(expression));
        }
        let mut arguments = Vec::with_capacity(list.args.len());
        for argument in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
                return Err(self.unknown(expression));
            };
            arguments.push(argument);
        }
        self.arguments(expression, function, &arguments)
    }

    /// A function of these arguments, by their kinds.
    pub(super) fn arguments(
        &self,
        expression: &Expr,
        function: Function,
        arguments: &[&Expr],
    ) -> Result<Typed, Refused> {
        let typed: Vec<Typed> = arguments.iter().map(|argument| self.typed(argument)).collect::<Result<_, _>>()?;
        let kinds: Vec<Kind> = typed.iter().map(|(_, kind)| *kind).collect();
        let nodes = || typed.iter().map(|(node, _)| node.clone()).collect::<Vec<_>>();
        let kind = match (function, kinds.as_slice()) {
            (Function::Length | Function::OctetLength, [Kind::Text]) => Kind::Exact,
            (
                Function::Lower | Function::Upper | Function::Trim | Function::TrimStart | Function::TrimEnd,
                [Kind::Text],
            )
            | (Function::Substring, [Kind::Text, Kind::Exact] | [Kind::Text, Kind::Exact, Kind::Exact]) => {
                if typed.iter().skip(1).any(|(node, _)| !self.is_whole(node)) {
                    let help = "write whole numbers, or columns of integers";
                    return Err(self.at(expression, "a substring is counted in whole characters".to_owned(), help));
                }
                Kind::Text
            }
            (Function::Abs, [kind @ (Kind::Exact | Kind::Float)]) => *kind,
            (Function::Coalesce, [_, ..]) => return self.coalesce(expression, &typed),
            _ => {
                let message = "the function is not for these arguments".to_owned();
                return Err(self.at(
                    expression,
                    message,
                    "texts for texts, numbers for numbers, as many as SQL asks for",
                ));
            }
        };
        Ok((Node::Call(function, nodes()), kind))
    }

    /// Whether the number is whole, whatever the row.
    fn is_whole(&self, node: &Node) -> bool {
        match node {
            Node::Constant(Datum::Exact { scale, .. }) | Node::Column(_, scale) => *scale == 0,
            Node::Call(Function::Length | Function::OctetLength, _) => true,
            Node::Arithmetic(_, left, right) => self.is_whole(left) && self.is_whole(right),
            _ => false,
        }
    }

    /// All of one kind, of which a text may be the literal of a day or time.
    fn coalesce(&self, expression: &Expr, typed: &[Typed]) -> Result<Typed, Refused> {
        let of_kind = |wanted: fn(&Kind) -> bool| typed.iter().map(|(_, kind)| *kind).find(wanted);
        let kind = of_kind(|kind| !matches!(kind, Kind::Null | Kind::Text)).or(of_kind(|kind| *kind != Kind::Null));
        let Some(kind) = kind else { return Ok((Node::Constant(Datum::Null), Kind::Null)) };
        let mut nodes = Vec::with_capacity(typed.len());
        let mut floats = kind == Kind::Float;
        for (node, other) in typed {
            let (_, node) = self.comparable(expression, (Node::Constant(Datum::Null), kind), (node.clone(), *other))?;
            floats |= *other == Kind::Float;
            nodes.push(node);
        }
        Ok((Node::Call(Function::Coalesce, nodes), if floats { Kind::Float } else { kind }))
    }
}
