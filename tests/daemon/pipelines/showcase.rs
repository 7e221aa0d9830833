//! `pipelines/showcase`: products, customers and sales of some days, in whatever order they come.

use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::data::{Data, Expected};
use crate::support::postgres::Server;
use crate::support::sandbox::{Aws, Setup, s3_event};

/// What is compared of each table.
const TABLES: [(&str, &str); 4] = [
    (
        "products",
        "SELECT product_key, product_id, product_name, category, product_rating, is_inferred FROM showcase.dim_product",
    ),
    (
        "customers",
        "SELECT customer_key, customer_id, company_name, industry, satisfaction_rating, row_effective_date, row_expired_date, \
         is_current FROM showcase.dim_customer",
    ),
    (
        "facts",
        "SELECT transaction_code, sales_date, product_key, customer_key, quantity, unit_price, amount FROM showcase.fact_sales",
    ),
    (
        "aggregate",
        "SELECT sales_date, product_key, customer_key, sales, quantity, amount FROM showcase.fact_sales_aggregate",
    ),
];

const PIPELINES: [&str; 3] = ["showcase_products", "showcase_customers", "showcase_sales"];

/// A past day, which comes last; and three days in a row.
const PAST: &str = "2023-10-28";
const DAYS: [&str; 3] = ["2023-11-01", "2023-11-02", "2023-11-03"];

/// A sale; prices are texts of two decimals.
fn sale(code: &str, customer: Option<u32>, product: Option<u32>, quantity: i32, price: &str) -> Value {
    json!({ "transaction_code": code, "customer_id": customer, "product_id": product, "quantity": quantity, "unit_price": price })
}

fn sales(day: &str) -> Vec<Value> {
    match day {
        PAST => vec![sale("P1", Some(1), Some(1), 2, "10.00"), sale("P2", Some(5), Some(40), 1, "0.05")],
        "2023-11-01" => vec![
            sale("A1", Some(1), Some(1), 1, "19.99"),
            sale("A2", Some(2), Some(3), 3, "7.10"),
            sale("A3", Some(4), Some(31), 1, "99999999.99"), // a product that no extract has before the third day
            sale("A4", Some(30), Some(99), 2, "5.00"), // a customer of tomorrow, and a product that no extract ever has
            sale("A5", None, None, 1, "1.01"),
            sale("A6", Some(2), Some(3), 4, "7.10"),
            sale("A7", Some(77), Some(2), 1, "3.33"), // a customer whom nobody knows
        ],
        "2023-11-02" => vec![
            sale("B1", Some(2), Some(3), 1, "7.20"),
            sale("B2", Some(4), Some(5), 1, "8.00"), // a customer who is gone today
            sale("A6", Some(2), Some(3), 5, "7.00"), // yesterday's sale, otherwise
            sale("B3", Some(30), Some(31), 1, "2.50"),
            sale("B4", Some(1), Some(1), 0, "19.99"), // nothing is sold: to the quarantine
        ],
        _ => vec![
            sale("C1", Some(2), Some(3), 2, "7.20"),
            sale("C2", Some(4), Some(31), 6, "0.99"),
            sale("A2", Some(2), Some(3), 3, "7.10"), // the first day's, delivered again
        ],
    }
}

/// A real extract as a day has it: `change` gives the line of a number, or takes it out.
fn extract(real: &[u8], more: &[&str], change: impl Fn(&str) -> Option<String>) -> String {
    let text = String::from_utf8(real.to_vec()).unwrap().replace('\r', "");
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    let kept = lines.filter_map(|line| {
        change(line.split(',').next().unwrap()).map(|new| if new.is_empty() { line.to_owned() } else { new })
    });
    std::iter::once(header.to_owned())
        .chain(kept)
        .chain(more.iter().map(|line| (*line).to_owned()))
        .map(|line| line + "\n")
        .collect()
}

