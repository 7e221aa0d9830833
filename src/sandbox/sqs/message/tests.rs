use serde_json::json;

use super::*;

fn attribute(value: serde_json::Value) -> Result<AttributeValue, &'static str> {
    serde_json::from_value::<WireValue>(value).unwrap().try_into()
}

fn text(value: &str) -> AttributeValue {
    attribute(json!({ "DataType": "String", "StringValue": value })).unwrap()
}

/// The digests are those that SQS itself returned for these messages.
#[test]
fn digests_are_those_of_sqs() {
    assert_eq!(md5_of(b"msg"), "6e2baaf3b97dbeef01c0043275f9a0e7");
    let hello = ("Hello".to_owned(), text("There"));
    let general = ("General".to_owned(), text("Kenobi"));
    let help = ("Help.Me".to_owned(), text("Me"));
    let digest = |attributes: Vec<(String, AttributeValue)>| md5_of_attributes(&Attributes::from_iter(attributes));
    assert_eq!(digest(vec![hello.clone()]), "a311262e065454b75da111d535b8dacd");
    assert_eq!(digest(vec![hello.clone(), general.clone()]), "fca026605781cb4126a1e9044df24232");
    assert_eq!(digest(vec![hello, help, general]), "4c360f3fdafd970e05fae2f149d997f5");
    let bytes = STANDARD.encode(b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01");
    let binary = attribute(json!({ "DataType": "Binary", "BinaryValue": bytes })).unwrap();
    assert_eq!(digest(vec![("attr1".to_owned(), binary)]), "8cbe4db156db8a94db8b801b7addb984");
}

#[test]
fn an_attribute_has_one_value_of_its_type() {
    assert!(attribute(json!({ "DataType": "Number.int", "StringValue": "12" })).is_ok());
    for refused in [
        json!({ "StringValue": "no type" }),
        json!({ "DataType": "Text", "StringValue": "x" }),
        json!({ "DataType": "String" }),
        json!({ "DataType": "String", "StringValue": "" }),
        json!({ "DataType": "String", "BinaryValue": "eA==" }),
        json!({ "DataType": "String", "StringValue": "a\u{0}b" }),
        json!({ "DataType": "Binary", "BinaryValue": "not base64" }),
        json!({ "DataType": "Binary", "StringValue": "x" }),
        json!({ "DataType": "Number", "StringValue": "twelve" }),
    ] {
        assert!(attribute(refused.clone()).is_err(), "{refused} should be refused");
    }
}

#[test]
fn attribute_names_are_checked() {
    let named = |name: &str| {
        let attributes = Attributes::from([(name.to_owned(), text("x"))]);
        Draft { body: "body".to_owned(), attributes, ..Draft::default() }.check()
    };
    assert_eq!(named("a-b_c.D9"), Ok(()));
    for refused in ["", ".a", "a.", "a..b", "AWS.x", "amazon.x", "a b", "ä"] {
        assert!(named(refused).is_err(), "{refused:?} should be refused");
    }
}

#[test]
fn the_size_of_a_message_includes_its_attributes() {
    let attributes = Attributes::from([("name".to_owned(), text("value"))]);
    let draft = Draft { body: "ä".to_owned(), attributes, ..Draft::default() };
    assert_eq!(draft.size(), 2 + "name".len() + "String".len() + "value".len());
}
