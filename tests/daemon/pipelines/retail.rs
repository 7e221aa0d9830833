//! `pipelines/retail`: purchases of two kinds of files, and what customers spent, in several orders.

use crate::support::data::{Data, Expected};
use crate::support::sandbox::Aws;

const ARCHIVE: &str = "retail/share/OnlineRetail.latin1-crlf.first60000.csv.gz";
/// How many of the days are loaded: the first weeks, which the old export has too.
const DAYS: usize = 6;

pub(super) const PURCHASES: &str = "SELECT invoice_number, stock_code, detail, quantity, invoice_date, unit_price, customer_id, country, insert_date FROM retail.";
pub(super) const SPENT: &str = "SELECT insert_date, purchase_date, customer_id, amount_spent FROM retail.";

struct Tables {
    purchases: Expected,
    spent: Expected,
}

impl Tables {
    async fn assert(&self, aws: &Aws, what: &str) {
        println!("{what}");
        self.purchases.assert_rows(aws.rows(&format!("{PURCHASES}user_purchase")).await);
        self.spent.assert_rows(aws.rows(&format!("{SPENT}user_spent")).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purchases_and_what_was_spent_are_what_python_makes_of_both_kinds_of_files_in_whatever_order_they_come() {
    let Some(data) = Data::find() else { return };
    let mut names = data.files("retail/by-day");
    names.truncate(DAYS);
    let days: Vec<&str> = names.iter().map(|name| name.strip_suffix(".csv").unwrap()).collect();
    let computed = |what: &str| data.computed("daemon/pipelines/retail.py", &[what, &days.join(",")]);
    let expected = Tables { purchases: computed("purchases"), spent: computed("spent") };
    let body = |day: &str| data.read(&format!("retail/by-day/{day}.csv"));
    let put = async |aws: &Aws, day: &str, body: Vec<u8>| aws.put(&format!("retail/by-day/{day}.csv"), body).await;

    let aws = Aws::start().await;
    let config = super::shipped(&aws, "retail");
    let _daemon = super::run(&aws, &config);
    for day in &days {
        put(&aws, day, body(day)).await;
    }
    aws.put("retail/archive/2026-11-01/OnlineRetail.csv.gz", data.read(ARCHIVE)).await;
    aws.until_loaded("retail_purchases", DAYS as u64).await;
    aws.until_loaded("retail_archive", 1).await;
    aws.until_drained().await;
    expected.assert(&aws, "in order").await;
    computed("archive").assert_rows(aws.rows(&format!("{PURCHASES}archive_purchase")).await);
    computed("archive_spent").assert_rows(aws.rows(&format!("{SPENT}archive_spent")).await);
    // Two encodings, ways to write a day, and to write a customer: the same money.
    let sums = |table: &str| {
        format!(
            "SELECT purchase_date, customer_id, SUM(amount_spent) FROM retail.{table} WHERE purchase_date <= '{}' \
             GROUP BY 1, 2 ORDER BY 1, 2",
            days[DAYS - 1]
        )
    };
    assert_eq!(aws.rows(&sums("user_spent")).await, aws.rows(&sums("archive_spent")).await);

    // A day that is put as half of itself is replaced, and so is what was spent on it; then it is whole again.
    let whole = body(days[3]);
    let mut lines = whole.split_inclusive(|byte| *byte == b'\n');
    let half: Vec<u8> = lines.by_ref().take(20).flatten().copied().collect();
    put(&aws, days[3], half).await;
    aws.until_loaded("retail_purchases", DAYS as u64 + 1).await;
    aws.until_drained().await;
    let of_day = format!("SELECT COUNT(*) FROM retail.user_purchase WHERE insert_date = '{}'", days[3]);
    assert_eq!(aws.number(&of_day).await, 19);
    let balance = format!(
        "SELECT SUM(p.quantity * p.unit_price) - (SELECT SUM(s.amount_spent) FROM retail.user_spent s WHERE s.insert_date = '{0}') \
         FROM retail.user_purchase p WHERE p.insert_date = '{0}'",
        days[3]
    );
    assert_eq!(aws.rows(&balance).await, [["0.00000"]]);
    let mut again = whole;
    again.extend_from_slice(b"\r\n"); // the same records, as another version
    put(&aws, days[3], again).await;
    aws.until_loaded("retail_purchases", DAYS as u64 + 2).await;
    for day in &days {
        put(&aws, day, body(day)).await;
    }
    aws.until_drained().await;
    expected.assert(&aws, "replaced and put again").await;

    // The last days first, in several loads.
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "retail");
    let _daemon = super::run(&aws, &config);
    let mut loaded = 0;
    for part in days.rchunks(3) {
        for day in part.iter().rev() {
            put(&aws, day, body(day)).await;
        }
        loaded += part.len() as u64;
        aws.until_loaded("retail_purchases", loaded).await;
    }
    aws.until_drained().await;
    expected.assert(&aws, "in reverse").await;
    aws.assert_balanced("retail_purchases").await;
    aws.assert_nothing_parked().await;
}
