//! `${NAME}` in texts: replaced by the environment's value, which is not looked at again.

/// Gives the value of an environment variable, if it is set.
pub(super) type Environment<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// Why a `${…}` cannot be replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VariableProblem {
    /// The reference as written, from its `$`.
    pub(super) reference: String,
    /// What is wrong.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: String,
}

/// `text` with every `${NAME}` replaced, and `$${` turned into `${`; or all that keeps it from being so.
pub(super) fn substitute(text: &str, environment: &Environment<'_>) -> Result<String, Vec<VariableProblem>> {
    let mut replaced = String::with_capacity(text.len());
    let mut problems = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            replaced.push_str(literal);
            replaced.push_str("${");
            rest = &reference[2..];
            continue;
        }
        replaced.push_str(before);
        let Some(end) = reference.find('}') else {
            problems.push(VariableProblem {
                reference: reference.to_owned(),
                message: "a `${` lacks its closing `}`".to_owned(),
                help: "close it, or write `$${` for the two characters themselves".to_owned(),
            });
            break;
        };
        match value(&reference[2..end], environment) {
            Ok(value) => replaced.push_str(&value),
            Err((message, help)) => {
                let reference = reference[..=end].to_owned();
                problems.push(VariableProblem { reference, message, help });
            }
        }
        rest = &reference[end + 1..];
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    replaced.push_str(rest);
    Ok(replaced)
}

fn value(name: &str, environment: &Environment<'_>) -> Result<String, (String, String)> {
    let valid = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if valid {
        return environment(name).ok_or_else(|| {
            let help = format!("set {name}, or write `$${{` for the two characters themselves");
            (format!("the environment variable {name} is not set"), help)
        });
    }
    match name.split_once(":-") {
        Some((name, _)) => Err((
            format!("`${{{name}:-…}}`: defaults of variables are not supported"),
            format!("write `${{{name}}}` and set {name} wherever the service runs, or write the value itself"),
        )),
        None => Err((
            format!("`${{{name}}}` names no environment variable"),
            "a name is letters, digits and `_`; write `$${` for the two characters themselves".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "A" => Some("one".to_owned()),
            "NESTED" => Some("${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn replaced(text: &str) -> Result<String, Vec<VariableProblem>> {
        substitute(text, &environment)
    }

    #[test]
    fn references_are_replaced_once() {
        assert_eq!(replaced("${A}-${A}x"), Ok("one-onex".to_owned()));
        assert_eq!(replaced("${NESTED}"), Ok("${A}".to_owned()));
        assert_eq!(replaced("[${EMPTY}]"), Ok("[]".to_owned()));
        assert_eq!(replaced("$A $ {A} $"), Ok("$A $ {A} $".to_owned()));
    }

    #[test]
    fn a_doubled_dollar_keeps_the_reference_as_text() {
        assert_eq!(replaced("$${A}${A}"), Ok("${A}one".to_owned()));
        assert_eq!(replaced("a$$${A}"), Ok("a$${A}".to_owned()));
    }

    #[test]
    fn every_reference_that_cannot_be_replaced_is_told() {
        let problems = replaced("${B} ${A:-x} ${é} ${").expect_err("four problems");
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "the environment variable B is not set",
                "`${A:-…}`: defaults of variables are not supported",
                "`${é}` names no environment variable",
                "a `${` lacks its closing `}`",
            ]
        );
    }
}
