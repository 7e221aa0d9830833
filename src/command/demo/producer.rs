//! The demo's source: a deterministic stream of reviews with what goes wrong in real ones.

use std::collections::HashMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

/// The first second of the reviews' times: 2006-09-12.
const FIRST_SECOND: i64 = 1_158_019_200;

const WORDS: &[&str] = &[
    "the",
    "album",
    "sounds",
    "warm",
    "and",
    "the",
    "songs",
    "grow",
    "with",
    "every",
    "listen",
    "voix",
    "très",
    "claire",
    "but",
    "mixing",
    "is",
    "thin",
    "a",
    "must",
    "for",
    "any",
    "fan",
    "übrigens",
    "gut",
    "音楽",
    "ends",
    "too",
    "soon",
];

/// What the producer wrote, by its own count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Objects, the corrupt one included.
    pub(super) objects: u64,
    /// Objects whose gzip is cut short.
    pub(super) corrupt_objects: u64,
    /// Records in the objects that are not corrupt.
    pub(super) records: u64,
    /// Of these, records that must be rejected.
    pub(super) malformed: u64,
    /// The newest version of each review: its time and its rating in tenths.
    newest: HashMap<(u64, u64), (i64, i64)>,
}

impl Written {
    /// Reviews that must be in the table at the end.
    pub(super) fn reviews(&self) -> u64 {
        self.newest.len() as u64
    }

    /// The sum of the ratings in the table at the end, in tenths.
    pub(super) fn rating_tenths(&self) -> i64 {
        self.newest.values().map(|(_, rating)| rating).sum()
    }

    /// The sum of the times in the table at the end, in seconds after 2006-09-12.
    pub(super) fn seconds(&self) -> i64 {
        self.newest.values().map(|(time, _)| time - FIRST_SECOND).sum()
    }
}

/// Writes objects, one after the other; the same seed writes the same ones.
pub(super) struct Producer {
    random: fastrand::Rng,
    rows_per_object: u64,
    /// The object that is cut short.
    corrupt: u64,
    /// The reviews written so far that may come again: reviewer, product, time, rating.
    earlier: Vec<(u64, u64, i64, i64)>,
    clock: i64,
    pub(super) written: Written,
}

/// An object to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) body: Vec<u8>,
}

impl Producer {
    pub(super) fn new(seed: u64, objects: u64, rows_per_object: u64) -> Self {
        Producer {
            random: fastrand::Rng::with_seed(seed),
            rows_per_object,
            corrupt: objects / 2,
            earlier: Vec::new(),
            clock: FIRST_SECOND,
            written: Written::default(),
        }
    }

    /// The next object.
    pub(super) fn next(&mut self) -> Object {
        let number = self.written.objects;
        self.written.objects += 1;
        let corrupt = number == self.corrupt;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..self.rows_per_object {
            let line = self.record(corrupt);
            // Writing to memory cannot fail.
            let _ = writeln!(gzip, "{line}");
        }
        let mut body = gzip.finish().unwrap_or_default();
        if corrupt {
            self.written.corrupt_objects += 1;
            body.truncate(body.len() / 2);
        }
        // Blanks and a plus: what notifications encode.
        let key = format!("amazon/reviews/downloaded_at=20261121{:02}/part {number:05}+v1.json.gz", number % 24);
        Object { key, body }
    }

    /// One line; nothing of a corrupt object counts, so nothing of it is remembered.
    fn record(&mut self, corrupt: bool) -> String {
        self.clock += self.random.i64(1..60);
        let (reviewer, product, time, rating) = match self.random.u8(0..100) {
            // A review again, as it was.
            0..=3 if !self.earlier.is_empty() => self.earlier[self.random.usize(0..self.earlier.len())],
            // A review edited: a newer version.
            4..=7 if !self.earlier.is_empty() => {
                let (reviewer, product, _, _) = self.earlier[self.random.usize(0..self.earlier.len())];
                (reviewer, product, self.clock, self.rating())
            }
            // A review's older version, arriving late.
            8..=11 if !self.earlier.is_empty() => {
                let (reviewer, product, time, _) = self.earlier[self.random.usize(0..self.earlier.len())];
                (reviewer, product, time - self.random.i64(1..100_000), self.rating())
            }
            _ => (self.random.u64(0..1_000_000), self.random.u64(0..10_000), self.clock, self.rating()),
        };
        let malformed = self.random.u16(0..1_000) < 5;
        if !corrupt {
            self.written.records += 1;
            self.written.malformed += u64::from(malformed);
            if !malformed {
                self.remember(reviewer, product, time, rating);
            }
        }
        let line = json!({
            "reviewerID": format!("A{reviewer:012}"),
            "asin": format!("B{product:09}"),
            "overall": serde_json::Number::from_f64(rating as f64 / 10.0),
            "summary": self.words(4),
            "reviewText": self.words(40),
            "helpful": [self.random.u8(0..9), 9],
            "email": format!("reader{reviewer}@example.com"),
            "unixReviewTime": time,
            "reviewerName": "left out: no column takes it",
        })
        .to_string();
        if malformed { self.spoil(line) } else { line }
    }

    fn remember(&mut self, reviewer: u64, product: u64, time: i64, rating: i64) {
        let newest = self.written.newest.entry((reviewer, product)).or_insert((time, rating));
        if time > newest.0 {
            *newest = (time, rating);
        }
        // Two versions of one second would leave open which is newer: only the newest can come again as it was.
        if *newest == (time, rating) && self.earlier.len() < 10_000 {
            self.earlier.push((reviewer, product, time, rating));
        }
    }

    fn rating(&mut self) -> i64 {
        self.random.i64(1..=5) * 10
    }

    fn words(&mut self, most: usize) -> String {
        let count = self.random.usize(1..=most);
        (0..count).map(|_| WORDS[self.random.usize(0..WORDS.len())]).collect::<Vec<_>>().join(" ")
    }

    /// The line with one of the faults that real files have.
    fn spoil(&mut self, line: String) -> String {
        match self.random.u8(0..4) {
            0 => line[..20].to_owned(),
            1 => line.replacen("\"overall\":", "\"overall\":9", 1),
            2 => line.replacen("\"asin\":\"B", "\"asin\":\"b-", 1),
            _ => line.replacen("\"unixReviewTime\":", "\"reviewed\":", 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(seed: u64) -> (Vec<Vec<u8>>, Written) {
        let mut producer = Producer::new(seed, 6, 200);
        let bodies = (0..6).map(|_| producer.next().body).collect();
        (bodies, producer.written)
    }

    #[test]
    fn the_same_seed_writes_the_same_objects() {
        assert_eq!(all(7), all(7));
        assert_ne!(all(7).0, all(8).0);
    }

    #[test]
    fn the_stream_has_every_kind_of_trouble() {
        let (_, written) = all(7);
        assert_eq!((written.objects, written.corrupt_objects, written.records), (6, 1, 1_000));
        assert!(written.malformed > 0);
        assert!(written.reviews() < written.records - written.malformed, "duplicates and versions");
    }
}
