//! The command tandem-perf: one module for each subcommand.

mod compare;
mod cps;
mod output;
mod resync;
mod run;
mod sync;
mod traffic;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::{Ending, Output};

/// Performance runs in the manner of testpmd, on DPDK's virtual devices.
///
/// Runs as root, on two cores: core 0 waits, core 1 forwards.
#[derive(Parser)]
#[command(name = "tandem-perf", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    output: Output,
}

#[derive(Subcommand)]
enum Command {
    /// Tandem alone, second by second: rates, cycles, drops.
    Run(run::Arguments),
    /// Tandem and dpdk-testpmd in turn on the same packets: rates, cycles, ratios.
    Compare(compare::Arguments),
    /// New connections: cycles for each, how many a second, memory for each.
    Cps(cps::Arguments),
    /// Connection sync: events a second from worker to peer, and what it costs the worker.
    Sync(sync::Arguments),
    /// A resync: how much slower packets are forwarded meanwhile, and how long it takes.
    Resync(resync::Arguments),
}

/// A figure is slower than the baseline's, and --fail-if-slower was given.
const SLOWER: u8 = 3;

fn main() -> ExitCode {
    let Arguments { command, output } = Arguments::parse();
    let result = match command {
        Command::Run(arguments) => arguments.run(&output),
        Command::Compare(arguments) => arguments.run(&output),
        Command::Cps(arguments) => arguments.run(&output),
        Command::Sync(arguments) => arguments.run(&output),
        Command::Resync(arguments) => arguments.run(&output),
    };
    match result {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Slower) => ExitCode::from(SLOWER),
        Err(error) => {
            eprintln!("tandem-perf: {error}");
            ExitCode::FAILURE
        }
    }
}
