//! `pipelines/bestsellers`: reviews, and metadata in Python's literals, joined in a view, in several orders.

use crate::support::data::{Data, Expected};
use crate::support::sandbox::{Aws, Setup, gzip};
use crate::support::{LIMIT, eventually};

const REVIEWS: &str = "amazon/share/reviews_Digital_Music_5.first3500.json.gz";
const METADATA: &str = "amazon/share/meta_Digital_Music.first4000.json.gz";

/// Another price, no price, no price again, and what is there already; the asin of the first is reviewed in the real files.
const ADDED: &str = r#"{'asin': '5555991584', 'title': 'Memory of Trees', 'price': 0.1}
{'asin': '5555991584', 'title': "Memory's \"Trees\"", 'price': None}
{"asin": '5555991584', 'title': "Memory's \"Trees\""}
{'asin': 'TIDEGATE01', 'title': 'It\'s new: \u00e9', 'price': 5, 'salesRank': {'Music': 7, 'top': True,},}
"#;

pub(super) const TABLES: [(&str, &str); 2] = [
    (
        "reviews",
        "SELECT reviewerid, asin, reviewername, reviewtext, summary, unixreviewtime, reviewtime, CAST(helpful[1] AS INTEGER) \
         FROM bestsellers.reviews",
    ),
    (
        "metadata",
        "SELECT asin, price, title, imurl, description, brand, JSON_EXTRACT_PATH_TEXT(JSON_SERIALIZE(salesrank), 'Music') FROM bestsellers.metadata",
    ),
];

/// Compares the tables, and the view once it was refreshed behind the last load.
async fn assert_tables(aws: &Aws, expected: &[Expected], what: &str) {
    for ((table, query), expected) in TABLES.iter().zip(expected) {
        println!("{table}, {what}");
        expected.assert_rows(aws.rows(query).await);
    }
    let view = &expected[TABLES.len()];
    eventually(LIMIT, "the refreshed view", async || {
        let rows = aws.number("SELECT COUNT(*) FROM bestsellers.reviews_price").await;
        rows == i64::try_from(view.rows.len()).unwrap()
    })
    .await;
    view.assert_rows(
        aws.rows("SELECT reviewerid, asin, overall, summary, reviewtime, title, price FROM bestsellers.reviews_price")
            .await,
    );
}

/// The external tables, as `external.sql` declares them.
pub(super) async fn declare_external_tables(aws: &Aws) {
    let sql = include_str!("../../../pipelines/bestsellers/external.sql");
    for statement in sql.split(';').filter(|statement| !statement.trim().is_empty()) {
        aws.rows(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_and_products_are_there_once_and_the_view_joins_them_in_whatever_order_they_come() {
    let Some(data) = Data::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let added = folder.path().join("added.txt");
    std::fs::write(&added, ADDED).unwrap();
    let expected: Vec<Expected> = ["reviews", "metadata", "view"]
        .iter()
        .map(|what| data.computed("daemon/pipelines/bestsellers.py", &[*what, added.to_str().unwrap()]))
        .collect();
    let reviews = async |aws: &Aws, hour: &str| {
        aws.put(&format!("amazon/reviews/downloaded_at={hour}/a.json.gz"), data.read(REVIEWS)).await;
    };
    let metadata = async |aws: &Aws, hour: &str, body: Vec<u8>| {
        aws.put(&format!("amazon/metadata/downloaded_at={hour}/a.json.gz"), body).await;
    };

    let aws = Aws::start().await;
    declare_external_tables(&aws).await;
    let config = super::shipped(&aws, "bestsellers");
    let _daemon = super::run(&aws, &config);
    reviews(&aws, "2026112108").await;
    metadata(&aws, "2026112108", data.read(METADATA)).await;
    metadata(&aws, "2026112109", gzip(ADDED.as_bytes())).await;
    aws.until_loaded("bestsellers_reviews", 1).await;
    aws.until_loaded("bestsellers_metadata", 2).await;
    aws.until_drained().await;
    assert_tables(&aws, &expected, "in order").await;

    // The same once more, which the ledger tells, and downloaded again an hour later, which only the columns tell.
    for hour in ["2026112108", "2026112110"] {
        reviews(&aws, hour).await;
        metadata(&aws, hour, data.read(METADATA)).await;
    }
    aws.until_loaded("bestsellers_reviews", 2).await;
    aws.until_loaded("bestsellers_metadata", 3).await;
    aws.until_drained().await;
    assert_tables(&aws, &expected, "loaded twice").await;
    let partitions = "SELECT tablename, \"values\" FROM svv_external_partitions WHERE schemaname = 'ext' ORDER BY 1, 2";
    let partition = |table: &str, hour: &str| vec![table.to_owned(), format!("[\"{hour}\"]")];
    assert_eq!(
        aws.rows(partitions).await,
        [
            partition("metadata", "2026112108"),
            partition("metadata", "2026112109"),
            partition("metadata", "2026112110"),
            partition("reviews", "2026112108"),
            partition("reviews", "2026112110"),
        ]
    );

    // The other way round, with every event twice.
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    declare_external_tables(&aws).await;
    let config = super::shipped(&aws, "bestsellers");
    let _daemon = super::run(&aws, &config);
    let twice = async |what: &str, hour: &str, body: Vec<u8>, at: usize| {
        super::put_announced_twice(&aws, &format!("amazon/{what}/downloaded_at={hour}/a.json.gz"), body, at).await;
    };
    twice("metadata", "2026112109", gzip(ADDED.as_bytes()), 3).await;
    aws.until_loaded("bestsellers_metadata", 1).await;
    twice("metadata", "2026112108", data.read(METADATA), 2).await;
    aws.until_loaded("bestsellers_metadata", 2).await;
    twice("reviews", "2026112108", data.read(REVIEWS), 1).await;
    aws.until_loaded("bestsellers_reviews", 1).await;
    aws.until_drained().await;
    assert_tables(&aws, &expected, "in reverse").await;
    for pipeline in ["bestsellers_reviews", "bestsellers_metadata"] {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
}
