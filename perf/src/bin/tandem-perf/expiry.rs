//! `tandem-perf expiry`.

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::rig::expiry::{self, Expiry, LATE_MICROS, Plan};

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections whose time is over at once.
    #[arg(long, default_value_t = 1 << 20)]
    connections: u32,
    /// Connections that carry packets meanwhile.
    #[arg(long, default_value_t = 1024)]
    flowing: u32,
    /// How often.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let plan = Plan {
            connections: self.connections,
            flowing: self.flowing,
            rounds: self.rounds,
            pages: Pages::Huge,
        };
        let recorder = output.begin("expiry", &plan)?;
        let result = expiry::run(&plan, &|step| eprintln!("{step}"))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &Expiry) {
    let Expiry { connections, flowing, cycles, polls, during, without, .. } = result;
    println!("{connections} connections over at once beside {flowing} with packets, one worker\n");
    println!("{:<36} {:>28}", "cycles a connection", spread(cycles));
    println!("{:<36} {polls:>28}", "polls of 32 packets with expiry");
    println!("\n{:<36} {:>13} {:>14}", "MICROSECONDS OF A POLL", "WITH EXPIRY", "WITHOUT");
    let rows = during.poll.named().into_iter().zip(without.poll.named());
    for ((name, during), (_, without)) in rows {
        println!("{name:<36} {during:>13.2} {without:>14.2}");
    }
    let longest = [during, without].map(|phase| phase.longest);
    println!("{:<36} {:>13.2} {:>14.2}", "max, quietest round", longest[0].least, longest[1].least);
    println!("\n{:<36} {:>13} {:>14}", "POLLS IN A SECOND OF POLLING", "WITH EXPIRY", "WITHOUT");
    let counts = during.late_a_second.into_iter().zip(without.late_a_second);
    for (micros, (during, without)) in LATE_MICROS.into_iter().zip(counts) {
        println!("{:<36} {during:>13.1} {without:>14.1}", format!("over {micros} us"));
    }
}
