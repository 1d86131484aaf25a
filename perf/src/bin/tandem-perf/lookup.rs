//! `tandem-perf lookup`.

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::rig::lookup::{self, Lookup, LookupSettings, Size};

use crate::output::{Ending, Output, spread};

/// Beside the number asked for.
const SMALLER: [u32; 3] = [1 << 10, 1 << 16, 1 << 20];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections; smaller numbers are measured beside it.
    #[arg(long, default_value_t = 10_000_000)]
    connections: u32,
    /// Bytes of a frame, its checksum not counted.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(60..=1514))]
    frame: u16,
    /// Replies too, as many as requests.
    #[arg(long)]
    replies: bool,
    /// Parts of the run with each number of connections; their median counts.
    #[arg(long, default_value_t = 500)]
    parts: u32,
    /// Packets of a part.
    #[arg(long, default_value_t = 9_920)]
    packets: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let smaller = SMALLER.into_iter().filter(|count| *count < self.connections);
        let settings = LookupSettings {
            connections: smaller.chain([self.connections]).collect(),
            frame: self.frame.into(),
            replies: self.replies,
            parts: self.parts,
            packets: self.packets,
            pages: Pages::Huge,
        };
        let progress = |size: &Size| {
            let Size { connections, cycles, .. } = size;
            eprintln!("{connections:>9} connections {:>8.1} cycles", cycles.median);
        };
        let recorder = output.begin("lookup", &settings)?;
        let result = lookup::run(&settings, &progress)?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &Lookup) {
    let kind = if result.replies { "requests and replies" } else { "requests" };
    println!("{kind} of random connections, {}-byte UDP, one worker\n", result.frame);
    println!("{:>12} {:>28} {:>8}", "CONNECTIONS", "CYCLES A PACKET", "MPPS");
    for Size { connections, cycles, mpps } in &result.sizes {
        println!("{connections:>12} {:>28} {mpps:>8.1}", spread(cycles));
    }
}
