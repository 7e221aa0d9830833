//! Lines of JSON that are expected, against those that were found. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

/// The members of an object, each as it is written: numbers keep their digits.
type Members = BTreeMap<String, Box<RawValue>>;

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// An object, as JSON.
    pub(super) json: String,
    /// The number of the record that it comes from.
    pub(super) record: u64,
}

/// The expected lines of a file, without blank ones.
///
/// # Errors
/// The number of the first line that is no JSON object, and why.
pub(super) fn parse(text: &str) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        serde_json::from_str::<Members>(line).map_err(|error| format!("line {} is no JSON object: {error}", at + 1))?;
        lines.push(line.trim().to_owned());
    }
    Ok(lines)
}

/// What differs, a line of text each; none if nothing does. `what` is what a line is called: `row` or `reject`.
///
/// Lines at both ends that agree are passed over; what is between them is compared one by one, and what one side has more is told
/// whole. So a line that is left out is one difference.
pub(super) fn differences(what: &str, expected: &[String], found: &[Found]) -> Vec<String> {
    let agree = |expected: &String, found: &Found| compare(expected, &found.json).is_empty();
    let head = expected.iter().zip(found).take_while(|(expected, found)| agree(expected, found)).count();
    let (rest, others) = (&expected[head..], &found[head..]);
    let tail =
        rest.iter().rev().zip(others.iter().rev()).take_while(|(expected, found)| agree(expected, found)).count();
    let (rest, others) = (&rest[..rest.len() - tail], &others[..others.len() - tail]);

    let mut told = Vec::new();
    for at in 0..rest.len().max(others.len()) {
        let number = head + at + 1;
        match (rest.get(at), others.get(at)) {
            (Some(expected), Some(found)) => {
                for Difference { member, expected, found: instead } in compare(expected, &found.json) {
                    told.push(format!(
                        "{what} {number} (record {}), {member}: expected {expected}, found {instead}",
                        found.record
                    ));
                }
            }
            (Some(expected), None) => told.push(format!("{what} {number}: expected, and not found: {expected}")),
            (None, Some(found)) => {
                told.push(format!("{what} {number} (record {}): not expected: {}", found.record, found.json));
            }
            (None, None) => {}
        }
    }
    told
}

/// A member that differs.
struct Difference {
    member: String,
    expected: String,
    found: String,
}

/// Where two objects differ; a member that is absent is null.
fn compare(expected: &str, found: &str) -> Vec<Difference> {
    let read = |json: &str| serde_json::from_str::<Members>(json).unwrap_or_default();
    let (expected, found) = (read(expected), read(found));
    let text = |members: &Members, name: &str| members.get(name).map(|value| value.get().to_owned());
    let mut differences = Vec::new();
    // In the order of names: that of the columns is not known to an object of JSON.
    let names: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for name in names {
        let (wanted, is) = (text(&expected, name), text(&found, name));
        // A name that no column has is a slip of whoever wrote the line, even with null.
        let known = found.contains_key(name);
        let equal = same(wanted.as_deref().unwrap_or("null"), is.as_deref().unwrap_or("null"));
        if !known || !equal {
            differences.push(Difference {
                member: name.clone(),
                expected: wanted.unwrap_or_else(|| "null".to_owned()),
                found: if known { is.unwrap_or_else(|| "null".to_owned()) } else { "no such column".to_owned() },
            });
        }
    }
    differences
}

/// Whether two values are the same: numbers by their value, exactly; texts by what they hold; objects without regard to the order of members.
fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => {
            let read = |json: &str| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json);
            matches!((read(a), read(b)), (Ok(a), Ok(b)) if a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same(value.get(), other.get()))))
        }
        (Some(b'['), Some(b'[')) => {
            let read = |json: &str| serde_json::from_str::<Vec<Box<RawValue>>>(json);
            matches!((read(a), read(b)), (Ok(a), Ok(b)) if a.len() == b.len()
                && a.iter().zip(&b).all(|(a, b)| same(a.get(), b.get())))
        }
        (Some(b'"'), Some(b'"')) => {
            let read = |json: &str| serde_json::from_str::<String>(json);
            matches!((read(a), read(b)), (Ok(a), Ok(b)) if a == b)
        }
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => match (digits(a), digits(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
        _ => false,
    }
}

