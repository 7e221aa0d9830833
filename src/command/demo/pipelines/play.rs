//! Puts what a generator wrote, waits for it, shows the tables and compares.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::{Name, Table, Written};
use crate::command::demo::Arguments;
use crate::command::demo::house::{House, put};
use crate::command::demo::producer::Object;
use crate::command::demo::progress::Progress;
use crate::command::demo::report::{Line, Report};
use crate::command::sandbox::examples;
use crate::error::Result;

/// How often ledger and tables are asked.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// How long what follows a load may take, such as the refresh of a view, before a difference counts.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// The rows of each table that are shown.
const SHOWN: usize = 4;

/// The characters of a value that are shown.
const WIDEST: usize = 40;

pub(in crate::command::demo) async fn play(arguments: &Arguments, house: &House, name: Name) -> Result<ExitCode> {
    let written = super::write(name, arguments.seed, arguments.rows_per_object)?;
    let reads = written.read.iter().map(|read| read.objects).sum();
    let puts: Vec<&Object> = written.first.iter().chain(&written.objects).collect();
    let again = (0..puts.len()).filter(|at| puts[..*at].contains(&puts[*at])).count();
    let twice = if again > 0 { format!(", {again} of them for the second time") } else { String::new() };
    println!("Putting {} objects{twice}, in no particular order …", puts.len());
    let progress = Progress::start(house.metrics.clone(), reads, house.shutdown.clone());
    let limit = arguments.limit(house.began);
    put_all(house, &written.first).await?;
    await_loads(house, &written, written.first.len() as u64, limit).await?;
    put_all(house, &written.objects).await?;
    let complete = await_loads(house, &written, reads, limit).await?;
    if house.shutdown.is_cancelled() && !complete {
        progress.end().await;
        return Ok(ExitCode::SUCCESS);
    }
    let report = settled(house, &written, complete).await?;
    progress.end().await;
    for table in &written.tables {
        show(house, table).await?;
    }
    println!("{report}");
    arguments.write(&report)?;
    if !arguments.once {
        println!("The daemon goes on; Ctrl-C ends the demo. In another shell:\n\n{}", examples(&house.endpoint));
        house.shutdown.cancelled().await;
        return Ok(ExitCode::SUCCESS);
    }
    if !complete {
        eprintln!("error: not everything was loaded within --timeout {} s", arguments.timeout);
    }
    Ok(if report.reconciles() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn put_all(house: &House, objects: &[Object]) -> Result<()> {
    for object in objects {
        put(&house.clients.s3, object.clone()).await?;
    }
    Ok(())
}

/// Waits until the ledgers have so many objects together; false if time ran out first, or something is parked, which then differs.
async fn await_loads(house: &House, written: &Written, objects: u64, limit: Option<Instant>) -> Result<bool> {
    loop {
        let mut loaded = 0;
        for read in &written.read {
            // One that a ledger has too many stands for none of another's.
            loaded += house.loaded_objects(read.pipeline).await?.min(read.objects);
        }
        if loaded >= objects {
            return Ok(true);
        }
        if house.parked().await? > 0 || limit.is_some_and(|limit| Instant::now() >= limit) {
            return Ok(false);
        }
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            () = house.shutdown.cancelled() => return Ok(false),
        }
    }
}

/// The comparison, once everything is equal or time is up; it is up already where not everything was loaded.
async fn settled(house: &House, written: &Written, complete: bool) -> Result<Report> {
    let end = Instant::now() + if complete { SETTLES_WITHIN } else { Duration::ZERO };
    loop {
        let report = compared(house, written).await?;
        if report.reconciles() || Instant::now() >= end || house.shutdown.is_cancelled() {
            return Ok(report);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn compared(house: &House, written: &Written) -> Result<Report> {
    let mut lines = Vec::new();
    let mut read = 0;
    for expected in &written.read {
        let ledger = format!("\"tidegate\".\"objects_{}\"", expected.pipeline);
        let sql = format!("SELECT COUNT(*), SUM(rows_read), SUM(rows_rejected) FROM {ledger}");
        let found = match house.warehouse.has_table(&ledger).await? {
            true => house.warehouse.query(&sql).await?,
            false => Vec::new(),
        };
        read += number(&found, 1).max(0) as u64;
        let wanted =
            [("objects loaded", expected.objects), ("records", expected.records), ("rejects", expected.rejected)];
        for (at, (what, value)) in wanted.into_iter().enumerate() {
            let name = format!("{}: {what}", expected.pipeline);
            lines.push(Line { what: name.clone(), name, found: number(&found, at), written: value as i64 });
        }
    }
    lines.push(Line {
        what: "messages parked".to_owned(),
        name: "parked".to_owned(),
        found: house.parked().await? as i64,
        written: 0,
    });
    for figure in &written.figures {
        // A table that is not there yet is a difference and no failure.
        let found = house.warehouse.query(figure.sql).await.unwrap_or_default();
        let name = figure.what.to_owned();
        lines.push(Line { what: name.clone(), name, found: number(&found, 0), written: figure.value });
    }
    Ok(Report::of(lines, read, house.mean_freshness(), house.began.elapsed()))
}

/// A number of the first row; 0 for anything else.
fn number(rows: &[Vec<Option<String>>], column: usize) -> i64 {
    rows.first().and_then(|row| row.get(column)?.as_deref()?.parse().ok()).unwrap_or(0)
}

/// Prints the first rows of a table, and how many it has.
async fn show(house: &House, table: &Table) -> Result<()> {
    let Table { name, columns, order } = table;
    if !house.warehouse.has_table(name).await? {
        println!("{name} is not there\n");
        return Ok(());
    }
    let count = house.warehouse.query(&format!("SELECT COUNT(*) FROM {name}")).await?;
    let sql = format!("SELECT {columns} FROM {name} ORDER BY {order} LIMIT {SHOWN}");
    let rows = house.warehouse.query(&sql).await?;
    println!("{name}, {} rows:", number(&count, 0));
    for line in lines(columns, &rows) {
        println!("  {line}");
    }
    println!();
    Ok(())
}

/// A table's lines: its columns, and rows below them.
fn lines(columns: &str, rows: &[Vec<Option<String>>]) -> Vec<String> {
    let mut cells: Vec<Vec<String>> = vec![columns.split(',').map(|column| column.trim().to_owned()).collect()];
    cells.extend(rows.iter().map(|row| row.iter().map(|value| cell(value.as_deref())).collect()));
    let width =
        |at: usize| cells.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..cells[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

fn cell(value: Option<&str>) -> String {
    let Some(value) = value else { return "NULL".to_owned() };
    match value.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_names_and_long_values_are_cut_between_two_characters() {
        let long = "ü".repeat(WIDEST + 1);
        let rows = vec![vec![Some("1".to_owned()), None], vec![Some("22".to_owned()), Some(long)]];
        let cut = format!("22  {}…", "ü".repeat(WIDEST));
        assert_eq!(lines("a, b", &rows), ["a   b", "1   NULL", cut.as_str()]);
    }
}
