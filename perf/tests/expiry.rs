//! `tandem-perf expiry`, small.

#![allow(clippy::unwrap_used)]

use perf::rig::Pages;
use perf::rig::expiry::{self, Plan};

#[test]
fn connections_expire_beside_others_that_carry_packets() {
    let plan = Plan { connections: 5000, flowing: 100, rounds: 1, pages: Pages::Ordinary };
    let result = expiry::run(&plan, &|_| ()).unwrap();
    // Fourteen at most in each poll.
    assert!(result.polls >= 5000 / 14, "{}", result.polls);
    assert!(result.during.poll.p50 > 0.0 && result.without.poll.p50 > 0.0);
    assert_eq!(result.cycles.samples.len(), 1);
}