/// A number of JSON as its sign, its digits without zeros at either end, and the power of ten of its first; zero has no sign.
fn digits(number: &str) -> Option<(bool, String, i64)> {
    let (negative, rest) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let first = (whole.len() + significant.len()) as i64 - all.len() as i64;
    match significant.trim_end_matches('0') {
        "" => Some((false, String::new(), 0)),
        significant => Some((negative, significant.to_owned(), first.checked_add(exponent)?)),
    }
}

/// The lines as the text of a file.
pub(super) fn file(found: &[Found]) -> String {
    found.iter().fold(String::new(), |mut text, line| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.json);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expected: &[&str], found: &[&str]) -> Vec<String> {
        let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        let found: Vec<Found> = found
            .iter()
            .enumerate()
            .map(|(at, json)| Found { json: (*json).to_owned(), record: at as u64 + 10 })
            .collect();
        differences("row", &expected, &found)
    }

    #[test]
    fn a_value_that_differs_is_told_by_row_record_and_column_and_no_other_is() {
        let expected = [r#"{"id":1,"a":"x"}"#, r#"{"id":2,"a":"y","b":1}"#];
        let found = [r#"{"id":1,"a":"x","b":null}"#, r#"{"id":2,"a":"z","b":null}"#];
        assert_eq!(
            told(&expected, &found),
            [r#"row 2 (record 11), a: expected "y", found "z""#, "row 2 (record 11), b: expected 1, found null"]
        );
        assert_eq!(told(&found, &found), [""; 0]);
    }

    #[test]
    fn a_row_that_is_missing_or_not_expected_is_one_difference() {
        let (one, two, three) = (r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#);
        assert_eq!(told(&[one, two, three], &[one, three]), [r#"row 2: expected, and not found: {"id":2}"#]);
        assert_eq!(told(&[one, three], &[one, two, three]), [r#"row 2 (record 11): not expected: {"id":2}"#]);
        assert_eq!(told(&[], &[one]), [r#"row 1 (record 10): not expected: {"id":1}"#]);
        assert_eq!(told(&[one, one], &[one]), [r#"row 2: expected, and not found: {"id":1}"#]);
    }

    #[test]
    fn a_name_that_no_column_has_is_told_even_with_null() {
        assert_eq!(
            told(&[r#"{"id":1,"idd":null}"#], &[r#"{"id":1}"#]),
            ["row 1 (record 10), idd: expected null, found no such column"]
        );
    }

    #[test]
    fn numbers_are_compared_by_value_and_with_all_their_digits() {
        for (a, b) in [("1.50", "1.5"), ("-0", "0"), ("1e2", "100.0"), ("0.001", "1E-3"), ("-12.0", "-12")] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in
            [("1", "-1"), ("9007199254740993", "9007199254740992"), ("1", "10"), ("0.1", "0.01"), ("1", "\"1\"")]
        {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn what_is_nested_is_compared_by_what_it_holds() {
        assert!(same(r#"{"a": [1.0, "é"], "b": null}"#, r#"{"b":null,"a":[1,"\u00e9"]}"#));
        for other in [r#"{"a":[1,2]}"#, r#"{"a":[2]}"#, r#"{"a":[1],"b":null}"#, r#"{"b":[1]}"#, "[1]", "null"] {
            assert!(!same(r#"{"a":[1]}"#, other), "{other}");
        }
    }

    #[test]
    fn a_file_that_is_not_of_objects_is_refused_with_its_line() {
        assert_eq!(parse("{\"a\":1}\n\n {\"a\":2} \n").expect("objects"), [r#"{"a":1}"#, r#"{"a":2}"#]);
        let error = parse("{\"a\":1}\n[1]\n").expect_err("an array");
        assert!(error.starts_with("line 2 is no JSON object"), "{error}");
    }
}
