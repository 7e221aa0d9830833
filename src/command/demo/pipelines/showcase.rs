//! The source of `pipelines/showcase`: all products and all customers of three days as CSV, and the sales of each as Parquet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray};

use super::{Read, Table, Written, figure, object, parquet, pick};
use crate::error::{Error, ErrorKind, Result};

const DAYS: [&str; 3] = ["2026-11-21", "2026-11-22", "2026-11-23"];
const PRODUCTS: i64 = 40;
/// A product that is sold from the first day on and is in an extract from the last on; and one that is in none.
const LATE: i64 = 41;
const NEVER: i64 = 99;
const CUSTOMERS: i64 = 60;
/// A customer who is gone on the second day, and one who comes on it.
const GONE: i64 = 5;
const NEW: i64 = 61;
/// A customer whom no extract has.
const NOBODY: i64 = 900;

/// A sale as its file has it; its price is in cents.
#[derive(Debug, Clone, PartialEq)]
struct Sale {
    code: String,
    customer: Option<i64>,
    product: Option<i64>,
    quantity: i32,
    price: i64,
}

pub(super) fn write(seed: u64, rows: u64) -> Result<Written> {
    let mut random = fastrand::Rng::with_seed(seed);
    let names: Vec<String> = (0..=LATE).map(|id| name(&mut random, id)).collect();
    let products: Vec<_> = (0..DAYS.len()).map(|day| products(day, &names)).collect();
    let customers: Vec<_> = (0..DAYS.len()).map(customers).collect();
    let sales: Vec<_> = (0..DAYS.len()).map(|day| sales(&mut random, day, rows)).collect();

    let mut objects = Vec::new();
    // The last day first, and each day's sales before what they are of.
    for day in [2, 0, 1] {
        objects.push(object(format!("{}/sales.parquet", DAYS[day]), file(&sales[day])?));
        objects.push(object(format!("{}/customers.csv", DAYS[day]), extract(CUSTOMER_HEADER, &customers[day])));
        objects.push(object(format!("{}/products.csv", DAYS[day]), extract(PRODUCT_HEADER, &products[day])));
    }
    objects.extend_from_within(..3);

    let read = |pipeline, records: usize, rejected| Read { pipeline, objects: 3, records: records as u64, rejected };
    let sold = sales.iter().flatten();
    let rejected = sold.clone().filter(|sale| sale.quantity < 1).count() as u64;
    Ok(Written {
        first: Vec::new(),
        objects,
        read: vec![
            read("showcase_products", products.iter().map(BTreeMap::len).sum(), 0),
            read("showcase_customers", customers.iter().map(BTreeMap::len).sum(), 0),
            read("showcase_sales", sold.count(), rejected),
        ],
        figures: figures(&customers, &sales),
        tables: vec![
            Table {
                name: "showcase.dim_product",
                columns: "product_key, product_id, product_name, category, product_rating, is_inferred",
                order: "product_id DESC",
            },
            Table {
                name: "showcase.dim_customer",
                columns: "customer_key, customer_id, company_name, satisfaction_rating, row_effective_date, row_expired_date, is_current",
                order: "ABS(customer_id - 4), row_effective_date",
            },
            Table {
                name: "showcase.fact_sales",
                columns: "transaction_code, sales_date, product_key, customer_key, quantity, unit_price, amount",
                order: "transaction_code",
            },
            Table {
                name: "showcase.fact_sales_aggregate",
                columns: "sales_date, product_key, customer_key, sales, quantity, amount",
                order: "sales_date, amount DESC, product_key, customer_key",
            },
        ],
    })
}

const PRODUCT_HEADER: &str = "\"ProductId\",\"ProductName\",\"Category\",\"ProductRating\"";
const CUSTOMER_HEADER: &str = "\"CustomerId\",\"CompanyName\",\"Industry\",\"CustomerSatisfactionRating\"";

