//! `tandem-perf compare`.

use clap::Args;
use perf::Error;
use perf::compare::{self, CompareSettings, Comparison, MODES};

use crate::output::{Ending, Folder, Output, spread};
use crate::traffic::TrafficArguments;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often each program runs.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each time, in seconds.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    traffic: TrafficArguments,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = CompareSettings {
            traffic: self.traffic.traffic(),
            rounds: self.rounds,
            seconds: self.seconds,
        };
        let recorder = output.begin("compare", &settings)?;
        eprintln!("{}, 1 worker", settings.traffic.describe());
        let progress = |line: &str| eprintln!("{line}");
        let result = self.folder.keep(|folder| compare::run(&settings, folder, &progress))?;
        output.end(recorder, (&result.figures, Some(&result.drops)), &result, print)
    }
}

fn print(result: &Comparison) {
    println!("{} connections, one worker; medians (least to most)\n", result.connections);
    println!("{:<36} {:>24} {:>8}", "", "MPPS", "RATIO");
    for mode in MODES {
        let rate = result.testpmd.get(mode).map(spread).unwrap_or_default();
        let ratio = result.ratio.get(mode).copied().unwrap_or_default();
        println!("{:<36} {rate:>24} {ratio:>8.2}", format!("testpmd {mode}"));
    }
    let reference = &result.reference;
    println!(
        "{:<36} {:>24} {:>8.2}",
        "testpmd 5tswap, 1,024 connections",
        spread(&reference.mpps),
        reference.ratio
    );
    println!("{:<36} {:>24}", "tandem", spread(&result.mpps));
    println!("{:<36} {:>24}", "tandem, cycles a packet", spread(&result.cycles_per_packet));
}
