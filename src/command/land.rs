//! `tidegate land`: a URL, a file, standard input or a query's rows become an object in S3.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::backfill::{INTERRUPTED, TELL_EVERY, address};
use crate::aws::Clients;
use crate::config::{self, Encryption};
use crate::error::{Error, ErrorKind, Result};
use crate::land::{Encoding, Patience, Place, PostgresSettings, Query, Source};
use crate::pipeline::{Land, LandEnd, Landed, Moved, land};
use crate::telemetry::logging;

/// The variable with what is sent to a URL's host as `Authorization`.
const AUTHORIZATION: &str = "TIDEGATE_LAND_AUTHORIZATION";

/// Stream a URL, a file, standard input or the rows of a PostgreSQL query into S3.
///
/// The object is there whole or not at all: what is truncated or damaged, or breaks off for good, is not landed. A PostgreSQL server is named by
/// TIDEGATE_POSTGRES_URL or by PGHOST, PGUSER and their like; what a URL's server wants as Authorization, by TIDEGATE_LAND_AUTHORIZATION.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
pub(super) struct Arguments {
    /// A URL of http or https, a file, or `-` for standard input.
    #[arg(required_unless_present = "postgres_query", conflicts_with = "postgres_query")]
    source: Option<String>,
    /// The object: s3://bucket/key.
    to: String,
    /// Land the rows of this query, as CSV with a header.
    #[arg(long, value_name = "SQL")]
    postgres_query: Option<String>,
    /// What stands between two fields of a query's rows.
    #[arg(long, default_value = ",", requires = "postgres_query", value_name = "CHARACTER")]
    delimiter: char,
    /// How the object is compressed; the source's own compression is told by its first bytes.
    #[arg(long, value_enum, default_value = "keep")]
    compress: Compress,
    /// Replace an object that is there.
    #[arg(long)]
    overwrite: bool,
    /// Do nothing if the object is of the same version of the source (its ETag; of a file, its size and time), and else replace it.
    #[arg(long, conflicts_with = "postgres_query")]
    if_changed: bool,
    /// The size of the parts of which S3 takes up to 10,000; a few of them are held in memory.
    #[arg(long, default_value = "16MiB", value_parser = part_size)]
    part_size: usize,
    /// How often in a row a URL's server may fail without sending anything.
    #[arg(long, default_value = "8")]
    tries: u32,
    /// How long a URL's server may stand still before it is asked again.
    #[arg(long, default_value = "30s", value_parser = duration)]
    stall: Duration,
    /// How long all of it may take.
    #[arg(long, default_value = "12h", value_parser = duration)]
    max_time: Duration,
    /// The service's configuration, whose [staging] says how objects are encrypted where neither --encryption nor --kms-key does.
    #[arg(long, default_value = "tidegate.toml")]
    config: PathBuf,
    /// How the object is encrypted.
    #[arg(long, value_enum)]
    encryption: Option<EncryptionArgument>,
    /// Encrypt by SSE-KMS with this key, an ARN or alias.
    #[arg(long, conflicts_with = "encryption", value_name = "KEY")]
    kms_key: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Compress {
    /// As the source is, byte for byte.
    Keep,
    /// Not at all.
    None,
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstd,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EncryptionArgument {
    /// SSE-KMS with the account's key for S3.
    Kms,
    /// Whatever the bucket does by itself.
    BucketDefault,
}

pub(super) async fn run(arguments: Arguments, log_format: logging::LogFormat) -> Result<ExitCode> {
    logging::init(log_format, "warn");
    let (bucket, key) = address(&arguments.to)?;
    if key.is_empty() || key.ends_with('/') {
        let message = format!("{:?} names no object: write it as s3://bucket/key", arguments.to);
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let source = source(&arguments)?;
    let encryption = match encryption(&arguments) {
        Ok(encryption) => encryption,
        Err(problems) => {
            eprintln!(
                "{problems}\nerror: how the object is to be encrypted is not said: name by --config the tidegate.toml whose [staging] says it, or give --encryption or --kms-key"
            );
            return Ok(ExitCode::from(2));
        }
    };
    let request = Land {
        source,
        place: Place { bucket, key, encryption, overwrite: arguments.overwrite || arguments.if_changed },
        encoding: match arguments.compress {
            Compress::Keep => Encoding::Kept,
            Compress::None => Encoding::Plain,
            Compress::Gzip => Encoding::Gzip,
            Compress::Zstd => Encoding::Zstd,
        },
        part_bytes: arguments.part_size,
        patience: Patience { stall: arguments.stall, tries: arguments.tries },
        time: arguments.max_time,
        if_changed: arguments.if_changed,
    };
    let stop = CancellationToken::new();
    tokio::spawn(super::run::stop_at_signal(stop.clone()));
    let client = Clients::from_environment().await.staging;
    let mut progress = Progress::new();
    let ended = land(client, &request, &stop, |moved| progress.tell(moved)).await;
    progress.bar.finish_and_clear();
    match ended {
        Ok(LandEnd::Landed(landed)) => print!("{}", report(&landed, &request)),
        Ok(LandEnd::Unchanged) => {
            println!("unchanged: {} is of this version of {} already", request.place.uri(), request.source.name());
        }
        Err(error) if error.kind() == ErrorKind::Stopping => {
            eprintln!("{error}");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

fn source(arguments: &Arguments) -> Result<Source> {
    let variable = |name: &str| std::env::var(name).ok();
    match (&arguments.source, &arguments.postgres_query) {
        (_, Some(sql)) => {
            let settings = PostgresSettings::read(&variable)?;
            Ok(Source::Postgres(Box::new(Query { sql: sql.clone(), delimiter: arguments.delimiter, settings })))
        }
        (Some(source), None) => Source::parse(source, variable(AUTHORIZATION)),
        (None, None) => Err(Error::new(ErrorKind::Configuration, "no source is said")),
    }
}

fn encryption(arguments: &Arguments) -> std::result::Result<Encryption, config::Problems> {
    match (&arguments.kms_key, arguments.encryption) {
        (Some(key), _) => Ok(Encryption::Kms(key.clone())),
        (None, Some(EncryptionArgument::Kms)) => Ok(Encryption::KmsDefault),
        (None, Some(EncryptionArgument::BucketDefault)) => Ok(Encryption::BucketDefault),
        (None, None) => {
            let config = config::load(&arguments.config, &|name| std::env::var(name).ok())?;
            Ok(config.service.staging.encryption)
        }
    }
}

fn part_size(text: &str) -> std::result::Result<usize, String> {
    let size = config::bytes(text).and_then(|bytes| usize::try_from(bytes).ok());
    size.filter(|size| (5 << 20..=1 << 30).contains(size))
        .ok_or_else(|| "a size from 5MiB, the least that S3 takes, to 1GiB".to_owned())
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let duration = config::duration(text).filter(|duration| !duration.is_zero() && *duration <= YEAR);
    duration.ok_or_else(|| "a whole number with ms, s, m or h".to_owned())
}

/// What was done, for people.
fn report(landed: &Landed, request: &Land) -> String {
    let Landed { moved, codec, decompressed, sha256, put, resumed } = landed;
    let stored = match request.encoding {
        Encoding::Kept => codec.as_str(),
        encoding => encoding.as_str(),
    };
    let parts = match put.parts {
        0 => String::new(),
        parts => format!(", {parts} parts"),
    };
    let resumed = match resumed {
        0 => String::new(),
        times => format!(", resumed {times}×"),
    };
    format!(
        "landed {}\n  from    {}\n  read    {} bytes, compression {codec}{resumed}\n  is      {decompressed} bytes of content\n  \
         wrote   {} bytes, compression {stored}{parts}\n  sha256  {sha256}\n  etag    {}\n",
        request.place.uri(),
        request.source.name().escape_debug(),
        moved.read,
        moved.written,
        put.etag,
    )
}

/// A bar on a terminal, a line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    terminal: bool,
    sized: bool,
    told: Instant,
}

impl Progress {
    fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {bytes} read, {bytes_per_sec}, {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar, terminal, sized: false, told: Instant::now() }
    }

    fn tell(&mut self, moved: Moved) {
        if self.terminal {
            if let (Some(size), false) = (moved.size, self.sized) {
                self.bar.set_length(size);
                let style = ProgressStyle::with_template(
                    "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}",
                );
                self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                self.sized = true;
            }
            self.bar.set_position(moved.read);
            self.bar.set_message(format!("{} written", indicatif::HumanBytes(moved.written)));
        } else if self.told.elapsed() >= TELL_EVERY {
            let of = moved.size.map(|size| format!(" of {size}")).unwrap_or_default();
            eprintln!("{}{of} bytes read, {} written", moved.read, moved.written);
            self.told = Instant::now();
        }
    }
}
