//! `tandem-perf run`.

use clap::Args;
use perf::Error;
use perf::run::{self, RunSettings, Source, Throughput};
use perf::tandem::{Run, STAGES};

use crate::output::{Ending, Folder, Output, spread};
use crate::traffic::TrafficArguments;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Workers, each on a core of its own from core 1 on. A device of several queues
    /// replays a part of the packets on each, and workers hand over to each other what is
    /// not theirs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Of a hundred packets, so many open connections, which end by their timeout: as many as
    /// begin. Their packets, and those of more connections than net_pcap has buffers for, are
    /// made in this process and go to the real worker in it over net_ring, for seconds of
    /// the worker's time.
    #[arg(long, value_name = "PERCENT", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(..=50))]
    new: u8,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Change a real server's weight so many times a second through the control socket, in
    /// seconds of their own: one without changes and one with them, in turn. Where packets are
    /// made in this process, the weight is changed where the control socket's thread does it.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..=1000))]
    flap: Option<u32>,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    traffic: TrafficArguments,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = RunSettings {
            traffic: self.traffic.traffic(),
            new_percent: self.new,
            workers: usize::from(self.workers),
            seconds: self.seconds,
            flap: self.flap,
        };
        let recorder = output.begin("run", &settings)?;
        let workers = if settings.workers == 1 { "worker" } else { "workers" };
        let (traffic, source) = (
            settings.traffic.describe(),
            match settings.source() {
                Source::Replay => "replayed by net_pcap".to_owned(),
                Source::Process => {
                    format!("in this process, {} % of the packets new", settings.new_percent)
                }
            },
        );
        eprintln!("{traffic}, {} {workers}, {source}", settings.workers);
        let result = self.folder.keep(|folder| run::run(&settings, folder, &progress))?;
        output.end(recorder, (&result.figures, Some(&result.drops)), &result, print)
    }
}

fn progress(second: u32, run: &Run) {
    let drops: u64 = run.drops.values().sum();
    eprintln!(
        "{second:>4} s {:>8.2} Mpps {:>8.1} cycles {:>6.1} packets a burst {drops:>8} dropped",
        run.mpps, run.cycles, run.burst
    );
}

fn print(result: &Throughput) {
    println!();
    println!("{:<28} {:>24}", "Mpps", spread(&result.mpps));
    println!("{:<28} {:>24.2}", "Gb/s on the wire", result.gbps);
    println!("{:<28} {:>24}", "cycles a packet", spread(&result.cycles_per_packet));
    for stage in STAGES {
        if let Some(cycles) = result.stages.get(stage).filter(|cycles| cycles.median >= 0.05) {
            println!("{:<28} {:>24}", format!("  {stage}"), spread(cycles));
        }
    }
    println!("{:<28} {:>24.1}", "packets a burst", result.packets_per_burst);
    if let Some(new) = &result.new_connections {
        println!("{:<28} {:>24}", "new connections a second", spread(new));
    }
    if let Some(flapping) = &result.flapping {
        println!("{:<28} {:>24}", "a weight changing: Mpps", spread(&flapping.mpps));
        println!("{:<28} {:>24}", "  slower, %", spread(&flapping.slower_percent));
        println!("{:<28} {:>24}", "  changes", flapping.changes);
        let slow = format!("{}, without {}", flapping.slow_packets, flapping.slow_packets_without);
        println!("{:<28} {slow:>24}", "  packets on the slow path");
    }
    let table = result.occupancy;
    let share = table.connections as f64 / table.capacity.max(1) as f64 * 100.0;
    let full = format!("{} of {} ({share:.0} %)", table.connections, table.capacity);
    println!("{:<28} {full:>24}", "connections in the table");
    if result.drops.is_empty() {
        println!("{:<28} {:>24}", "dropped", 0);
    }
    for (reason, count) in &result.drops {
        println!("{:<28} {count:>24}", format!("dropped: {reason}"));
    }
}
