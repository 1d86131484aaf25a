//! `tandem-perf flood`.

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::rig::flood::{self, Flood, FloodSettings};

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections that are known.
    #[arg(long, default_value_t = 1 << 16)]
    connections: u32,
    /// New connections a second, as far as seven packets of eight can be such.
    #[arg(long, default_value_t = 1_000_000)]
    rate: u32,
    /// Pairs of slices, one without and one with new connections.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Milliseconds of the worker's time in a slice.
    #[arg(long, default_value_t = 10)]
    millis: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = FloodSettings {
            connections: self.connections,
            rate: self.rate,
            rounds: self.rounds,
            millis: self.millis,
            pages: Pages::Huge,
        };
        let recorder = output.begin("flood", &settings)?;
        let result = flood::run(&settings, &|pair| eprintln!("{pair}"))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &Flood) {
    println!("{} known connections, 60-byte UDP, one worker\n", result.connections);
    println!("{:<44} {:>28}", "new connections offered a second", result.rate);
    let accepted = &result.accepted;
    println!("{:<44} {:>28}", "new connections accepted a second", spread(accepted));
    println!("{:<44} {:>28}", "refused for the sake of the known ones", spread(&result.refused));
    println!("{:<44} {:>28}", "Mpps of known connections alone", spread(&result.alone));
    println!("{:<44} {:>28}", "Mpps of known connections then", spread(&result.flooded));
    println!("{:<44} {:>28}", "kept, %", spread(&result.kept_percent));
    println!("{:<44} {:>28}", "cycles for new connections, %", spread(&result.share_percent));
    println!("{:<44} {:>28}", "cycles a new connection", spread(&result.cycles_each));
}
