//! The command tandem-perf: one module for each subcommand.

mod compare;
mod cps;
mod expiry;
mod flood;
mod handoff;
mod lookup;
mod ndr;
mod output;
mod resync;
mod run;
mod sync;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Performance runs in the manner of testpmd, on DPDK's virtual devices.
///
/// Runs as root, on two cores: core 0 waits, core 1 forwards.
#[derive(Parser)]
#[command(name = "tandem-perf", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Print one JSON object instead of a table.
    #[arg(long, global = true)]
    json: bool,
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
    /// A flood of new connections: what known ones keep of their rate.
    Flood(flood::Arguments),
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
}

fn main() -> ExitCode {
    let Arguments { command, json } = Arguments::parse();
    let result = match command {
        Command::Run(arguments) => arguments.run(json),
        Command::Compare(arguments) => arguments.run(json),
        Command::Cps(arguments) => arguments.run(json),
        Command::Expiry(arguments) => arguments.run(json),
        Command::Flood(arguments) => arguments.run(json),
        Command::Handoff(arguments) => arguments.run(json),
        Command::Lookup(arguments) => arguments.run(json),
        Command::Ndr(arguments) => arguments.run(json),
        Command::Sync(arguments) => arguments.run(json),
        Command::Resync(arguments) => arguments.run(json),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tandem-perf: {error}");
            ExitCode::FAILURE
        }
    }
}
