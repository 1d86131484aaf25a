//! `tandem-perf compare`.

use core::time::Duration;

use clap::Args;
use perf::Error;
use perf::compare::{self, Comparison, Plan};

use crate::output::{Folder, print_machine, show, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections; the file has one packet of each.
    #[arg(long, default_value_t = 1024)]
    connections: u32,
    /// How often each program runs.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of each run.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    #[command(flatten)]
    folder: Folder,
}

impl Arguments {
    pub(crate) fn run(&self, json: bool) -> Result<(), Error> {
        let time = Duration::from_secs(self.seconds);
        let plan = Plan { connections: self.connections, rounds: self.rounds, time };
        let result =
            self.folder.keep(|folder| compare::run(&plan, folder, &|line| eprintln!("{line}")))?;
        show(json, &result, print)
    }
}

fn print(result: &Comparison) {
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
