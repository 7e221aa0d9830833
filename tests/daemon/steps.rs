//! Steps, checks and what follows a commit, through the daemon.

use serde_json::{Value, json};

use crate::support::daemon::Daemon;
use crate::support::sandbox::{Aws, Service};
use crate::support::{LIMIT, eventually};

/// Writes files of SQL beside the pipeline that `config` names.
fn write_scripts(config: &std::path::Path, scripts: &[(&str, &str)]) {
    for (name, sql) in scripts {
        std::fs::write(config.parent().unwrap().join("pipelines").join(name), sql).unwrap();
    }
}

/// Sales of a day into a fact table whose dimensions are kept by steps: the sparkify and showcase systems in small.
const SALES: &str = r#"
name = "sales"
freshness = "1s"
[source]
bucket = "landing"
key = "in/{day}/*"
format = "json-lines"
[columns]
transaction_code = { type = "varchar(16)", required = true }
customer = "varchar(32)"
amount = "decimal(12,2)"
day = "date"
[target]
table = "shop.fact_sales"
mode = "none"
create_sql = ["tables.sql"]
[[check]]
name = "amounts are there"
sql = "SELECT COUNT(*) FROM {{ stage }} WHERE amount IS NULL"
expect = 0
[[step]]
sql = "customers.sql"
targets = ["shop.dim_customer"]
[[check]]
name = "few unknown customers"
sql = "SELECT CAST(SUM(CASE WHEN customer IS NULL THEN 1 ELSE 0 END) AS DECIMAL(12,4)) / COUNT(*) FROM {{ stage }}"
max = 0.4
severity = "warn"
[[step]]
sql = "facts.sql"
targets = ["shop.fact_daily"]
[after]
sql = ["REFRESH MATERIALIZED VIEW shop.by_customer", "ANALYZE shop.fact_sales"]
"#;

const TABLES: &str = "
CREATE SCHEMA IF NOT EXISTS shop;
-- An identity as the surrogate key; -1 stands for a customer that is not known.
CREATE TABLE IF NOT EXISTS shop.dim_customer (customer_key BIGINT IDENTITY(1,1), name VARCHAR(32) NOT NULL) DISTSTYLE ALL SORTKEY (name);
CREATE TABLE IF NOT EXISTS {{ target }} (transaction_code VARCHAR(16) NOT NULL, customer_key BIGINT NOT NULL, amount DECIMAL(12,2), day DATE)
    DISTKEY (customer_key) COMPOUND SORTKEY (day);
CREATE TABLE IF NOT EXISTS shop.fact_daily (day DATE, amount DECIMAL(18,2));
CREATE MATERIALIZED VIEW shop.by_customer AS SELECT customer_key, SUM(amount) AS amount FROM shop.fact_sales GROUP BY customer_key;
";

const CUSTOMERS: &str = "
INSERT INTO shop.dim_customer (name)
SELECT DISTINCT s.customer FROM {{ stage }} s LEFT JOIN shop.dim_customer d ON d.name = s.customer
WHERE s.customer IS NOT NULL AND d.name IS NULL; -- inferred members; what they are is not known yet
";

const FACTS: &str = "
CREATE TEMP TABLE new_facts AS
SELECT s.transaction_code, NVL(d.customer_key, -1) AS customer_key, s.amount, s.day
FROM {{ stage }} s LEFT JOIN shop.dim_customer d ON d.name = s.customer;
DELETE FROM {{ target }} USING new_facts n WHERE fact_sales.transaction_code = n.transaction_code;
INSERT INTO {{ target }} (transaction_code, customer_key, amount, day) SELECT * FROM new_facts;
/* the aggregate of the days that this load touches; */
DELETE FROM shop.fact_daily USING (SELECT DISTINCT day FROM {{ stage }}) d WHERE fact_daily.day = d.day;
INSERT INTO shop.fact_daily
SELECT day, SUM(amount) FROM {{ target }} WHERE day IN (SELECT day FROM {{ stage }}) GROUP BY day
";

