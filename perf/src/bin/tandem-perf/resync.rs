//! `tandem-perf resync`.

use core::time::Duration;

use clap::Args;
use perf::Error;
use perf::resync::{self, Resync};

use crate::output::{Ending, Folder, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections; the file has one packet of each.
    #[arg(long, default_value_t = 100_000)]
    connections: u32,
    /// Pairs of slices, one without and one with resyncs.
    #[arg(long, default_value_t = 80)]
    rounds: u32,
    /// Milliseconds of each slice.
    #[arg(long, default_value_t = 300)]
    millis: u64,
    #[command(flatten)]
    folder: Folder,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = serde_json::json!({
            "connections": self.connections,
            "rounds": self.rounds,
            "millis": self.millis,
        });
        let recorder = output.begin("resync", &settings)?;
        let time = Duration::from_millis(self.millis);
        let result =
            self.folder.keep(|folder| resync::run(self.connections, self.rounds, time, folder))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &Resync) {
    println!("{} connections, 60-byte UDP, one worker\n", result.connections);
    println!("{:<40} {:>28}", "Mpps without a resync", spread(&result.without));
    println!("{:<40} {:>28}", "Mpps during resyncs", spread(&result.during));
    println!("{:<40} {:>28}", "slower, %", spread(&result.slower_percent));
    println!("{:<40} {:>28}", "milliseconds of a resync", spread(&result.seconds.times(1e3)));
    println!("{:<40} {:>28.0}", "connections told a second", result.per_second);
}
