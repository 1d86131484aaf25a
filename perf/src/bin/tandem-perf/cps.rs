//! `tandem-perf cps`.

use clap::Args;
use perf::Error;
use perf::cps::{self, NewConnections};

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections to open.
    #[arg(long, default_value_t = 1 << 20)]
    connections: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = serde_json::json!({ "connections": self.connections });
        let recorder = output.begin("cps", &settings)?;
        let result = cps::run(self.connections)?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &NewConnections) {
    println!("{} new connections, one worker\n", result.connections);
    println!("{:<28} {:>24}", "cycles each", spread(&result.cycles));
    println!("{:<28} {:>24.2}", "millions a second", result.per_second / 1e6);
    println!("{:<28} {:>24.0}", "bytes each", result.bytes_per_connection);
}
