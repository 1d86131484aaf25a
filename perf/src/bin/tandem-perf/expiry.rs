//! `tandem-perf expiry`.

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::rig::expiry::{self, Expiry, ExpirySettings, LATE_MICROS};

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
        let settings = ExpirySettings {
            connections: self.connections,
            flowing: self.flowing,
            rounds: self.rounds,
            pages: Pages::Huge,
        };
        let recorder = output.begin("expiry", &settings)?;
        let result = expiry::run(&settings, &|step| eprintln!("{step}"))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &Expiry) {
    let Expiry { connections, flowing, cycles, polls, .. } = result;
    let phases = [result.during, result.without, result.scattered];
    println!("{connections} connections over at once beside {flowing} with packets, one worker\n");
    println!("{:<30} {:>28}", "cycles a connection", spread(cycles));
    println!("{:<30} {polls:>28}", "polls of 32 packets with expiry");
    heading("MICROSECONDS OF A POLL");
    let [during, without, scattered] = phases.map(|phase| phase.poll.named());
    for ((during, without), scattered) in during.into_iter().zip(without).zip(scattered) {
        row(during.0, [during.1, without.1, scattered.1]);
    }
    row("max, quietest round", phases.map(|phase| phase.longest.least));
    heading("POLLS IN A SECOND OF POLLING");
    for (at, micros) in LATE_MICROS.into_iter().enumerate() {
        row(&format!("over {micros} us"), phases.map(|phase| phase.late_a_second[at]));
    }
}

fn heading(what: &str) {
    println!("\n{what:<30} {:>13} {:>13} {:>20}", "WITH EXPIRY", "WITHOUT", "WITHOUT, SCATTERED");
}

fn row(name: &str, values: [f64; 3]) {
    let [during, without, scattered] = values;
    println!("{name:<30} {during:>13.2} {without:>13.2} {scattered:>20.2}");
}
