//! `tandem-perf forged`.

use clap::{Args, ValueEnum};
use perf::Error;
use perf::rig::Pages;
use perf::rig::forged::{self, Forged, ForgedFlood, ForgedSettings};

use crate::output::{Ending, Output, spread};

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Syn,
    Udp,
}

#[derive(Args)]
pub(crate) struct Arguments {
    /// What is forged.
    #[arg(long, value_enum, default_value_t = Kind::Syn)]
    kind: Kind,
    /// Connections that the table has room for.
    #[arg(long, default_value_t = 1 << 20)]
    room: u32,
    /// Forged packets a second.
    #[arg(long, default_value_t = 1_000_000)]
    rate: u32,
    /// Real clients a second.
    #[arg(long, default_value_t = 1000)]
    clients: u32,
    /// Milliseconds from a real client to the router and back.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=900))]
    round_trip: u32,
    /// Seconds of the run.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = ForgedSettings {
            forged: match self.kind {
                Kind::Syn => Forged::Syn,
                Kind::Udp => Forged::Udp,
            },
            room: self.room,
            rate: self.rate,
            clients: self.clients,
            round_trip: self.round_trip,
            seconds: self.seconds,
            pages: Pages::Huge,
        };
        let recorder = output.begin("forged", &settings)?;
        let result = forged::run(&settings, &|second| eprintln!("{second}"))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &ForgedFlood) {
    println!("{:<44} {:>28}", "forged packets a second", spread(&result.offered));
    println!("{:<44} {:>28}", "connections that made room a second", spread(&result.evicted));
    println!("{:<44} {:>28}", "real clients a second", spread(&result.clients));
    println!("{:<44} {:>28}", "served, %", spread(&result.served_percent));
}
