//! `tandem-perf handoff`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::handoff::{self, HandoffSettings};

#[test]
fn packets_reach_the_worker_that_has_their_connection() {
    let settings =
        HandoffSettings { connections: 100, parts: 2, rounds: 2, pages: Pages::Ordinary };
    let result = handoff::run(&settings, &|_| ()).unwrap();
    for cost in [&result.one_core, &result.two_cores] {
        assert!(cost.sender.least > 0.0 && cost.owner.least > 0.0);
    }
    assert!(result.figures.iter().all(|figure| figure.samples.len() == 2));
    record::check("handoff", &settings, &result.figures, &result);
}
