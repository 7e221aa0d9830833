use std::io::Write as _;

use super::*;

fn dropped(name: &str) -> Record<'static> {
    Record::Dropped { queue: Cow::Owned(QueueName::parse(name).unwrap()) }
}

/// Opens the journal, and the names that its records carry.
fn open(folder: &Path) -> Result<(Journal, Vec<String>)> {
    let mut names = Vec::new();
    let journal = Journal::open(folder, |record| match record {
        Record::Dropped { queue } => names.push(queue.to_string()),
        other => panic!("{other:?} was never written"),
    })?;
    Ok((journal, names))
}

fn append_raw(folder: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(folder.join("journal.jsonl")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn records_come_back_in_order_without_being_synced() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, names) = open(&folder.path().join("not there yet")).unwrap();
    assert!(names.is_empty());
    journal.append(&[dropped("a"), dropped("b")]).unwrap();
    journal.append(&[dropped("c")]).unwrap();
    // As a kill would: nothing is closed or flushed.
    std::mem::forget(journal);
    let (_, names) = open(&folder.path().join("not there yet")).unwrap();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_line_that_a_kill_cut_short_is_dropped_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().0.append(&[dropped("whole")]).unwrap();
    append_raw(folder.path(), r#"{"Dropped":{"que"#);
    let (mut journal, names) = open(folder.path()).unwrap();
    assert_eq!(names, ["whole"]);
    journal.append(&[dropped("later")]).unwrap();
    assert_eq!(open(folder.path()).unwrap().1, ["whole", "later"]);
}

#[test]
fn a_damaged_line_is_refused_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().0.append(&[dropped("whole")]).unwrap();
    append_raw(folder.path(), "no record\n");
    let error = open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("journal.jsonl line 2"), "{error}");
}

#[test]
fn a_rewritten_journal_holds_only_what_it_was_given_and_what_came_after() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path()).unwrap();
    journal.append(&[dropped("old")]).unwrap();
    journal.rewrite([dropped("kept")].into_iter()).unwrap();
    journal.append(&[dropped("new")]).unwrap();
    assert_eq!(open(folder.path()).unwrap().1, ["kept", "new"]);
}

#[test]
fn a_journal_asks_to_be_rewritten_when_it_has_grown() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path()).unwrap();
    let records: Vec<Record<'_>> = (0..10_000).map(|_| dropped(&"x".repeat(80))).collect();
    let mut appended = 0;
    while !journal.is_long() {
        journal.append(&records).unwrap();
        appended += 1;
        assert!(appended < 100);
    }
    assert!(appended > 1);
    journal.rewrite(std::iter::empty()).unwrap();
    assert!(!journal.is_long());
}
