use super::*;

const COLUMNS: &[(&str, &str)] = &[
    ("quantity", "integer"),
    ("price", "decimal(12,3)"),
    ("ratio", "double precision"),
    ("name", "varchar(40)"),
    ("day", "date"),
    ("at", "timestamp"),
    ("opens", "time"),
    ("paid", "boolean"),
    ("extra", "super"),
    ("email", "char(64)"),
];

fn operands() -> Vec<Operand<'static>> {
    let operand = |(name, column_type): &(&'static str, &str)| Operand {
        name,
        column_type: column_type.parse().expect("a type"),
        readable: *name != "email",
    };
    COLUMNS.iter().map(operand).collect()
}

fn compile(text: &str) -> Result<Condition, Refused> {
    Condition::compile(text, &operands())
}

fn row() -> Vec<Cell<'static>> {
    vec![
        Cell::Int(-3),
        Cell::Decimal(2_550),
        Cell::Float(0.5),
        Cell::Text("C536379 Näh_set".into()),
        Cell::Date(20_000),
        Cell::Micros(1_728_000_000_000_000),
        Cell::Text("08:30:00.000000".into()),
        Cell::Null,
        Cell::Text("{}".into()),
        Cell::Null,
    ]
}

fn decide(text: &str) -> Option<bool> {
    compile(text).unwrap_or_else(|refused| panic!("{text}: {refused:?}")).decide(&row()).expect("it can be decided")
}

#[test]
fn conditions_are_decided_as_sql_does() {
    for (text, expected) in [
        ("quantity > 0 OR name LIKE 'C%'", Some(true)),
        ("quantity > 0 AND name LIKE 'C%'", Some(false)),
        ("price = 2.55", Some(true)),
        ("price * quantity = -7.65", Some(true)),
        ("price < 2.5500000000000000000000000000000001", Some(true)),
        ("price = 2.5500000000000000000000000000000001", Some(false)),
        ("ratio = 0.5 AND ratio / 2 = 0.25", Some(true)),
        ("name ILIKE 'c%NÄH\\_SET'", Some(true)),
        ("name LIKE 'C_____9%'", Some(true)),
        ("name LIKE ''", Some(false)),
        ("length(name) = 15 AND octet_length(name) = 16", Some(true)),
        ("substring(name, 2, 3) = '536' AND substring(name FROM 9) = 'Näh_set'", Some(true)),
        ("lower(trim('  A ')) = 'a'", Some(true)),
        ("day = '2024-10-04' AND day BETWEEN DATE '2024-01-01' AND '2024-12-31'", Some(true)),
        ("at = day AND at >= '2024-10-04 00:00:00'", Some(true)),
        ("opens >= '08:00' AND opens < '9:00'", None),
        ("opens >= '08:00' AND opens < '09:00'", Some(true)),
        ("paid", None),
        ("NOT paid OR quantity = -3", Some(true)),
        ("paid IS NULL AND extra IS NOT NULL AND email IS NULL", Some(true)),
        ("paid IS NOT TRUE AND (paid = true) IS UNKNOWN", Some(true)),
        ("quantity IN (1, 2, NULL)", None),
        ("quantity NOT IN (1, 2)", Some(true)),
        ("quantity IN (1, -3)", Some(true)),
        ("coalesce(paid, true)", Some(true)),
        ("coalesce(NULL, day, '2024-01-01') = '2024-10-04'", Some(true)),
        ("abs(quantity) = 3 AND -quantity = 3 AND quantity <> 0", Some(true)),
        ("\"QUANTITY\" + 1e1 = 7", Some(true)),
    ] {
        if expected.is_none() && text.contains("'9:00'") {
            assert!(compile(text).is_err(), "{text}");
            continue;
        }
        assert_eq!(decide(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_decided_exactly_or_at_all_is_refused_where_it_stands() {
    for (text, part, message, help) in [
        ("quantity >", "quantity >", "no SQL condition", "WHERE"),
        ("quantity > 0; DROP TABLE a", ";", "ends before `;`", "one condition"),
        ("paid AND quantiy > 0", "quantiy", "`quantiy` is no column", "`quantity`"),
        ("name = \"C\"", "\"C\"", "`C` is no column", "single quotes"),
        ("quantity", "quantity", "a number, and no condition", "> 0"),
        ("price / quantity > 1", "price / quantity", "may be inexact", "multiply"),
        ("quantity > '1'", "quantity > '1'", "cannot be compared", "'texts' with texts"),
        ("day > 'soon'", "day > 'soon'", "the text is no date", "ISO 8601"),
        ("day > name", "day > name", "a text is compared with a date", "literal"),
        ("extra = '{}'", "extra = '{}'", "only `IS NULL`", "`from`"),
        ("email LIKE 'a%'", "email", "LIKE is for texts", "instead"),
        ("quantity LIKE 'C%'", "quantity", "LIKE is for texts", "instead"),
        ("name LIKE name", "name", "no text", "single quotes"),
        ("name LIKE 'a\\\\'", "'a\\\\'", "ends with", "itself"),
        ("random() > 0", "random", "not part of a rule's grammar", "coalesce"),
        ("quantity IN (SELECT 1)", "quantity", "not part of a rule's grammar", "IN"),
        ("CASE WHEN paid THEN true END", "CASE", "not part of a rule's grammar", "AND"),
        ("length(quantity) = 1", "quantity", "not for these arguments", "numbers for numbers"),
        ("substring(name, 1.5) = 'a'", "name, 1.5", "whole characters", "integers"),
        ("'2024-01-01' IN (day)", "'2024-01-01'", "looked for among dates", "column first"),
        ("count(DISTINCT quantity) > 1", "count", "not part of a rule's grammar", "AND"),
    ] {
        let refused = compile(text).expect_err(text);
        assert!(refused.message.contains(message), "{text}: {refused:?}");
        assert!(refused.help.contains(help), "{text}: {refused:?}");
        let shown = &text[refused.range.clone()];
        assert!(shown.contains(part) || part.contains(shown), "{text}: {shown:?}");
    }
    let long = format!("quantity = 1{}", " OR quantity = 1".repeat(300));
    assert!(compile(&long).expect_err("too long").message.contains("4096"));
    assert!(compile(&format!("{}true{}", "(".repeat(500), ")".repeat(500))).is_err(), "as deep as the parser goes");
}

#[test]
fn a_number_that_grows_beyond_38_digits_is_told_and_not_wrapped() {
    let condition = compile("price * price * price * price * price * price * price * price > 0").expect("a condition");
    let mut row = row();
    row[1] = Cell::Decimal(999_999_999_999);
    assert_eq!(condition.decide(&row).expect_err("it overflows").rule, crate::model::Rule::Row);
    let condition = compile("ratio / price > 0").expect("a condition");
    row[1] = Cell::Decimal(0);
    assert!(condition.decide(&row).is_err(), "a quotient by zero is no infinity");
}

#[test]
fn patterns_match_as_like_does() {
    let matches = |pattern: &str, text: &str| Pattern::new(pattern, false).expect("a pattern").matches(text);
    for (pattern, text, expected) in [
        ("", "", true),
        ("%", "", true),
        ("%%a%%", "bab", true),
        ("a%b%c", "aXbXbXc", true),
        ("a%b%c", "aXbXbX", false),
        ("%ab", "aab", true),
        ("_", "é", true),
        ("_", "", false),
        ("100\\%", "100%", true),
        ("100\\%", "1000", false),
        ("a\nb", "a\nb", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
    }
    let slow = format!("{}b", "%a".repeat(30));
    assert!(!matches(&slow, &"a".repeat(50_000)), "no pattern takes more than the product of both lengths");
}
