//! Simulations of many worlds on many threads.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::outcome::Outcome;
use crate::setting::Setting;
use crate::world::World;

/// Runs a world for each seed. Returns the lowest seed that broke a rule, with the rule, and what
/// happened in all worlds.
pub(crate) fn run(
    seeds: Range<u64>,
    setting: impl Fn(u64) -> Setting + Sync,
) -> (Option<(u64, String)>, Outcome) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut all = Outcome::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return (None, all);
            }
            match World::bad(seed, setting(seed)).run() {
                Ok(outcome) => all.add(&outcome),
                Err(broken) => {
                    // The others go on with the seeds that they have.
                    next.store(seeds.end, Ordering::Relaxed);
                    return (Some((seed, broken)), all);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Outcome::default();
    results.iter().for_each(|(_, outcome)| all.add(outcome));
    let broken = results.into_iter().filter_map(|(broken, _)| broken);
    (broken.min_by_key(|(seed, _)| *seed), all)
}

/// All seeds hold, and everything that can happen has.
pub(crate) fn assert_holds(seeds: u64) {
    let Some(outcome) = holds(seeds, Setting::of) else { return };
    for (what, count) in outcome.counts() {
        assert!(count > seeds / 500, "hardly any {what}: {count} in {seeds} seeds");
    }
}

/// All seeds hold in pairs of this kind, and the role moves in them.
pub(crate) fn assert_holds_with(seeds: u64, setting: impl Fn(u64) -> Setting + Sync) {
    let Some(outcome) = holds(seeds, setting) else { return };
    assert!(outcome.claims > seeds + seeds / 4, "{outcome:?}");
}

/// All seeds hold, or the one that was asked for. What happened in all of them.
fn holds(seeds: u64, setting: impl Fn(u64) -> Setting + Sync) -> Option<Outcome> {
    let range = match std::env::var("TANDEM_SEED") {
        Ok(text) => {
            let seed = text.parse().expect("TANDEM_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..seeds,
    };
    let is_all = range == (0..seeds);
    let (broken, outcome) = run(range, setting);
    if let Some((seed, rule)) = broken {
        panic!("seed {seed}: {rule}; again with TANDEM_SEED={seed}, told with TANDEM_TELL=1");
    }
    println!("{outcome:?}");
    is_all.then_some(outcome)
}

/// The flaw is found, and for what it is.
pub(crate) fn assert_found(setting: Setting, rule: &str) {
    let (broken, _) = run(0..5_000, |_| setting);
    let (seed, found) = broken.expect("the flaw to be found");
    assert!(found.contains(rule), "seed {seed}: {found}");
}
