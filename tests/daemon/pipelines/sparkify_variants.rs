//! `pipelines/sparkify`: the same day as people mangle it.

use std::path::Path;

use serde_json::json;

use super::put_announced_twice;
use super::sparkify::{TABLES, added_songs, songs};
use crate::support::data::Data;
use crate::support::sandbox::{Aws, Setup};

const DAY: &str = "2018-11-01-events.json";

/// What Python makes of the real songs and one day, which is `day`.
fn expected(data: &Data, folder: &Path, day: &Path) -> Vec<crate::support::data::Expected> {
    let sparkify = folder.join("sparkify");
    std::fs::create_dir_all(sparkify.join("log_data")).unwrap();
    std::os::unix::fs::symlink(data.path("sparkify/song_data"), sparkify.join("song_data")).unwrap();
    std::fs::copy(day, sparkify.join("log_data").join(DAY)).unwrap();
    let added = folder.join("added.json");
    std::fs::write(&added, json!({ "songs": added_songs(), "events": [] }).to_string()).unwrap();
    let of = Data::at(folder.to_owned());
    TABLES
        .iter()
        .map(|(what, _)| of.computed("daemon/pipelines/sparkify.py", &[*what, added.to_str().unwrap()]))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_with_blank_lines_or_unquoted_agents_is_read_as_python_reads_it_and_is_the_day_that_it_was() {
    let Some(data) = Data::find() else { return };
    for variant in ["2018-11-01-events.blank-lines.json", "2018-11-01-events.ua-unquoted.json"] {
        println!("{variant}");
        let path = data.path(&format!("sparkify/variants/{variant}"));
        let folder = tempfile::tempdir().unwrap();
        let expected = expected(&data, folder.path(), &path);
        assert!(expected.iter().all(|table| !table.rows.is_empty()));
        let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
        let config = super::shipped(&aws, "sparkify");
        let _daemon = super::run(&aws, &config);
        let songs = songs(&data);
        for (key, body) in &songs {
            put_announced_twice(&aws, key, body.clone(), 1).await;
        }
        put_announced_twice(&aws, &format!("log_data/2018/11/{DAY}"), std::fs::read(&path).unwrap(), 1).await;
        aws.until_loaded("sparkify_events", 1).await;
        aws.until_loaded("sparkify_songs", songs.len() as u64).await;
        aws.until_drained().await;
        for ((what, query), expected) in TABLES.iter().zip(&expected) {
            println!("{what}");
            expected.assert_rows(aws.rows(query).await);
        }
        // The day itself behind it: the events are those that are there.
        put_announced_twice(
            &aws,
            "log_data/2018/11/again-events.json",
            data.read(&format!("sparkify/log_data/2018/11/{DAY}")),
            2,
        )
        .await;
        aws.until_loaded("sparkify_events", 2).await;
        aws.until_drained().await;
        for ((what, query), expected) in TABLES.iter().zip(&expected) {
            println!("{what}, with the day itself");
            expected.assert_rows(aws.rows(query).await);
        }
        for pipeline in ["sparkify_songs", "sparkify_events"] {
            aws.assert_balanced(pipeline).await;
        }
        aws.assert_nothing_parked().await;
    }
}
