//! The workload of the benches: web events of 24 leaf fields, as JSON lines or CSV, about 700 or 420 bytes each, 0.1 % of them malformed.
//!
//! Deterministic: the same seed and number of events give the same bytes.
#![allow(dead_code, reason = "each bench uses its own part")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use tidegate::config::Pipeline;
use tidegate::model::{ObjectRef, Origin};

/// One of a thousand lines is malformed, unless the caller says otherwise.
pub const BAD_PER_THOUSAND: u64 = 1;

/// The fields of an event, in the order of both forms.
pub const FIELDS: [&str; 24] = [
    "event_id",
    "event_type",
    "occurred_at",
    "received_ms",
    "user_id",
    "session",
    "sequence",
    "campaign",
    "coupon",
    "url",
    "user_agent",
    "referrer",
    "country",
    "city",
    "os",
    "os_version",
    "model",
    "screen_w",
    "screen_h",
    "price",
    "tax",
    "quantity",
    "is_new",
    "is_bot",
];

const TYPES: [&str; 8] = ["page_view", "click", "add_to_cart", "purchase", "search", "scroll", "login", "logout"];
const COUNTRIES: [&str; 12] = ["DE", "FR", "US", "GB", "BR", "JP", "IN", "CN", "PL", "SE", "ES", "IT"];
const CITIES: [&str; 12] = [
    "Berlin",
    "Paris",
    "New York",
    "London",
    "São Paulo",
    "東京",
    "Mumbai",
    "上海",
    "Łódź",
    "Göteborg",
    "Málaga",
    "Forlì",
];
const SYSTEMS: [(&str, &str, &str); 5] = [
    ("iOS", "17.5.1", "iPhone15,3"),
    ("Android", "14", "Pixel 8 Pro"),
    ("Windows", "11", "Surface Laptop 6"),
    ("macOS", "14.5", "MacBookPro18,3"),
    ("Linux", "6.8", "generic-x86_64"),
];
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Pro) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.68",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
];
const SECTIONS: [&str; 8] = ["shoes", "outdoor", "kitchen", "garden", "books", "music", "toys", "electronics"];

/// The form of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a line.
    JsonLines,
    /// RFC 4180 with a header.
    Csv,
}

/// Writes events one after the other.
pub struct Events {
    random: fastrand::Rng,
    at_ms: i64,
    number: u64,
    bad_per_thousand: u64,
    form: Form,
}

impl Events {
    /// Events of `form`, of which so many of a thousand are malformed.
    pub fn new(form: Form, seed: u64, bad_per_thousand: u64) -> Self {
        Events { random: fastrand::Rng::with_seed(seed), at_ms: 1_750_000_000_000, number: 0, bad_per_thousand, form }
    }

    /// Adds the next event's line, with its end.
    pub fn line(&mut self, out: &mut String) {
        let random = &mut self.random;
        self.number += 1;
        self.at_ms += random.i64(0..40);
        let bad = random.u64(0..1_000) < self.bad_per_thousand;
        let (id_high, id_low) = (random.u64(..), random.u64(..));
        let event_type = TYPES[random.usize(0..TYPES.len())];
        let at = jiff::Timestamp::from_millisecond(self.at_ms).expect("in range");
        let received = self.at_ms + random.i64(5..5_000);
        let (user, session) = (random.u64(1..2_000_000), random.u32(..));
        let sequence = random.u32(0..400);
        let campaign = (random.u8(0..10) == 0).then(|| random.u32(1..60));
        let coupon = (random.u8(0..25) == 0).then(|| random.u32(1..5_000));
        let section = SECTIONS[random.usize(0..SECTIONS.len())];
        let (product, page) = (random.u32(1..90_000), random.u32(1..30));
        let agent = AGENTS[random.usize(0..AGENTS.len())];
        let referrer = (random.u8(0..3) > 0).then(|| SECTIONS[random.usize(0..SECTIONS.len())]);
        let place = random.usize(0..COUNTRIES.len());
        let (os, version, model) = SYSTEMS[random.usize(0..SYSTEMS.len())];
        let (width, height) = [(390, 844), (412, 915), (1920, 1080), (2560, 1440), (1366, 768)][random.usize(0..5)];
        let price = (event_type == "purchase" || event_type == "add_to_cart").then(|| random.u32(100..250_000));
        let quantity = random.u8(1..6);
        let (new, bot) = (random.bool(), random.u8(0..50) == 0);
        let uuid = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            id_high >> 32,
            id_high >> 16 & 0xffff,
            id_high & 0xfff,
            id_low >> 52,
            id_low & 0xffff_ffff_ffff
        );
        let url = format!(
            "https://shop.example.com/{section}/item-{product:06}?utm_source=newsletter&utm_medium=email&page={page}&click={:016x}{:016x}{:08x}&visit={:014x}",
            random.u64(..),
            random.u64(..),
            session.rotate_left(7),
            random.u64(..1 << 56)
        );
        let referrer = referrer.map(|from| {
            let (words, shown) = (random.u64(..), random.u64(..));
            format!("https://www.search.example/find?q={from}+{words:x}&start={page}0&sxsrf={shown:016x}")
        });
        // Browsers come in many builds.
        let (build, patch) = (random.u16(1_000..9_000), random.u8(..));
        let agent = format!("{agent} Build/{build}.{patch} {:06x}", random.u32(..1 << 24));
        let cents = |value: u32| format!("{}.{:02}", value / 100, value % 100);
        let written = match self.form {
            Form::JsonLines => {
                let text = |value: Option<String>| value.map_or("null".to_owned(), |value| format!("\"{value}\""));
                let plain = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
                write!(
                    out,
                    r#"{{"event_id":"{uuid}","event_type":"{event_type}","occurred_at":"{at:.3}","received_ms":{received},"user_id":{user},"session":"{session:08x}","sequence":{sequence},"campaign":{},"coupon":{},"url":"{url}","user_agent":"{agent}","referrer":{},"country":"{}","city":"{}","device":{{"os":"{os}","os_version":"{version}","model":"{model}","screen":{{"w":{width},"h":{height}}}}},"price":{},"tax":{},"quantity":{},"is_new":{new},"is_bot":{bot}}}"#,
                    text(campaign.map(|campaign| format!("spring-{campaign:02}"))),
                    text(coupon.map(|coupon| format!("SAVE{coupon:04}"))),
                    text(referrer),
                    COUNTRIES[place],
                    CITIES[place],
                    plain(price.map(cents)),
                    plain(price.map(|price| cents(price * 19 / 100))),
                    if bad { "\"many\"".to_owned() } else { quantity.to_string() },
                )
            }
            Form::Csv => {
                let text = Option::unwrap_or_default;
                write!(
                    out,
                    r#"{uuid},{event_type},{at:.3},{received},{user},{session:08x},{sequence},{},{},{url},"{agent}",{},{},{},{os},{version},"{model}",{width},{height},{},{},{},{new},{bot}"#,
                    text(campaign.map(|campaign| format!("spring-{campaign:02}"))),
                    text(coupon.map(|coupon| format!("SAVE{coupon:04}"))),
                    text(referrer),
                    COUNTRIES[place],
                    CITIES[place],
                    text(price.map(cents)),
                    text(price.map(|price| cents(price * 19 / 100))),
                    if bad { "many".to_owned() } else { quantity.to_string() },
                )
            }
        };
        written.expect("a String takes everything");
        out.push('\n');
    }

    /// A whole object of `events` events, gzip level 6; and its length before compression.
    pub fn gzip(&mut self, events: u64) -> (Vec<u8>, u64) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        let mut text = String::new();
        let mut length = 0;
        if self.form == Form::Csv {
            text.push_str(&FIELDS.join(","));
            text.push('\n');
        }
        for _ in 0..events {
            self.line(&mut text);
            if text.len() > 1 << 16 {
                encoder.write_all(text.as_bytes()).expect("memory");
                length += text.len() as u64;
                text.clear();
            }
        }
        encoder.write_all(text.as_bytes()).expect("memory");
        length += text.len() as u64;
        (encoder.finish().expect("memory"), length)
    }
}

