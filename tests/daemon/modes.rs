//! Every mode through the daemon: objects in several orders, coalesced into loads in several ways, and replayed; the table is held against
//! what the test works out by itself from the same objects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::daemon::Daemon;
use crate::support::sandbox::{Aws, Service, Setup, s3_event};

/// An object of a test: its key, when it is put (the order of its sequencer too), and its rows; `None` for a removal.
#[derive(Clone, Debug)]
struct Put {
    key: &'static str,
    at: u32,
    rows: Option<Vec<Value>>,
    /// Of a removal: when the version was put that is removed for good; the key itself, if there is none.
    version_of: Option<u32>,
}

fn put(key: &'static str, at: u32, rows: Vec<Value>) -> Put {
    Put { key, at, rows: Some(rows), version_of: None }
}

fn removed(key: &'static str, at: u32) -> Put {
    Put { key, at, rows: None, version_of: None }
}

fn removed_version(key: &'static str, at: u32, version_of: u32) -> Put {
    Put { key, at, rows: None, version_of: Some(version_of) }
}

fn time(at: u32) -> String {
    format!("2026-11-21T08:{:02}:00.000Z", at)
}

/// A pipeline over `in/**` with these columns and this target; `tail` is what follows the target.
fn pipeline(columns: &str, target: &str, tail: &str) -> String {
    format!(
        "name = \"p\"\nfreshness = \"1s\"\n[source]\nbucket = \"landing\"\nkey = \"in/**\"\nformat = \"json-lines\"\n\
         [columns]\n{columns}\n[target]\ntable = \"app.t\"\n{target}\n{tail}\n"
    )
}

/// The ways in which a test's objects reach the loader: an order, and where a load ends.
fn deliveries(count: usize) -> Vec<(&'static str, Vec<usize>, usize)> {
    let forward: Vec<usize> = (0..count).collect();
    let backward: Vec<usize> = (0..count).rev().collect();
    // Every third first, so that what lies between comes late.
    let mut jumping: Vec<usize> = (0..count).step_by(3).collect();
    jumping.extend((0..count).filter(|at| at % 3 == 2));
    jumping.extend((0..count).filter(|at| at % 3 == 1));
    vec![
        ("in order, one by one", forward.clone(), 1),
        ("in reverse, one by one", backward.clone(), 1),
        ("jumping, one by one", jumping.clone(), 1),
        ("jumping, two by two", jumping, 2),
        ("in reverse, all at once", backward, count),
    ]
}

/// A warehouse that has a mode's table after one way of delivery, with everything delivered a second time.
async fn delivered(config: &str, puts: &[Put], order: &[usize], together: usize) -> (Aws, Daemon) {
    let aws = Aws::with(Setup { announce: false, versioned: true, ..Setup::default() }).await;
    let path = aws.configure(&Service::default(), &[config]);
    let daemon = Daemon::start(&aws, &path);
    let mut events = Vec::new();
    let mut versions: BTreeMap<u32, String> = BTreeMap::new();
    for put in puts {
        let sequencer = format!("{:04X}", put.at);
        let record = match &put.rows {
            Some(rows) => {
                versions.insert(put.at, aws.put_rows(put.key, rows.clone()).await.unwrap());
                aws.record(put.key, &time(put.at), Some(&sequencer)).await
            }
            None => {
                let (name, version) = match put.version_of {
                    None => ("ObjectRemoved:DeleteMarkerCreated", format!("m{}", put.at)),
                    Some(at) => ("ObjectRemoved:Delete", versions[&at].clone()),
                };
                json!({
                    "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": name,
                    "eventTime": time(put.at), "s3": { "bucket": { "name": "landing" },
                        "object": { "key": put.key, "versionId": version, "sequencer": sequencer } },
                })
            }
        };
        events.push(record);
    }
    let mut loaded = 0;
    for part in order.chunks(together) {
        let records: Vec<Value> = part.iter().map(|at| events[*at].clone()).collect();
        aws.send_event(&s3_event(&records)).await;
        loaded += part.len() as u64;
        aws.until_loaded("p", loaded).await;
    }
    aws.until_drained().await;
    let before = aws.rows("SELECT COUNT(*) FROM tidegate.batches_p").await;
    // Everything once more: nothing may change.
    aws.send_event(&s3_event(&events)).await;
    crate::support::eventually(crate::support::LIMIT, "the replay's batch", async || {
        aws.rows("SELECT COUNT(*) FROM tidegate.batches_p").await != before
    })
    .await;
    aws.until_drained().await;
    aws.assert_balanced("p").await;
    aws.assert_nothing_parked().await;
    (aws, daemon)
}

