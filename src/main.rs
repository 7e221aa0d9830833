//! The `tidegate` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    tidegate::command::main(tidegate::command::Arguments::parse())
}
