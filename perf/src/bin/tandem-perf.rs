//! The command tandem-perf.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use perf::Error;
use perf::compare::{self, Comparison, Plan};
use perf::cps::{self, NewConnections};
use perf::resync::{self, Resync};
use perf::run::{self, Throughput};
use perf::statistics::Summary;
use perf::sync::{self, SyncCost};

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
    Run {
        /// Connections; the file has one packet of each.
        #[arg(long, default_value_t = 1024)]
        connections: u32,
        /// Seconds.
        #[arg(long, default_value_t = 10)]
        seconds: u32,
        /// Where the packets' file goes for the length of the run.
        #[arg(long, default_value = "/tmp/tandem-perf")]
        folder: PathBuf,
    },
    /// Tandem and dpdk-testpmd in turn on the same packets: rates, cycles, ratios.
    Compare {
        /// Connections; the file has one packet of each.
        #[arg(long, default_value_t = 1024)]
        connections: u32,
        /// How often each program runs.
        #[arg(long, default_value_t = 5)]
        rounds: u32,
        /// Seconds of each run.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Where the packets' files go for the length of the run.
        #[arg(long, default_value = "/tmp/tandem-perf")]
        folder: PathBuf,
    },
    /// New connections: cycles for each, how many a second, memory for each.
    Cps {
        /// Connections to open.
        #[arg(long, default_value_t = 1 << 20)]
        connections: u32,
    },
    /// Connection sync: events a second from worker to peer, and what it costs the worker.
    Sync {
        /// Connections to open.
        #[arg(long, default_value_t = 1 << 19)]
        connections: u32,
    },
    /// A resync: how much slower packets are forwarded meanwhile, and how long it takes.
    Resync {
        /// Connections; the file has one packet of each.
        #[arg(long, default_value_t = 100_000)]
        connections: u32,
        /// Pairs of slices, one without and one with resyncs.
        #[arg(long, default_value_t = 80)]
        rounds: u32,
        /// Milliseconds of each slice.
        #[arg(long, default_value_t = 300)]
        millis: u64,
        /// Where the packets' file goes for the length of the run.
        #[arg(long, default_value = "/tmp/tandem-perf")]
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Command::Run { connections, seconds, folder } => in_folder(folder, |folder| {
            run::run(*connections, *seconds, folder, &|second, run| {
                eprintln!(
                    "{second:>4} s {:>8.2} Mpps {:>8.1} cycles {:>6.1} packets a burst",
                    run.mpps, run.cycles, run.burst
                );
            })
        })
        .and_then(|result| show(arguments.json, &result, print_run)),
        Command::Compare { connections, rounds, seconds, folder } => {
            let time = Duration::from_secs(*seconds);
            let plan = Plan { connections: *connections, rounds: *rounds, time };
            in_folder(folder, |folder| compare::run(&plan, folder, &|line| eprintln!("{line}")))
                .and_then(|result| show(arguments.json, &result, print_comparison))
        }
        Command::Cps { connections } => cps::run(*connections)
            .and_then(|result| show(arguments.json, &result, print_new_connections)),
        Command::Resync { connections, rounds, millis, folder } => {
            let time = Duration::from_millis(*millis);
            in_folder(folder, |folder| resync::run(*connections, *rounds, time, folder))
                .and_then(|result| show(arguments.json, &result, print_resync))
        }
        Command::Sync { connections } => {
            sync::run(*connections).and_then(|result| show(arguments.json, &result, print_sync))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tandem-perf: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs with a folder for the packets' files, which are large: nobody needs them after it.
fn in_folder<T>(folder: &Path, run: impl FnOnce(&Path) -> Result<T, Error>) -> Result<T, Error> {
    std::fs::create_dir_all(folder).map_err(Error::io(folder.display().to_string()))?;
    let result = run(folder);
    let _ = std::fs::remove_dir_all(folder);
    result
}

fn show<T: serde::Serialize>(json: bool, result: &T, print: fn(&T)) -> Result<(), Error> {
    if !json {
        print(result);
        return Ok(());
    }
    let text = serde_json::to_string_pretty(result).map_err(Error::dataplane)?;
    println!("{text}");
    Ok(())
}

fn print_run(result: &Throughput) {
    print_machine(&result.machine);
    println!("{} connections, 60-byte UDP, one worker\n", result.connections);
    println!("{:<28} {:>24}", "Mpps", spread(&result.mpps));
    println!("{:<28} {:>24.2}", "Gb/s on the wire", result.gbps);
    println!("{:<28} {:>24}", "cycles a packet", spread(&result.cycles_per_packet));
    println!("{:<28} {:>24.1}", "packets a burst", result.packets_per_burst);
    for (reason, count) in &result.drops {
        println!("{:<28} {count:>24}", format!("dropped: {reason}"));
    }
}

fn print_comparison(result: &Comparison) {
    print_machine(&result.machine);
    println!(
        "{} connections, 60-byte UDP, one worker; medians (least to most)\n",
        result.connections
    );
    println!("{:<28} {:>24} {:>8}", "", "MPPS", "RATIO");
    for (mode, rate) in &result.testpmd {
        let ratio = result.ratio.get(mode).copied().unwrap_or_default();
        println!("{:<28} {:>24} {ratio:>8.2}", format!("testpmd {mode}"), spread(rate));
    }
    let reference = &result.reference;
    println!(
        "{:<28} {:>24} {:>8.2}",
        "testpmd 5tswap, 1,024 flows",
        spread(&reference.mpps),
        reference.ratio
    );
    println!("{:<28} {:>24}", "tandem", spread(&result.mpps));
    println!("{:<28} {:>24}", "tandem, cycles a packet", spread(&result.cycles_per_packet));
}

fn print_new_connections(result: &NewConnections) {
    print_machine(&result.machine);
    println!("{} new connections, one worker\n", result.connections);
    println!("{:<28} {:>24}", "cycles each", spread(&result.cycles));
    println!("{:<28} {:>24.2}", "millions a second", result.per_second / 1e6);
    println!("{:<28} {:>24.0}", "bytes each", result.bytes_per_connection);
}

fn print_sync(result: &SyncCost) {
    print_machine(&result.machine);
    println!("{} connections, one worker on each machine\n", result.connections);
    println!("{:<40} {:>28}", "cycles a new connection, sync off", spread(&result.off));
    println!("{:<40} {:>28}", "cycles a new connection, sync on", spread(&result.on));
    println!("{:<40} {:>28.1}", "added by sync, %", result.added_percent);
    println!("{:<40} {:>28}", "table alone, open and close, sync off", spread(&result.table_off));
    println!("{:<40} {:>28}", "table alone, open and close, sync on", spread(&result.table_on));
    println!("{:<40} {:>28.2}", "events to the peer's table, millions/s", result.throughput / 1e6);
    println!("{:<40} {:>28}", "bytes an event", result.bytes_per_event);
}

fn print_resync(result: &Resync) {
    print_machine(&result.machine);
    println!("{} connections, 60-byte UDP, one worker\n", result.connections);
    println!("{:<40} {:>28}", "Mpps without a resync", spread(&result.without));
    println!("{:<40} {:>28}", "Mpps during resyncs", spread(&result.during));
    println!("{:<40} {:>28}", "slower, %", spread(&result.slower_percent));
    println!("{:<40} {:>28}", "milliseconds of a resync", spread(&result.seconds.times(1e3)));
    println!("{:<40} {:>28.0}", "connections told a second", result.per_second);
}

fn print_machine(machine: &perf::machine::Machine) {
    println!(
        "{}, {} cores, Linux {}, {}, tandem {}",
        machine.cpu, machine.cores, machine.kernel, machine.dpdk, machine.tandem
    );
}

fn spread(summary: &Summary) -> String {
    format!("{:.1} ({:.1} to {:.1})", summary.median, summary.least, summary.most)
}