/// Delivers in every way, and compares the rows that `query` gives, in its order, with what is expected.
async fn assert_function_of_the_set(config: &str, puts: &[Put], query: &str, expected: &[Vec<String>]) {
    for (name, order, together) in deliveries(puts.len()) {
        let (aws, _daemon) = delivered(config, puts, &order, together).await;
        assert_eq!(aws.rows(query).await, expected, "{name}");
    }
}

fn texts<const N: usize>(row: [&dyn ToString; N]) -> Vec<String> {
    row.iter().map(|value| value.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn insert_new_has_each_key_once_in_any_order() {
    let row = |id: i64, note: Option<&str>, from: u32| json!({ "id": id, "note": note, "n": from });
    let puts: Vec<Put> = vec![
        put("in/a", 1, vec![row(1, Some("x"), 1), row(1, Some("x"), 1), row(2, None, 1), row(1, Some("y"), 1)]),
        put("in/b", 2, vec![row(1, Some("x"), 2), row(2, None, 2), row(3, None, 2)]),
        put("in/c", 3, vec![row(2, Some(""), 3), row(3, None, 3)]),
    ];
    let config = pipeline(
        "id = { type = \"bigint\", required = true }\nnote = \"varchar(8)\"\nn = \"integer\"",
        "mode = \"insert-new\"\nkey = [\"id\", \"note\"]\ncreate = true",
        "",
    );
    // The values of a key are those of one of its rows; which one is the order's matter.
    let query = "SELECT id, note FROM app.t ORDER BY id, note";
    let expected =
        [["1", "x"], ["1", "y"], ["2", ""], ["2", "NULL"], ["3", "NULL"]].map(|row| row.map(str::to_owned).to_vec());
    for (name, order, together) in deliveries(puts.len()) {
        let (aws, _daemon) = delivered(&config, &puts, &order, together).await;
        assert_eq!(aws.rows(query).await, expected, "{name}");
        let of = "SELECT COUNT(*) FROM app.t WHERE n IS NULL OR n NOT IN (1, 2, 3)";
        assert_eq!(aws.number(of).await, 0, "{name}");
        if together == puts.len() {
            // Within a load, the oldest object's row is the first.
            assert_eq!(
                aws.rows("SELECT id, note, n FROM app.t ORDER BY id, note").await[3],
                ["2", "NULL", "1"],
                "{name}"
            );
        }
    }
}

/// The rows that an upsert keeps: of each key the last by `changed`, then by time; none if that one says it is gone.
fn newest(puts: &[Put], newest_by: Option<&str>) -> BTreeMap<i64, Value> {
    let mut kept: BTreeMap<i64, ((i64, u32, usize), Value)> = BTreeMap::new();
    for put in puts {
        for (number, row) in put.rows.iter().flatten().enumerate() {
            let version = (newest_by.map_or(0, |name| row[name].as_i64().unwrap_or(i64::MIN)), put.at, number);
            let id = row["id"].as_i64().unwrap();
            if kept.get(&id).is_none_or(|(known, _)| *known < version) {
                kept.insert(id, (version, row.clone()));
            }
        }
    }
    kept.into_iter().map(|(id, (_, row))| (id, row)).collect()
}

fn upserts() -> Vec<Put> {
    let row = |id: i64, amount: Option<i64>, op: &str| json!({ "id": id, "amount": amount, "op": op, "more": { "a": [amount] } });
    vec![
        put("in/a", 1, vec![row(1, Some(10), "U"), row(2, Some(20), "U"), row(3, None, "U"), row(5, Some(5), "U")]),
        // The same values again: left alone, and yet newer than what comes late between.
        put("in/b", 3, vec![row(1, Some(10), "U"), row(3, None, "U"), row(2, Some(21), "U")]),
        put("in/c", 2, vec![row(1, Some(11), "U"), row(3, Some(33), "U"), row(2, Some(22), "U")]),
        put("in/d", 5, vec![row(2, Some(21), "D"), row(4, None, "D"), row(5, Some(5), "D")]),
        put("in/e", 4, vec![row(2, Some(24), "U"), row(4, Some(44), "U")]),
        put("in/f", 6, vec![row(5, Some(55), "U"), row(5, Some(56), "U")]),
    ]
}

const UPSERT_COLUMNS: &str =
    "id = { type = \"bigint\", required = true }\namount = \"integer\"\nop = \"varchar(1)\"\nmore = \"super\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsert_is_a_function_of_its_rows_and_deletes_for_good() {
    let config = pipeline(
        UPSERT_COLUMNS,
        "mode = \"upsert\"\nkey = [\"id\"]\ndelete_when = { column = \"op\", value = \"D\" }\ncreate = true",
        "",
    );
    let expected: Vec<Vec<String>> = newest(&upserts(), None)
        .into_iter()
        .filter(|(_, row)| row["op"] != "D")
        .map(|(id, row)| texts([&id, &row["amount"].as_i64().map_or("NULL".to_owned(), |n| n.to_string())]))
        .collect();
    assert_eq!(expected.len(), 3, "1, 3 and 5 stay");
    assert_function_of_the_set(&config, &upserts(), "SELECT id, amount FROM app.t ORDER BY id", &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsert_marks_what_is_gone_and_a_newer_row_brings_it_back() {
    let config = pipeline(
        UPSERT_COLUMNS,
        "mode = \"upsert\"\nkey = [\"id\"]\ndelete_when = { column = \"op\", value = \"D\", mark = \"gone\" }\ncreate = true",
        "",
    );
    let expected: Vec<Vec<String>> = newest(&upserts(), None)
        .into_iter()
        .map(|(id, row)| {
            let amount = row["amount"].as_i64().map_or("NULL".to_owned(), |n| n.to_string());
            texts([&id, &amount, &(row["op"] == "D")])
        })
        .collect();
    assert_function_of_the_set(&config, &upserts(), "SELECT id, amount, gone FROM app.t ORDER BY id", &expected).await;
}

/// What goes wrong elsewhere, row 19: deduplication over the whole target costs too much.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_19_an_upsert_within_its_window_gives_the_same_and_leaves_unchanged_rows_alone() {
    // The sort key never changes for a key, so that the window is sound.
    let row = |id: i64, day: &str, amount: i64| json!({ "id": id, "day": day, "amount": amount });
    let puts = vec![
        put("in/a", 1, vec![row(1, "2026-01-01", 1), row(2, "2026-01-02", 2), row(3, "2026-02-01", 3)]),
        put("in/b", 2, vec![row(2, "2026-01-02", 2), row(1, "2026-01-01", 11)]),
        put("in/c", 3, vec![row(3, "2026-02-01", 3), row(4, "2026-02-02", 4)]),
    ];
    let config = pipeline(
        "id = { type = \"bigint\", required = true }\nday = { type = \"date\", required = true }\namount = \"integer\"",
        "mode = \"upsert\"\nkey = [\"id\"]\nsortkey = [\"day\"]\nmerge_window = \"day\"\ncreate = true\nencode = \"explicit\"",
        "",
    );
    let expected = [["1", "11"], ["2", "2"], ["3", "3"], ["4", "4"]].map(|row| row.map(str::to_owned).to_vec());
    assert_function_of_the_set(&config, &puts, "SELECT id, amount FROM app.t ORDER BY id", &expected).await;

    let (aws, _daemon) = delivered(&config, &puts, &[0, 1, 2], 1).await;
    let fates = "SELECT SUM(rows_inserted), SUM(rows_updated), SUM(rows_unchanged), SUM(rows_superseded) FROM tidegate.batches_p";
    assert_eq!(aws.rows(fates).await, [["4", "1", "2", "0"]]);
    // Left alone, lineage included: the row says which object gave it its values.
    let object = "SELECT o.object_key FROM app.t t JOIN tidegate.objects_p o ON o.object_id = t.\"_tidegate_object\" WHERE t.id = 2";
    assert_eq!(aws.rows(object).await, [["in/a"]]);
    let balance = "SELECT pipeline, COUNT(*) FROM tidegate.batch_balance WHERE balanced GROUP BY pipeline";
    assert_eq!(
        aws.rows(balance).await,
        [["p".to_owned(), aws.rows("SELECT COUNT(*) FROM tidegate.batches_p").await[0][0].clone()]]
    );
}

/// The versions of a key as scd2 has them: start, values, end.
type History = Vec<(String, Option<String>, String)>;

/// The history that versions (start, moment, values) make; `None` is the key's absence.
fn history(mut versions: Vec<(String, u32, Option<Option<String>>)>, end_of: impl Fn(&str) -> String) -> History {
    versions.sort();
    // Of those with one start, the last counts.
    let mut by_start: BTreeMap<String, Option<Option<String>>> = BTreeMap::new();
    for (start, _, values) in versions {
        by_start.insert(start, values);
    }
    let mut changes: Vec<(String, Option<Option<String>>)> = Vec::new();
    for (start, values) in by_start {
        if changes.last().map_or(values.is_some(), |(_, last)| *last != values) {
            changes.push((start, values));
        }
    }
    let ends =
        changes.iter().skip(1).map(|(start, _)| end_of(start)).chain(["9999-12-31".to_owned()]).collect::<Vec<_>>();
    let with_ends = changes.into_iter().zip(ends);
    with_ends.filter_map(|((start, values), end)| values.map(|values| (start, values, end))).collect()
}

fn day_before(day: &str) -> String {
    let day: jiff::civil::Date = day.parse().unwrap();
    day.yesterday().unwrap().to_string()
}

fn customers() -> Vec<Put> {
    let row =
        |id: i64, day: u32, city: Option<&str>| json!({ "id": id, "day": format!("2026-01-{day:02}"), "city": city });
    vec![
        put("in/1", 1, vec![row(1, 1, Some("Graz")), row(2, 1, None), row(3, 1, Some("Linz"))]),
        put("in/2", 2, vec![row(1, 2, Some("Graz")), row(2, 2, Some("Wien")), row(3, 2, Some("Linz"))]),
        put("in/3", 3, vec![row(1, 3, Some("Wien")), row(2, 3, Some("Wien")), row(4, 3, Some("Enns"))]),
        put(
            "in/4",
            4,
            vec![row(1, 4, Some("Graz")), row(2, 4, None), row(3, 4, Some("Linz")), row(4, 4, Some("Enns"))],
        ),
        put("in/5", 5, vec![row(1, 5, Some("Graz")), row(2, 5, None), row(3, 5, Some("Steyr"))]),
        // The third day once more, corrected.
        put("in/3b", 6, vec![row(1, 3, Some("Graz")), row(2, 3, Some("Wien")), row(3, 3, Some("Linz"))]),
        put("in/7", 7, vec![row(1, 7, Some("Graz")), row(3, 7, Some("Steyr"))]),
    ]
}

fn customer_history(puts: &[Put], full: bool) -> Vec<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    // Of the extracts of a day the newest counts.
    let mut extracts: BTreeMap<String, &Put> = BTreeMap::new();
    for put in puts {
        let day = text(&put.rows.as_ref().unwrap()[0]["day"]).unwrap();
        if extracts.get(&day).is_none_or(|known| known.at < put.at) {
            extracts.insert(day, put);
        }
    }
    let mut expected = Vec::new();
    for id in 1..=4 {
        let mut versions = Vec::new();
        for put in puts {
            let rows = put.rows.as_ref().unwrap();
            let day = text(&rows[0]["day"]).unwrap();
            if full && extracts[&day].at != put.at {
                continue;
            }
            let found = rows.iter().find(|row| row["id"] == id);
            match found {
                Some(row) => versions.push((day, put.at, Some(text(&row["city"])))),
                None if full => versions.push((day, put.at, None)),
                None => {}
            }
        }
        for (start, city, end) in history(versions, day_before) {
            let current = end == "9999-12-31";
            expected.push(texts([&id, &city.unwrap_or("NULL".to_owned()), &start, &end, &current]));
        }
    }
    expected
}

const CUSTOMER_COLUMNS: &str = "id = { type = \"bigint\", required = true }\ncity = \"varchar(32)\"\n\
                                valid_from = { from = \"day\", type = \"date\", required = true }";

const CUSTOMER_TARGET: &str = "mode = \"scd2\"\nkey = [\"id\"]\neffective_from = \"valid_from\"\neffective_to = \"valid_to\"\n\
                               is_current = \"active\"\nexpiry = \"day-before\"\ncreate = true";

const CUSTOMER_QUERY: &str = "SELECT id, city, valid_from, valid_to, active FROM app.t ORDER BY id, valid_from";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scd2_writes_the_same_history_in_any_order() {
    let config = pipeline(CUSTOMER_COLUMNS, CUSTOMER_TARGET, "");
    let expected = customer_history(&customers(), false);
    assert!(expected.len() > 6, "{expected:?}");
    assert_function_of_the_set(&config, &customers(), CUSTOMER_QUERY, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scd2_of_full_extracts_ends_what_vanished_and_begins_what_returns_in_any_order() {
    let config = pipeline(CUSTOMER_COLUMNS, &format!("{CUSTOMER_TARGET}\nfull_extract = true"), "");
    let expected = customer_history(&customers(), true);
    assert!(expected.iter().any(|row| row[4] == "false"), "{expected:?}");
    assert_function_of_the_set(&config, &customers(), CUSTOMER_QUERY, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scd2_by_the_events_time_ends_a_microsecond_before_the_next_and_is_open_with_null() {
    let row = |id: i64, city: &str| json!({ "id": id, "city": city, "more": { "c": city } });
    let puts = vec![
        put("in/a", 1, vec![row(1, "Graz"), row(2, "Linz")]),
        put("in/b", 2, vec![row(1, "Wien")]),
        put("in/c", 3, vec![row(1, "Wien"), row(2, "Linz")]),
        put("in/d", 4, vec![row(1, "Graz")]),
    ];
    let config = pipeline(
        "id = { type = \"bigint\", required = true }\ncity = \"varchar(32)\"\nmore = \"super\"",
        "mode = \"scd2\"\nkey = [\"id\"]\nopen_end = \"null\"\nexpiry = \"microsecond-before\"\ncreate = true",
        "",
    );
    let at = |minute: u32| format!("2026-11-21 08:{minute:02}:00");
    let before = |minute: u32| format!("2026-11-21 08:{:02}:59.999999", minute - 1);
    let expected = [
        texts([&1, &"Graz", &at(1), &before(2), &false]),
        texts([&1, &"Wien", &at(2), &before(4), &false]),
        texts([&1, &"Graz", &at(4), &"NULL", &true]),
        texts([&2, &"Linz", &at(1), &"NULL", &true]),
    ];
    let query = "SELECT id, city, effective_from, effective_to, is_current FROM app.t ORDER BY id, effective_from";
    assert_function_of_the_set(&config, &puts, query, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_holds_the_rows_of_its_newest_object_in_any_order() {
    let row = |day: u32, n: i64| json!({ "day": format!("2026-01-{day:02}"), "n": n });
    let puts = vec![
        put("in/1", 1, vec![row(1, 1), row(1, 2), row(2, 3)]),
        put("in/2", 2, vec![row(2, 4), row(2, 4), row(3, 5)]),
        put("in/1", 3, vec![row(1, 6)]),
        put("in/4", 4, vec![row(3, 7), row(4, 8)]),
    ];
    let config = pipeline(
        "day = { type = \"date\", required = true }\nn = \"integer\"",
        "mode = \"replace-partition\"\npartition = [\"day\"]\ncreate = true",
        "",
    );
    let mut owners: BTreeMap<String, (u32, Vec<i64>)> = BTreeMap::new();
    for put in &puts {
        let mut parts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in put.rows.as_ref().unwrap() {
            parts.entry(row["day"].as_str().unwrap().to_owned()).or_default().push(row["n"].as_i64().unwrap());
        }
        for (day, rows) in parts {
            if owners.get(&day).is_none_or(|(at, _)| *at < put.at) {
                owners.insert(day, (put.at, rows));
            }
        }
    }
    let mut expected: Vec<Vec<String>> =
        owners.iter().flat_map(|(day, (_, rows))| rows.iter().map(move |n| texts([day, n]))).collect();
    expected.sort();
    assert_function_of_the_set(&config, &puts, "SELECT day, n FROM app.t ORDER BY day, n", &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objects_newest_version_replaces_the_older_and_its_removal_takes_its_rows_in_any_order() {
    let rows = |from: i64| (from..from + 3).map(|n| json!({ "n": n })).collect::<Vec<_>>();
    let puts = vec![
        put("in/a", 1, rows(10)),
        put("in/b", 2, rows(20)),
        put("in/a", 3, rows(30)),
        removed("in/b", 4),
        put("in/c", 5, rows(40)),
        removed("in/c", 6),
        put("in/c", 7, rows(50)),
        // The newest version is removed for good, and an older one.
        put("in/d", 8, rows(60)),
        put("in/d", 9, rows(70)),
        removed_version("in/d", 10, 9),
        put("in/e", 11, rows(80)),
        put("in/e", 12, rows(90)),
        removed_version("in/e", 13, 11),
    ];
    let mut newest: BTreeMap<&str, &Put> = BTreeMap::new();
    for put in puts.iter().filter(|put| put.version_of.is_none()) {
        newest.insert(put.key, put);
    }
    newest.retain(|_, put| !puts.iter().any(|other| other.version_of == Some(put.at)));
    let mut expected: Vec<i64> =
        newest.values().flat_map(|put| put.rows.iter().flatten().map(|row| row["n"].as_i64().unwrap())).collect();
    expected.sort_unstable();
    let expected: Vec<Vec<String>> = expected.iter().map(|n| texts([n])).collect();
    assert_eq!(expected.len(), 9);
    let config = pipeline("n = \"integer\"", "mode = \"replace-object\"\non_delete = \"delete\"\ncreate = true", "");
    assert_function_of_the_set(&config, &puts, "SELECT n FROM app.t ORDER BY n", &expected).await;
}

/// Objects made by chance, a random order of them and random ends of loads; the same for the same seed, which a failure names.
async fn assert_random(
    config: &str,
    make: impl Fn(&mut fastrand::Rng) -> Vec<Put>,
    query: &str,
    expected: impl Fn(&[Put]) -> Vec<Vec<String>>,
) {
    for seed in 1..=3 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let puts = make(&mut chance);
        let mut order: Vec<usize> = (0..puts.len()).collect();
        chance.shuffle(&mut order);
        let together = chance.usize(1..=3);
        let (aws, _daemon) = delivered(config, &puts, &order, together).await;
        assert_eq!(
            aws.rows(query).await,
            expected(&puts),
            "seed {seed}, {together} at once, in the order {order:?}: {puts:#?}"
        );
    }
}

/// Keys that are the objects' alone, so that a test may put as many as it likes.
const KEYS: [&str; 12] =
    ["in/0", "in/1", "in/2", "in/3", "in/4", "in/5", "in/6", "in/7", "in/8", "in/9", "in/10", "in/11"];

fn random_customers(chance: &mut fastrand::Rng) -> Vec<Put> {
    let objects = KEYS.iter().zip(1..);
    objects
        .map(|(key, at)| {
            let day = chance.u32(1..=7);
            let mut rows = Vec::new();
            for id in 1..=4 {
                // The first is always there: an extract is never empty.
                if id == 1 || chance.u8(..4) > 0 {
                    let city = chance.choice([Some("Graz"), Some("Wien"), None]).flatten();
                    rows.push(json!({ "id": id, "day": format!("2026-01-{day:02}"), "city": city }));
                }
            }
            put(key, at, rows)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scd2_writes_the_history_that_random_objects_in_random_orders_make() {
    for full in [false, true] {
        let config = pipeline(CUSTOMER_COLUMNS, &format!("{CUSTOMER_TARGET}\nfull_extract = {full}"), "");
        assert_random(&config, random_customers, CUSTOMER_QUERY, |puts| customer_history(puts, full)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsert_keeps_what_random_objects_in_random_orders_make() {
    let make = |chance: &mut fastrand::Rng| {
        let objects = KEYS.iter().zip(1..);
        let mut row = || {
            let op = if chance.u8(..5) == 0 { "D" } else { "U" };
            json!({ "id": chance.i64(1..=6), "amount": chance.i64(1..=2), "op": op, "changed": chance.i64(1..=3) })
        };
        objects.map(|(key, at)| put(key, at, (0..4).map(|_| row()).collect())).collect()
    };
    for (newest_by, line) in [(None, ""), (Some("changed"), "newest_by = [\"changed\"]\n")] {
        let config = pipeline(
            "id = { type = \"bigint\", required = true }\namount = \"integer\"\nop = \"varchar(1)\"\nchanged = \"integer\"",
            &format!(
                "mode = \"upsert\"\nkey = [\"id\"]\n{line}delete_when = {{ column = \"op\", value = \"D\" }}\ncreate = true"
            ),
            "",
        );
        let expected = |puts: &[Put]| {
            let kept = newest(puts, newest_by).into_iter().filter(|(_, row)| row["op"] != "D");
            kept.map(|(id, row)| texts([&id, &row["amount"], &row["changed"]])).collect::<Vec<_>>()
        };
        assert_random(&config, make, "SELECT id, amount, changed FROM app.t ORDER BY id", expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_s3_itself_announces_as_removed_is_removed_and_comes_back_when_it_is_put_again() {
    let aws = Aws::with(Setup { announce_removals: true, ..Setup::default() }).await;
    let config = pipeline("n = \"integer\"", "mode = \"replace-object\"\non_delete = \"delete\"\ncreate = true", "");
    let path = aws.configure(&Service::default(), &[&config]);
    // Gone before it could be read: its removal is what counts.
    aws.put_rows("in/early", [json!({ "n": 1 })]).await;
    aws.delete("in/early").await;
    let _daemon = Daemon::start(&aws, &path);
    aws.put_rows("in/a", [json!({ "n": 2 })]).await;
    aws.put_rows("in/b", [json!({ "n": 3 })]).await;
    let rows = async |expected: &[&str]| {
        let what = format!("{expected:?} in the table");
        crate::support::eventually(crate::support::LIMIT, &what, async || {
            aws.try_rows("SELECT n FROM app.t ORDER BY n").await.is_ok_and(|rows| rows.concat() == expected)
        })
        .await;
    };
    rows(&["2", "3"]).await;
    aws.delete("in/a").await;
    rows(&["3"]).await;
    // The same bytes, on a bucket without versions.
    aws.put_rows("in/a", [json!({ "n": 2 })]).await;
    rows(&["2", "3"]).await;
    aws.until_drained().await;
    rows(&["2", "3"]).await;
    aws.assert_balanced("p").await;
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_is_put_again_replaces_what_came_in_between_on_a_bucket_without_versions() {
    let aws = Aws::start().await;
    let config = pipeline(
        "n = \"integer\"\nday = { from = \"{@key}\", type = \"varchar(16)\", required = true }",
        "mode = \"replace-partition\"\npartition = [\"day\"]\ncreate = true",
        "",
    );
    let path = aws.configure(&Service::default(), &[&config]);
    let _daemon = Daemon::start(&aws, &path);
    for (loads, numbers) in [(1, [1, 2]), (2, [3, 4]), (3, [1, 2]), (4, [3, 4])] {
        aws.put_rows("in/day", numbers.map(|n| json!({ "n": n }))).await;
        aws.until_loaded("p", loads).await;
        aws.until_drained().await;
        let rows = aws.rows("SELECT n FROM app.t ORDER BY n").await;
        assert_eq!(rows, numbers.map(|n| [n.to_string()]), "put {loads}");
    }
    // An event that comes again is the put that it announced, and no newer one.
    let event = s3_event(&[aws.record("in/day", "2020-01-01T08:00:00.000Z", Some("00")).await]);
    aws.send_event(&event).await;
    aws.send_event(&event).await;
    aws.until_loaded("p", 5).await;
    aws.until_drained().await;
    assert_eq!(aws.rows("SELECT n FROM app.t ORDER BY n").await, [["3"], ["4"]]);
    assert_eq!(aws.loaded("p").await, 5);
    aws.assert_balanced("p").await;
    aws.assert_nothing_parked().await;
}
