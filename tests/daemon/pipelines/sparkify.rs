//! `pipelines/sparkify`: songs and what listeners did, into a star schema, in several orders.

use serde_json::{Value, json};

use crate::support::data::Data;
use crate::support::sandbox::{Aws, Setup, json_lines};

/// What is compared of each table.
pub(super) const TABLES: [(&str, &str); 6] = [
    ("events", "SELECT session_id, item_in_session, page, user_id, registration, length FROM sparkify.staging_events"),
    (
        "songplays",
        "SELECT start_time, user_id, level, song_id, artist_id, session_id, item_in_session, location, user_agent \
         FROM sparkify.songplays",
    ),
    ("users", "SELECT user_id, first_name, last_name, gender, level FROM sparkify.users"),
    ("songs", "SELECT song_id, title, artist_id, year, duration FROM sparkify.songs"),
    ("artists", "SELECT artist_id, name, location, latitude, longitude FROM sparkify.artists"),
    ("time", "SELECT start_time, hour, day, week, month, year, weekday FROM sparkify.time"),
];

/// Songs of which the real listeners heard one: none of the real songs was ever played.
pub(super) fn added_songs() -> Vec<Value> {
    let song = |id: &str, title: &str, artist: &str, name: &str, year: u16| {
        json!({
            "num_songs": 1, "artist_id": artist, "artist_latitude": 37.15732, "artist_longitude": null,
            "artist_location": format!("as of {year}"), "artist_name": name, "song_id": id, "title": title, "duration": 239.3073, "year": year,
        })
    };
    vec![
        song("SOZZZZ1", "You're The One", "ARYOAKAM", "Dwight Yoakam", 1990),
        song("SOAAAA1", "You're The One", "ARYOAKAM", "Dwight Yoakam", 2005), // alike: the least id is taken
        song("SOAAAA0", "You're The One", "ARKAREN", "Karen Souza", 0),       // the title, of another artist
        song("SOAAAA2", "Fast As You", "ARYOAKAM", "Dwight Yoakam", 1993),    // the artist, with another title
    ]
}

