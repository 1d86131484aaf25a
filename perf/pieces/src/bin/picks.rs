//! What a pick of each scheduler takes, in cycles, beside rr.
//!
//! ```text
//! cargo run --release -p pieces --bin picks
//! ```
//!
//! All schedulers have their turns in each of many short rounds, so that what else the machine
//! does meets all of them alike; the figures are medians. A cycle is one of the processor's
//! nominal frequency, as its time stamp counter counts.

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use nat::scheduler::{Client, HashOptions, Kind};
use pieces::schedulers::{Picker, clients};

const SERVERS: [u32; 4] = [4, 16, 256, 1024];
const ROUNDS: usize = 601;
/// Picks of each scheduler in a round.
const PICKS: u32 = 512;

/// A scheduler at work, and what its picks took.
struct Entry {
    name: String,
    picker: Picker,
    /// New clients in each round; otherwise always the same.
    new_clients: bool,
    /// Nanoseconds of a pick, in each round.
    samples: Vec<f64>,
}

impl Entry {
    fn new(name: &str, kind: Kind, hash: HashOptions, servers: u32) -> Self {
        let picker = Picker::new(kind, hash, servers);
        Entry { name: name.to_owned(), picker, new_clients: false, samples: Vec::new() }
    }

    fn run(&mut self, clients: &[Client]) {
        let began = Instant::now();
        self.picker.pick(clients);
        self.samples.push(began.elapsed().as_nanos() as f64 / clients.len() as f64);
    }

    fn median(&mut self) -> f64 {
        self.samples.sort_by(f64::total_cmp);
        self.samples.get(self.samples.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn entries(servers: u32) -> Vec<Entry> {
    let plain = HashOptions::default();
    let bounded = HashOptions { bound: 125, ..plain };
    let mut entries: Vec<_> =
        Kind::ALL.iter().map(|&kind| Entry::new(kind.name(), kind, plain, servers)).collect();
    entries.push(Entry::new("mh, bound 125", Kind::Maglev, bounded, servers));
    let first = Entry::new("sh, new clients", Kind::SourceHash, plain, servers);
    entries.push(Entry { new_clients: true, ..first });
    entries
}

fn main() -> ExitCode {
    let Some(frequency) = frequency() else {
        eprintln!("picks: /proc/cpuinfo does not say how fast the processor is");
        return ExitCode::FAILURE;
    };
    let known = clients(PICKS);
    let new = clients(PICKS * ROUNDS as u32);
    for servers in SERVERS {
        let mut entries = entries(servers);
        for of_round in new.chunks(PICKS as usize) {
            for entry in &mut entries {
                entry.run(if entry.new_clients { of_round } else { &known });
            }
        }
        let to_cycles = |nanoseconds: f64| nanoseconds * frequency / 1000.0;
        let medians: Vec<_> = entries.iter_mut().map(|entry| to_cycles(entry.median())).collect();
        let rr = medians.first().copied().unwrap_or(f64::NAN);
        println!("a pick of {servers} servers, cycles\n");
        println!("{:<16} {:>8} {:>10}", "SCHEDULER", "CYCLES", "OVER RR");
        for (entry, cycles) in entries.iter().zip(&medians) {
            println!("{:<16} {cycles:>8.0} {:>10.0}", entry.name, cycles - rr);
        }
        println!();
    }
    ExitCode::SUCCESS
}

/// The processor's frequency, in MHz.
fn frequency() -> Option<f64> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("cpu MHz"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
