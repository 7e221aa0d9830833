//! The demo of a producer of reviews.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Arguments;
use super::house::{House, number, put};
use super::producer::{Producer, Written};
use super::progress::Progress;
use super::report::{Found, Report};
use crate::command::sandbox::examples;
use crate::error::{Error, ErrorKind, Result};

/// Objects that the producer puts at the same time.
const CONCURRENT_PUTS: usize = 8;

/// The pipeline whose ledger is asked.
const PIPELINE: &str = "reviews";

pub(super) async fn play(arguments: &Arguments, house: &House) -> Result<ExitCode> {
    let demo = Demo { arguments, house };
    demo.play().await
}

/// A demo that is set up.
struct Demo<'a> {
    arguments: &'a Arguments,
    house: &'a House,
}

impl Demo<'_> {
    async fn play(&self) -> Result<ExitCode> {
        let Arguments { objects, rows_per_object, seed, .. } = *self.arguments;
        let House { metrics, shutdown, began, .. } = self.house;
        let mut producer = Producer::new(seed, objects, rows_per_object);
        let progress = Progress::start(metrics.clone(), objects, shutdown.clone());
        self.put_all(&mut producer, objects).await?;
        let complete = self.await_all(&producer.written, self.arguments.limit(*began)).await?;
        progress.end().await;
        if shutdown.is_cancelled() && !complete {
            return Ok(ExitCode::SUCCESS);
        }
        let report = self.reconcile(&producer.written).await?;
        self.print_table().await?;
        println!("{report}");
        self.arguments.write(&report)?;
        let reconciled = report.reconciles();
        if !self.arguments.once {
            self.go_on(producer).await?;
            return Ok(ExitCode::SUCCESS);
        }
        if !complete {
            eprintln!("error: not everything was loaded within --timeout {} s", self.arguments.timeout);
        }
        println!("Try next:\n  tidegate demo             keeps running: query the table, put objects of your own");
        println!("  tidegate run --help       the daemon, on this sandbox or on AWS\n");
        Ok(if reconciled { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Puts the first objects, several at a time.
    async fn put_all(&self, producer: &mut Producer, objects: u64) -> Result<()> {
        let mut puts = tokio::task::JoinSet::new();
        let permits = Arc::new(tokio::sync::Semaphore::new(CONCURRENT_PUTS));
        for _ in 0..objects {
            let Ok(permit) = permits.clone().acquire_owned().await else { break };
            let object = producer.next();
            let client = self.house.clients.s3.clone();
            puts.spawn(async move {
                let put = put(&client, object).await;
                drop(permit);
                put
            });
            if self.house.shutdown.is_cancelled() {
                break;
            }
        }
        while let Some(put) = puts.join_next().await {
            put.unwrap_or_else(|error| Err(Error::caused(ErrorKind::Io, "a put ended early", error)))?;
        }
        Ok(())
    }

    /// Waits until every object is in the ledger or parked; false if time ran out first.
    async fn await_all(&self, written: &Written, limit: Option<Instant>) -> Result<bool> {
        loop {
            let settled = self.house.loaded_objects(PIPELINE).await? + self.house.parked().await?;
            if settled >= written.objects {
                return Ok(true);
            }
            if limit.is_some_and(|limit| Instant::now() >= limit) {
                return Ok(false);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(300)) => {}
                () = self.house.shutdown.cancelled() => return Ok(false),
            }
        }
    }

    /// Compares what the table and the ledger hold with what the producer counted.
    async fn reconcile(&self, written: &Written) -> Result<Report> {
        let warehouse = &self.house.warehouse;
        let table = warehouse
            .query(
                "SELECT COUNT(*), CAST(SUM(overall) * 10 AS BIGINT), \
                 SUM(DATEDIFF(second, CAST('2006-09-12 00:00:00' AS TIMESTAMP), review_time)) FROM bestsellers.reviews",
            )
            .await?;
        let ledger = warehouse
            .query(
                "SELECT SUM(rows_rejected), SUM(rows_updated) + SUM(rows_superseded), SUM(rows_read), SUM(rows_already_loaded) \
                 FROM tidegate.batches_reviews",
            )
            .await?;
        let found = Found {
            loaded_objects: self.house.loaded_objects(PIPELINE).await?,
            parked_objects: self.house.parked().await?,
            rows: number(&table, 0),
            rating_tenths: number(&table, 1) as i64,
            seconds: number(&table, 2) as i64,
            rejected: number(&ledger, 0),
            superseded: number(&ledger, 1),
            read: number(&ledger, 2),
            mean_freshness: self.house.mean_freshness(),
        };
        Ok(Report::new(written, found, self.house.began.elapsed()))
    }

    async fn print_table(&self) -> Result<()> {
        let rows = self
            .house
            .warehouse
            .query(
                "SELECT reviewer_id, asin, overall, review_time, summary FROM bestsellers.reviews \
                 ORDER BY review_time DESC, reviewer_id LIMIT 5",
            )
            .await?;
        println!("bestsellers.reviews, the newest five:");
        println!("  {:<14} {:<11} {:>7}  {:<19}  summary", "reviewer_id", "asin", "overall", "review_time");
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            println!("  {:<14} {:<11} {:>7}  {:<19}  {}", text(0), text(1), text(2), text(3), text(4));
        }
        println!();
        Ok(())
    }

    /// Puts an object every two seconds until Ctrl-C.
    async fn go_on(&self, mut producer: Producer) -> Result<()> {
        let House { endpoint, metrics, shutdown, .. } = self.house;
        println!("The producer goes on with an object every 2 s; Ctrl-C ends the demo. In another shell:\n");
        println!("{}", examples(endpoint));
        println!(
            "aws redshift-data execute-statement --workgroup-name sandbox --database dev \\\n    \
             --sql 'SELECT COUNT(*) FROM bestsellers.reviews'   # then: aws redshift-data get-statement-result --id …\n\
             aws s3 ls --recursive s3://staging/\n\
             aws sqs receive-message --message-attribute-names All --queue-url {endpoint}/000000000000/tidegate-events-dlq\n"
        );
        let progress = Progress::start(metrics.clone(), producer.written.objects, shutdown.clone());
        while !shutdown.is_cancelled() {
            put(&self.house.clients.s3, producer.next()).await?;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
                () = shutdown.cancelled() => {}
            }
        }
        progress.end().await;
        Ok(())
    }
}