fn products(data: &Data, day: &str) -> String {
    let real = data.read("showcase/get_changed_product_data/product_data.txt");
    let as_it_is = || Some(String::new());
    let more: &[&str] = if day == DAYS[2] { &["31,\"Late, at \"\"last\"\"\",\"Gadgets\",7"] } else { &[] };
    extract(&real, more, |id| match (day, id) {
        (PAST, "3") => Some("3,\"AeroFusion, as it was\",\"Gadgets\",1".to_owned()),
        ("2023-11-02", "3") => Some("3,\"AeroFusion Drone 2\",\"Gadgets\",25".to_owned()),
        ("2023-11-02" | "2023-11-03", "5") => Some("5,\"CelestialEcho Earbuds\",\"Audio\",".to_owned()),
        ("2023-11-02" | "2023-11-03", "9") => None, // not there any more; the dimension keeps it
        _ => as_it_is(),
    })
}

fn customers(data: &Data, day: &str) -> String {
    let real = data.read("showcase/get_changed_customer_data/customer_data.txt");
    extract(&real, &[], |id| match (day, id) {
        ("2023-11-01", "30") => None,
        ("2023-11-02" | "2023-11-03", "2") => Some("2,\"Global Solutions Co.\",\"Consulting\",43".to_owned()),
        ("2023-11-02", "4") => None,
        ("2023-11-03", "5") => Some("5,\"Renamed, Inc.\",\"\",".to_owned()),
        (PAST, "6") => Some("6,\"Of old\",\"Consulting\",1".to_owned()),
        _ => Some(String::new()),
    })
}

/// The sales as whoever writes them does: customers' numbers as doubles, as some are missing.
fn parquet(sales: &[Value]) -> Vec<u8> {
    let cents = |sale: &Value| sale["unit_price"].as_str().unwrap().replace('.', "").parse::<i128>().unwrap();
    let prices = Decimal128Array::from_iter_values(sales.iter().map(cents)).with_precision_and_scale(10, 2).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "transaction_code",
            Arc::new(StringArray::from_iter_values(
                sales.iter().map(|sale| sale["transaction_code"].as_str().unwrap()),
            )),
        ),
        ("customer_id", Arc::new(sales.iter().map(|sale| sale["customer_id"].as_f64()).collect::<Float64Array>())),
        ("product_id", Arc::new(sales.iter().map(|sale| sale["product_id"].as_i64()).collect::<Int64Array>())),
        (
            "quantity",
            Arc::new(sales.iter().map(|sale| sale["quantity"].as_i64().map(|n| n as i32)).collect::<Int32Array>()),
        ),
        ("unit_price", Arc::new(prices)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The days' files, and what Python makes of them.
struct Days {
    data: Data,
    folder: TempDir,
}

impl Days {
    /// Writes the files of these days, and computes every table.
    fn expected(&self, days: &[&str]) -> Vec<Expected> {
        let folder = self.folder.path().join(days.len().to_string());
        for day in days {
            let folder = folder.join(day);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("products.csv"), products(&self.data, day)).unwrap();
            std::fs::write(folder.join("customers.csv"), customers(&self.data, day)).unwrap();
            std::fs::write(folder.join("sales.json"), Value::from(sales(day)).to_string()).unwrap();
        }
        let computed = |(what, _): &(&str, &str)| {
            self.data.computed("daemon/pipelines/showcase.py", &[*what, folder.to_str().unwrap()])
        };
        TABLES.iter().map(computed).collect()
    }

    /// The objects of a day: products, customers, sales.
    fn objects(&self, day: &str) -> [(String, Vec<u8>); 3] {
        [
            (format!("{day}/products.csv"), products(&self.data, day).into_bytes()),
            (format!("{day}/customers.csv"), customers(&self.data, day).into_bytes()),
            (format!("{day}/sales.parquet"), parquet(&sales(day))),
        ]
    }
}

async fn put(aws: &Aws, objects: impl IntoIterator<Item = &(String, Vec<u8>)>) {
    for (key, body) in objects {
        aws.put(key, body.clone()).await;
    }
}

async fn assert_tables(aws: &Aws, expected: &[Expected], what: &str) {
    for ((table, query), expected) in TABLES.iter().zip(expected) {
        println!("{table}, {what}");
        expected.assert_rows(aws.rows(query).await);
    }
}

async fn assert_well(aws: &Aws) {
    for pipeline in PIPELINES {
        aws.assert_balanced(pipeline).await;
    }
    aws.assert_nothing_parked().await;
}