fn sale(code: &str, customer: Option<&str>, amount: Option<&str>) -> Value {
    json!({ "transaction_code": code, "customer": customer, "amount": amount })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_fill_several_tables_in_one_transaction_and_a_failed_check_commits_none_of_it() {
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[SALES]);
    write_scripts(&config, &[("tables.sql", TABLES), ("customers.sql", CUSTOMERS), ("facts.sql", FACTS)]);
    let daemon = Daemon::start(&aws, &config);

    aws.put_rows("in/2026-01-01/a", [sale("t1", Some("Ada"), Some("1.50")), sale("t2", None, Some("2.25"))]).await;
    aws.until_loaded("sales", 1).await;
    // Half of the customers are unknown: that is noted, and loaded all the same.
    eventually(LIMIT, "a warning", async || {
        let labels = [("check", "few unknown customers"), ("pipeline", "sales")];
        daemon.metrics().await.value("tidegate_checks_failed_total", &labels) == 1.0
    })
    .await;
    daemon.until_logged("a check does not hold").await;

    aws.put_rows("in/2026-01-01/b", [sale("t3", Some("Ada"), Some("3.00")), sale("t1", Some("Bob"), Some("4.00"))])
        .await;
    aws.until_loaded("sales", 2).await;
    aws.put_rows("in/2026-01-02/bad", [sale("t4", Some("Eve"), None), sale("t5", Some("Eve"), Some("1.00"))]).await;
    aws.until_depth(&aws.queues.loads_dlq, 1).await;
    aws.until_drained().await;
    let facts = "SELECT f.transaction_code, NVL(d.name, '-'), f.amount, f.day FROM shop.fact_sales f \
                 LEFT JOIN shop.dim_customer d ON d.customer_key = f.customer_key ORDER BY 1";
    assert_eq!(
        aws.rows(facts).await,
        [["t1", "Bob", "4.00", "2026-01-01"], ["t2", "-", "2.25", "2026-01-01"], ["t3", "Ada", "3.00", "2026-01-01"]]
    );
    assert_eq!(aws.number("SELECT COUNT(*) FROM shop.fact_sales WHERE customer_key = -1").await, 1);
    assert_eq!(
        aws.rows("SELECT name FROM shop.dim_customer ORDER BY 1").await,
        [["Ada"], ["Bob"]],
        "nothing of the bad batch"
    );
    assert_eq!(aws.rows("SELECT day, amount FROM shop.fact_daily").await, [["2026-01-01", "9.25"]]);
    let parked = aws.take(&aws.queues.loads_dlq).await;
    assert_eq!(parked[0].get("kind"), "check-failed", "{parked:?}");
    assert!(parked[0].get("reason").contains("the check \"amounts are there\" does not hold"), "{parked:?}");
    eventually(LIMIT, "the view is refreshed", async || {
        aws.rows("SELECT SUM(amount) FROM shop.by_customer").await == [["9.25"]]
    })
    .await;
    assert!(daemon.metrics().await.value("tidegate_after_total", &[("outcome", "done")]) >= 2.0);
    aws.assert_balanced("sales").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_commit_is_rate_limited_and_its_failure_touches_no_load() {
    const PIPELINE: &str = r#"
name = "numbers"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
id = "bigint"
[target]
table = "app.numbers"
mode = "append"
create = true
[after]
sql = ["INSERT INTO app.runs SELECT COUNT(*) FROM {{ target }}", "REFRESH MATERIALIZED VIEW app.no_such_view"]
every = "1h"
"#;
    let aws = Aws::start().await;
    aws.rows("CREATE SCHEMA app").await;
    aws.rows("CREATE TABLE app.runs (rows_there BIGINT)").await;
    let config = aws.configure(&Service::default(), &[PIPELINE]);
    let mut daemon = Daemon::start(&aws, &config);
    for at in 1..=3 {
        aws.put_rows(&format!("in/{at}"), [json!({ "id": at })]).await;
        aws.until_loaded("numbers", at).await;
    }
    daemon.until_logged("a statement after the commit failed; the load stands").await;
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.runs").await, 1, "once in an hour");
    assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 3);
    assert_eq!(daemon.metrics().await.value("tidegate_after_total", &[("outcome", "failed")]), 1.0);
    aws.assert_nothing_parked().await;
    // What was put off is run at the end.
    assert_eq!(daemon.terminate().await.code(), Some(0));
    assert_eq!(aws.rows("SELECT rows_there FROM app.runs ORDER BY 1 DESC").await[0], ["3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_names_its_batch_is_loaded_one_batch_at_a_time() {
    const PIPELINE: &str = r#"
name = "log"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
id = "bigint"
[target]
table = "app.log"
mode = "none"
create_sql = ["tables.sql"]
[[step]]
sql = "log.sql"
"#;
    let aws = Aws::start().await;
    let config = aws.configure(&Service::default(), &[PIPELINE]);
    let tables = "CREATE SCHEMA IF NOT EXISTS app; CREATE TABLE IF NOT EXISTS app.log (batch VARCHAR(36), n BIGINT)";
    let step = "INSERT INTO {{ target }} SELECT {{ batch_id }}, COUNT(*) FROM {{ stage }}";
    write_scripts(&config, &[("tables.sql", tables), ("log.sql", step)]);
    // Batches wait together before the first load.
    let mut intake = crate::support::daemon::Start::new(&aws, &config).role("intake").spawn();
    for at in 0..3 {
        aws.put_rows(&format!("in/{at}"), [json!({ "id": at })]).await;
        eventually(LIMIT, "a staged batch", async || aws.depth(&aws.queues.loads).await > at).await;
    }
    intake.terminate().await;
    let _loader = Daemon::start(&aws, &config);
    aws.until_loaded("log", 3).await;
    aws.until_drained().await;
    let matching =
        "SELECT COUNT(*) FROM app.log l JOIN tidegate.batches_log b ON b.batch_id = l.batch AND b.rows_staged = l.n";
    assert_eq!(aws.number(matching).await, aws.number("SELECT COUNT(*) FROM tidegate.batches_log").await);
    aws.assert_nothing_parked().await;
}
