//! The source of `pipelines/bestsellers`: reviews as JSON lines and products as Python's literals, downloaded twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Read, Table, Written, figure, gzip, object, pick};

/// The hours of the two downloads.
const HOURS: [&str; 2] = ["2026112108", "2026112109"];
/// Noon of 2006-09-01 in seconds.
const FIRST: u64 = 1_157_112_000;

/// A review: reviewer, product, second, and whether its rating is none.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Review {
    reviewer: u64,
    product: u64,
    at: u64,
    wrong: bool,
}

pub(super) fn write(seed: u64, rows: u64) -> Written {
    let mut random = fastrand::Rng::with_seed(seed);
    // A fifth as many products as reviews, of which some are reviewed that nothing is known of.
    let products = rows / 5;
    let mut reviews: Vec<Review> = (0..rows)
        .map(|n| Review {
            reviewer: random.u64(1..100_000),
            product: random.u64(0..products * 11 / 10),
            at: FIRST + n * 3_600,
            wrong: n == 13,
        })
        .collect();
    let mut review_lines: Vec<String> = reviews.iter().map(|review| review.line(&mut random)).collect();
    // A review twice in a file.
    reviews[20] = reviews[10];
    review_lines[20] = review_lines[10].clone();
    let [first, second] = [0, 1].map(|hour| (0..products).map(|id| product(id, hour)).collect::<Vec<_>>());

    let cut = rows as usize / 2;
    let object = |what: &str, hour: usize, lines: &[String]| {
        let key = format!("amazon/{what}/downloaded_at={}/part-00000.json.gz", HOURS[hour]);
        object(key, gzip(lines.join("\n").as_bytes()))
    };
    let objects = vec![
        // The second download has what the first had, and more.
        object("reviews", 1, &review_lines),
        object("metadata", 0, &first),
        object("reviews", 0, &review_lines[..cut]),
        object("metadata", 1, &second),
        object("metadata", 0, &first),
    ];
    Written {
        first: Vec::new(),
        objects,
        read: vec![
            Read { pipeline: "bestsellers_reviews", objects: 2, records: rows + cut as u64, rejected: 2 },
            Read { pipeline: "bestsellers_metadata", objects: 2, records: 2 * products, rejected: 2 },
        ],
        figures: figures(&reviews, products),
        tables: vec![
            Table {
                name: "bestsellers.reviews",
                columns: "reviewerid, asin, overall, summary, reviewtime, helpful, reviewtext",
                order: "reviewtime, reviewerid",
            },
            Table {
                name: "bestsellers.metadata",
                columns: "asin, title, price, brand, salesrank, categories",
                order: "asin, price",
            },
            Table {
                name: "bestsellers.reviews_price",
                columns: "reviewerid, asin, overall, reviewtime, title, price",
                order: "asin, reviewtime, price",
            },
            Table {
                name: "svv_external_partitions",
                columns: "tablename, \"values\", location",
                order: "tablename, \"values\"",
            },
        ],
    }
}

impl Review {
    fn asin(&self) -> String {
        asin(self.product)
    }

    fn line(&self, random: &mut fastrand::Rng) -> String {
        // The day is not padded.
        let day = jiff::Timestamp::from_second(self.at as i64).map(|at| at.strftime("%m %-d, %Y").to_string());
        let long = self.at.is_multiple_of(7);
        json!({
            "reviewerID": format!("A{:013}", self.reviewer),
            "asin": self.asin(),
            "reviewerName": pick(random, &["J. McDonald", "Zoë \"Z\"", "amazon reader"]),
            "helpful": [random.u8(0..5), 5],
            "reviewText": "It's warm, and it grows. ".repeat(if long { 200 } else { 2 }), // some above 4,096 bytes
            "overall": if self.wrong { 9.0 } else { f64::from(random.u8(1..=5)) },
            "summary": pick(random, &["Good enough", "\u{97f3}\u{697d}"]),
            "unixReviewTime": self.at,
            "reviewTime": day.unwrap_or_default(),
        })
        .to_string()
    }
}

fn asin(product: u64) -> String {
    format!("B{product:09}")
}

/// Every ninth has no price, every tenth another one in the second download.
fn price(product: u64, hour: usize) -> Option<u64> {
    (product % 9 != 4)
        .then(|| 399 + product % 50 * 100 + if product.is_multiple_of(10) { hour as u64 * 100 } else { 0 })
}

