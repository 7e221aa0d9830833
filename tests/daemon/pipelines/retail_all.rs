//! `pipelines/retail` with all the files there are: every day, in order and in reverse, the archive in reverse and twice, and other ways to write a date.

use std::path::Path;

use super::put_announced_twice;
use super::retail::{PURCHASES, SPENT};
use crate::support::data::{Data, Expected};
use crate::support::sandbox::{Aws, Setup, gunzip_bytes, gzip};

const ARCHIVE: &str = "retail/share/OnlineRetail.latin1-crlf.first60000.csv.gz";

/// What Python makes of files, each with its `insert_date`.
fn computed(data: &Data, what: &str, form: &str, files: &[(String, String)]) -> Expected {
    let files: Vec<String> = files.iter().map(|(date, path)| format!("{date}={path}")).collect();
    data.computed("daemon/pipelines/retail_files.py", &[what, form, &files.join(",")])
}

fn quiet() -> Setup {
    Setup { announce: false, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_days_are_what_python_makes_of_them_in_order_and_in_reverse_with_every_event_twice() {
    let Some(data) = Data::find() else { return };
    let names = data.files("retail/by-day");
    assert_eq!(names.len(), 141);
    let days: Vec<&str> = names.iter().map(|name| name.strip_suffix(".csv").unwrap()).collect();
    let expected = |what: &str| data.computed("daemon/pipelines/retail.py", &[what, &days.join(",")]);
    let (purchases, spent) = (expected("purchases"), expected("spent"));
    assert!(purchases.rows.len() > 200_000);
    let forward: Vec<usize> = (0..days.len()).collect();
    for order in [forward.clone(), forward.into_iter().rev().collect()] {
        let aws = Aws::with(quiet()).await;
        let config = super::shipped(&aws, "retail");
        let _daemon = super::run(&aws, &config);
        for (put, at) in order.into_iter().enumerate() {
            if put % 47 == 0 {
                aws.until_loaded("retail_purchases", put as u64).await;
            }
            let body = data.read(&format!("retail/by-day/{}", names[at]));
            put_announced_twice(&aws, &format!("retail/by-day/{}", names[at]), body, at).await;
        }
        aws.until_loaded("retail_purchases", names.len() as u64).await;
        aws.until_drained().await;
        purchases.assert_rows(aws.rows(&format!("{PURCHASES}user_purchase")).await);
        spent.assert_rows(aws.rows(&format!("{SPENT}user_spent")).await);
        aws.assert_balanced("retail_purchases").await;
        aws.assert_nothing_parked().await;
    }
}

/// The archive as three objects: each a third of its lines, behind the header.
fn thirds(data: &Data, folder: &Path) -> Vec<(String, String)> {
    let whole = gunzip_bytes(&data.read(ARCHIVE));
    let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let header = lines.remove(0);
    let parts = lines.chunks(lines.len().div_ceil(3)).enumerate();
    parts
        .map(|(at, lines)| {
            let path = folder.join(format!("archive-{at}.csv.gz"));
            std::fs::write(&path, gzip(&[header, &lines.concat()].concat())).unwrap();
            (format!("2026-11-0{}", at + 1), path.to_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_in_reverse_and_twice_and_dates_written_otherwise_are_what_python_makes_of_them() {
    let Some(data) = Data::find() else { return };
    let aws = Aws::with(quiet()).await;
    let mut archive = thirds(&data, aws.folder());
    let of = |path: &str| data.path(path).to_str().unwrap().to_owned();
    let variants = "retail/date_variants";
    let short = vec![("2026-11-04".to_owned(), of(&format!("{variants}/evanvolgas_1000rows/OnlineRetail.csv")))];
    let european = vec![("2026-11-05".to_owned(), of(&format!("{variants}/yokyen_dmy_150rows/OnlineRetail.csv")))];
    let unloaded = vec![("2026-11-06".to_owned(), of("retail/user_purchase/temp_filtered_user_purchase.csv"))];
    let both = |what: &str| {
        let mut expected = computed(&data, what, "%m/%d/%Y %H:%M", &archive);
        expected.rows.extend(computed(&data, what, "%m/%d/%y %H:%M", &short).rows);
        expected.rows.sort();
        expected
    };
    let (archived, archived_spent) = (both("purchases"), both("spent"));

    let config = super::shipped(&aws, "retail");
    let _daemon = super::run(&aws, &config);
    archive.reverse();
    for round in 0..2 {
        for (folder, files) in [("archive", &archive), ("archive", &short), ("european", &european)] {
            for (at, (date, path)) in files.iter().enumerate() {
                let name = Path::new(path).file_name().unwrap().to_str().unwrap();
                let key = format!("retail/{folder}/{date}/{name}");
                put_announced_twice(&aws, &key, std::fs::read(path).unwrap(), at + 10 * round).await;
                if folder == "archive" && round == 0 {
                    // One by one, so that an older object comes to rows of newer ones.
                    aws.until_loaded("retail_archive", at as u64 + 1).await;
                }
            }
        }
        let (date, path) = &unloaded[0];
        put_announced_twice(&aws, &format!("retail/unloaded/{date}.csv"), std::fs::read(path).unwrap(), round).await;
        for (pipeline, objects) in [("retail_archive", 4), ("retail_european", 1), ("retail_unloaded", 1)] {
            aws.until_loaded(pipeline, objects * (round as u64 + 1)).await;
        }
        aws.until_drained().await;
        println!("round {round}");
        archived.assert_rows(aws.rows(&format!("{PURCHASES}archive_purchase")).await);
        archived_spent.assert_rows(aws.rows(&format!("{SPENT}archive_spent")).await);
        for (table, form, files) in
            [("european_purchase", "%d/%m/%Y %H:%M", &european), ("unloaded_purchase", "%Y-%m-%d %H:%M:%S", &unloaded)]
        {
            println!("{table}");
            let expected = computed(&data, "purchases", form, files);
            assert!(expected.rows.len() >= 149, "{}", expected.rows.len());
            expected.assert_rows(aws.rows(&format!("{PURCHASES}{table}")).await);
        }
    }
    for pipeline in ["retail_archive", "retail_european", "retail_unloaded"] {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
}