fn name(random: &mut fastrand::Rng, id: i64) -> String {
    let first = pick(random, &["Nimbus", "Solar", "Quartz", "Ember", "Tidal", "Zénith"]);
    let second = pick(random, &["Lamp", "Speaker", "Scooter", "Camera", "Kettle", "Telescope"]);
    // Commas and quotes within quotes.
    match id % 7 {
        0 => format!("{first} {second}, \"\"the\"\" {id}"),
        _ => format!("{first} {second} {id}"),
    }
}

/// The rows of a day's extract by number: one that is renamed, some without a rating, one that comes on the last day.
fn products(day: usize, names: &[String]) -> BTreeMap<i64, String> {
    let there = (1..=PRODUCTS).chain((day == 2).then_some(LATE));
    let row = |id: i64| {
        let renamed = if id == 3 && day > 0 { " II" } else { "" };
        let rating = if id % 9 == 0 { String::new() } else { (id * 7 % 30).to_string() };
        format!("{id},\"{}{renamed}\",\"Category {}\",{rating}", names[id as usize], id % 5)
    };
    there.map(|id| (id, row(id))).collect()
}

/// The same of customers: every tenth changes on the second day, one is gone on it, another comes.
fn customers(day: usize) -> BTreeMap<i64, String> {
    let there = (1..=CUSTOMERS).filter(|id| *id != GONE || day != 1).chain((day > 0).then_some(NEW));
    let row = |id: i64| {
        let rating = id + if id % 10 == 3 && day > 0 { 10 } else { 0 };
        format!("{id},\"Company {id}, Inc.\",\"Industry {}\",{rating}", id % 4)
    };
    there.map(|id| (id, row(id))).collect()
}

fn extract(header: &str, rows: &BTreeMap<i64, String>) -> Vec<u8> {
    let lines: String = rows.values().map(|row| format!("{row}\n")).collect();
    format!("{header}\n{lines}").into_bytes()
}

/// A day's sales. Some of the day before come again, otherwise.
fn sales(random: &mut fastrand::Rng, day: usize, rows: u64) -> Vec<Sale> {
    let mut sales = Vec::new();
    for n in 0..rows {
        let (from, code) = if day > 0 && n % 25 == 24 { (day - 1, n - 1) } else { (day, n) };
        let mut sale = Sale {
            code: format!("T{from}{code:06}"),
            customer: Some(random.i64(1..=CUSTOMERS + 1)),
            product: Some(random.i64(1..=PRODUCTS)),
            quantity: random.i32(1..9),
            price: random.i64(1..20_000),
        };
        match n % 25 {
            3 => sale.customer = None,
            5 => sale.customer = Some(NOBODY),
            7 => sale.customer = Some(GONE),
            9 => sale.product = None,
            11 | 12 => sale.product = Some(LATE),
            14 => sale.product = Some(NEVER),
            16 => sale.quantity = 0,
            _ => {}
        }
        sales.push(sale);
    }
    sales
}

/// Customers as doubles, as a library writes them that has no other numbers with gaps.
fn file(sales: &[Sale]) -> Result<Vec<u8>> {
    let prices = Decimal128Array::from_iter_values(sales.iter().map(|sale| i128::from(sale.price)));
    let prices = prices
        .with_precision_and_scale(10, 2)
        .map_err(|error| Error::caused(ErrorKind::Io, "the demo's prices do not fit", error))?;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("transaction_code", Arc::new(StringArray::from_iter_values(sales.iter().map(|sale| &sale.code)))),
        ("customer_id", Arc::new(sales.iter().map(|sale| sale.customer.map(|id| id as f64)).collect::<Float64Array>())),
        ("product_id", Arc::new(sales.iter().map(|sale| sale.product).collect::<Int64Array>())),
        ("quantity", Arc::new(Int32Array::from_iter_values(sales.iter().map(|sale| sale.quantity)))),
        ("unit_price", Arc::new(prices)),
    ];
    parquet(columns)
}