/// A line of a Python dict, by its name JSON.
fn product(id: u64, hour: usize) -> String {
    let title = match id % 4 {
        0 => format!("Don't Drink the Tide {id}"),
        1 => format!("The \"Best\" of What's Left {id}"),
        _ => format!("Low Water {id}"),
    };
    let price = match (id, price(id, hour)) {
        (3, _) => ", 'price': 'free'".to_owned(), // no number
        (_, Some(cents)) => format!(", 'price': {}.{:02}", cents / 100, cents % 100),
        (_, None) => String::new(),
    };
    let rank = if id.is_multiple_of(6) { "None".to_owned() } else { format!("{{'Music': {}}}", id * 37) };
    format!(
        "{{'asin': '{}', 'title': {}{price}, 'imUrl': 'http://images.example.com/{id}.jpg', 'brand': '', 'salesRank': {rank}, \
         'related': {{'also_bought': ['{}']}}, 'categories': [['CDs & Vinyl', 'Pop'], [\"Children's Music\"]]}}",
        asin(id),
        literal(&title),
        asin(id + 1)
    )
}

/// As Python's `repr` writes a text.
fn literal(text: &str) -> String {
    match (text.contains('\''), text.contains('"')) {
        (true, false) => format!("\"{text}\""),
        (true, true) => format!("'{}'", text.replace('\'', "\\'")),
        _ => format!("'{text}'"),
    }
}

fn figures(reviews: &[Review], products: u64) -> Vec<super::Figure> {
    let good = reviews.iter().filter(|review| !review.wrong);
    // The summary of a review is one of two; reviewer, product and second tell them apart already.
    let kept: BTreeSet<_> = good.map(|review| (review.reviewer, review.product, review.at)).collect();
    let mut prices: BTreeMap<u64, BTreeSet<Option<u64>>> = BTreeMap::new();
    for (id, hour) in (0..products).filter(|id| *id != 3).flat_map(|id| [(id, 0), (id, 1)]) {
        prices.entry(id).or_default().insert(price(id, hour));
    }
    let joined: usize = kept.iter().map(|(_, product, _)| prices.get(product).map_or(1, BTreeSet::len)).sum();
    let rows = prices.values().flatten();
    vec![
        figure("reviews", "SELECT COUNT(*) FROM bestsellers.reviews", kept.len()),
        figure("products and prices", "SELECT COUNT(*) FROM bestsellers.metadata", rows.clone().count()),
        figure(
            "of these without a price",
            "SELECT COUNT(*) - COUNT(price) FROM bestsellers.metadata",
            rows.clone().filter(|price| price.is_none()).count(),
        ),
        figure(
            "sum of prices, cents",
            "SELECT CAST(SUM(price) * 100 AS BIGINT) FROM bestsellers.metadata",
            rows.flatten().sum::<u64>(),
        ),
        figure("rows of the view", "SELECT COUNT(*) FROM bestsellers.reviews_price", joined),
        figure("partitions of external tables", "SELECT COUNT(*) FROM svv_external_partitions", 4),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Read;

    use super::*;

    fn lines(written: &Written, at: usize) -> Vec<String> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(written.objects[at].body.as_slice()).read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_source_has_what_is_odd_about_real_ones() {
        let written = write(42, 100);
        let (reviews, earlier) = (lines(&written, 0), lines(&written, 2));
        let parsed: Vec<serde_json::Value> = reviews.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(parsed.iter().any(|review| review["reviewTime"] == "09 1, 2006"), "a day that is not padded");
        assert!(parsed.iter().any(|review| review["reviewText"].as_str().unwrap().len() > 4_096), "a long text");
        assert_eq!(parsed.iter().filter(|review| review["overall"] == 9.0).count(), 1);
        let same = |at: usize| (&parsed[at]["reviewerID"], &parsed[at]["asin"], &parsed[at]["unixReviewTime"]);
        assert_eq!(same(10), same(20), "a review twice");
        assert_eq!(reviews[..50], earlier, "downloaded again");

        let (first, second) = (lines(&written, 1), lines(&written, 3));
        assert!(first.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_err()), "no JSON");
        for odd in [
            "\"Don't Drink",
            "'The \"Best\" of What\\'s",
            "'salesRank': None",
            "[\"Children's Music\"]",
            "'price': 'free'",
        ] {
            assert!(first.iter().any(|line| line.contains(odd)), "{odd}");
        }
        assert!(first.iter().any(|line| !line.contains("'price'")), "no price");
        assert!(first.iter().zip(&second).any(|(first, second)| first != second), "another price");
    }
}
