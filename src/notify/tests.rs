use proptest::prelude::*;

use super::s3_event::decode_key;
use super::*;
use crate::config::KeyPattern;
use crate::error::ErrorKind;
use crate::model::{ObjectRef, Removal, Sequencer};

fn s3(records: &str) -> String {
    format!(r#"{{"Records":[{records}]}}"#)
}

fn record(name: &str, key: &str, extra: &str) -> String {
    format!(
        r#"{{"eventVersion":"2.9","eventSource":"aws:s3","eventTime":"2026-11-21T08:00:00.123Z","eventName":"{name}",
           "s3":{{"bucket":{{"name":"landing"}},"object":{{"key":"{key}","size":9,"eTag":"abc"{extra}}}}}}}"#
    )
}

fn created(event: &Event) -> &ObjectRef {
    match event {
        Event::Created(object) => object,
        other => panic!("not a creation: {other:?}"),
    }
}

#[test]
fn every_record_of_a_message_is_an_event() {
    let body = s3(&[
        record("ObjectCreated:Put", "a%2Bb+c%C3%A9.gz", r#","versionId":"v1","sequencer":"0055AED6DCD90281E5""#),
        record("s3:ObjectCreated:CompleteMultipartUpload", "b", ""),
        record("ObjectRemoved:Delete", "c", ""),
    ]
    .join(","));
    let events = parse(&body).expect("a notification");
    assert_eq!(events.len(), 3);
    let first = created(&events[0]);
    assert_eq!(first.key, "a+b cé.gz");
    assert_eq!(first.version.as_deref(), Some("v1"));
    assert_eq!(first.event_time.as_millisecond() % 1000, 123);
    assert!(first.sequencer.is_some());
    assert_eq!(created(&events[1]).sequencer, None, "moto sends none");
    assert!(matches!(&events[2], Event::Removed(object, Removal::Key) if object.key == "c"));
}

#[test]
fn sns_around_s3_is_opened() {
    let inner = s3(&record("ObjectCreated:Put", "k", ""));
    let body = serde_json::json!({"Type": "Notification", "TopicArn": "arn", "Message": inner}).to_string();
    assert_eq!(created(&parse(&body).expect("a notification")[0]).key, "k");
    let mut nested = inner;
    for _ in 0..4 {
        nested = serde_json::json!({"Type": "Notification", "Message": nested}).to_string();
    }
    assert_eq!(parse(&nested).expect_err("too deep").kind(), ErrorKind::Malformed);
}

#[test]
fn eventbridge_keys_are_taken_raw_with_the_decoded_reading_beside_them() {
    let body = r#"{"version":"0","detail-type":"Object Created","source":"aws.s3","time":"2026-11-21T08:00:00Z",
        "detail":{"bucket":{"name":"landing"},"object":{"key":"a+b%20c","size":5,"etag":"e","version-id":"v",
        "sequencer":"00"},"reason":"PutObject"}}"#;
    let events = parse(body).expect("a notification");
    let object = created(&events[0]);
    assert_eq!((object.key.as_str(), object.other_key.as_deref()), ("a+b%20c", Some("a b c")));
    let deleted = body.replace("Object Created", "Object Deleted");
    assert!(
        matches!(parse(&deleted).expect("a notification").as_slice(), [Event::Removed(object, Removal::Key)] if object.key == "a+b%20c")
    );
}

#[test]
fn the_test_event_of_a_configuration_is_recognised() {
    let body = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-21T08:00:00.000Z","Bucket":"landing"}"#;
    assert_eq!(parse(body).expect("a notification"), [Event::Test]);
}

#[test]
fn what_is_no_notification_is_malformed_and_never_dropped() {
    let bad_time = s3(&record("ObjectCreated:Put", "k", "")).replace("2026-11-21T08:00:00.123Z", "yesterday");
    let bad_key = s3(&record("ObjectCreated:Put", "%FF", ""));
    for body in ["", "hello", "[]", "{}", "null", r#"{"Records":[{}]}"#, r#"{"Records":"x"}"#, &bad_time, &bad_key] {
        assert_eq!(parse(body).expect_err(body).kind(), ErrorKind::Malformed, "{body}");
    }
}

