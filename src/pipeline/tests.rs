use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::inflight::{InFlight, ObjectKey, Outcome, Work};
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

/// Admits a message that waits for these objects; gives the readings that it begins.
fn admit(inflight: &mut InFlight, id: &str, receipt: &str, objects: &[&str]) -> Vec<(Work, CancellationToken)> {
    let keys: Vec<ObjectKey> = objects.iter().map(|key| object(key)).collect();
    let admitted = inflight.admit(message(id, receipt), Outcome::Done, &keys);
    assert!(admitted.settled.is_none());
    admitted.start
}

#[test]
fn a_message_is_settled_only_after_its_last_object() {
    let mut inflight = InFlight::default();
    let works = admit(&mut inflight, "m", "r", &["a", "b"]);
    assert_eq!(works.len(), 2);
    assert!(inflight.settle(works[0].0, &Outcome::Done).is_empty());
    assert_eq!(ends(inflight.settle(works[1].0, &Outcome::Done)), [("m".to_owned(), Outcome::Done)]);
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
    let works = admit(&mut inflight, "m1", "r1", &["a", "a"]);
    assert_eq!(works.len(), 1);
    assert!(admit(&mut inflight, "m2", "r2", &["a"]).is_empty());
    let settled = ends(inflight.settle(works[0].0, &Outcome::Done));
    assert_eq!(settled, [("m1".to_owned(), Outcome::Done), ("m2".to_owned(), Outcome::Done)]);
}

#[test]
fn a_message_delivered_again_is_settled_by_its_newer_receipt() {
    let mut inflight = InFlight::default();
    let works = admit(&mut inflight, "m", "old", &["a"]);
    assert!(admit(&mut inflight, "m", "new", &["a"]).is_empty());
    let settled = inflight.settle(works[0].0, &Outcome::Done);
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].0.receipt, "new");
}

#[test]
fn one_poison_object_parks_its_message_and_one_to_be_tried_again_releases_it() {
    let mut inflight = InFlight::default();
    let works = admit(&mut inflight, "m", "r", &["a", "b", "c"]);
    inflight.settle(works[0].0, &Outcome::Park(reason()));
    inflight.settle(works[1].0, &Outcome::Release(Duration::from_secs(1)));
    let settled = ends(inflight.settle(works[2].0, &Outcome::Release(Duration::from_secs(9))));
    assert_eq!(settled, [("m".to_owned(), Outcome::Release(Duration::from_secs(9)))]);
    let works = inflight.admit(message("m", "r"), Outcome::Park(reason()), &[object("a")]).start;
    assert_eq!(ends(inflight.settle(works[0].0, &Outcome::Done)), [("m".to_owned(), Outcome::Park(reason()))]);
}

/// What goes wrong elsewhere, row 2: a lost lease stops its work.
#[test]
fn row_2_a_lost_lease_stops_the_work_that_no_other_message_waits_for() {
    let mut inflight = InFlight::default();
    let works = admit(&mut inflight, "m1", "r", &["a", "b"]);
    admit(&mut inflight, "m2", "r", &["b"]);
    inflight.lose(&"m1".into());
    let cancelled: Vec<bool> = works.iter().map(|(_, cancel)| cancel.is_cancelled()).collect();
    assert_eq!(cancelled, [true, false]);
    assert!(inflight.settle(works[0].0, &Outcome::Done).is_empty(), "nobody may settle a message without its lease");
    assert_eq!(ends(inflight.settle(works[1].0, &Outcome::Done)), [("m2".to_owned(), Outcome::Done)]);
}

#[test]
fn work_that_was_given_up_does_not_settle_the_message_that_came_again() {
    let mut inflight = InFlight::default();
    let given_up = admit(&mut inflight, "m", "r1", &["a"]);
    inflight.lose(&"m".into());
    let again = admit(&mut inflight, "m", "r2", &["a"]);
    assert_eq!(again.len(), 1, "it is read anew");
    assert!(inflight.settle(given_up[0].0, &Outcome::Release(Duration::ZERO)).is_empty());
    assert_eq!(ends(inflight.settle(again[0].0, &Outcome::Done)), [("m".to_owned(), Outcome::Done)]);
}

#[test]
fn what_is_held_at_the_end_is_given_back() {
    let mut inflight = InFlight::default();
    let works = admit(&mut inflight, "m", "r", &["a"]);
    assert_eq!(inflight.drain().len(), 1);
    assert!(inflight.settle(works[0].0, &Outcome::Done).is_empty());
}
