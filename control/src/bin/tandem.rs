//! `tandem`: the command line.

use std::process::ExitCode;

use clap::Parser;
use control::command::Cli;

fn main() -> ExitCode {
    Cli::parse().main()
}
