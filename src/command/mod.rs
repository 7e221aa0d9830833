//! The commands: arguments in, exit code out. One file a command.

mod backfill;
mod check;
#[cfg(feature = "sandbox")]
mod demo;
mod land;
mod plan;
mod redrive;
mod replay;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, ErrorKind};
use crate::telemetry::logging::LogFormat;

/// Loads files from S3 into Amazon Redshift, continuously and exactly once.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, about, max_term_width = 100)]
pub struct Arguments {
    /// The form of log lines.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    Plan(plan::Arguments),
    Redrive(redrive::Arguments),
    Replay(replay::Arguments),
    Test(test::Arguments),
    Backfill(backfill::Arguments),
    Land(land::Arguments),
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Arguments),
    #[cfg(feature = "sandbox")]
    Demo(demo::Arguments),
}

/// Runs the command that the arguments name; gives the process's exit code: 0 for success, 2 for a configuration that cannot
/// work, 1 for every other failure.
pub fn main(arguments: Arguments) -> ExitCode {
    crate::memory::keep_freed();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Error::from(error)),
    };
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Run(command) => run::run(command, arguments.log_format).await,
            Command::Check(command) => check::run(&command),
            Command::Plan(command) => plan::run(&command),
            Command::Redrive(command) => redrive::run(command).await,
            Command::Replay(command) => replay::run(command, arguments.log_format).await,
            Command::Backfill(command) => backfill::run(command, arguments.log_format).await,
            Command::Land(command) => land::run(command, arguments.log_format).await,
            Command::Test(command) => test::run(&command),
            #[cfg(feature = "sandbox")]
            Command::Sandbox(command) => sandbox::run(command, arguments.log_format).await,
            #[cfg(feature = "sandbox")]
            Command::Demo(command) => demo::run(command, arguments.log_format).await,
        }
    });
    match ended {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    match error.kind() {
        ErrorKind::Configuration => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
