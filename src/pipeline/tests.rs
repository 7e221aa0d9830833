use std::time::Duration;

use jiff::Timestamp;

use super::inflight::{InFlight, ObjectKey, Outcome};
use crate::model::{ObjectId, ObjectRef};
use crate::queue::{Message, Reason};

fn message(id: &str, receipt: &str) -> Message {
    Message {
        id: id.into(),
        receipt: receipt.into(),
        body: String::new(),
        group: None,
        receive_count: 1,
        sent_at: None,
    }
}

fn object(key: &str) -> ObjectKey {
    let object = ObjectRef {
        bucket: "b".into(),
        key: key.into(),
        other_key: None,
        version: None,
        etag: None,
        size: None,
        sequencer: None,
        event_time: Timestamp::UNIX_EPOCH,
    };
    ObjectKey { pipeline: 0, id: ObjectId::of("p", &object) }
}

fn reason() -> Reason {
    Reason { stage: "read", fault: "poison", kind: "corrupt", message: "bad".into(), pipeline: None, subject: None }
}

/// The ids and outcomes of settled messages.
fn ends(settled: Vec<(Message, Outcome)>) -> Vec<(String, Outcome)> {
    settled.into_iter().map(|(message, outcome)| (message.id.to_string(), outcome)).collect()
}

#[test]
fn a_message_is_settled_only_after_its_last_object() {
    let mut inflight = InFlight::default();
    let admitted = inflight.admit(message("m", "r"), Outcome::Done, &[object("a"), object("b")]);
    assert_eq!(admitted.start.len(), 2);
    assert!(admitted.settled.is_none());
    assert!(inflight.settle(object("a"), &Outcome::Done).is_empty());
    assert_eq!(ends(inflight.settle(object("b"), &Outcome::Done)), [("m".to_owned(), Outcome::Done)]);
    assert_eq!(inflight.len(), 0);
}

#[test]
fn a_message_without_objects_is_settled_at_once() {
    let mut inflight = InFlight::default();
    let admitted = inflight.admit(message("m", "r"), Outcome::Done, &[]);
    assert!(matches!(admitted.settled, Some((_, Outcome::Done))));
    assert_eq!(inflight.len(), 0);
}

#[test]
fn an_object_announced_twice_is_read_once_and_settles_both_messages() {
    let mut inflight = InFlight::default();
    assert_eq!(inflight.admit(message("m1", "r1"), Outcome::Done, &[object("a"), object("a")]).start.len(), 1);
    assert!(inflight.admit(message("m2", "r2"), Outcome::Done, &[object("a")]).start.is_empty());
    let settled = ends(inflight.settle(object("a"), &Outcome::Done));
    assert_eq!(settled, [("m1".to_owned(), Outcome::Done), ("m2".to_owned(), Outcome::Done)]);
}

#[test]
fn a_message_delivered_again_is_settled_by_its_newer_receipt() {
    let mut inflight = InFlight::default();
    inflight.admit(message("m", "old"), Outcome::Done, &[object("a")]);
    assert!(inflight.admit(message("m", "new"), Outcome::Done, &[object("a")]).start.is_empty());
    let settled = inflight.settle(object("a"), &Outcome::Done);
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].0.receipt, "new");
}

#[test]
fn one_poison_object_parks_its_message_and_one_to_be_tried_again_releases_it() {
    let mut inflight = InFlight::default();
    inflight.admit(message("m", "r"), Outcome::Done, &[object("a"), object("b"), object("c")]);
    inflight.settle(object("a"), &Outcome::Park(reason()));
    inflight.settle(object("b"), &Outcome::Release(Duration::from_secs(1)));
    let settled = ends(inflight.settle(object("c"), &Outcome::Release(Duration::from_secs(9))));
    assert_eq!(settled, [("m".to_owned(), Outcome::Release(Duration::from_secs(9)))]);
    inflight.admit(message("m", "r"), Outcome::Park(reason()), &[object("a")]);
    assert_eq!(ends(inflight.settle(object("a"), &Outcome::Done)), [("m".to_owned(), Outcome::Park(reason()))]);
}

/// What goes wrong elsewhere, row 2: a lost lease stops its work.
#[test]
fn row_2_a_lost_lease_stops_the_work_that_no_other_message_waits_for() {
    let mut inflight = InFlight::default();
    let alone = inflight.admit(message("m1", "r"), Outcome::Done, &[object("a"), object("b")]);
    inflight.admit(message("m2", "r"), Outcome::Done, &[object("b")]);
    inflight.lose(&"m1".into());
    let cancelled: Vec<bool> = alone.start.iter().map(|(_, cancel)| cancel.is_cancelled()).collect();
    assert_eq!(cancelled, [true, false]);
    assert!(inflight.settle(object("a"), &Outcome::Done).is_empty(), "nobody may settle a message without its lease");
    assert_eq!(ends(inflight.settle(object("b"), &Outcome::Done)), [("m2".to_owned(), Outcome::Done)]);
}

#[test]
fn what_is_held_at_the_end_is_given_back() {
    let mut inflight = InFlight::default();
    inflight.admit(message("m", "r"), Outcome::Done, &[object("a")]);
    assert_eq!(inflight.drain().len(), 1);
    assert!(inflight.settle(object("a"), &Outcome::Done).is_empty());
}
