//! `pipelines/bestsellers`: the collection of 2018, whose fields are others.

use serde_json::Value;

use super::put_announced_twice;
use crate::support::data::Data;
use crate::support::sandbox::{Aws, Setup};

const REVIEWS: &str = "SELECT reviewerid, asin, reviewername, CAST(verified AS VARCHAR(5)), vote, reviewtext, summary, unixreviewtime, reviewtime, \
                       overall, JSON_EXTRACT_PATH_TEXT(JSON_SERIALIZE(style), 'Gift Amount:'), JSON_SERIALIZE(image) FROM bestsellers.reviews_2018";
const METADATA: &str = "SELECT asin, title, brand, main_cat, price, JSON_SERIALIZE(rank), JSON_SERIALIZE(category), JSON_SERIALIZE(details) \
                        FROM bestsellers.metadata_2018";

/// The JSON of a cell, as another program writes it; `None` of a null.
fn json(cell: &str) -> Option<Value> {
    (cell != "NULL").then(|| serde_json::from_str(cell).unwrap_or_else(|error| panic!("{cell}: {error}")))
}

/// JSON as Python's `json.dumps` writes it.
fn dumped(cell: &str) -> String {
    match json(cell).unwrap() {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        value => value.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gift_cards_of_2018_are_there_once_with_their_maps_and_lists_whatever_order_they_come_in() {
    let Some(data) = Data::find() else { return };
    let (reviews, metadata) = (
        data.computed("daemon/pipelines/bestsellers_2018.py", &["reviews"]),
        data.computed("daemon/pipelines/bestsellers_2018.py", &["metadata"]),
    );
    assert_eq!((reviews.rows.len(), metadata.rows.len()), (2970, 800), "of 2,972 reviews two are there twice");
    for hours in [["2026112108", "2026112109"], ["2026112109", "2026112108"]] {
        let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
        super::bestsellers::declare_external_tables(&aws).await;
        let config = super::shipped(&aws, "bestsellers");
        let _daemon = super::run(&aws, &config);
        // Downloaded twice, an hour apart.
        for (at, hour) in hours.iter().enumerate() {
            for (what, file) in [("reviews", "Gift_Cards_5.json.gz"), ("metadata", "meta_Gift_Cards.first800.json.gz")]
            {
                let key = format!("amazon/2018/{what}/downloaded_at={hour}/{file}");
                put_announced_twice(&aws, &key, data.read(&format!("amazon/share/{file}")), at).await;
                aws.until_loaded(&format!("bestsellers_{what}_2018"), at as u64 + 1).await;
            }
        }
        aws.until_drained().await;
        let mut found = aws.rows(REVIEWS).await;
        for row in &mut found {
            let images = json(&row[11]).map_or(0, |list| list.as_array().unwrap().len());
            row[11] = images.to_string();
            if row[10].is_empty() {
                row[10] = "NULL".to_owned();
            }
        }
        reviews.assert_rows(found);
        let mut found = aws.rows(METADATA).await;
        for row in &mut found {
            let details = json(&row[7]).unwrap().as_object().unwrap().len();
            (row[5], row[6], row[7]) = (dumped(&row[5]), dumped(&row[6]), details.to_string());
        }
        metadata.assert_rows(found);
        let texts = "SELECT COUNT(*) FROM bestsellers.metadata_2018 WHERE JSON_SERIALIZE(rank) LIKE '\"%'";
        assert_eq!(aws.number(texts).await, 416, "ranks that are a text");
        for pipeline in ["bestsellers_reviews_2018", "bestsellers_metadata_2018"] {
            aws.assert_balanced(pipeline).await;
        }
        aws.assert_nothing_parked().await;
    }
}
