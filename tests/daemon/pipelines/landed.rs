//! What `tidegate land` brings, loaded by the daemon: a download into bestsellers, and the rows of the shop's own PostgreSQL into retail.

use std::process::Output;

use bytes::Bytes;
use futures_util::SinkExt;

use super::retail::{PURCHASES, SPENT};
use crate::land::{landed, line};
use crate::support::LIMIT;
use crate::support::daemon::tidegate;
use crate::support::data::Data;
use crate::support::http_server::{Served, Server};
use crate::support::postgres;
use crate::support::sandbox::Aws;

/// Runs `tidegate land` with a folder's own configuration.
async fn land(aws: &Aws, config: &std::path::Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let queues = aws.queues.events.strip_suffix("/tidegate-events").unwrap();
    let mut command = tidegate(aws, "land", config);
    command.args(arguments).env("TIDEGATE_QUEUES", queues).env("TIDEGATE_LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().copied());
    let mut command = tokio::process::Command::from(command);
    tokio::time::timeout(LIMIT, command.kill_on_drop(true).output()).await.expect("it ends").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_from_a_server_that_breaks_off_are_landed_in_another_compression_and_loaded() {
    let Some(data) = Data::find() else { return };
    let empty = tempfile::NamedTempFile::new().unwrap();
    let expected = data.computed("daemon/pipelines/bestsellers.py", &["reviews", empty.path().to_str().unwrap()]);
    let body = data.read("amazon/share/reviews_Digital_Music_5.first3500.json.gz");
    let file = Served { body, etag: Some("\"2018\"".to_owned()), ranges: true };
    let server = Server::start(move |asked| file.answer(asked).cut((asked.before < 3).then_some(400_000))).await;
    let aws = Aws::start().await;
    super::bestsellers::declare_external_tables(&aws).await;
    let config = super::shipped(&aws, "bestsellers");
    let _daemon = super::run(&aws, &config);
    let url = format!("{}/reviews_Digital_Music_5.json.gz", server.url);
    for (hour, compress) in [("2026112108", "zstd"), ("2026112109", "keep")] {
        let to = format!("s3://landing/amazon/reviews/downloaded_at={hour}/a.json.gz");
        let report = landed(&land(&aws, &config, &["--compress", compress, &url, &to], &[]).await);
        assert!(line(&report, "read").contains("compression gzip"), "{report}");
    }
    assert!(server.asked().len() >= 5);
    aws.until_loaded("bestsellers_reviews", 2).await;
    aws.until_drained().await;
    expected.assert_rows(aws.rows(super::bestsellers::TABLES[0].1).await);
    aws.assert_balanced("bestsellers_reviews").await;
    aws.assert_nothing_parked().await;
}

/// The shop's table, filled by PostgreSQL's own COPY from days of the real files.
async fn shop(server: &postgres::Server, data: &Data, days: &[&str]) {
    let (client, connection) = tokio_postgres::connect(&server.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let table = "CREATE SCHEMA retail; CREATE TABLE retail.user_purchase (invoice_number VARCHAR(10), stock_code VARCHAR(20), detail VARCHAR(1000), \
                 quantity INT, invoice_date TIMESTAMP, unit_price NUMERIC(8,3), customer_id NUMERIC, country VARCHAR(20))";
    client.batch_execute(table).await.unwrap();
    for day in days {
        let copy = client.copy_in("COPY retail.user_purchase FROM STDIN WITH (FORMAT csv, HEADER true)").await.unwrap();
        let mut copy = std::pin::pin!(copy);
        copy.send(Bytes::from(data.read(&format!("retail/by-day/{day}.csv")))).await.unwrap();
        copy.finish().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purchases_of_the_shops_own_postgres_are_landed_day_by_day_and_loaded() {
    let Some(data) = Data::find() else { return };
    let Some(server) = postgres::Server::start() else { return };
    let names = data.files("retail/by-day");
    let days: Vec<&str> = names.iter().take(6).map(|name| name.strip_suffix(".csv").unwrap()).collect();
    shop(&server, &data, &days).await;
    let computed = |what: &str| data.computed("daemon/pipelines/retail.py", &[what, &days.join(",")]);
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "retail");
    let _daemon = super::run(&aws, &config);
    // Landed once more in another compression, which replaces the day by itself.
    for (round, compress) in ["none", "gzip"].into_iter().enumerate() {
        for day in &days {
            let sql = format!(
                "SELECT invoice_number AS \"InvoiceNo\", stock_code AS \"StockCode\", detail AS \"Description\", quantity AS \"Quantity\", \
                 invoice_date AS \"InvoiceDate\", unit_price AS \"UnitPrice\", customer_id AS \"CustomerID\", country AS \"Country\" \
                 FROM retail.user_purchase WHERE invoice_date::date = '{day}'"
            );
            let to = format!("s3://landing/retail/by-day/{day}.csv");
            let arguments = ["--overwrite", "--compress", compress, "--postgres-query", &sql, &to];
            landed(&land(&aws, &config, &arguments, &[("TIDEGATE_POSTGRES_URL", &server.url)]).await);
        }
        aws.until_loaded("retail_purchases", (days.len() * (round + 1)) as u64).await;
        aws.until_drained().await;
        computed("purchases").assert_rows(aws.rows(&format!("{PURCHASES}user_purchase")).await);
        computed("spent").assert_rows(aws.rows(&format!("{SPENT}user_spent")).await);
    }
    // With the table's own names, as the pipeline for them takes them.
    let sql = format!("SELECT * FROM retail.user_purchase WHERE invoice_date < DATE '{}' + 1", days[0]);
    let to = format!("s3://landing/retail/unloaded/{}.csv", days[0]);
    landed(&land(&aws, &config, &["--postgres-query", &sql, &to], &[("TIDEGATE_POSTGRES_URL", &server.url)]).await);
    aws.until_loaded("retail_unloaded", 1).await;
    aws.until_drained().await;
    let first = data.computed("daemon/pipelines/retail.py", &["purchases", days[0]]);
    first.assert_rows(aws.rows(&format!("{PURCHASES}unloaded_purchase")).await);
    for pipeline in ["retail_purchases", "retail_unloaded"] {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
}
