//! `tandem-perf sync`.

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::sync::{self, SyncCost};

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections to open.
    #[arg(long, default_value_t = 1 << 19)]
    connections: u32,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = serde_json::json!({ "connections": self.connections, "pages": Pages::Huge });
        let recorder = output.begin("sync", &settings)?;
        let result = sync::run(self.connections, Pages::Huge)?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &SyncCost) {
    println!("{} connections, one worker on each machine\n", result.connections);
    println!("{:<40} {:>28}", "cycles a new connection, sync off", spread(&result.off));
    println!("{:<40} {:>28}", "cycles a new connection, sync on", spread(&result.on));
    println!("{:<40} {:>28.1}", "added by sync, %", result.added_percent);
    println!("{:<40} {:>28}", "table alone, open and close, sync off", spread(&result.table_off));
    println!("{:<40} {:>28}", "table alone, open and close, sync on", spread(&result.table_on));
    println!("{:<40} {:>28.2}", "events to the peer's table, millions/s", result.throughput / 1e6);
    println!("{:<40} {:>28}", "bytes an event", result.bytes_per_event);
}
