//! Two machines and the network between them through many bad days, each from a seed.
//!
//! Everything that can happen to them happens: paths lose, delay, repeat and stop
//! carrying in one direction or both; processes and machines pause, crash and come back;
//! clocks run apart; disks refuse. After each event the [`rules`] are checked.
//!
//! `TANDEM_SEEDS=1000000 cargo nextest run -p failover --run-ignored all` for the long run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod faults;
mod node;
mod random;
mod rules;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use failover::Timers;
use world::{Outcome, World};

/// Runs the seeds on all cores; the first seed that broke a rule, and what happened in all.
fn run(seeds: core::ops::Range<u64>, timers: Timers) -> (Option<(u64, String)>, Outcome) {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let results: Vec<_> = std::thread::scope(|scope| {
        let work = || {
            let mut all = Outcome::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return (None, all);
                }
                match World::new(seed, timers).run() {
                    Ok(outcome) => all.add(&outcome),
                    Err(broken) => return (Some((seed, broken)), all),
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Outcome::default();
    let mut first = None;
    for (broken, outcome) in results {
        all.add(&outcome);
        first = match (first, broken) {
            (Some((a, x)), Some((b, y))) => Some(if a < b { (a, x) } else { (b, y) }),
            (one, other) => one.or(other),
        };
    }
    (first, all)
}

fn assert_holds(seeds: u64, timers: Timers) {
    let (broken, outcome) = run(0..seeds, timers);
    if let Some((seed, rule)) = broken {
        panic!("seed {seed}: {rule}");
    }
    println!("{outcome:?}");
    // A simulation in which nothing happens proves nothing.
    for (what, count) in outcome.counts() {
        assert!(count > seeds / 100, "hardly any {what}: {count} in {seeds} seeds");
    }
}

#[test]
fn ten_thousand_bad_days() {
    assert_holds(10_000, Timers::default());
}

#[test]
fn with_preemption() {
    let preempt = Some(Duration::from_millis(300));
    let (broken, _) = run(0..1_000, Timers { preempt, ..Timers::default() });
    assert_eq!(broken, None);
}

#[test]
#[ignore = "takes long: TANDEM_SEEDS says how many"]
fn a_million_bad_days() {
    let seeds = std::env::var("TANDEM_SEEDS").ok().and_then(|text| text.parse().ok());
    assert_holds(seeds.unwrap_or(1_000_000), Timers::default());
}

/// The rules can be broken: with a lease that outlives the dead interval, a machine that
/// stopped hearing goes on while the other takes over.
#[test]
fn a_lease_longer_than_the_dead_interval_is_found_out() {
    let timers = Timers { lease: Duration::from_millis(900), ..Timers::default() };
    let (broken, _) = run(0..2_000, timers);
    let (_, rule) = broken.expect("two active at a time");
    assert!(rule.contains("two active"), "{rule}");
}
