//! `tandem-perf run`.

use clap::Args;
use perf::Error;
use perf::run::{self, Throughput};

use crate::output::{Folder, print_machine, show, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections; the file has one packet of each.
    #[arg(long, default_value_t = 1024)]
    connections: u32,
    /// Seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    #[command(flatten)]
    folder: Folder,
}

impl Arguments {
    pub(crate) fn run(&self, json: bool) -> Result<(), Error> {
        let result = self.folder.keep(|folder| {
            run::run(self.connections, self.seconds, folder, &|second, run| {
                eprintln!(
                    "{second:>4} s {:>8.2} Mpps {:>8.1} cycles {:>6.1} packets a burst",
                    run.mpps, run.cycles, run.burst
                );
            })
        })?;
        show(json, &result, print)
    }
}

fn print(result: &Throughput) {
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
