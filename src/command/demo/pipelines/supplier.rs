//! The source of `pipelines/supplier`: TPC-H's suppliers, two days as text and one as Parquet.

use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Int64Array, StringArray};
use tpchgen::distribution::Distributions;
use tpchgen::generators::{Supplier, SupplierGenerator};
use tpchgen::text::TextPool;

use super::{Read, Table, Written, figure, object, parquet};
use crate::error::{Error, ErrorKind, Result};

const DAYS: [&str; 3] = ["20261121", "20261122", "20261123"];

/// The suppliers of a scale factor of 1.
const SCALE: f64 = 10_000.0;

/// The bytes of dbgen's text from which comments are cut. It makes 300 MB, of which this is the beginning; all else is as dbgen has it.
const TEXT: i32 = 1 << 20;

/// Every so manieth supplier changes on the second day.
const CHANGES: usize = 10;

/// A supplier whose telephone number has another form.
const WRONG: &str = "Supplier#wrong|somewhere|7|7-PHONE|0.01|a telephone number of another form|";

pub(super) fn write(rows: u64) -> Result<Written> {
    let suppliers = suppliers(rows as usize);
    let mut days: [Vec<String>; 2] = [0, 1].map(|_| suppliers.iter().map(ToString::to_string).collect());
    for line in days[1].iter_mut().step_by(CHANGES) {
        let fields = line.trim_end_matches('|').rsplit_once('|').map_or("", |(fields, _)| fields);
        *line = format!("{fields}|changed on the second day|");
    }
    days[1].remove(1); // the second supplier is gone
    days[0].push(format!("{}|{WRONG}", rows + 1));

    let text = |day: usize| {
        let body = days[day].join("\n") + "\n";
        object(format!("supplier/{}/supplier.tbl", DAYS[day]), body)
    };
    let whole = object(format!("supplier/{}/supplier.parquet", DAYS[2]), file(&suppliers)?);
    // Good rows of both days and of the Parquet file.
    let appended = 3 * rows - 1;
    let changed = suppliers.len().div_ceil(CHANGES) as u64;
    let cents: i64 = 3 * suppliers.iter().map(cents).sum::<i64>() - cents(&suppliers[1]);
    let read = |pipeline, objects, records, rejected| Read { pipeline, objects, records, rejected };
    Ok(Written {
        first: Vec::new(),
        objects: vec![text(1), text(0), whole, text(1)],
        read: vec![
            read("supplier_tbl", 2, 2 * rows, 1),
            read("supplier_dim", 2, 2 * rows, 1),
            read("supplier_parquet", 1, rows, 0),
        ],
        figures: vec![
            figure(
                "rows of all days",
                "SELECT COUNT(*) FROM assignment.supplier_data WHERE load_ts IS NOT NULL",
                appended,
            ),
            figure(
                "sum of s_acctbal, cents",
                "SELECT CAST(SUM(s_acctbal) * 100 AS BIGINT) FROM assignment.supplier_data",
                cents,
            ),
            figure("facts", "SELECT COUNT(*) FROM assignment.supplier_fact", appended),
            figure("versions", "SELECT COUNT(*) FROM assignment.supplier_dim", rows + changed),
            figure(
                "suppliers that there are",
                "SELECT COUNT(*) FROM assignment.supplier_dim WHERE active_flag",
                rows - 1,
            ),
            figure(
                "versions that ended the day before",
                "SELECT COUNT(*) FROM assignment.supplier_dim WHERE NOT active_flag AND eff_end_date = '2026-11-21'",
                changed + 1,
            ),
        ],
        tables: vec![
            Table {
                name: "assignment.supplier_data",
                columns: "s_suppkey, s_name, s_address, s_nationkey, s_phone, s_acctbal, load_ts",
                order: "s_suppkey, load_ts, s_comment",
            },
            Table {
                name: "assignment.supplier_fact",
                columns: "s_suppkey, s_acctbal, s_comment, load_ts",
                order: "s_suppkey, load_ts, s_comment",
            },
            Table {
                name: "assignment.supplier_dim",
                columns: "s_suppkey, s_name, s_comment, eff_start_date, eff_end_date, active_flag",
                order: "s_suppkey, eff_start_date",
            },
        ],
    })
}

fn suppliers(rows: usize) -> Vec<Supplier> {
    let distributions = Distributions::static_default();
    let text = TextPool::new(TEXT, distributions);
    let scale = (rows + 1) as f64 / SCALE;
    SupplierGenerator::new_with_distributions_and_text_pool(scale, 1, 1, distributions, &text)
        .iter()
        .take(rows)
        .collect()
}

fn cents(supplier: &Supplier) -> i64 {
    supplier.s_acctbal.into_inner()
}

/// s_nationkey as INT64 and s_acctbal as DECIMAL(15,2), as other writers of these files have them.
fn file(suppliers: &[Supplier]) -> Result<Vec<u8>> {
    fn texts(suppliers: &[Supplier], text: impl Fn(&Supplier) -> String) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(suppliers.iter().map(text)))
    }
    fn numbers(suppliers: &[Supplier], number: impl Fn(&Supplier) -> i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(suppliers.iter().map(number)))
    }
    let balances = Decimal128Array::from_iter_values(suppliers.iter().map(|supplier| i128::from(cents(supplier))));
    let balances = balances
        .with_precision_and_scale(15, 2)
        .map_err(|error| Error::caused(ErrorKind::Io, "the demo's balances do not fit", error))?;
    parquet(vec![
        ("s_suppkey", numbers(suppliers, |supplier| supplier.s_suppkey)),
        ("s_name", texts(suppliers, |supplier| supplier.s_name.to_string())),
        ("s_address", texts(suppliers, |supplier| supplier.s_address.to_string())),
        ("s_nationkey", numbers(suppliers, |supplier| supplier.s_nationkey)),
        ("s_phone", texts(suppliers, |supplier| supplier.s_phone.to_string())),
        ("s_acctbal", Arc::new(balances)),
        ("s_comment", texts(suppliers, |supplier| supplier.s_comment.clone())),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn the_source_has_what_is_odd_about_real_ones() {
        let written = write(50).unwrap();
        let text = |at: usize| String::from_utf8(written.objects[at].body.clone()).unwrap();
        let (second, first) = (text(0), text(1));
        assert!(first.lines().chain(second.lines()).all(|line| line.ends_with('|') && line.matches('|').count() == 7));
        assert!(
            first.starts_with("1|Supplier#000000001|") && first.contains("|27-918-335-1736|5755.94|"),
            "as dbgen has it"
        );
        assert!(
            first.lines().any(|line| line.contains("|-")) && first.ends_with("another form|\n"),
            "debts, and a number that does not fit"
        );
        assert!(!second.contains("\n2|") && second.starts_with("1|") && second.contains("|changed on the second day|"));

        let file = Bytes::from(written.objects[2].body.clone());
        let schema = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone();
        let of = |name: &str| schema.field_with_name(name).unwrap().data_type().to_string();
        assert_eq!([of("s_nationkey"), of("s_acctbal")], ["Int64", "Decimal128(15, 2)"]);
    }
}
