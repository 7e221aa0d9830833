//! `tidegate backfill`: what is in a bucket already, announced to the events queue.

use std::io::IsTerminal;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use jiff::civil::Date;
use tokio_util::sync::CancellationToken;

use crate::aws::Clients;
use crate::config;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Backfill, Backfilled, backfill};
use crate::telemetry::logging;

/// How often a line is printed where there is no terminal.
pub(super) const TELL_EVERY: Duration = Duration::from_secs(5);

/// The exit code of a run that was ended by a signal.
pub(super) const INTERRUPTED: u8 = 130;

/// Announce objects that are in a bucket already, but for those that are loaded, so that the daemon loads them.
///
/// Running it twice, or over objects whose own events are on their way, loads nothing twice. Interrupted, it says from which key to go on; started again
/// without it, it goes on too, once what it announced is loaded.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which objects: s3://bucket/prefix.
    address: String,
    /// The service's configuration; pipelines are in the folder beside it.
    #[arg(long, default_value = "tidegate.toml")]
    config: PathBuf,
    /// Only objects that this pipeline wants and has not loaded; the event itself reaches every pipeline that wants the object.
    #[arg(long)]
    pipeline: Option<String>,
    /// Only objects of this day or a later one, such as 2026-11-21.
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// Only objects of this day or an earlier one.
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// The capture of the key that says an object's day; else it is the day, in UTC, on which it was last modified.
    #[arg(long, value_name = "CAPTURE")]
    by: Option<String>,
    /// Objects announced in a second, at most.
    #[arg(long, default_value = "200")]
    rate: NonZeroU32,
    /// Begin behind this key, where an interrupted run says it came to.
    #[arg(long, value_name = "KEY")]
    start_after: Option<String>,
    /// Count, and announce nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(arguments: Arguments, log_format: logging::LogFormat) -> Result<ExitCode> {
    logging::init(log_format, "warn");
    let config = match config::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    let (bucket, prefix) = address(&arguments.address)?;
    if arguments.by.is_some() && arguments.since.is_none() && arguments.until.is_none() {
        let message = "--by says what --since and --until look at: give one of them, or leave it out";
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let request = Backfill {
        bucket,
        prefix,
        pipeline: arguments.pipeline,
        since: arguments.since,
        until: arguments.until,
        by: arguments.by,
        rate: arguments.rate.get(),
        start_after: arguments.start_after,
        dry_run: arguments.dry_run,
    };
    let stop = CancellationToken::new();
    tokio::spawn(super::run::stop_at_signal(stop.clone()));
    let clients = Clients::from_environment().await;
    let mut progress = Progress::new(request.dry_run);
    let ended = backfill(&config, &clients, &request, &stop, |done| progress.tell(done)).await;
    progress.bar.finish_and_clear();
    match ended {
        Ok(done) => {
            print!("{}", report(&done, &request, &config.service.queues.events.url));
            Ok(if done.complete { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
        }
        Err(error) => {
            if let Some(key) = &progress.reached {
                eprintln!("go on with --start-after {}", quoted(key));
            }
            Err(error)
        }
    }
}

/// The bucket and the prefix of an address.
pub(super) fn address(text: &str) -> Result<(String, String)> {
    let path = text.strip_prefix("s3://").filter(|path| !path.is_empty() && !path.starts_with('/'));
    let (bucket, prefix) = path.map(|path| path.split_once('/').unwrap_or((path, ""))).ok_or_else(|| {
        let message = format!("{text:?} is no place in S3: write it as s3://bucket/prefix");
        Error::new(ErrorKind::Configuration, message)
    })?;
    Ok((bucket.to_owned(), prefix.to_owned()))
}

/// What became of the objects, for people.
fn report(done: &Backfilled, request: &Backfill, queue: &str) -> String {
    let sent = match request.dry_run {
        true => format!("would be announced to {queue}"),
        false => format!("announced to {queue}"),
    };
    let unrouted = match &request.pipeline {
        Some(name) => format!("not wanted by {name}"),
        None => "wanted by no pipeline".to_owned(),
    };
    let mut text = format!("{} objects listed in s3://{}/{}\n", done.listed, request.bucket, request.prefix);
    let lines = [
        (done.unrouted, unrouted.as_str()),
        (done.outside, "of other days"),
        (done.undated, "without a day in the key"),
        (done.loaded, "loaded already"),
        (done.sent, sent.as_str()),
    ];
    for (count, what) in lines {
        text.push_str(&format!("{count:>10} {what}\n"));
    }
    if !done.complete {
        match &done.reached {
            Some(key) => text.push_str(&format!("interrupted: go on with --start-after {}\n", quoted(key))),
            None => text.push_str("interrupted before the first\n"),
        }
    }
    text
}

/// A key as a shell reads it.
fn quoted(key: &str) -> String {
    format!("'{}'", key.replace('\'', r"'\''"))
}

/// A line that follows the run: drawn on a terminal, printed now and then elsewhere. S3 does not say how many objects there are, so there is no end
/// to measure by.
struct Progress {
    bar: ProgressBar,
    terminal: bool,
    verb: &'static str,
    told: Instant,
    /// What an error's message says to go on with.
    reached: Option<String>,
}

impl Progress {
    fn new(dry_run: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.enable_steady_tick(Duration::from_millis(200));
        let verb = if dry_run { "to announce" } else { "announced" };
        Progress { bar, terminal, verb, told: Instant::now(), reached: None }
    }

    fn tell(&mut self, done: &Backfilled) {
        self.reached.clone_from(&done.reached);
        let line = format!(
            "{} listed, {} loaded already, {} {}, at {}",
            done.listed,
            done.loaded,
            done.sent,
            self.verb,
            done.reached.as_deref().unwrap_or("the beginning").escape_debug()
        );
        if self.terminal {
            self.bar.set_message(line);
        } else if self.told.elapsed() >= TELL_EVERY {
            eprintln!("{line}");
            self.told = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_bucket_and_any_prefix() {
        let read = |text: &str| address(text).map_err(|error| error.message().to_owned());
        for (text, bucket, prefix) in [
            ("s3://b", "b", ""),
            ("s3://b/", "b", ""),
            ("s3://b/in/2026-1", "b", "in/2026-1"),
            ("s3://b//x", "b", "/x"),
        ] {
            assert_eq!(read(text), Ok((bucket.to_owned(), prefix.to_owned())));
        }
        for text in ["b/x", "s3://", "s3:///x", "https://b/x"] {
            assert!(read(text).is_err_and(|error| error.contains("s3://bucket/prefix")), "{text}");
        }
    }

    #[test]
    fn a_key_is_printed_so_that_a_shell_reads_it_back() {
        let echoed = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {}", quoted("it's a $key `x`"))])
            .output()
            .expect("sh");
        assert_eq!(echoed.stdout, b"it's a $key `x`");
    }
}