#[test]
fn an_object_goes_to_every_pipeline_that_wants_it() {
    let pattern = |text| KeyPattern::parse(text).expect(text);
    let router = Router::new([
        ("landing".to_owned(), pattern("reviews/at={at}/*.gz")),
        ("landing".to_owned(), pattern("reviews/**")),
        ("other".to_owned(), pattern("**")),
    ]);
    let mut object =
        created(&parse(&s3(&record("ObjectCreated:Put", "reviews/at=7/x.gz", ""))).expect("valid")[0]).clone();
    let routes = router.route(&object);
    assert_eq!(routes.iter().map(|route| route.pipeline).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(routes[0].captures, ["7"]);
    object.bucket = "unknown".into();
    assert!(router.route(&object).is_empty());
}

/// What goes wrong elsewhere, row 10: keys with `+`, space, unicode not decoded.
mod row_10 {
    use super::*;

    fn encode(key: &str) -> String {
        let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*/".contains(&byte);
        key.bytes()
            .map(|byte| match byte {
                b' ' => "+".to_owned(),
                byte if keep(byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_a_key_is_the_identity(key in ".{0,80}") {
            prop_assert_eq!(decode_key(&encode(&key)).expect("UTF-8"), key);
        }

        #[test]
        fn no_body_makes_the_parser_panic(body in ".{0,200}") {
            let _ = parse(&body);
        }
    }
}

#[test]
fn a_removal_is_of_the_key_or_of_one_version_and_what_expires_is_none() {
    let kind = |body: &str| match parse(body).expect("a notification").as_slice() {
        [Event::Removed(_, removal)] => Some(*removal),
        [Event::Other(_)] => None,
        other => panic!("{other:?}"),
    };
    let versioned = |name: &str| s3(&record(name, "k", r#","versionId":"v""#));
    assert_eq!(kind(&s3(&record("ObjectRemoved:Delete", "k", ""))), Some(Removal::Key));
    assert_eq!(kind(&versioned("ObjectRemoved:DeleteMarkerCreated")), Some(Removal::Key));
    assert_eq!(kind(&versioned("ObjectRemoved:Delete")), Some(Removal::Version));
    assert_eq!(kind(&s3(&record("LifecycleExpiration:Delete", "k", ""))), None);
    let bridged = |reason: &str, deletion: &str| {
        format!(
            r#"{{"source":"aws.s3","detail-type":"Object Deleted","time":"2026-11-21T08:00:00Z","detail":{{"bucket":{{"name":"b"}},
            "object":{{"key":"k","version-id":"v","sequencer":"0"}},"reason":"{reason}","deletion-type":"{deletion}"}}}}"#
        )
    };
    assert_eq!(kind(&bridged("DeleteObject", "Permanently Deleted")), Some(Removal::Version));
    assert_eq!(kind(&bridged("DeleteObject", "Delete Marker Created")), Some(Removal::Key));
    assert_eq!(kind(&bridged("Lifecycle Expiration", "Permanently Deleted")), None);
}

#[test]
fn an_announcement_of_ours_reads_as_the_object_that_it_announces() {
    let plain = ObjectRef {
        bucket: "landing".to_owned(),
        key: "in/a b+c=é%20/\u{1}\"x.gz".to_owned(),
        other_key: None,
        version: None,
        etag: Some("e-2".to_owned()),
        size: Some(7),
        sequencer: None,
        event_time: "2026-11-25T01:02:03Z".parse().expect("a moment"),
    };
    let full = ObjectRef {
        version: Some("v1".to_owned()),
        sequencer: Sequencer::parse("0055AED6DCD90281E5"),
        ..plain.clone()
    };
    let bare = ObjectRef { etag: None, size: None, ..plain.clone() };
    for object in [plain, full, bare] {
        assert_eq!(parse(&announcement(&object)).expect("a notification"), [Event::Created(object)]);
    }
}
