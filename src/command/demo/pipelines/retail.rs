//! The source of `pipelines/retail`: three days' purchases as CSV, one of which is corrected, and all of them once more as an old export has them.

use std::collections::BTreeSet;

use super::{Read, Table, Written, figure, gzip, object, pick};

const DAYS: [&str; 3] = ["2010-12-01", "2010-12-02", "2010-12-03"];
const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/// A line of an invoice; its price is in thousandths.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    invoice: String,
    stock: String,
    detail: String,
    quantity: i64,
    minute: u64,
    price: i64,
    customer: Option<u64>,
    country: &'static str,
}

pub(super) fn write(seed: u64, rows: u64) -> Written {
    let mut random = fastrand::Rng::with_seed(seed);
    let days: Vec<Vec<Line>> = (0..DAYS.len()).map(|day| lines(&mut random, day, rows)).collect();
    let key = |day: usize| format!("retail/by-day/{}.csv", DAYS[day]);
    let whole = |day: usize| object(key(day), by_day(day, &days[day]));
    let half = rows as usize / 2;
    let objects = vec![
        whole(2),
        whole(0),
        whole(1),
        object("retail/archive/2026-11-01/OnlineRetail.csv.gz", gzip(&archive(&days))),
    ];
    Written {
        first: vec![object(key(1), by_day(1, &days[1][..half]))], // half of a day, which is then put whole
        objects,
        // Two lines behind each file of a day do not fit.
        read: vec![
            Read { pipeline: "retail_purchases", objects: 4, records: 3 * rows + half as u64 + 8, rejected: 8 },
            Read { pipeline: "retail_archive", objects: 1, records: 3 * rows, rejected: 0 },
        ],
        figures: figures(&days),
        tables: vec![
            Table {
                name: "retail.user_purchase",
                columns: "invoice_number, stock_code, detail, quantity, invoice_date, unit_price, customer_id, country",
                order: "invoice_date, invoice_number, stock_code",
            },
            Table {
                name: "retail.user_spent",
                columns: "insert_date, purchase_date, customer_id, amount_spent",
                order: "purchase_date, amount_spent",
            },
            Table {
                name: "retail.archive_purchase",
                columns: "invoice_number, detail, quantity, invoice_date, unit_price, customer_id, insert_date",
                order: "STRPOS(NVL(detail, ''), '£') DESC, invoice_date, invoice_number",
            },
            Table {
                name: "retail.archive_spent",
                columns: "insert_date, purchase_date, customer_id, amount_spent",
                order: "purchase_date, amount_spent",
            },
        ],
    }
}

/// A day's lines: returns, cancelled invoices, unknown customers, and some lines twice.
fn lines(random: &mut fastrand::Rng, day: usize, rows: u64) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for n in 0..rows {
        if n % 20 == 19 {
            lines.extend_from_within(lines.len() - 1..);
            continue;
        }
        let invoice = 536_365 + day as u64 * 10_000 + n / 5;
        let cancelled = n / 5 % 6 == 4;
        let quantity = random.i64(1..48);
        lines.push(Line {
            invoice: format!("{}{invoice}", if cancelled { "C" } else { "" }),
            stock: format!("{}{}", random.u32(20_000..90_000), pick(random, &["", "A", "B"])),
            detail: detail(random, n),
            quantity: if cancelled { -quantity } else { quantity },
            minute: 8 * 60 + n * 600 / rows,
            price: random.i64(1..20) * 1_000 - if n % 3 == 0 { 50 } else { 1 },
            customer: (n / 5 % 4 != 2).then(|| 12_346 + random.u64(0..200)),
            country: pick(random, &["United Kingdom", "France", "EIRE"]),
        });
    }
    lines
}

fn detail(random: &mut fastrand::Rng, n: u64) -> String {
    let what =
        pick(random, &["HEART T-LIGHT HOLDER", "METAL LANTERN", "ALARM CLOCK BAKELIKE", "CREAM CUPID COAT HANGER"]);
    match n % 10 {
        3 => String::new(),
        5 => format!("{what}, SET OF {}", random.u8(2..9)), // a comma, so in quotes
        7 => format!("{what} \"RETRO\""),
        8 => format!("GIFT VOUCHER £{}.00", random.u8(1..9) * 10),
        _ => what.to_owned(),
    }
}

