//! `tandem-perf cps`.

use clap::Args;
use perf::Error;
use perf::cps::{self, NewConnections};

use crate::output::{print_machine, show, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections to open.
    #[arg(long, default_value_t = 1 << 20)]
    connections: u32,
}

impl Arguments {
    pub(crate) fn run(&self, json: bool) -> Result<(), Error> {
        show(json, &cps::run(self.connections)?, print)
    }
}

fn print(result: &NewConnections) {
    print_machine(&result.machine);
    println!("{} new connections, one worker\n", result.connections);
    println!("{:<28} {:>24}", "cycles each", spread(&result.cycles));
    println!("{:<28} {:>24.2}", "millions a second", result.per_second / 1e6);
    println!("{:<28} {:>24.0}", "bytes each", result.bytes_per_connection);
}
