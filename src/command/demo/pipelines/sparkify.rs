//! The source of `pipelines/sparkify`: a file for each song, and the events of three days.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Read, Table, Written, figure, object, pick};
use crate::command::demo::producer::Object;

const DAYS: [&str; 3] = ["2018-11-01", "2018-11-02", "2018-11-03"];
/// 2018-11-01 in milliseconds.
const FIRST: u64 = 1_541_030_400_000;
const DAY: u64 = 86_400_000;
const SONGS: usize = 30;
/// Every artist has two songs.
const ARTISTS: usize = SONGS / 2;
const USERS: u64 = 40;

/// What the generator knows of its events.
#[derive(Default)]
struct Known {
    events: u64,
    plays: u64,
    found: u64,
    moments: BTreeSet<u64>,
    /// The level of each listener's newest play.
    levels: BTreeMap<u64, (u64, &'static str)>,
}

pub(super) fn write(seed: u64, rows: u64) -> Written {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut known = Known::default();
    let days: Vec<String> = (0..DAYS.len()).map(|day| events(&mut random, day, rows, &mut known)).collect();
    let key = |day: usize| format!("log_data/2018/11/{}-events.json", DAYS[day]);
    let mut objects: Vec<Object> = [2, 0].map(|day| object(key(day), days[day].clone())).to_vec();
    objects.extend((0..SONGS).map(song));
    objects.push(object(key(1), days[1].clone()));
    // A day under another key, and a song once more.
    objects.push(object(format!("log_data/copy/{}-events.json", DAYS[1]), days[1].clone()));
    objects.push(song(0));

    let records = |pipeline, objects, records, rejected| Read { pipeline, objects, records, rejected };
    Written {
        first: Vec::new(),
        objects,
        read: vec![
            records("sparkify_songs", SONGS as u64, SONGS as u64, 0),
            // Two of each day's lines do not fit.
            records("sparkify_events", 4, 4 * rows, 8),
        ],
        figures: figures(&known),
        tables: vec![
            Table {
                name: "sparkify.songplays",
                columns: "start_time, user_id, level, song_id, artist_id, session_id, item_in_session, location",
                order: "song_id NULLS LAST, start_time",
            },
            Table {
                name: "sparkify.users",
                columns: "user_id, first_name, last_name, gender, level",
                order: "user_id",
            },
            Table { name: "sparkify.songs", columns: "song_id, title, artist_id, year, duration", order: "song_id" },
            Table {
                name: "sparkify.artists",
                columns: "artist_id, name, location, latitude, longitude",
                order: "artist_id",
            },
            Table {
                name: "sparkify.time",
                columns: "start_time, hour, day, week, month, year, weekday",
                order: "start_time",
            },
        ],
    }
}

/// Titles of which two artists have one each.
fn title(song: usize) -> String {
    format!(
        "Song of the {}",
        ["Tide", "Gate", "Moon", "Sand", "Harbour's Mouth"][song % 5].to_owned() + &" again".repeat(song / 10)
    )
}

fn artist(song: usize) -> String {
    format!(
        "The {} Band",
        ["Estuary", "Señor Coconut", "Low Water", "Neap", "Slack"][song % ARTISTS % 5].to_owned()
            + &" Jr".repeat(song % ARTISTS / 5)
    )
}

fn song(number: usize) -> Object {
    let id = format!("SO{number:016}");
    let artist_number = number % ARTISTS;
    let latitude = if artist_number.is_multiple_of(2) { Value::Null } else { json!(35.14968) };
    let body = json!({
        "num_songs": 1,
        "artist_id": format!("AR{artist_number:016}"),
        "artist_latitude": latitude,
        "artist_longitude": latitude,
        "artist_location": if artist_number.is_multiple_of(4) { "" } else { "Memphis, TN" },
        "artist_name": artist(number),
        "song_id": id,
        "title": title(number),
        "duration": 152.92036 + number as f64,
        "year": if number.is_multiple_of(3) { 0 } else { 1990 + number },
    });
    // One object, without a line's end.
    object(format!("song_data/A/A/{}/TR{number:016}.json", ["A", "B", "C"][number % 3]), body.to_string())
}

/// A day's events, of which the last has no line's end.
fn events(random: &mut fastrand::Rng, day: usize, rows: u64, known: &mut Known) -> String {
    let mut lines = Vec::new();
    let mut clock = FIRST + day as u64 * DAY;
    for item in 0..rows {
        clock += random.u64(1..DAY / rows);
        let user = random.u64(1..=USERS);
        // Some pay from the second day on.
        let level = if user.is_multiple_of(4) && day > 0 { "paid" } else { "free" };
        let page = if item % 8 == 5 { pick(random, &["Home", "Logout", "About", "Help"]) } else { "NextSong" };
        let logged_out = item % 8 == 6;
        let page = if logged_out { "Login" } else { page };
        let song = play(random, item);
        let event = event(clock, item, day, if logged_out { None } else { Some(user) }, level, page, &song);
        let mut line = event.to_string();
        match item {
            20 => line.truncate(60),                                        // cut off
            28 => line = line.replace(&format!("\"{level}\""), "\"gold\""), // a level that there is not
            _ => known.remember(clock, user, level, page, &song),
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Title and artist, and whether they are of one of the songs.
fn play(random: &mut fastrand::Rng, item: u64) -> (String, String, bool) {
    let song = random.usize(0..SONGS);
    match item % 8 {
        0 => (title(song), artist(song), true),
        1 => (title(song), "Another Band".to_owned(), false), // the title, of another artist
        2 => ("Another Song".to_owned(), artist(song), false), // the artist, with another title
        _ => (format!("Unheard {}", random.u16(..)), "Who".to_owned(), false),
    }
}

fn event(
    clock: u64,
    item: u64,
    day: usize,
    user: Option<u64>,
    level: &str,
    page: &str,
    song: &(String, String, bool),
) -> Value {
    let of_user = |value: String| user.map_or(Value::Null, |_| Value::from(value));
    let of_play = |value: Value| if page == "NextSong" { value } else { Value::Null };
    let number = user.unwrap_or(0);
    json!({
        "artist": of_play(song.1.clone().into()),
        "auth": if user.is_some() { "Logged In" } else { "Logged Out" },
        "firstName": of_user(format!("First{number}")),
        "gender": of_user(["F", "M"][number as usize % 2].to_owned()),
        "itemInSession": item,
        "lastName": of_user(format!("Last{number}")),
        "length": of_play(json!(239.3073)),
        "level": level,
        "location": of_user("Phoenix-Mesa-Scottsdale, AZ".to_owned()),
        "method": if page == "NextSong" { "PUT" } else { "GET" },
        "page": page,
        "registration": user.map_or(Value::Null, |user| json!(1_540_919_166_796.0 + user as f64)),
        "sessionId": 100 + day,
        "song": of_play(song.0.clone().into()),
        "status": 200,
        "ts": clock,
        "userAgent": of_user("\"Mozilla/5.0 (Windows NT 6.1; WOW64) \\\"quoted\\\" Chrome\"".to_owned()),
        "userId": user.map_or(String::new(), |user| user.to_string()), // a text, and an empty one of who is logged out
    })
}

impl Known {
    fn remember(
        &mut self,
        clock: u64,
        user: u64,
        level: &'static str,
        page: &str,
        (_, _, found): &(String, String, bool),
    ) {
        self.events += 1;
        if page != "NextSong" {
            return;
        }
        self.plays += 1;
        self.found += u64::from(*found);
        self.moments.insert(clock);
        let newest = self.levels.entry(user).or_insert((clock, level));
        if clock >= newest.0 {
            *newest = (clock, level);
        }
    }
}

fn figures(known: &Known) -> Vec<super::Figure> {
    let paid = known.levels.values().filter(|(_, level)| *level == "paid").count();
    vec![
        figure("events", "SELECT COUNT(*) FROM sparkify.staging_events", known.events),
        figure("plays", "SELECT COUNT(*) FROM sparkify.songplays", known.plays),
        figure(
            "plays of a known song",
            "SELECT COUNT(song_id) FROM sparkify.songplays WHERE artist_id IS NOT NULL",
            known.found,
        ),
        figure("listeners", "SELECT COUNT(*) FROM sparkify.users", known.levels.len()),
        figure("listeners who pay by now", "SELECT COUNT(*) FROM sparkify.users WHERE level = 'paid'", paid),
        figure("moments", "SELECT COUNT(*) FROM sparkify.time", known.moments.len()),
        figure("songs", "SELECT COUNT(*) FROM sparkify.songs", SONGS),
        figure("artists", "SELECT COUNT(*) FROM sparkify.artists", ARTISTS),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_source_has_what_is_odd_about_real_ones() {
        let written = write(42, 50);
        let body = |key: &str| {
            let object = written.objects.iter().find(|object| object.key.contains(key)).unwrap();
            String::from_utf8(object.body.clone()).unwrap()
        };
        let songs: Vec<String> = (0..SONGS).map(|number| body(&format!("TR{number:016}"))).collect();
        assert!(songs.iter().all(|song| song.ends_with('}') && song.lines().count() == 1));
        for odd in ["\"year\":0", "\"artist_location\":\"\"", "\"artist_latitude\":null"] {
            assert!(songs.iter().any(|song| song.contains(odd)), "{odd}");
        }
        let names: BTreeSet<_> = (0..SONGS).map(|number| (title(number), artist(number))).collect();
        let titles: BTreeSet<_> = (0..SONGS).map(title).collect();
        assert!(names.len() == SONGS && titles.len() < SONGS, "titles of several artists");

        let events = body("2018/11/2018-11-02");
        assert!(!events.ends_with('\n') && events.lines().count() == 50);
        for odd in [
            "\"userId\":\"\"",
            "\"userId\":\"1",
            "\"registration\":15409191668",
            ".0,",
            "\"registration\":null",
            "\\\"Mozilla",
            "gold",
        ] {
            assert!(events.contains(odd), "{odd}");
        }
        let broken = events.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).count();
        assert_eq!(broken, 1, "a line that is cut off");
        assert_eq!(body("copy/2018-11-02"), events, "the day under another key");
    }
}
