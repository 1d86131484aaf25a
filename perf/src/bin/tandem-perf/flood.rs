//! `tandem-perf flood`.

use clap::{Args, ValueEnum};
use perf::Error;
use perf::rig::Pages;
use perf::rig::flood::{self, Flood, FloodSettings, Target};

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections that are known.
    #[arg(long, default_value_t = 1 << 16)]
    connections: u32,
    /// What the flood's packets are for: new connections of a service, or the machine's own
    /// address.
    #[arg(long, value_enum, default_value_t = To::Service)]
    to: To,
    /// Packets of the flood a second, as far as seven packets of eight can be such.
    #[arg(long, default_value_t = 1_000_000)]
    rate: u32,
    /// Pairs of slices, one without and one with the flood.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Milliseconds of the worker's time in a slice.
    #[arg(long, default_value_t = 10)]
    millis: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    Service,
    RealAddress,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = FloodSettings {
            target: match self.to {
                To::Service => Target::Service,
                To::RealAddress => Target::RealAddress,
            },
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
    let [offered, served, dropped, each] = match result.target {
        Target::Service => [
            "new connections offered a second",
            "new connections accepted a second",
            "refused for the sake of the known ones",
            "cycles a new connection",
        ],
        Target::RealAddress => [
            "packets at the real address a second",
            "given to the main core",
            "dropped",
            "cycles a packet at the real address",
        ],
    };
    println!("{offered:<44} {:>28}", result.rate);
    println!("{served:<44} {:>28}", spread(&result.accepted));
    println!("{dropped:<44} {:>28}", spread(&result.refused));
    println!("{:<44} {:>28}", "Mpps of known connections alone", spread(&result.alone));
    println!("{:<44} {:>28}", "Mpps of known connections then", spread(&result.flooded));
    println!("{:<44} {:>28}", "kept, %", spread(&result.kept_percent));
    println!("{:<44} {:>28}", "cycles for the flood, %", spread(&result.share_percent));
    println!("{each:<44} {:>28}", spread(&result.cycles_each));
}
