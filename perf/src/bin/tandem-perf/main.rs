//! The command tandem-perf: one module for each subcommand.

mod compare;
mod cps;
mod expiry;
mod flood;
mod forged;
mod handoff;
mod lookup;
mod ndr;
mod output;
mod resync;
mod run;
mod scrape;
mod sync;
mod traffic;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::{Ending, Output};

/// Performance runs in the manner of testpmd, on DPDK's virtual devices.
///
/// Needs root and two cores: the worker runs on core 1, everything else on core 0.
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
    /// Connections: cycles to open and to end one, how many a table holds, memory for each.
    Cps(cps::Arguments),
    /// Expiry: cycles for a connection, and how late packets are for it.
    Expiry(expiry::Arguments),
    /// A flood of new connections, or at the machine's own address: what known ones keep of their rate.
    Flood(flood::Arguments),
    /// Forged packets that fill the table: how many real clients are served.
    Forged(forged::Arguments),
    /// Handoff: cycles to hand a packet to another worker.
    Handoff(handoff::Arguments),
    /// Known connections: cycles for a packet, by the number of connections.
    Lookup(lookup::Arguments),
    /// The rate without loss, and the latency at parts of it (RFC 2544).
    Ndr(ndr::Arguments),
    /// Connection sync: events a second from worker to peer, and what it costs the worker.
    Sync(sync::Arguments),
    /// A resync: how much slower packets are forwarded meanwhile, and how long it takes.
    Resync(resync::Arguments),
    /// Scrapes of the metrics: what they cost packets, and what a scrape takes.
    Scrape(scrape::Arguments),
}

/// A figure is slower than the baseline's, and --fail-if-slower was given.
const SLOWER: u8 = 3;

fn main() -> ExitCode {
    let Arguments { command, output } = Arguments::parse();
    let result = match command {
        Command::Run(arguments) => arguments.run(&output),
        Command::Compare(arguments) => arguments.run(&output),
        Command::Cps(arguments) => arguments.run(&output),
        Command::Expiry(arguments) => arguments.run(&output),
        Command::Flood(arguments) => arguments.run(&output),
        Command::Forged(arguments) => arguments.run(&output),
        Command::Handoff(arguments) => arguments.run(&output),
        Command::Lookup(arguments) => arguments.run(&output),
        Command::Ndr(arguments) => arguments.run(&output),
        Command::Sync(arguments) => arguments.run(&output),
        Command::Resync(arguments) => arguments.run(&output),
        Command::Scrape(arguments) => arguments.run(&output),
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
