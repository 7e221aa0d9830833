//! `pipelines/supplier` with 100,000 suppliers in four parts, in each format, and its check.

use super::put_announced_twice;
use super::supplier::DATA;
use crate::support::data::Data;
use crate::support::sandbox::{Aws, Setup};
use crate::support::{LIMIT, python};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_suppliers_in_four_parts_are_the_same_in_every_format_with_every_event_twice() {
    let Some(data) = Data::find() else { return };
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let parts = data.path("tpch/sf10_parts4/supplier");
    let arguments = [parts.to_str().unwrap(), folder.path().to_str().unwrap()];
    let Some(made) = python::run("daemon/pipelines/supplier_files.py", &arguments, LIMIT) else { return };
    assert!(made.status.success(), "{made:?}");
    let expected = data.computed("daemon/pipelines/supplier.py", &["rows", parts.to_str().unwrap()]);
    assert_eq!(expected.rows.len(), 100_000);
    let cents = |row: &Vec<String>| row[5].replace('.', "").parse::<i64>().unwrap();
    let sum: i64 = expected.rows.iter().map(cents).sum();

    let config = super::shipped(&aws, "supplier");
    let _daemon = super::run(&aws, &config);
    let loads = "SELECT load_ts, COUNT(*), SUM(s_acctbal) FROM assignment.";
    for (day, (pipeline, ending)) in
        [("supplier_tbl", "tbl"), ("supplier_csv", "csv"), ("supplier_parquet", "parquet"), ("supplier_orc", "orc")]
            .iter()
            .enumerate()
    {
        println!("{ending}");
        for part in 1..=4 {
            let name = format!("supplier.{part}.{ending}");
            let from = if *ending == "tbl" { parts.join(&name) } else { folder.path().join(&name) };
            let key = format!("supplier/2026110{}/{name}", day + 1);
            put_announced_twice(&aws, &key, std::fs::read(from).unwrap(), day * 10 + part).await;
        }
        aws.until_loaded(pipeline, 4).await;
        aws.until_drained().await;
        expected.assert_rows(aws.rows(DATA).await);
        // Rows of one load have one time, in the fact as in the data; nothing is summed but digits.
        let of_data = aws.rows(&format!("{loads}supplier_data GROUP BY 1 ORDER BY 1")).await;
        assert_eq!(of_data, aws.rows(&format!("{loads}supplier_fact GROUP BY 1 ORDER BY 1")).await);
        assert_eq!(of_data.iter().map(|load| load[2].replace('.', "").parse::<i64>().unwrap()).sum::<i64>(), sum);
        let facts = "SELECT s_suppkey, s_acctbal, s_comment FROM assignment.";
        let distinct = format!("SELECT COUNT(*) FROM ({facts}supplier_fact EXCEPT {facts}supplier_data) f");
        assert_eq!(aws.number(&distinct).await, 0);
        aws.assert_balanced(pipeline).await;
        for table in ["supplier_data", "supplier_fact"] {
            aws.rows(&format!("DELETE FROM assignment.{table}")).await;
        }
    }
    aws.assert_nothing_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_a_supplier_twice_is_parked_and_what_is_no_supplier_is_rejected() {
    let Some(data) = Data::find() else { return };
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "supplier");
    let _daemon = super::run(&aws, &config);
    let real = String::from_utf8(data.read("tpch/sf1/supplier.tbl")).unwrap();
    let lines: Vec<&str> = real.lines().take(100).collect();
    let file = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    aws.put("supplier/20261101/twice.tbl", file(&[lines[0], lines[1], lines[0]])).await;
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    let parked = aws.take(&aws.queues.loads_dlq).await.remove(0);
    assert!(parked.get("reason").contains("no supplier twice in a file"), "{parked:?}");
    // A load that is rolled back leaves the tables as they were, and the next is none the worse.
    let mut spoilt = lines.clone();
    let [phone, amount] = [
        lines[2].replace('-', "/"),
        lines[3].replacen(&format!("|{}|", lines[3].split('|').nth(5).unwrap()), "|12.345|", 1),
    ];
    (spoilt[2], spoilt[3]) = (&phone, &amount);
    aws.put("supplier/20261102/supplier.1.tbl", file(&spoilt)).await;
    aws.until_loaded("supplier_tbl", 1).await;
    aws.until_drained().await;
    let mut expected: Vec<String> = lines.iter().map(|line| line.split('|').next().unwrap().to_owned()).collect();
    expected.retain(|key| !["3", "4"].contains(&key.as_str()));
    let mut loaded = aws.rows("SELECT s_suppkey FROM assignment.supplier_data").await.concat();
    loaded.sort_by_key(|key| key.parse::<u64>().unwrap());
    assert_eq!(loaded, expected);
    let mut rejected: Vec<(String, String)> = aws
        .quarantine("supplier_tbl")
        .await
        .iter()
        .map(|line| (line["column"].as_str().unwrap().to_owned(), line["rule"].as_str().unwrap().to_owned()))
        .collect();
    rejected.sort();
    let texts = |column: &str, rule: &str| (column.to_owned(), rule.to_owned());
    assert_eq!(rejected, [texts("s_acctbal", "length"), texts("s_phone", "pattern")]);
    aws.assert_balanced("supplier_tbl").await;
}
