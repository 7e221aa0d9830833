//! `tidegate demo --pipeline`: each folder of `pipelines/` with generated objects, from anywhere, in one process.

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Runs a demo in an empty folder, without anything of this process's environment but the path.
fn demo(arguments: &[&str]) -> (Output, String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["demo", "--once", "--data", "demo", "--report", "report.json"])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stdout.clone()).unwrap();
    (ended, said, folder)
}

/// Runs the demo of a folder of `pipelines/`; it must reconcile, and print these tables with their rows.
fn shows(pipeline: &str, tables: &[(&str, &str)]) {
    let (ended, said, folder) = demo(&["--pipeline", pipeline, "--rows-per-object", "60"]);
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}{errors}");
    for (table, first) in tables {
        let (_, shown) = said.split_once(&format!("\n{table}, ")).unwrap_or_else(|| panic!("{table}: {said}"));
        let shown = shown.split("\n\n").next().unwrap();
        assert!(shown.lines().count() >= 3 && shown.contains(first), "{table} has no {first}: {shown}");
    }
    assert!(said.contains("Everything reconciles") && !said.contains("DIFFERS"), "{said}");
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    let figures = report["figures"].as_object().unwrap();
    assert!(report["reconciles"] == true && figures.len() > 10, "{report}");
    for (figure, both) in figures {
        assert_eq!(both["found"], both["produced"], "{figure}");
    }
    let rejected = figures.iter().filter(|(name, _)| name.ends_with("rejects"));
    assert!(
        rejected.map(|(_, both)| both["found"].as_i64().unwrap()).sum::<i64>() > 0,
        "nothing was rejected: {report}"
    );
}

#[test]
fn showcase_shows_inferred_products_versions_of_customers_facts_and_their_aggregate() {
    shows(
        "showcase",
        &[
            ("showcase.dim_product", "99          NULL"),
            ("showcase.dim_customer", "9999-12-31"),
            ("showcase.fact_sales", "T0000000"),
            ("showcase.fact_sales_aggregate", "2026-11-21"),
        ],
    );
}

#[test]
fn sparkify_shows_its_star() {
    shows(
        "sparkify",
        &[
            ("sparkify.songplays", "SO0000000000000"),
            ("sparkify.users", "First1"),
            ("sparkify.songs", "Song of the Tide"),
            ("sparkify.artists", "Señor Coconut"),
            ("sparkify.time", "2018-11-01"),
        ],
    );
}

#[test]
fn retail_shows_purchases_of_both_encodings_and_what_was_spent() {
    shows(
        "retail",
        &[
            ("retail.user_purchase", "2010-12-01 08:00:00"),
            ("retail.user_spent", "2010-12-01   2010-12-01"),
            ("retail.archive_purchase", "£"),
            ("retail.archive_spent", "2026-11-01"),
        ],
    );
}

#[test]
fn bestsellers_shows_reviews_products_their_view_and_the_partitions() {
    shows(
        "bestsellers",
        &[
            ("bestsellers.reviews", "2006-09-01"),
            ("bestsellers.metadata", "Don't Drink"),
            ("bestsellers.reviews_price", "B00000000"),
            ("svv_external_partitions", "2026112109"),
        ],
    );
}

#[test]
fn supplier_shows_all_rows_and_the_versions_of_each() {
    shows(
        "supplier",
        &[
            ("assignment.supplier_data", "27-918-335-1736"),
            ("assignment.supplier_fact", "5755.94"),
            ("assignment.supplier_dim", "changed on the second day"),
        ],
    );
}

#[test]
fn a_demo_in_which_not_everything_is_loaded_says_so_and_fails() {
    let (ended, said, _folder) = demo(&["--pipeline", "retail", "--rows-per-object", "60", "--timeout", "0"]);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("SOMETHING DIFFERS") && said.contains("DIFFERS"), "{said}");
    assert!(String::from_utf8(ended.stderr).unwrap().contains("not everything was loaded within --timeout 0 s"));
}
