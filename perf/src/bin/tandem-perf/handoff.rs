//! `tandem-perf handoff`.

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::rig::handoff::{self, HandoffCost, HandoffSettings};
use perf::statistics::Summary;

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections, all of the worker to which packets are handed.
    #[arg(long, default_value_t = 1 << 10)]
    connections: u32,
    /// Parts of the run.
    #[arg(long, default_value_t = 32)]
    parts: u32,
    /// Rounds of 992 packets in a part.
    #[arg(long, default_value_t = 200)]
    rounds: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = HandoffSettings {
            connections: self.connections,
            parts: self.parts,
            rounds: self.rounds,
            pages: Pages::Huge,
        };
        let recorder = output.begin("handoff", &settings)?;
        let result = handoff::run(&settings, &|step| eprintln!("{step}"))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &HandoffCost) {
    println!("{} connections, 60-byte UDP, two workers; cycles a packet\n", result.connections);
    println!("{:<28} {:>26} {:>26}", "", "ONE CORE", "TWO CORES");
    let HandoffCost { one_core, two_cores, .. } = result;
    print_row("not handed over", &one_core.direct, &two_cores.direct);
    print_row("handed: the sender", &one_core.sender, &two_cores.sender);
    print_row("handed: the owner", &one_core.owner, &two_cores.owner);
    print_row("handing over", &one_core.handoff, &two_cores.handoff);
}

fn print_row(name: &str, one: &Summary, two: &Summary) {
    println!("{name:<28} {:>26} {:>26}", spread(one), spread(two));
}
