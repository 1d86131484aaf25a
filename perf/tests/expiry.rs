//! `tandem-perf expiry`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::expiry::{self, ExpirySettings};

#[test]
fn connections_expire_beside_others_that_carry_packets() {
    let settings =
        ExpirySettings { connections: 5000, flowing: 100, rounds: 1, pages: Pages::Ordinary };
    let result = expiry::run(&settings, &|_| ()).unwrap();
    // Fourteen at most in each poll.
    assert!(result.polls >= 5000 / 14, "{}", result.polls);
    let phases = [result.during, result.without, result.scattered];
    assert!(phases.iter().all(|phase| phase.poll.p50 > 0.0));
    assert!(result.figures.iter().all(|figure| figure.samples.len() == 1));
    record::check("expiry", &settings, &result.figures, &result);
}