/// A day with a play of nobody, and with one of a listener who pays again since.
fn added_events() -> Vec<Value> {
    let event = |ts: u64, item: u32, user: &str, page: &str| {
        json!({
            "artist": "Dwight Yoakam", "auth": "Logged In", "firstName": "Celeste", "gender": "F", "itemInSession": item,
            "lastName": "Williams", "length": 239.3073, "level": "paid", "location": null, "method": "PUT", "page": page,
            "registration": 1541077528796.0, "sessionId": 9000, "song": "You're The One", "status": 200, "ts": ts,
            "userAgent": "\"a \\ quoted, agent\"", "userId": user,
        })
    };
    vec![
        event(1_546_214_400_123, 0, "53", "NextSong"), // 2018-12-31, in week 1 of 2019
        event(1_546_214_400_124, 1, "", "NextSong"),
        event(1_546_214_400_124, 2, "54", "Home"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_star_of_songs_and_plays_is_what_python_makes_of_the_files_in_whatever_order_they_come() {
    let Some(data) = Data::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let added = folder.path().join("added.json");
    std::fs::write(&added, json!({ "songs": added_songs(), "events": added_events() }).to_string()).unwrap();
    let expected: Vec<_> = TABLES
        .iter()
        .map(|(what, _)| data.computed("daemon/pipelines/sparkify.py", &[*what, added.to_str().unwrap()]))
        .collect();

    let songs = songs(&data);
    let days = days(&data);
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "sparkify");
    let _daemon = super::run(&aws, &config);
    put(&aws, &songs).await;
    aws.until_loaded("sparkify_songs", songs.len() as u64).await;
    put(&aws, &days).await;
    aws.until_loaded("sparkify_events", days.len() as u64).await;
    aws.until_drained().await;
    for ((what, query), expected) in TABLES.iter().zip(&expected) {
        println!("{what}");
        expected.assert_rows(aws.rows(query).await);
    }
    let ids = "SELECT songplay_id FROM sparkify.songplays ORDER BY 1";
    let first_ids = aws.rows(ids).await;
    let matched = "SELECT COUNT(*) FROM sparkify.songplays WHERE song_id = 'SOAAAA1' AND artist_id = 'ARYOAKAM'";
    assert!(aws.number(matched).await > 2, "the real listeners heard it too");

    // Every object once more, which the ledger tells, and as another object, which only the tables' keys tell.
    for objects in [&days, &songs] {
        put(&aws, objects).await;
        let copies: Vec<_> =
            objects.iter().map(|(key, body)| (key.replace("_data/", "_data/copy/"), body.clone())).collect();
        put(&aws, &copies).await;
    }
    aws.until_loaded("sparkify_events", 2 * days.len() as u64).await;
    aws.until_loaded("sparkify_songs", 2 * songs.len() as u64).await;
    aws.until_drained().await;
    for ((what, query), expected) in TABLES.iter().zip(&expected) {
        println!("{what}, loaded twice");
        expected.assert_rows(aws.rows(query).await);
    }

    // The last days first, in several loads, and the songs last, with every event twice.
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    let config = super::shipped(&aws, "sparkify");
    let _daemon = super::run(&aws, &config);
    let reversed: Vec<_> = days.iter().enumerate().rev().collect();
    let mut loaded = 0;
    for part in reversed.chunks(5) {
        for (at, (key, body)) in part {
            super::put_announced_twice(&aws, key, body.clone(), *at).await;
        }
        loaded += part.len() as u64;
        aws.until_loaded("sparkify_events", loaded).await;
    }
    for (at, (key, body)) in songs.iter().enumerate() {
        super::put_announced_twice(&aws, key, body.clone(), at).await;
    }
    aws.until_loaded("sparkify_songs", songs.len() as u64).await;
    aws.until_drained().await;
    for ((what, query), expected) in TABLES.iter().zip(&expected) {
        println!("{what}, in reverse");
        expected.assert_rows(aws.rows(query).await);
    }
    assert_eq!(aws.rows(ids).await, first_ids, "a play has the same id in whatever order");
    for pipeline in ["sparkify_songs", "sparkify_events"] {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
}

async fn put(aws: &Aws, objects: &[(String, Vec<u8>)]) {
    for (key, body) in objects {
        aws.put(key, body.clone()).await;
    }
}

/// The songs' objects: the real ones, and the added.
pub(super) fn songs(data: &Data) -> Vec<(String, Vec<u8>)> {
    let mut songs = Vec::new();
    let mut folders = vec!["sparkify/song_data".to_owned()];
    while let Some(folder) = folders.pop() {
        for name in data.files(&folder) {
            let path = format!("{folder}/{name}");
            if name.ends_with(".json") {
                songs.push((path.strip_prefix("sparkify/").unwrap().to_owned(), data.read(&path)));
            } else {
                folders.push(path);
            }
        }
    }
    assert_eq!(songs.len(), 36);
    let added = added_songs();
    songs.extend(
        added
            .iter()
            .enumerate()
            .map(|(at, song)| (format!("song_data/added/{at}.json"), song.to_string().into_bytes())),
    );
    songs
}

/// The days' objects: the real ones, and the added.
fn days(data: &Data) -> Vec<(String, Vec<u8>)> {
    let names = data.files("sparkify/log_data/2018/11");
    assert_eq!(names.len(), 19);
    let mut days: Vec<_> = names
        .into_iter()
        .map(|name| (format!("log_data/2018/11/{name}"), data.read(&format!("sparkify/log_data/2018/11/{name}"))))
        .collect();
    days.push(("log_data/2018/12/2018-12-31-events.json".to_owned(), json_lines(added_events()).into_bytes()));
    days
}
