//! `tandem-perf ndr`.

use core::time::Duration;

use clap::Args;
use perf::Error;
use perf::rig::Pages;
use perf::rig::ndr::{self, Load, Ndr, NdrSettings, STILL_MICROS};

use crate::output::{Ending, Output, spread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections; packets are of random ones.
    #[arg(long, default_value_t = 1 << 10)]
    connections: u32,
    /// Bytes of a frame, its checksum not counted.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(60..=1514))]
    frame: u16,
    /// Requests alone, without replies.
    #[arg(long)]
    requests: bool,
    /// Milliseconds of a trial, all its slices together.
    #[arg(long, default_value_t = 200)]
    trial: u64,
    /// How near the search comes, in per cent of the highest rate.
    #[arg(long, default_value_t = 1.0)]
    resolution: f64,
    /// Packets that may be lost, in per cent of those offered.
    #[arg(long, default_value_t = 0.0)]
    tolerance: f64,
    /// Searches; their median counts.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Slices of latency at each load, with and without the router in turn.
    #[arg(long, default_value_t = 200)]
    slices: u32,
    /// Milliseconds of a slice: trials consist of them. On a machine whose cores are taken
    /// away often, shorter ones are repeated less.
    #[arg(long, default_value_t = 2)]
    slice: u64,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = NdrSettings {
            connections: self.connections,
            frame: self.frame.into(),
            replies: !self.requests,
            trial: Duration::from_millis(self.trial),
            resolution: self.resolution,
            tolerance: self.tolerance,
            rounds: self.rounds,
            loads: vec![10.0, 50.0, 90.0],
            slice: Duration::from_millis(self.slice),
            slices: self.slices,
            pages: Pages::Huge,
        };
        let recorder = output.begin("ndr", &settings)?;
        let result = ndr::run(&settings, &|line| eprintln!("{line}"))?;
        output.end(recorder, (&result.figures, None), &result, print)
    }
}

fn print(result: &Ndr) {
    let kind = if result.replies { "requests and replies" } else { "requests" };
    let Ndr { connections, frame, tolerance, .. } = result;
    println!("{kind} of {connections} connections, {frame}-byte UDP, one worker\n");
    let lost = format!("Mpps with no more than {tolerance} % lost");
    println!("{lost:<44} {:>28}", spread(&result.mpps));
    println!("{:<44} {:>28.1}", "Mpps of the generator, without a router", result.generator_mpps);
    if result.is_limited_by_generator {
        println!("The router lost nothing at the highest rate of the generator: it might do more.");
    }
    let Ndr { trials, slices, repeated, undecided, .. } = result;
    println!(
        "{trials} trials of {slices} slices; {repeated} more were repeated, as a core stood still \
         for over {STILL_MICROS} us"
    );
    if *undecided > 0 {
        println!("{undecided} trials count as lossy, as that was so time and again");
    }
    result.loads.iter().for_each(print_load);
}

fn print_load(load: &Load) {
    let Load { percent, mpps, repeated, disturbed, lost, .. } = load;
    println!("\nat {percent} %: {mpps:.2} Mpps, {lost} packets lost, {repeated} slices repeated");
    if *disturbed > 0 {
        println!("{disturbed} slices are left out, as a core stood still every time");
    }
    println!("{:<16} {:>12} {:>12} {:>12}", "MICROSECONDS", "ROUTER", "LOOP-BACK", "ADDED");
    let rows = load.router.named().into_iter().zip(load.loopback.named());
    for (((name, router), (_, loopback)), (_, added)) in rows.zip(load.added.named()) {
        println!("{name:<16} {router:>12.2} {loopback:>12.2} {added:>12.2}");
    }
    println!("{:<16} {:>38}", "added p99", spread(&load.added_p99));
}
