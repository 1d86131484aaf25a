//! `tandem-perf cps`.

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::rig::cps::{self, ConnectionRates, CpsSettings};

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections to open.
    #[arg(long, default_value_t = 1 << 20)]
    connections: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = CpsSettings { connections: self.connections, pages: Pages::Huge };
        let recorder = output.begin("cps", &settings)?;
        let result = cps::run(settings, &|step| eprintln!("{step}"))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &ConnectionRates) {
    println!("{} connections, one worker\n", result.connections);
    let cycles = &result.cycles;
    println!("{:<44} {:>28}", "new connection, cycles", spread(cycles));
    println!("{:<44} {:>28.2}", "millions a second", result.per_second / 1e6);
    let closing = &result.closing;
    print_ending("UDP, time over", &closing.udp);
    print_ending("TCP, FIN both ways", &closing.fin);
    print_ending("TCP, reset", &closing.reset);
    println!("{:<44} {:>28.1}", "empty poll, cycles", closing.empty_poll);
    let capacity = &result.capacity;
    println!("{:<44} {:>28}", "room for connections", capacity.room);
    println!("{:<44} {:>28}", "held, of those offered", ratio(capacity.held, capacity.offered));
    println!("{:<44} {:>28}", "refused", capacity.refused);
    println!("{:<44} {:>28}", "passing packets in a full table", capacity.passing);
    println!("{:<44} {:>28.0}", "bytes each, table, index and wheel", result.memory.table);
    println!("{:<44} {:>28.0}", "bytes each, all of a worker", result.memory.resident);
}

fn print_ending(name: &str, ending: &cps::Ending) {
    if let Some(packets) = &ending.packets {
        let name = format!("{name}: packets, cycles");
        println!("{name:<44} {:>28}", spread(packets));
    }
    let [expiry, polls] = [("expiry", &ending.expiry), ("expiry and polls", &ending.polls)];
    for (kind, figure) in [expiry, polls] {
        println!("{:<44} {:>28}", format!("{name}: {kind}, cycles"), spread(figure));
    }
}

fn ratio(part: u64, whole: u32) -> String {
    format!("{part} of {whole}")
}