fn days() -> Option<Days> {
    Some(Days { data: Data::find()?, folder: tempfile::tempdir().unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_star_of_sales_is_what_python_makes_of_the_days_in_order_once_more_and_with_a_past_day_that_comes_last() {
    let Some(days) = days() else { return };
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "showcase");
    let _daemon = super::run(&aws, &config);
    for (at, day) in DAYS.iter().enumerate() {
        for (object, pipeline) in days.objects(day).iter().zip(PIPELINES) {
            put(&aws, [object]).await;
            aws.until_loaded(pipeline, at as u64 + 1).await;
        }
    }
    aws.until_drained().await;
    let three = days.expected(&DAYS);
    assert_tables(&aws, &three, "in order").await;
    let rejected = aws.quarantine("showcase_sales").await;
    assert_eq!((rejected.len(), &rejected[0]["rule"], &rejected[0]["record"]), (1, &json!("min"), &json!(5)));

    // Each day once more, by the events and as files that are written again.
    for day in DAYS {
        put(&aws, &days.objects(day)).await;
    }
    aws.until_drained().await;
    assert_tables(&aws, &three, "put again").await;

    put(&aws, &days.objects(PAST)).await;
    for pipeline in PIPELINES {
        aws.until_loaded(pipeline, 4).await;
    }
    aws.until_drained().await;
    assert_tables(&aws, &days.expected(&[PAST, DAYS[0], DAYS[1], DAYS[2]]), "a past day last").await;
    assert_well(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_in_reverse_with_sales_first_and_every_event_twice_make_the_same_star() {
    let Some(days) = days() else { return };
    let expected = days.expected(&[PAST, DAYS[0], DAYS[1], DAYS[2]]);
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "showcase");
    let _daemon = super::run(&aws, &config);
    for (at, day) in [DAYS[2], DAYS[1], DAYS[0], PAST].iter().enumerate() {
        let mut objects = days.objects(day);
        objects.reverse();
        for ((key, body), pipeline) in objects.into_iter().zip(PIPELINES.iter().rev()) {
            aws.put(&key, body).await;
            let again = aws.record(&key, "2026-11-25T08:00:00.000Z", None).await;
            aws.send_event(&s3_event(&[again])).await;
            aws.until_loaded(pipeline, at as u64 + 1).await;
        }
    }
    aws.until_drained().await;
    assert_tables(&aws, &expected, "in reverse, events twice").await;
    assert_well(&aws).await;

    // All files at once: which are loaded together is for the daemon to say.
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "showcase");
    let _daemon = super::run(&aws, &config);
    for day in [DAYS[1], DAYS[2], PAST, DAYS[0]] {
        put(&aws, &days.objects(day)).await;
    }
    for pipeline in PIPELINES {
        aws.until_loaded(pipeline, 4).await;
    }
    aws.until_drained().await;
    assert_tables(&aws, &expected, "at once").await;
    assert_well(&aws).await;
}

/// With the embedded PostgreSQL there is one connection, and so one load at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_whose_loads_of_sales_and_customers_meet_make_the_same_star() {
    let Some(days) = days() else { return };
    let Some(server) = Server::start() else { return };
    let aws = Aws::with(Setup { postgres_url: Some(server.url.clone()), ..Setup::default() }).await;
    let config = super::shipped(&aws, "showcase");
    let _daemons = [super::run(&aws, &config), super::run(&aws, &config)];
    for (at, day) in [DAYS[1], PAST, DAYS[2], DAYS[0]].iter().enumerate() {
        // The three files of a day together: their loads are.
        put(&aws, &days.objects(day)).await;
        for pipeline in PIPELINES {
            aws.until_loaded(pipeline, at as u64 + 1).await;
        }
    }
    aws.until_drained().await;
    assert_tables(&aws, &days.expected(&[PAST, DAYS[0], DAYS[1], DAYS[2]]), "two daemons").await;
    assert_well(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_equal_are_left_alone_a_change_ends_the_day_before_and_an_inferred_product_keeps_its_key() {
    let Some(days) = days() else { return };
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "showcase");
    let _daemon = super::run(&aws, &config);
    put(&aws, &days.objects(DAYS[0])).await;
    for pipeline in PIPELINES {
        aws.until_loaded(pipeline, 1).await;
    }
    let late = "SELECT product_key, product_name, category, product_rating, is_inferred FROM showcase.dim_product WHERE product_id = 31";
    let inferred = aws.rows(late).await;
    assert_eq!(inferred[0][1..], ["NULL", "NULL", "NULL", "true"]);
    // Where PostgreSQL keeps a row: an update writes another.
    let places = "SELECT product_id, CAST(ctid AS VARCHAR(32)) FROM showcase.dim_product ORDER BY 1";
    let before = aws.rows(places).await;
    put(&aws, &days.objects(DAYS[1])[..2]).await;
    for pipeline in &PIPELINES[..2] {
        aws.until_loaded(pipeline, 2).await;
    }
    let after = aws.rows(places).await;
    let moved: Vec<&str> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| a[0].as_str()).collect();
    assert_eq!(moved, ["3", "5"], "the products that changed");

    let history = "SELECT satisfaction_rating, row_effective_date, row_expired_date, is_current FROM showcase.dim_customer WHERE customer_id = 2 ORDER BY 2";
    let versions = aws.rows(history).await;
    assert_eq!(
        versions,
        [["42", "2023-11-01", "2023-11-01", "false"], ["43", "2023-11-02", "9999-12-31", "true"]]
            .map(|row| row.map(str::to_owned).to_vec())
    );

    put(&aws, &days.objects(DAYS[2])[..1]).await;
    aws.until_loaded(PIPELINES[0], 3).await;
    let known = aws.rows(late).await;
    assert_eq!(known[0][0], inferred[0][0], "the facts' key");
    assert_eq!(known[0][1..], ["Late, at \"last\"", "Gadgets", "7", "false"]);
    aws.until_drained().await;
    assert_well(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_fails_loads_nothing_and_the_corrected_file_is_loaded() {
    let Some(days) = days() else { return };
    let aws = Aws::start().await;
    let config = super::shipped(&aws, "showcase");
    let _daemon = super::run(&aws, &config);
    let [(products_key, products), (customers_key, customers), (sales_key, _)] = days.objects(DAYS[0]);
    let twice = |extract: &[u8]| {
        let text = String::from_utf8(extract.to_vec()).unwrap();
        format!("{text}{}\n", text.lines().last().unwrap())
    };
    aws.put(&products_key, twice(&products).into_bytes()).await;
    aws.put(&customers_key, twice(&customers).into_bytes()).await;
    let mut of_day = sales(DAYS[0]);
    of_day.push(of_day[0].clone());
    aws.put(&sales_key, parquet(&of_day)).await;
    aws.until_depth(&aws.queues.loads_dlq, 3).await;
    let parked = aws.take(&aws.queues.loads_dlq).await;
    let mut reasons: Vec<String> =
        parked.iter().map(|message| format!("{} {}", message.get("kind"), message.get("reason"))).collect();
    reasons.sort();
    for (reason, check) in reasons.iter().zip(["no customer twice", "no product twice", "no transaction twice"]) {
        assert!(reason.starts_with("check-failed") && reason.contains(check), "{reasons:?}");
    }
    for table in ["products", "sales", "dim_product", "dim_customer", "fact_sales", "fact_sales_aggregate"] {
        assert_eq!(aws.number(&format!("SELECT COUNT(*) FROM showcase.{table}")).await, 0, "{table}");
    }

    // An extract of which a row cannot be read is not all customers: nothing of it is loaded either.
    let spoilt = String::from_utf8(customers).unwrap().replacen(",87\n", ",many\n", 1);
    aws.put(&customers_key, spoilt.into_bytes()).await;
    aws.until_depth(&aws.queues.events_dlq, 1).await;
    assert_eq!(aws.take(&aws.queues.events_dlq).await[0].get("kind"), "too-many-rejects");
    assert_eq!(aws.number("SELECT COUNT(*) FROM showcase.dim_customer").await, 0);

    put(&aws, &days.objects(DAYS[0])).await;
    for pipeline in PIPELINES {
        aws.until_loaded(pipeline, 1).await;
    }
    aws.until_drained().await;
    assert_tables(&aws, &days.expected(&DAYS[..1]), "corrected").await;
    assert_well(&aws).await;
}