/// Writes objects of about so many bytes before compression each, of `total` bytes in all, into `folder`; gives what they have.
pub fn write_objects(folder: &Path, form: Form, bad_per_thousand: u64, total: u64, each: u64) -> Written {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut all = Written::default();
    // About the length of an event, which the first object corrects.
    let mut event_bytes = 600;
    while all.bytes < total {
        let seed = 7 + all.objects;
        let events = each.min(total - all.bytes).div_ceil(event_bytes);
        let (object, length) = Events::new(form, seed, bad_per_thousand).gzip(events);
        std::fs::write(folder.join(format!("{:05}.gz", all.objects)), &object).expect("a file");
        event_bytes = (length / events).max(1);
        all = Written {
            objects: all.objects + 1,
            events: all.events + events,
            bytes: all.bytes + length,
            stored: all.stored + object.len() as u64,
        };
    }
    all
}

/// Inflates an object, and gives its length: what every reader of it has to do at least.
pub fn inflate(object: &[u8]) -> u64 {
    let mut decoder = MultiGzDecoder::new(object);
    let mut buffer = vec![0; 256 * 1024];
    let mut length = 0;
    loop {
        match decoder.read(&mut buffer).unwrap() {
            0 => return length,
            read => length += read as u64,
        }
    }
}

/// What objects have, in all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    pub objects: u64,
    pub events: u64,
    /// Before compression.
    pub bytes: u64,
    /// As stored.
    pub stored: u64,
}

/// The pipeline that types and checks the events.
pub fn pipeline(form: Form) -> Pipeline {
    let folder = tempfile::tempdir().expect("a folder");
    let service = include_str!("tidegate.toml");
    std::fs::write(folder.path().join("tidegate.toml"), service).expect("a file");
    std::fs::create_dir(folder.path().join("pipelines")).expect("a folder");
    let source = match form {
        Form::JsonLines => include_str!("events.toml").to_owned(),
        Form::Csv => include_str!("events.toml")
            .replace("format = \"json-lines\"", "format = \"csv\"\nheader = true\nnull_values = [\"\"]")
            .replace("/device/screen/w", "screen_w")
            .replace("/device/screen/h", "screen_h")
            .replace("/device/", ""),
    };
    std::fs::write(folder.path().join("pipelines/events.toml"), source).expect("a file");
    let config = tidegate::config::load(&folder.path().join("tidegate.toml"), &|name| std::env::var(name).ok());
    config.unwrap_or_else(|problems| panic!("{problems}")).pipelines.remove(0)
}

/// Where the events are said to come from.
pub fn origin() -> Origin {
    let object = ObjectRef {
        bucket: "landing".to_owned(),
        key: "events/1.gz".to_owned(),
        other_key: None,
        version: None,
        etag: Some("0".to_owned()),
        size: None,
        sequencer: None,
        event_time: jiff::Timestamp::UNIX_EPOCH,
    };
    Origin { object, captures: Vec::new() }
}