/// What the star must hold.
fn figures(customers: &[BTreeMap<i64, String>], sales: &[Vec<Sale>]) -> Vec<super::Figure> {
    let mut versions = 0;
    for (day, extract) in customers.iter().enumerate() {
        let before = day.checked_sub(1).map(|day| &customers[day]);
        versions += extract.iter().filter(|(id, row)| before.and_then(|rows| rows.get(id)) != Some(*row)).count();
    }
    // The newest of each transaction.
    let mut facts = BTreeMap::new();
    for (day, sales) in sales.iter().enumerate() {
        facts.extend(sales.iter().filter(|sale| sale.quantity >= 1).map(|sale| (&sale.code, (day, sale))));
    }
    let known = |day: usize, sale: &Sale| sale.customer.filter(|id| customers[day].contains_key(id));
    let amount: i64 = facts.values().map(|(_, sale)| i64::from(sale.quantity) * sale.price).sum();
    let unknown = facts.values().filter(|(day, sale)| known(*day, sale).is_none()).count();
    let groups: BTreeSet<_> = facts.values().map(|(day, sale)| (*day, sale.product, known(*day, sale))).collect();
    vec![
        figure("products", "SELECT COUNT(*) FROM showcase.dim_product", PRODUCTS + 2),
        figure("products known from sales alone", "SELECT COUNT(*) FROM showcase.dim_product WHERE is_inferred", 1),
        figure("versions of customers", "SELECT COUNT(*) FROM showcase.dim_customer", versions),
        figure(
            "customers of today",
            "SELECT COUNT(*) FROM showcase.dim_customer WHERE is_current AND row_expired_date = '9999-12-31'",
            customers[2].len(),
        ),
        figure("sales", "SELECT COUNT(*) FROM showcase.fact_sales", facts.len()),
        figure("sales to nobody known", "SELECT COUNT(*) FROM showcase.fact_sales WHERE customer_key = -1", unknown),
        figure("sum of amount, cents", "SELECT CAST(SUM(amount) * 100 AS BIGINT) FROM showcase.fact_sales", amount),
        figure("rows of the aggregate", "SELECT COUNT(*) FROM showcase.fact_sales_aggregate", groups.len()),
        figure(
            "sum of its amount, cents",
            "SELECT CAST(SUM(amount) * 100 AS BIGINT) FROM showcase.fact_sales_aggregate",
            amount,
        ),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_source_has_what_is_odd_about_real_ones() {
        let written = write(42, 50).unwrap();
        let text = |key: &str| {
            let object = written.objects.iter().find(|object| object.key == key).unwrap();
            String::from_utf8(object.body.clone()).unwrap()
        };
        let products = text("2026-11-21/products.csv");
        assert!(products.starts_with("\"ProductId\",\"ProductName\"") && products.contains(", \"\"the\"\" 7\",\"Cat"));
        assert!(products.lines().any(|line| line.ends_with(',')), "no rating");
        assert!(!products.contains("\n41,") && text("2026-11-23/products.csv").contains("\n41,"), "late");
        assert!(!text("2026-11-22/customers.csv").contains("\n5,"), "gone");
        assert_eq!(written.objects[0], written.objects[9], "put twice");

        let mut random = fastrand::Rng::with_seed(1);
        let (first, second) = (sales(&mut random, 0, 50), sales(&mut random, 1, 50));
        assert!(first.iter().any(|sale| sale.customer.is_none()) && first.iter().any(|sale| sale.product.is_none()));
        assert!(first.iter().any(|sale| sale.product == Some(LATE)) && first.iter().any(|sale| sale.quantity == 0));
        let again = |sale: &&Sale| first.iter().any(|before| before.code == sale.code && before != *sale);
        assert_eq!(second.iter().filter(again).count(), 2, "sales of the day before");
    }
}
