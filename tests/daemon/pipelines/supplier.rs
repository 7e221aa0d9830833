//! `pipelines/supplier`: every row of each day's file appended with its load's time, and the versions of each supplier.

use crate::support::data::Data;
use crate::support::sandbox::{Aws, Setup};

/// How many of the suppliers are in the days' files; the Parquet file has all of them.
const SUPPLIERS: usize = 2_000;
pub(super) const DATA: &str = "SELECT s_suppkey, RTRIM(s_name), s_address, s_nationkey, RTRIM(s_phone), s_acctbal, s_comment FROM assignment.supplier_data";
const DIM: &str = "SELECT s_suppkey, RTRIM(s_name), s_address, s_nationkey, RTRIM(s_phone), s_acctbal, s_comment, eff_start_date, \
                   eff_end_date, active_flag FROM assignment.supplier_dim";

/// Three days of real suppliers: some change, one goes and comes back as it was.
fn days(lines: &[&str]) -> [(&'static str, String); 3] {
    let day = |day: usize| -> String {
        let kept = lines.iter().enumerate().filter(|(at, _)| day != 1 || *at != 7);
        kept.map(|(at, line)| match (day, at) {
            (1.., 0..5) => {
                format!("{}|changed on the second day|\n", line.trim_end_matches('|').rsplit_once('|').unwrap().0)
            }
            (2, 5) => format!(
                "{}||\n",
                line.trim_end_matches('|').rsplit_once('|').unwrap().0.replace("Supplier", "Renamed_")
            ),
            _ => format!("{line}\n"),
        })
        .collect()
    };
    [("20261101", day(0)), ("20261102", day(1)), ("20261103", day(2))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppliers_of_both_formats_are_appended_once_and_their_versions_are_the_same_in_whatever_order_days_come() {
    let Some(data) = Data::find() else { return };
    let real = String::from_utf8(data.read("tpch/sf1/supplier.tbl")).unwrap();
    let lines: Vec<&str> = real.lines().take(SUPPLIERS).collect();
    let days = days(&lines);
    let folder = tempfile::tempdir().unwrap();
    for (day, body) in &days {
        std::fs::write(folder.path().join(format!("{day}.tbl")), body).unwrap();
    }
    let computed = |what: &str| data.computed("daemon/pipelines/supplier.py", &[what, folder.path().to_str().unwrap()]);
    let (rows, versions) = (computed("data"), computed("dim"));

    for (order, parquet) in [([0, 1, 2], true), ([2, 1, 0], false)] {
        println!("{order:?}");
        // With Parquet the bucket announces its objects; without, every event comes twice.
        let aws = Aws::with(Setup { announce: parquet, ..Setup::default() }).await;
        let config = super::shipped(&aws, "supplier");
        let _daemon = super::run(&aws, &config);
        for (at, day) in order.into_iter().enumerate() {
            let (name, body) = &days[day];
            let (key, body) = (format!("supplier/{name}/supplier.tbl"), body.clone().into_bytes());
            if parquet {
                aws.put(&key, body).await;
            } else {
                super::put_announced_twice(&aws, &key, body, day).await;
            }
            for pipeline in ["supplier_tbl", "supplier_dim"] {
                aws.until_loaded(pipeline, at as u64 + 1).await;
            }
        }
        // Every object once more.
        for (name, body) in &days {
            aws.put(&format!("supplier/{name}/supplier.tbl"), body.clone().into_bytes()).await;
        }
        aws.until_drained().await;
        rows.assert_rows(aws.rows(DATA).await);
        versions.assert_rows(aws.rows(DIM).await);
        let facts = "SELECT COUNT(*), SUM(s_acctbal), COUNT(load_ts) FROM assignment.";
        let loaded = aws.rows(&format!("{facts}supplier_data")).await;
        assert_eq!(aws.rows(&format!("{facts}supplier_fact")).await, loaded);
        if parquet {
            // The whole table as Parquet: what is appended is what the text has, and its sum is that of the text's digits.
            let before = aws.rows(&format!("{facts}supplier_data")).await;
            aws.put("supplier/20261104/supplier.parquet", data.read("tpch/sf1/supplier.parquet")).await;
            aws.until_loaded("supplier_parquet", 1).await;
            aws.until_drained().await;
            let cents = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
            let sum: i64 = real.lines().map(|line| cents(line.split('|').nth(5).unwrap())).sum();
            let after = aws.rows(&format!("{facts}supplier_data")).await;
            assert_eq!(cents(&after[0][1]) - cents(&before[0][1]), sum);
            let count = |rows: &[Vec<String>]| rows[0][0].parse::<usize>().unwrap();
            assert_eq!(count(&after) - count(&before), real.lines().count());
        }
        aws.assert_balanced("supplier_dim").await;
        aws.assert_nothing_parked().await;
    }
}