/// As a field: in quotes where it has to be.
fn quoted(text: &str) -> String {
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// As text, without zeros at the end.
fn price(thousandths: i64) -> String {
    let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// UTF-8, LF, `17850.0`; and two lines that do not fit.
fn by_day(day: usize, lines: &[Line]) -> Vec<u8> {
    let mut text = format!("{HEADER}\n");
    for line in lines {
        let customer = line.customer.map_or(String::new(), |customer| format!("{customer}.0"));
        text += &format!(
            "{},{},{},{},{} {:02}:{:02}:00,{},{customer},{}\n",
            line.invoice,
            line.stock,
            quoted(&line.detail),
            line.quantity,
            DAYS[day],
            line.minute / 60,
            line.minute % 60,
            price(line.price),
            line.country
        );
    }
    text += &format!(
        "540001,22423,CAKESTAND,1,{0} 18:00:00,n/a,17850.0,France\n540002,22423,CAKESTAND,1,{0} 18:01:00\n",
        DAYS[day]
    );
    text.into_bytes()
}

/// ISO-8859-1, CRLF, `12/1/2010 8:26`, `17850`: all days in one.
fn archive(days: &[Vec<Line>]) -> Vec<u8> {
    let mut text = format!("{HEADER}\r\n");
    for (day, line) in days.iter().enumerate().flat_map(|(day, lines)| lines.iter().map(move |line| (day, line))) {
        let customer = line.customer.map_or(String::new(), |customer| customer.to_string());
        text += &format!(
            "{},{},{},{},12/{}/2010 {}:{:02},{},{customer},{}\r\n",
            line.invoice,
            line.stock,
            quoted(&line.detail),
            line.quantity,
            day + 1,
            line.minute / 60,
            line.minute % 60,
            price(line.price),
            line.country
        );
    }
    // Every character here is one of the first 256, whose bytes are ISO-8859-1's.
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

fn figures(days: &[Vec<Line>]) -> Vec<super::Figure> {
    let all = || days.iter().enumerate().flat_map(|(day, lines)| lines.iter().map(move |line| (day, line)));
    let spent: i64 = all().map(|(_, line)| line.quantity * line.price).sum();
    let customers = all().map(|(day, line)| (day, line.customer)).collect::<BTreeSet<_>>().len();
    let cancelled = all().filter(|(_, line)| line.invoice.starts_with('C')).count();
    vec![
        figure("purchases", "SELECT COUNT(*) FROM retail.user_purchase", all().count()),
        figure(
            "lines of cancelled invoices",
            "SELECT COUNT(*) FROM retail.user_purchase WHERE invoice_number LIKE 'C%' AND quantity < 0",
            cancelled,
        ),
        figure(
            "sum of quantity × price, thousandths",
            "SELECT CAST(SUM(quantity * unit_price) * 1000 AS BIGINT) FROM retail.user_purchase",
            spent,
        ),
        figure("days' customers", "SELECT COUNT(*) FROM retail.user_spent", customers),
        figure(
            "sum of what they spent, thousandths",
            "SELECT CAST(SUM(amount_spent) * 1000 AS BIGINT) FROM retail.user_spent",
            spent,
        ),
        figure("purchases of the old export", "SELECT COUNT(*) FROM retail.archive_purchase", all().count()),
        figure("days' customers of the old export", "SELECT COUNT(*) FROM retail.archive_spent", customers),
        figure(
            "sum of what they spent by it, thousandths",
            "SELECT CAST(SUM(amount_spent) * 1000 AS BIGINT) FROM retail.archive_spent",
            spent,
        ),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Read;

    use super::*;

    #[test]
    fn the_source_has_what_is_odd_about_real_ones() {
        let written = write(42, 60);
        let day = String::from_utf8(written.objects[2].body.clone()).unwrap();
        assert!(day.starts_with(HEADER) && !day.contains('\r'));
        let lines: Vec<&str> = day.lines().skip(1).collect();
        let any = |what: &str, odd: &dyn Fn(&&str) -> bool| assert!(lines.iter().any(odd), "{what}");
        any("a quoted comma", &|line| line.contains(", SET OF") && line.contains(",\""));
        any("quotes", &|line| line.contains("\"\"RETRO\"\""));
        any("a cancelled invoice and a negative quantity", &|line| line.starts_with('C') && line.contains(",-"));
        any("a customer with a point", &|line| line.contains(".0,"));
        any("an unknown customer", &|line| line.contains(",,"));
        any("a pound sign", &|line| line.contains('£'));
        assert!(lines.windows(2).any(|pair| pair[0] == pair[1]), "a line twice");
        assert!(
            written.first[0].key == written.objects[2].key && written.first[0].body.len() < day.len(),
            "a day corrected"
        );

        let mut old = Vec::new();
        flate2::read::GzDecoder::new(written.objects[3].body.as_slice()).read_to_end(&mut old).unwrap();
        assert!(std::str::from_utf8(&old).is_err() && old.contains(&0xA3), "ISO-8859-1");
        let old: String = old.iter().map(|byte| char::from(*byte)).collect();
        assert!(old.lines().count() == 181 && old.matches("\r\n").count() == 181 && old.contains(",12/1/2010 8:0"));
    }

    #[test]
    fn a_price_has_no_zeros_at_its_end() {
        assert_eq!([price(2_550), price(1_000), price(999), price(12_050)], ["2.55", "1", "0.999", "12.05"]);
    }
}
